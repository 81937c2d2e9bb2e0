"""Pages and jobs compute in threads of one process: compiled loops of both engines and the drawing run at once, alike."""

from __future__ import annotations

import ast
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from geo.adjacency import adjacency_of_pairs
from geo.bym2 import smooth_bym2
from geo.scan import scan
from geo.svg import svg_to_file
from geo.trend import fit_trend
from survival.net.kernel import accumulate

ROOT = Path(__file__).parents[2]
ENGINES = ("abstracting", "survival", "geo", "registry", "web")
SVG = (
    '<svg xmlns="http://www.w3.org/2000/svg" width="60" height="40"><rect width="30" height="20" fill="#08519c"/></svg>'
)
PLACES = 30


def kernels(folder: str) -> list[tuple[Path, ast.Call]]:
    """The calls of numba's decorators in a package."""
    found = []
    for path in sorted((ROOT / folder).rglob("*.py")):
        text = path.read_text(encoding="utf-8")
        if "numba" in text:
            calls = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Call)]
            found += [
                (path, call) for call in calls if ast.unparse(call.func).split(".")[-1] in ("njit", "jit", "vectorize")
            ]
    return found


def test_no_compiled_loop_is_parallel_by_itself():
    """Numba's own threads end the whole process, without a word, when two threads of ours enter such loops at once."""
    found = [one for folder in ENGINES for one in kernels(folder)]
    assert len(found) > 20
    for path, call in found:
        names = {word.arg for word in call.keywords}
        assert "parallel" not in names and "target" not in names, path


def cluster(seed: int, **options: Any) -> list[tuple[Any, ...]]:
    rng = np.random.default_rng(seed)
    ids = [f"{i:02d}" for i in range(PLACES)]
    places = pd.DataFrame({"id": ids, "x": rng.uniform(0, 10, PLACES), "y": rng.uniform(0, 10, PLACES)})
    cases = pd.DataFrame({"id": ids, "cases": rng.poisson(8, PLACES)})
    people = pd.DataFrame({"id": ids, "pop": 1000})
    found = scan(cases, people, places, replicates=99, seed=seed, threads=2, **options)
    return [(one.members, one.llr, one.p_value) for one in found.clusters]


def smoothed(seed: int) -> list[float]:
    ring = adjacency_of_pairs([(i, (i + 1) % PLACES) for i in range(PLACES)], PLACES)
    cases = np.random.default_rng(seed).poisson(12, PLACES).astype(float)
    return smooth_bym2(cases, np.full(PLACES, 12.0), ring).risk.tolist()


def trend(seed: int) -> list[float]:
    noise = np.random.default_rng(seed).normal(0, 0.02, 16)
    rates = 50 * np.exp(0.02 * np.arange(16) + noise)
    return [one.apc for one in fit_trend(range(2005, 2021), rates, max_joinpoints=2, permutations=99).segments]


def net(seed: int) -> list[float]:
    rng, n = np.random.default_rng(seed), 500
    exits = rng.integers(1, 1800, n)
    cuts = np.arange(0.0, 40000.0, 365.25)
    sums = accumulate(
        rng.integers(0, 2, n), rng.uniform(15000, 30000, n), rng.uniform(14000, 16000, n), np.zeros(n, np.int64), exits,
        rng.random(n) < 0.5, np.ones(n), rng.uniform(1e-5, 1e-4, (2, len(cuts), 60)), cuts,
        np.arange(14000.0, 14000 + 60 * 365.25, 365.25), np.arange(0.0, 1800.0), np.arange(1.0, 1801.0), 1.0, True,
    )  # fmt: skip
    return np.asarray(sums).ravel().tolist()


WORK: dict[str, Callable[[int], Any]] = {
    "scan": cluster,
    "both rates": lambda seed: cluster(seed, rates="both"),
    "BYM2": smoothed,
    "trend": trend,
    "net survival": net,
    "picture": lambda seed: svg_to_file(SVG, "png"),
}


def test_everything_at_once_gives_what_it_gives_alone():
    alone = {name: work(1) for name, work in WORK.items()}
    together: dict[tuple[str, int], Any] = {}
    begin = threading.Barrier(2 * len(WORK))

    def run(name: str, copy: int) -> None:
        begin.wait()
        together[name, copy] = WORK[name](1)

    threads = [threading.Thread(target=run, args=(name, copy)) for name in WORK for copy in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(together) == len(threads)
    for (name, _), found in together.items():
        assert found == alone[name], name
