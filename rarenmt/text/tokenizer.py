"""The joint vocabulary: sentencepiece, trained, loaded, encoding and decoding.

Every string survives a round trip: identity normalisation keeps double spaces
and ligatures, byte fallback spells what has no piece, and the one character that
sentencepiece keeps for itself (U+2581, its mark for a space) is escaped.
"""

import hashlib
import io
import re
import unicodedata
from collections.abc import Callable, Iterable
from functools import cached_property, lru_cache
from itertools import pairwise

import sentencepiece

from rarenmt.errors import CheckpointError, SettingError

PAD, BOS, EOS, UNK = 0, 1, 2, 3
"""Ids of padding, start, end; unknown is never produced, because of byte fallback."""

_CLOSING = frozenset([*".,;:!?)]}>\"'%°-…’”“»«–—", ""])
"""What may follow a word without a space."""

_SPACE_MARK, _ESCAPE = "\u2581", "\ue081"
_UNESCAPED = {_ESCAPE + "0": _ESCAPE, _ESCAPE + "1": _SPACE_MARK}


def _escape(text: str) -> str:
    if _ESCAPE in text or _SPACE_MARK in text:
        text = text.replace(_ESCAPE, _ESCAPE + "0").replace(_SPACE_MARK, _ESCAPE + "1")
    return text


def _unescape(text: str) -> str:
    if _ESCAPE in text:
        text = re.sub(f"{_ESCAPE}[01]", lambda found: _UNESCAPED[found[0]], text)
    return text


class Tokenizer:
    """Text to piece ids and back."""

    def __init__(self, model: bytes) -> None:
        self.model = model
        """The serialised sentencepiece model, as in the checkpoint."""
        self._pieces = sentencepiece.SentencePieceProcessor()
        try:
            self._pieces.load_from_serialized_proto(model)
        except RuntimeError:
            raise CheckpointError("the vocabulary is not a sentencepiece model") from None

    @classmethod
    def train(
        cls, sentences: Iterable[str], size: int, *, characters: str = "", threads: int = 2
    ) -> "Tokenizer":
        """Learn `size` pieces, which include all of `characters`; SettingError if the text does not
        allow that many."""
        model = io.BytesIO()
        try:
            sentencepiece.SentencePieceTrainer.train(
                sentence_iterator=map(_escape, sentences),
                model_writer=model,
                vocab_size=max(size, UNK + 1),  # below, it does not say how many it needs
                model_type="unigram",
                character_coverage=0.9998,
                required_chars=characters,
                byte_fallback=True,
                normalization_rule_name="identity",
                remove_extra_whitespaces=False,
                split_digits=True,
                pad_id=PAD,
                bos_id=BOS,
                eos_id=EOS,
                unk_id=UNK,
                max_sentence_length=100_000,
                num_threads=threads,
                minloglevel=2,
            )
        except RuntimeError as error:
            raise SettingError(_explain_training(str(error), size)) from None
        return cls(model.getvalue())

    def __len__(self) -> int:
        return self._pieces.get_piece_size()

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the model, in hexadecimal."""
        return hashlib.sha256(self.model).hexdigest()

    def encode(self, text: str) -> list[int]:
        """Piece ids of a sentence, without start and end."""
        return self._pieces.encode(_escape(text))

    def decode(self, ids: list[int]) -> str:
        """The text of piece ids, without start, end and padding."""
        return _unescape(self._pieces.decode([i for i in ids if i > UNK]))

    def log_probability(self, word: str) -> float:
        """ln p of a word under the unigram model of the vocabulary; a byte counts as the rarest
        piece."""
        return sum(self._log_probabilities[piece] for piece in self.encode(word))

    @cached_property
    def _log_probabilities(self) -> list[float]:
        scores = [self._pieces.get_score(piece) for piece in range(len(self))]
        rarest = min(scores)
        return [
            rarest if self._pieces.is_byte(piece) else score for piece, score in enumerate(scores)
        ]

    @cached_property
    def continues_word(self) -> list[bool]:
        """For each piece, whether it continues a word: it neither starts one nor stands alone."""
        return [
            not self._pieces.is_control(piece) and (not text or in_word(text[0]))
            for piece, text in enumerate(self.texts)
        ]

    @cached_property
    def ends_with_punctuation(self) -> list[bool]:
        """For each piece, whether it ends with punctuation."""
        return [
            piece > UNK and bool(text.strip()) and not in_word(text[-1])
            for piece, text in enumerate(self.texts)
        ]

    @cached_property
    def is_digit(self) -> list[bool]:
        """For each piece, whether it is a digit; every digit is a piece of its own."""
        return [text.strip().isdecimal() for text in self.texts]

    @cached_property
    def digit_values(self) -> list[int]:
        """For each piece its value as a digit; −1 for other pieces."""
        return [
            int(text) if digit else -1
            for text, digit in zip(self.texts, self.is_digit, strict=True)
        ]

    @cached_property
    def attaches_left(self) -> list[bool]:
        """For each piece, whether it attaches to the piece before it: it has no space, and is no
        punctuation that may end a word or join two."""
        return [
            piece > UNK and text[:1] != " " and text[:1] not in _CLOSING
            for piece, text in enumerate(self.texts)
        ]

    @cached_property
    def with_space(self) -> list[int]:
        """For each piece, the first piece of a word that starts with it after a space: the piece
        itself, its variant with a space, or `space`."""
        same = [
            self._pieces.piece_to_id(_SPACE_MARK + text) if text else UNK for text in self.texts
        ]
        return [
            piece if not inside else self.space if other == UNK else other
            for piece, (inside, other) in enumerate(zip(self.continues_word, same, strict=True))
        ]

    @cached_property
    def case_twin(self) -> list[int]:
        """For each piece, the one that differs in the case of its first letter; else itself."""
        numbers = {
            text: piece
            for piece, text in enumerate(self.texts)
            if piece > UNK and not self._pieces.is_byte(piece)
        }
        return [
            numbers.get(_swap_case(text), piece) if numbers.get(text) == piece else piece
            for piece, text in enumerate(self.texts)
        ]

    @cached_property
    def space(self) -> int:
        """The piece that is a single space."""
        return int(self._pieces.piece_to_id(_SPACE_MARK))

    @cached_property
    def texts(self) -> list[str]:
        """The text of each piece, with a space for sentencepiece's mark; empty for a byte of a
        multi-byte character."""
        names = (self._pieces.id_to_piece(piece) for piece in range(len(self)))
        texts = [name.replace(_SPACE_MARK, " ") for name in names]
        return [
            _character(text) if self._pieces.is_byte(piece) else text
            for piece, text in enumerate(texts)
        ]

    def words(self, ids: list[int]) -> list[str]:
        """The lower-case words of piece ids: each is a piece that starts a word, after a space or
        punctuation, with those that continue it. Punctuation stands alone."""
        return [self.word_text(tuple(word)) for word in self.split_words(ids)]

    @cached_property
    def word_text(self) -> Callable[[tuple[int, ...]], str]:
        """The lower-case text of the pieces of one word; cached, since words recur."""
        return lru_cache(maxsize=1 << 16)(lambda ids: self.decode(list(ids)).strip().casefold())

    def split_words(self, ids: list[int]) -> list[list[int]]:
        """The same words as lists of pieces."""
        starts = [
            place
            for place, piece in enumerate(ids)
            if place == 0
            or not self.continues_word[piece]
            or (self.ends_with_punctuation[ids[place - 1]] and not self.is_digit[piece])
        ]
        return [ids[start:end] for start, end in pairwise([*starts, len(ids)])]

    def pieces(self, ids: list[int]) -> list[str]:
        """The text of each piece, with the space before it; together they are `decode(ids)`."""
        texts, done = [], ""
        for end in range(1, len(ids) + 1):
            whole = self._beginning(ids, end)
            texts.append(whole[len(done) :])
            done = whole
        return texts

    def span(self, ids: list[int], place: int) -> tuple[int, int]:
        """Start and end of a piece in `decode(ids)`, without the space before it."""
        before, after = self._beginning(ids, place), self._beginning(ids, place + 1)
        piece = after[len(before) :]
        return len(before) + len(piece) - len(piece.lstrip()), len(after)

    def _beginning(self, ids: list[int], end: int) -> str:
        """The text of the first `end` pieces, without an incomplete character."""
        text = self.decode(ids[:end])
        if end < len(ids):
            text = text.rstrip("\ufffd" + _ESCAPE)  # half a character, so far
        return text


def _character(byte: str) -> str:
    """The character of a byte piece such as <0x28>; empty if it has more bytes."""
    number = int(byte[1:-1], 16)
    return chr(number) if number < 0x80 else ""


def _swap_case(text: str) -> str:
    """A piece with the case of its first letter swapped."""
    place = len(text) - len(text.lstrip(" "))
    swapped = text[place : place + 1].swapcase()
    return text[:place] + swapped + text[place + 1 :] if len(swapped) == 1 else text  # ß is SS


def in_word(character: str) -> bool:
    """Whether a character can continue a word: a letter, a digit, or a combining mark."""
    return character.isalnum() or unicodedata.category(character).startswith("M")


def _explain_training(message: str, size: int) -> str:
    """Turn sentencepiece's message about the vocabulary size into our sentence."""
    most = re.search(r"value <= (\d+)", message)
    if most:
        return (
            f"a vocabulary of {size} pieces is larger than this data allows; "
            f"use --vocabulary {most[1]} or less"
        )
    least = re.search(r"smaller than required_chars. \d+ vs (\d+)", message)
    if least:
        return (
            f"a vocabulary of {size} pieces is smaller than the characters of this data; "
            f"use --vocabulary {least[1]} or more"
        )
    return f"no vocabulary could be learnt from this data: {message}"
