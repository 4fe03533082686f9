"""Inverted lists of the FAISS library (Douze et al. 2024, arXiv 2401.08281), an optional extra.

Keys are kept in lists around the centres that k-means found; a query is compared with the keys
of the lists whose centres are nearest to it.
"""

import importlib
import math
from typing import Any

import torch
from torch import Tensor

from rarenmt.errors import SettingError
from rarenmt.memory.index.exact import ExactIndex

MIN_KEYS = 1 << 14
"""Keys below which there are no lists: all are compared."""

RETRAINING_GROWTH = 4
"""Growth of the number of keys after which new centres are trained."""

TRAINING_KEYS, TRAINING_STEPS = 20, 6
"""Keys per list that k-means uses, and its iterations."""

BLOCK = 1 << 15
"""Keys added at once."""


class FaissIndex:
    """2 √N lists, of which a query searches some; with too few results it searches all slots."""

    def __init__(self, *, probes: int = 128, min_keys: int = MIN_KEYS, seed: int = 0) -> None:
        self._faiss = _faiss()
        self._probes = probes
        """Lists that a query searches."""
        self._min_keys = min_keys
        self._seed = seed
        self._exact = ExactIndex()
        self.clear()

    def clear(self) -> None:
        """Remove all slots."""
        self._pending: list[Tensor] = []
        self._lists: Any = None
        self._trained_for = 0
        """Number of keys when the centres were trained."""

    def update(self, slots: Tensor, keys: Tensor) -> None:
        """The slots (B,) now hold other keys, which the next search adds to the lists."""
        self._pending.append(slots.cpu())

    def search(self, queries: Tensor, keys: Tensor, k: int) -> Tensor:
        """Slots (B, k) near queries (B, D) among keys (N, D), in any order."""
        self._add_pending(keys)
        if self._lists is None or len(queries) == 0:
            return self._exact.search(queries, keys, k)
        _, found = self._lists.search(_array(queries), k)
        slots = torch.from_numpy(found).to(keys.device)
        incomplete = (slots < 0).any(dim=1)
        if bool(incomplete.any()):
            slots[incomplete] = self._exact.search(queries[incomplete], keys, k)
        return slots

    def _add_pending(self, keys: Tensor) -> None:
        """Add the keys updated since the last search to the lists."""
        if len(keys) < self._min_keys or not self._pending:
            return
        if self._lists is None or len(keys) > RETRAINING_GROWTH * self._trained_for:
            self._lists = self._train(keys)
            self._trained_for = len(keys)
            updated = torch.arange(len(keys))
        else:
            updated = torch.cat(self._pending).unique()
            stale = updated[updated < self._lists.ntotal]
            self._lists.remove_ids(self._faiss.IDSelectorArray(stale.numpy()))
        for part in updated.split(BLOCK):
            self._lists.add_with_ids(_array(keys[part.to(keys.device)]), part.numpy())
        self._pending = []

    def _train(self, keys: Tensor) -> Any:
        """Empty lists with centres that k-means finds in a sample of the keys."""
        faiss, width = self._faiss, keys.shape[1]
        count = 1 << round(math.log2(2 * math.sqrt(len(keys))))
        nearest = faiss.IndexFlatIP(width)
        inner = faiss.METRIC_INNER_PRODUCT
        if keys.dtype == torch.bfloat16:  # kept as they are
            kind = faiss.ScalarQuantizer.QT_bf16
            lists = faiss.IndexIVFScalarQuantizer(nearest, width, count, kind, inner)
        else:
            lists = faiss.IndexIVFFlat(nearest, width, count, inner)
        faiss.omp_set_num_threads(torch.get_num_threads())
        lists.set_direct_map_type(faiss.DirectMap.Hashtable)
        lists.nprobe = self._probes
        lists.cp.seed, lists.cp.niter = self._seed + 1, TRAINING_STEPS
        lists.cp.min_points_per_centroid, lists.cp.max_points_per_centroid = 1, TRAINING_KEYS
        generator = torch.Generator().manual_seed(self._seed)
        sample = torch.randperm(len(keys), generator=generator)[: TRAINING_KEYS * count]
        lists.train(_array(keys[sample.to(keys.device)]))
        return lists


def _array(rows: Tensor) -> Any:
    """Rows as a float32 array for FAISS."""
    return rows.detach().float().cpu().contiguous().numpy()


def _faiss() -> Any:
    """The FAISS library; SettingError with instructions if it is missing."""
    try:
        return importlib.import_module("faiss")
    except ImportError as error:
        raise SettingError(
            f"the index `faiss` needs a library that is not installed ({error}); "
            "install it with pip install 'rarenmt[faiss]', or use --index exact"
        ) from None
