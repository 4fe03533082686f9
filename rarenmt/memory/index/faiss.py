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

FEWEST = 1 << 14
"""Keys below which there are no lists: all are compared."""

GROWTH = 4
"""Times as many keys as the centres were found for after which they are found anew."""

TRAINING, STEPS = 20, 6
"""Keys of each list that k-means sees, and its steps."""

BLOCK = 1 << 15
"""Keys added at once."""


class FaissIndex:
    """2 √N lists, of which a query asks some; a query with too few answers asks all slots."""

    def __init__(self, *, probes: int = 128, fewest: int = FEWEST, seed: int = 0) -> None:
        self._faiss = _faiss()
        self._probes = probes
        """Lists that a query asks."""
        self._fewest = fewest
        self._seed = seed
        self._exact = ExactIndex()
        self.clear()

    def clear(self) -> None:
        """Forget all slots."""
        self._pending: list[Tensor] = []
        self._lists: Any = None
        self._planned = 0
        """Keys for which the centres were found."""

    def put(self, slots: Tensor, keys: Tensor) -> None:
        """Note that the slots (B,) now hold other keys; the next search sorts them in."""
        self._pending.append(slots.cpu())

    def search(self, queries: Tensor, keys: Tensor, k: int) -> Tensor:
        """Slots (B, k) near queries (B, D) among keys (N, D), in any order."""
        self._settle(keys)
        if self._lists is None or len(queries) == 0:
            return self._exact.search(queries, keys, k)
        _, found = self._lists.search(_array(queries), k)
        slots = torch.from_numpy(found).to(keys.device)
        poor = (slots < 0).any(dim=1)
        if bool(poor.any()):
            slots[poor] = self._exact.search(queries[poor], keys, k)
        return slots

    def _settle(self, keys: Tensor) -> None:
        """Sort in what was put since the last search."""
        if len(keys) < self._fewest or not self._pending:
            return
        if self._lists is None or len(keys) > GROWTH * self._planned:
            self._lists = self._train(keys)
            self._planned = len(keys)
            late = torch.arange(len(keys))
        else:
            late = torch.cat(self._pending).unique()
            stale = late[late < self._lists.ntotal]
            self._lists.remove_ids(self._faiss.IDSelectorArray(stale.numpy()))
        for some in late.split(BLOCK):
            self._lists.add_with_ids(_array(keys[some.to(keys.device)]), some.numpy())
        self._pending = []

    def _train(self, keys: Tensor) -> Any:
        """Empty lists around centres found by k-means among some of the keys."""
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
        lists.cp.seed, lists.cp.niter = self._seed + 1, STEPS
        lists.cp.min_points_per_centroid, lists.cp.max_points_per_centroid = 1, TRAINING
        generator = torch.Generator().manual_seed(self._seed)
        sample = torch.randperm(len(keys), generator=generator)[: TRAINING * count]
        lists.train(_array(keys[sample.to(keys.device)]))
        return lists


def _array(rows: Tensor) -> Any:
    """Rows as the array of float32 that FAISS takes."""
    return rows.detach().float().cpu().contiguous().numpy()


def _faiss() -> Any:
    """The library; SettingError says how to install it."""
    try:
        return importlib.import_module("faiss")
    except ImportError as error:
        raise SettingError(
            f"the index `faiss` needs a library that is not here ({error}); "
            "install it with pip install 'rarenmt[faiss]', or use --index exact or lsh"
        ) from None
