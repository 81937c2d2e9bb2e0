"""Kernels over many pairs on all cores: each thread takes a part, because the kernels hold no lock."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

ALONE = 50_000
"""Pairs below which one thread is faster."""


def in_parts(size: int, work: Callable[[slice], None], *, threads: int | None = None) -> None:
    """Calls `work` with slices that cover `range(size)`; an error in one part rises."""
    count = threads or min(os.cpu_count() or 1, 8)
    if size < ALONE or count == 1:
        work(slice(0, size))
        return
    step = -(-size // (count * 4))
    with ThreadPoolExecutor(count) as pool:
        list(pool.map(work, [slice(at, min(at + step, size)) for at in range(0, size, step)]))
