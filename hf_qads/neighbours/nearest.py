"""Exact nearest neighbours (top-k by cosine similarity, inner product or Euclidean distance) in blocks.

Products in float32 find a few more rows than asked for; those are measured again in float64, and the float64
values decide, ties to the lowest row. Where rows that were not fetched could still belong among the nearest,
all that come within rounding are measured. So the result does not depend on block sizes, on the device, or on
whether faiss or torch made the products.
"""

from collections.abc import Iterator
from importlib.util import find_spec
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt
import torch

from hf_qads.errors import SelectionError
from hf_qads.neighbours.arrays import as_tensor, choose_device, full_precision

Rows = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Metric = Literal["cosine", "inner", "euclidean"]
Backend = Literal["faiss", "torch"]

METRICS = ("cosine", "inner", "euclidean")
UNIT = 2.0**-24  # rounding of one float32 operation, relative
BLOCK_BYTES = 48 << 20  # of rows and of products that are in memory at once, each
QUERIES = 4096  # in one block
PAIR_BYTES = 48 << 20  # raw rows that are measured at once
FAISS_QUERIES = 256  # fewer are faster by torch
FAISS_GPU_MOST = 2048  # neighbours that faiss finds on a GPU


class Neighbours(NamedTuple):
    """The nearest rows of each query, nearest first.

    Attributes:
        rows: (q, k) rows of the base.
        values: (q, k) cosine similarities or inner products (falling), or Euclidean distances (rising).
    """

    rows: Rows
    values: Floats


def nearest(
    queries: Any,
    base: Any,
    k: int,
    *,
    metric: Metric = "cosine",
    rows: Rows | None = None,
    itself: Rows | None = None,
    device: str | None = None,
    backend: Backend | None = None,
) -> Neighbours:
    """The `k` rows of `base` nearest to each query, exactly.

    Args:
        queries: (q, d) array, memmap or tensor of any real type.
        base: (n, d), read in blocks.
        k: how many; where the base has fewer rows, all of them.
        metric: `cosine` similarity, `inner` product, or `euclidean` distance.
        rows: rows of the base that take part, in ascending order; None: all. Others may hold NaN.
        itself: (q,) the row of the base that each query is, which is not its own neighbour; -1 for none.
        device: of the products; None: where the base is, else CUDA if there is one.
        backend: what makes the products: `faiss` or `torch`; None takes faiss where it is installed and
            there are enough queries for it to be faster.

    Returns:
        The neighbours, ties to the lowest row.

    Raises:
        SelectionError: shapes that do not fit, NaN or infinity, zero vectors with `cosine`, an unknown name.

    Cost: q * n * d multiplications and one read of the base for every 4,096 queries; about 150 MB, and
    q * k * 1.25 places in memory.
    """
    if metric not in METRICS:
        raise SelectionError(f"metric={metric!r} is not known. Choose one of {', '.join(METRICS)}.")
    q, b = as_tensor(queries, "queries"), as_tensor(base, "base")
    if q.shape[1] != b.shape[1]:
        raise SelectionError(f"queries have {q.shape[1]} dimensions, the base has {b.shape[1]}.")
    if isinstance(k, bool) or not isinstance(k, (int, np.integer)) or k < 0:
        raise SelectionError(f"k must be a whole number of neighbours, got {k!r}.")
    index = np.arange(len(b)) if rows is None else np.asarray(rows, dtype=np.int64)
    count = min(int(k), len(index) - (0 if itself is None else 1))
    if count <= 0:
        return Neighbours(np.empty((len(q), 0), np.int64), np.empty((len(q), 0)))
    with full_precision():
        search = _Search(q, b, index, itself, metric, choose_device(b, device), backend)
        parts = [search.block(slice(begin, begin + QUERIES), count) for begin in range(0, len(q), QUERIES)]
    return Neighbours(*(np.concatenate(arrays) for arrays in zip(*parts, strict=True)))


class _Search:
    """One search; keeps small bases in working form."""

    def __init__(
        self,
        queries: torch.Tensor,
        base: torch.Tensor,
        index: Rows,
        itself: Rows | None,
        metric: Metric,
        device: torch.device,
        backend: Backend | None,
    ) -> None:
        self.queries, self.base, self.index, self.itself = queries, base, index, itself
        self.whole = len(index) == len(base)
        self.metric, self.device = metric, device
        if backend is None:
            backend = "faiss" if len(queries) >= FAISS_QUERIES and find_spec("faiss") is not None else "torch"
        if backend not in ("faiss", "torch"):
            raise SelectionError(f"backend={backend!r} is not known. Choose faiss or torch.")
        if backend == "faiss" and find_spec("faiss") is None:
            raise SelectionError("backend='faiss' needs faiss: pip install 'hf_qads[cpu]' or 'hf_qads[gpu]'.")
        self.backend = backend
        width = base.shape[1]
        self.step = max(256, min(BLOCK_BYTES // (4 * width), BLOCK_BYTES // (4 * min(QUERIES, len(queries)))))
        self.center = torch.zeros(width, dtype=torch.float64)
        if metric == "euclidean":  # distances stay as they are, and lose fewer digits
            sample = index[:: max(1, len(index) // 1024)][:1024]
            self.center = base[torch.from_numpy(sample).to(base.device)].double().mean(0).cpu()
        self.kept: list[torch.Tensor] | None = None
        self.rounding = (width + 32) * UNIT

    def working(self, raw: torch.Tensor, name: str) -> torch.Tensor:
        """Rows (m, d) as the products want them: float32 on the device; of length 1 for cosine, else centred.

        Raises:
            SelectionError: NaN or infinity, or a zero vector where the metric is cosine.
        """
        wide = torch.float64 if raw.dtype in (torch.float64, torch.int64, torch.int32) else torch.float32
        rows = raw.to(self.device, wide)
        if self.metric == "euclidean":
            rows = (rows - self.center.to(rows.device, wide)).float()
        if self.metric == "cosine":
            largest = rows.abs().amax(1, keepdim=True)
            if bool((largest == 0).any()):
                raise SelectionError(
                    f"the cosine is not defined for zero vectors; {name} hold some. Leave such rows out."
                )
            rows = torch.nn.functional.normalize(rows / largest, dim=1)
        rows = rows.float().contiguous()
        if not bool(torch.isfinite(rows).all()):
            raise SelectionError(
                f"{name} hold NaN, infinity or numbers too large for float32. Leave such rows out."
            )
        return rows

    def blocks(self) -> Iterator[tuple[Rows, torch.Tensor]]:
        """Rows of the base in ascending order and in working form."""
        starts = range(0, len(self.index), self.step)
        few = 4 * self.base.shape[1] * len(self.index) <= 4 * BLOCK_BYTES
        if self.kept is None or not few:
            kept = []
            for begin in starts:
                index = self.index[begin : begin + self.step]
                rows = self.working(self.raw(index), "the base's rows")
                if few:
                    kept.append(rows)
                yield index, rows
            self.kept = kept
        else:
            for begin, rows in zip(starts, self.kept, strict=True):
                yield self.index[begin : begin + self.step], rows

    def raw(self, index: Rows) -> torch.Tensor:
        """Rows of the base as they are; a run of them is not copied."""
        if self.whole and len(index) and index[-1] - index[0] == len(index) - 1:
            return self.base[int(index[0]) : int(index[-1]) + 1]
        return self.base.index_select(0, torch.from_numpy(index).to(self.base.device))

    def block(self, part: slice, count: int) -> Neighbours:
        """The nearest rows of some queries."""
        raw = self.queries[part]
        queries = self.working(raw, "queries")
        own = None if self.itself is None else np.asarray(self.itself[part], dtype=np.int64)
        ask = min(len(self.index), count + 1 + count // 4 + (own is not None))
        keys, found = self.fetch(queries, ask)
        values = self.measure(raw, found)
        if own is not None:
            values[found == own[:, None]] = -np.inf
        found, values = _first(found, values, count)
        if ask < len(self.index):
            norms = queries.double().square().sum(1).cpu().numpy()
            last = norms - values[:, -1] ** 2 if self.metric == "euclidean" else values[:, -1]
            slack = self.slack(last, norms)
            # the key of a row that was not fetched is at most that of the last one that was, and rounding
            unclear = np.flatnonzero(last <= keys[:, -1] + slack)
            if len(unclear):
                limits = last[unclear] - slack[unclear]
                again = self.collect(raw, queries, unclear, limits, count, own)
                found[unclear], values[unclear] = again
        return Neighbours(found, -values if self.metric == "euclidean" else values)

    def slack(self, keys: Floats, norms: Floats) -> Floats:
        """Rounding of the float32 products of queries (squared lengths `norms`) with rows of these keys."""
        if self.metric == "cosine":
            return np.full(len(norms), 4 * self.rounding)
        if self.metric == "euclidean":
            # a row's squared length is at most twice the query's plus twice their squared distance
            bound: Floats = 4 * self.rounding * (4 * norms + 2 * np.maximum(norms - keys, 0)) + 1e-30
            return bound
        return np.asarray(4 * self.rounding * self.longest() * np.sqrt(norms))

    def longest(self) -> float:
        """Length of the longest row of the base."""
        squares = (float(rows.double().square().sum(1).max()) for _, rows in self.blocks())
        return float(np.sqrt(max(squares)))

    def fetch(self, queries: torch.Tensor, count: int) -> tuple[npt.NDArray[np.float32], Rows]:
        """The `count` rows with the largest keys by the products, (q, count) each, the largest first."""
        best: tuple[torch.Tensor, torch.Tensor] | None = None
        for index, rows in self.blocks():
            keys, places = self.top(queries, rows, min(count, len(index)))
            found = torch.from_numpy(index).to(places.device)[places]
            if best is not None:
                keys, found = torch.cat([best[0], keys], 1), torch.cat([best[1], found], 1)
                keys, places = keys.topk(min(count, keys.shape[1]), dim=1)
                found = found.gather(1, places)
            best = keys, found
        assert best is not None
        return best[0].cpu().numpy(), best[1].cpu().numpy()

    def top(self, queries: torch.Tensor, rows: torch.Tensor, count: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Keys and places of the `count` largest keys in a block, by the backend."""
        on_gpu = self.device.type == "cuda"
        if self.backend == "torch" or (on_gpu and count > FAISS_GPU_MOST):
            keys, places = self.products(queries, rows).topk(count, dim=1)
            return keys, places
        import faiss

        euclidean = self.metric == "euclidean"
        kind = faiss.METRIC_L2 if euclidean else faiss.METRIC_INNER_PRODUCT
        left, right = queries.cpu().numpy(), rows.cpu().numpy()
        if on_gpu and faiss.get_num_gpus():
            values, found = faiss.knn_gpu(faiss.StandardGpuResources(), left, right, count, metric=kind)
        else:
            values, found = faiss.knn(left, right, count, metric=kind)
        keys = torch.from_numpy(values).to(queries.device)
        if euclidean:
            keys = queries.square().sum(1, keepdim=True) - keys
        return keys, torch.from_numpy(found).to(queries.device)

    def products(self, queries: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
        """Keys (q, m): products, or twice the product less the row's squared length for distances."""
        if self.metric == "euclidean":
            return torch.addmm(rows.square().sum(1), queries, rows.T, beta=-1, alpha=2)
        return queries @ rows.T

    def measure(self, raw: torch.Tensor, found: Rows) -> Floats:
        """Exact values in float64 of queries (q, d) with rows (q, m) of the base; larger is nearer."""
        flat = found.reshape(-1)
        owner = np.repeat(np.arange(len(found)), found.shape[1])
        return self.pairs(raw, owner, flat).reshape(found.shape)

    def pairs(self, raw: torch.Tensor, owner: Rows, found: Rows) -> Floats:
        """Exact values of pairs of a query and a row, (p,)."""
        values = np.empty(len(found))
        left = raw.to("cpu", torch.float64).numpy()
        step = max(1, PAIR_BYTES // (8 * left.shape[1]))
        for begin in range(0, len(found), step):
            part = slice(begin, begin + step)
            right = self.base.index_select(0, torch.from_numpy(found[part]).to(self.base.device))
            values[part] = _values(left[owner[part]], right.to("cpu", torch.float64).numpy(), self.metric)
        return values

    def collect(
        self,
        raw: torch.Tensor,
        queries: torch.Tensor,
        which: Rows,
        limits: Floats,
        count: int,
        own: Rows | None,
    ) -> tuple[Rows, Floats]:
        """The nearest rows of queries `which`, from all rows whose key is at least the query's limit."""
        found = np.full((len(which), count), -1, dtype=np.int64)
        values = np.full((len(which), count), -np.inf)
        chosen = queries[torch.from_numpy(which).to(queries.device)]
        # a limit that rounds up would lose a row
        least = torch.from_numpy(np.nextafter(limits.astype(np.float32), -np.inf)).to(queries.device)
        for index, rows in self.blocks():
            hit = (self.products(chosen, rows) >= least.unsqueeze(1)).nonzero().cpu().numpy()
            if not len(hit):
                continue
            places, near = hit[:, 0], index[hit[:, 1]]
            if own is not None:
                keep = near != own[which[places]]
                places, near = places[keep], near[keep]
            exact = self.pairs(raw, which[places], near)
            ends = np.searchsorted(places, np.arange(len(which) + 1))
            for place in np.unique(places):
                inside = slice(ends[place], ends[place + 1])
                both = np.concatenate([values[place], exact[inside]])
                ids = np.concatenate([found[place], near[inside]])
                order = np.lexsort((ids, -both))[:count]
                values[place], found[place] = both[order], ids[order]
        return found, values


def _first(found: Rows, values: Floats, count: int) -> tuple[Rows, Floats]:
    """The `count` largest values of each row, ties to the lowest index."""
    by_row = np.argsort(found, axis=1, kind="stable")
    found, values = np.take_along_axis(found, by_row, 1), np.take_along_axis(values, by_row, 1)
    order = np.argsort(-values, axis=1, kind="stable")[:, :count]
    return np.take_along_axis(found, order, 1), np.take_along_axis(values, order, 1)


def _values(left: Floats, right: Floats, metric: Metric) -> Floats:
    """Exact value of each pair of rows; larger is nearer."""
    if metric == "euclidean":
        difference = left - right
        return np.asarray(-np.sqrt(np.einsum("ij,ij->i", difference, difference)))
    product = np.einsum("ij,ij->i", left, right)
    if metric == "cosine":
        lengths = np.einsum("ij,ij->i", left, left) * np.einsum("ij,ij->i", right, right)
        product = np.clip(product / np.sqrt(lengths), -1.0, 1.0)
    return np.asarray(product)
