"""Simulated data sets under the null hypothesis, and the greatest statistic of each.

Replicates are drawn in blocks of 64. Block b uses child b of the seed's `SeedSequence`, so a block's data sets, and with
them every p-value, are the same whatever thread, process or machine works on it.
"""

from __future__ import annotations

import hashlib
import os
import threading
from collections import OrderedDict
from collections.abc import Callable, Generator
from concurrent.futures import Executor, Future, ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from geo.scan.zones import Ellipse, Zones, build_zones

BLOCK = 64
LANE_BYTES = 64_000_000  # bytes of simulated counts that one pass over the lists holds at most
DRAW_BYTES = 128_000_000  # bytes of counts drawn at once
KEPT = 2  # lists of windows remembered per process


@dataclass(frozen=True, eq=False)
class Plan:
    """All that a worker needs to draw and scan replicates; small, and cheap to send to another process.

    place: positions (n, 2 or 3), or None for a purely temporal scan; measure: (n,) share in the size of a window;
    cases, expected, at_risk: (n, intervals) per cell; window_start, window_end: windows [start, end) of intervals.
    """

    place: np.ndarray | None
    measure: np.ndarray
    cases: np.ndarray
    expected: np.ndarray
    at_risk: np.ndarray
    permuted: tuple[tuple[np.ndarray, np.ndarray], ...]
    window_start: np.ndarray
    window_end: np.ndarray
    model: str
    rates: str
    least: int
    forms: tuple[Ellipse, ...]
    power: float
    largest: float
    radius: float | None
    seed: int
    replicates: int

    @property
    def total(self) -> float:
        return float(self.cases.sum())

    @property
    def persons(self) -> float:
        return float(self.at_risk.sum())

    @property
    def blocks(self) -> int:
        return -(-self.replicates // BLOCK)

    @cached_property
    def key(self) -> str:
        """Names the lists of windows: equal for plans that have the same."""
        digest = hashlib.sha256(
            repr((self.forms, self.power, self.largest, self.radius, self.model, self.rates)).encode()
        )
        for array in (self.place, self.measure, self.expected):
            digest.update(b"none" if array is None else np.ascontiguousarray(array).tobytes())
        return digest.hexdigest()

    def zones(self, threads: int = 1) -> Zones:
        """Gives the lists of windows, built once per process."""
        return _prepared(self, threads)[0]


_memory: OrderedDict[str, tuple[Zones, np.ndarray | None, np.ndarray | None]] = OrderedDict()
_lock = threading.Lock()


def _prepared(plan: Plan, threads: int) -> tuple[Zones, np.ndarray | None, np.ndarray | None]:
    with _lock:
        if plan.key in _memory:
            _memory.move_to_end(plan.key)
            return _memory[plan.key]
        if plan.place is None:
            zones = Zones(
                np.zeros(1, np.uint16), np.array([0, 1], np.int64), np.zeros(1, int), np.zeros(1, int), np.ones(1)
            )
        else:
            zones = build_zones(
                plan.place, plan.measure, plan.forms,
                power=plan.power, largest=plan.largest, radius=plan.radius, threads=threads,
            )  # fmt: skip
        factor = shift = None
        if _is_plain(plan):
            from geo.scan.kernels import high_thresholds

            factor, shift = high_thresholds(zones.order, zones.starts, plan.expected, plan.total)
        _memory[plan.key] = (zones, factor, shift)
        while len(_memory) > KEPT:
            _memory.popitem(last=False)
        return _memory[plan.key]


def _is_plain(plan: Plan) -> bool:
    """Whether the fast path for spatial windows of high rate serves."""
    return plan.expected.shape[1] == 1 and plan.model != "bernoulli" and plan.rates == "high"


def draw(plan: Plan, block: int) -> np.ndarray:
    """Gives the data sets of a block: whole counts (replicates, locations, intervals), `plan.total` cases in each.

    Poisson: multinomial with the expected counts as odds; Bernoulli: which persons are cases is drawn without
    replacement; permutation: the times of the cases of a stratum are shuffled among them.
    """
    number = min(BLOCK, plan.replicates - block * BLOCK)
    rng = np.random.Generator(np.random.PCG64(np.random.SeedSequence(plan.seed, spawn_key=(block,))))
    cells = np.zeros((number, plan.expected.size), np.int32)
    at_once = max(1, DRAW_BYTES // (8 * plan.expected.size))
    for first in range(0, number, at_once):
        # a generator gives the same data sets whether they are asked for together or in parts
        part = cells[first : first + at_once]
        if plan.model == "stp":
            _permute(plan, rng, part)
        elif plan.model == "bernoulli":
            colours = plan.at_risk.ravel().astype(np.int64)
            some = np.flatnonzero(colours)
            part[:, some] = rng.multivariate_hypergeometric(
                colours[some], int(plan.total), size=len(part), method="marginals"
            )
        else:
            odds = plan.expected.ravel()
            some = np.flatnonzero(odds)
            part[:, some] = rng.multinomial(int(plan.total), odds[some] / odds[some].sum(), size=len(part))
    return cells.reshape(number, *plan.expected.shape)


def _permute(plan: Plan, rng: np.random.Generator, cells: np.ndarray) -> None:
    """Fills each row with the counts after shuffling the times of the cases of every stratum."""
    intervals = plan.expected.shape[1]
    for replicate in cells:
        for where, when in plan.permuted:
            replicate += np.bincount(where * intervals + rng.permutation(when), minlength=replicate.size).astype(
                np.int32
            )


def scan_block(plan: Plan, block: int, *, threads: int = 1) -> np.ndarray:
    """Gives the greatest penalised LLR of each replicate of a block."""
    from geo.scan import kernels, statistic

    zones, factor, shift = _prepared(plan, threads)
    running = draw(plan, block)
    np.cumsum(running, axis=2, out=running)
    locations, intervals = plan.expected.shape
    lanes = max(8, min(BLOCK, LANE_BYTES // (4 * locations * intervals) // 8 * 8))
    maxima = np.zeros(len(running))
    expected, at_risk = np.cumsum(plan.expected, axis=1), np.cumsum(plan.at_risk, axis=1)
    for first in range(0, len(running), lanes):
        sims = np.ascontiguousarray(running[first : first + lanes].transpose(1, 2, 0), dtype=np.float32)
        best = maxima[first : first + lanes]
        if factor is not None:
            kernels.spatial_high(
                zones.order, zones.starts, zones.penalty, factor, shift, sims, expected, plan.total, plan.least, best
            )
        else:
            kernels.any_window(
                zones.order, zones.starts, zones.penalty, sims, expected, at_risk, plan.window_start, plan.window_end,
                plan.total, plan.persons, statistic.BERNOULLI if plan.model == "bernoulli" else statistic.POISSON,
                kernels.ALL_RATES[plan.rates], plan.least, best,
            )  # fmt: skip
    return maxima


def scan_blocks(plan: Plan, blocks: list[int]) -> list[np.ndarray]:
    """Gives `scan_block` of several blocks: the unit of work sent to an executor."""
    return [scan_block(plan, block) for block in blocks]


def maxima(
    plan: Plan,
    *,
    threads: int = 1,
    executor: Executor | None = None,
    progress: Callable[[int, int], None] | None = None,
    enough: Callable[[np.ndarray], bool] | None = None,
) -> np.ndarray:
    """Gives the greatest statistic of each replicate, in the order of the replicates.

    executor: any `concurrent.futures.Executor`, Dask's included; without one, `threads` threads of this process.
    progress: called with (replicates done, replicates). enough: called with the maxima of the first blocks in order;
    when it is true no further blocks are begun and these are returned, the same ones for every number of workers.
    """
    if plan.replicates == 0:
        return np.zeros(0)
    done: dict[int, np.ndarray] = {}
    if executor is not None:
        wave = max(1, _workers(executor)) * 2
        ready = _through_executor(plan, executor, wave, stepwise=enough is not None)
    else:
        _prepared(plan, threads)
        ready = _through_threads(plan, threads, stepwise=enough is not None)
    finished = 0
    for block, found in ready:
        done[block] = found
        finished += found.size
        if progress is not None:
            progress(finished, plan.replicates)
        if enough is not None:
            lead = 0
            while lead in done:
                lead += 1
                joined = np.concatenate([done[b] for b in range(lead)])
                if enough(joined):
                    ready.close()
                    return joined
    return np.concatenate([done[b] for b in range(plan.blocks)])


def _workers(executor: Executor) -> int:
    return getattr(executor, "_max_workers", None) or os.cpu_count() or 1


def _through_threads(plan: Plan, threads: int, *, stepwise: bool) -> Generator[tuple[int, np.ndarray], None, None]:
    with ThreadPoolExecutor(max(1, threads)) as pool:
        groups = [[block] for block in range(plan.blocks)]
        yield from _gather(pool, _Work(plan), groups, wave=max(1, threads) if stepwise else plan.blocks)


def _through_executor(
    plan: Plan, executor: Executor, wave: int, *, stepwise: bool
) -> Generator[tuple[int, np.ndarray], None, None]:
    size = 1 if stepwise else max(1, plan.blocks // wave)
    groups = [list(range(first, min(first + size, plan.blocks))) for first in range(0, plan.blocks, size)]
    yield from _gather(executor, _Work(plan), groups, wave=wave if stepwise else len(groups))


class _Work:
    """`scan_blocks` of one plan, as something that can be sent to another process."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan

    def __call__(self, blocks: list[int]) -> list[np.ndarray]:
        return scan_blocks(self.plan, blocks)


def _gather(
    executor: Executor, work: Callable, groups: list[list[int]], *, wave: int
) -> Generator[tuple[int, np.ndarray], None, None]:
    """Yields (block, maxima) as they come, at most `wave` groups under way; what is left is cancelled on close."""
    waiting = iter(groups)
    under_way: dict[Future, list[int]] = {}
    try:
        while True:
            for group in waiting:
                under_way[executor.submit(work, group)] = group
                if len(under_way) >= wave:
                    break
            if not under_way:
                return
            future = next(iter(as_completed(list(under_way))))
            group = under_way.pop(future)
            yield from zip(group, future.result())
    finally:
        for future in under_way:
            future.cancel()
