"""Rates, smoothing, trends and maps: CPU seconds and accuracy, as ratios within one run.

    python benchmarks/bench_geo.py [--national]

The BYM2 smoother is compared with a long Markov chain of the same model (elliptical slice sampling, written here) on a
made-up map; `--national` also smooths and draws all 3,108 contiguous counties.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import numpy as np
import pandas as pd
from scipy import sparse, special


def measure(call: Callable[[], object]) -> tuple[float, object]:
    """Gives CPU seconds of the second of two calls (the first compiles) and its result."""
    call()
    start = time.process_time()
    result = call()
    return time.process_time() - start, result


def chain(cases: np.ndarray, expected: np.ndarray, adjacency: sparse.csr_matrix, draws: int, seed: int) -> np.ndarray:
    """Gives draws of the relative risks under the BYM2 model (draws, areas)."""
    from geo.bym2 import scale_structure

    prior, rng, size = scale_structure(adjacency), np.random.default_rng(seed), len(cases)
    values, vectors = np.linalg.eigh(prior.structure.toarray())
    inverse = np.where(values > 1e-8, 1 / np.maximum(values, 1e-8), 0)

    def spread(theta: np.ndarray) -> np.ndarray:
        phi = special.expit(theta[1])
        return (1 - phi + phi * inverse) / np.exp(theta[0])

    def likelihood(eta: np.ndarray) -> float:
        return float((cases * eta - expected * np.exp(eta)).sum())

    theta, z, level = np.array([2.0, 0.0]), np.zeros(size), 0.0
    eta, kept = np.zeros(size), np.empty((draws, size))
    for draw in range(-draws // 10, draws):
        height, other = likelihood(eta) + np.log(rng.uniform()), rng.normal(size=size)
        angle = rng.uniform(0, 2 * np.pi)
        low, high = angle - 2 * np.pi, angle
        while True:
            eta = level + vectors @ (np.sqrt(spread(theta)) * (z * np.cos(angle) + other * np.sin(angle)))
            if likelihood(eta) > height:
                break
            low, high = (angle, high) if angle < 0 else (low, angle)
            angle = rng.uniform(low, high)
        effect = eta - level
        level = np.log(rng.gamma(cases.sum()) / (expected * np.exp(effect)).sum())
        eta, turned = effect + level, vectors.T @ effect
        for _ in range(4):
            moved = theta + rng.normal(size=2) * [0.6, 1.2] * rng.choice([0.3, 1.0])
            old, new = spread(theta), spread(moved)
            ratio = prior.log_density(moved) - prior.log_density(theta) + 0.5 * np.log(old / new).sum()
            ratio += 0.5 * (turned**2 * (1 / old - 1 / new)).sum()
            if np.abs(moved).max() < 12 and np.log(rng.uniform()) < ratio:
                theta = moved
        z = turned / np.sqrt(spread(theta))
        if draw >= 0:
            kept[draw] = np.exp(eta)
    return kept


def board(side: int, seed: int) -> tuple[np.ndarray, np.ndarray, sparse.csr_matrix]:
    """Gives cases, expected cases and queen adjacency of a made-up square map with a smooth truth."""
    rng = np.random.default_rng(seed)
    row, column = np.divmod(np.arange(side * side), side)
    near = (np.abs(row[:, None] - row) <= 1) & (np.abs(column[:, None] - column) <= 1)
    np.fill_diagonal(near, False)
    expected = rng.uniform(1, 20, side * side)
    cases = rng.poisson(expected * np.exp(0.5 * np.cos((row + column) / side * np.pi))).astype(float)
    return cases, expected, sparse.csr_matrix(near.astype(float))


def bench_bym2() -> None:
    from geo.bym2 import smooth_bym2

    cases, expected, near = board(10, 1)
    seconds, found = measure(lambda: smooth_bym2(cases, expected, near))
    start = time.process_time()
    halves = [chain(cases, expected, near, 40_000, seed) for seed in (1, 2)]
    slow = time.process_time() - start
    mean = np.concatenate(halves).mean(axis=0)
    own = np.abs(halves[0].mean(axis=0) - halves[1].mean(axis=0)) / mean / 2
    error = np.abs(found.risk - mean) / mean
    print("BYM2, 100 areas               nested Laplace   chain of 80,000")
    print(f"  CPU seconds                 {seconds:14.2f} {slow:17.2f}   ratio {slow / seconds:.0f}")
    print(f"  error of risk, median       {np.median(error):14.4f} {np.median(own):17.4f}   (chain: its own error)")
    print(f"  error of risk, largest      {error.max():14.4f} {own.max():17.4f}")


def bench_rates() -> None:
    from geo.rates import gather_strata, rate_table

    rng = np.random.default_rng(3)
    groups, ages = 20_000, ["0", "1-4", *(f"{low}-{low + 4}" for low in range(5, 85, 5)), "85+"]
    frame = pd.DataFrame(
        {
            "area": np.repeat(np.arange(groups), len(ages)),
            "age": np.tile(ages, groups),
            "cases": rng.poisson(3, groups * len(ages)),
            "population": rng.integers(500, 9000, groups * len(ages)),
        }
    )
    gathering, strata = measure(lambda: gather_strata(frame, by=["area"]))
    together, _ = measure(lambda: rate_table(strata))
    one = frame.iloc[: len(ages)]
    single, _ = measure(lambda: rate_table(one, by=["area"]))
    print(
        f"rates, {groups:,} groups: gather {gathering:.2f} s, rates {together:.2f} s; one group alone {single:.4f} s,"
    )
    print(f"  ratio of one by one to all at once {single * groups / (gathering + together):.0f}")


def bench_trend() -> None:
    from geo.trend import fit_trend

    rng = np.random.default_rng(4)
    years = np.arange(1975, 2025)
    log = 4 + 0.02 * (years - 1975) - 0.05 * np.maximum(years - 1995, 0) + 0.04 * np.maximum(years - 2008, 0)
    rates = np.exp(log + rng.normal(0, 0.01, len(years)))
    seconds, found = measure(lambda: fit_trend(years, rates, rates * 0.01))
    print(f"trend, 50 years, 4,499 permutations, at most 3: {seconds:.2f} s, joinpoints {found.joinpoints}")


def bench_suppression() -> None:
    from geo.suppression import ALL, protect_tables

    rng = np.random.default_rng(5)
    base = pd.DataFrame(
        [(f"c{c}", s, f"y{y}") for c in range(67) for s in "MF" for y in range(5)], columns=["county", "sex", "year"]
    )
    base["cases"] = rng.poisson(np.exp(rng.normal(3.4, 1.2, 67)).repeat(10)).astype(float)
    parts = []
    for kept in (["county", "sex", "year"], ["county", "sex"], ["county", "year"], ["sex", "year"], ["county"], ["sex"],
                 ["year"]):  # fmt: skip
        part = base.groupby(kept, as_index=False)["cases"].sum()
        parts.append(part.assign(**{d: ALL for d in ("county", "sex", "year") if d not in kept}))
    table = pd.concat(parts, ignore_index=True)[["county", "sex", "year", "cases"]]
    seconds, found = measure(lambda: protect_tables([table]))
    print(
        f"suppression, {len(table):,} cells: {seconds:.2f} s, {int(found.primary[0].sum())} small, "
        f"{found.complementary} complementary"
    )


def bench_national() -> None:
    from geo.adjacency import queen_adjacency
    from geo.boundaries import load_edition
    from geo.bym2 import smooth_bym2
    from geo.layers import make_layer
    from geo.maps import MapAssets, map_pages
    from geo.svg import map_svg

    areas = load_edition("2017")
    areas = areas[~areas["code"].str[:2].isin(["02", "15", "60", "66", "69", "72", "78"])].reset_index(drop=True)
    rng = np.random.default_rng(6)
    expected = np.exp(rng.normal(3.2, 1.3, len(areas)))
    centres = areas.geometry.representative_point()
    cases = rng.poisson(expected * np.exp(0.3 * np.sin(centres.x / 8) * np.cos(centres.y / 5))).astype(float)
    seconds, near = measure(lambda: queen_adjacency(areas))
    print(f"3,108 counties: neighbours {seconds:.2f} s ({near.nnz:,} links)")
    seconds, found = measure(lambda: smooth_bym2(cases, expected, near))
    print(f"  BYM2 {seconds:.1f} s, {found.points} points, phi {found.phi:.2f}, sigma {found.sigma:.2f}")
    values = pd.DataFrame({"code": areas["code"], "rate": 400 * found.risk, "cases": cases, "suppressed": cases < 16})
    layer = make_layer(areas, values, title="3,108 counties, made up", measure="Smoothed rate")
    seconds, pages = measure(lambda: map_pages(layer, MapAssets("l.js", "l.css", "m.js", "m.css")))
    size = len(pages.html.encode()) + len(pages.script.encode()) + len(pages.style.encode())
    print(f"  page made in {seconds:.2f} s, {size / 1e6:.2f} MB without Leaflet")
    open_in_browser(pages)
    seconds, svg = measure(lambda: map_svg(layer, titles=False))
    print(f"  SVG {seconds:.2f} s, {len(svg) / 1e6:.2f} MB")


def open_in_browser(pages: object) -> None:
    """Opens the map in Chromium from a local server under its own policy: until every county is drawn, and what was sent."""
    import tempfile
    import threading
    from functools import partial
    from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
    from pathlib import Path

    from playwright.sync_api import sync_playwright
    from xstatic.pkg import leaflet

    policy = pages.policy  # type: ignore[attr-defined]

    class Handler(SimpleHTTPRequestHandler):
        def end_headers(self) -> None:
            self.send_header("Content-Security-Policy", policy)
            super().end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with tempfile.TemporaryDirectory() as name:
        folder, base = Path(name), Path(leaflet.BASE_DIR)
        for file, text in {
            "index.html": pages.html, "m.js": pages.script, "m.css": pages.style, "favicon.ico": "",  # type: ignore[attr-defined]
            "l.js": (base / "leaflet.js").read_text(), "l.css": (base / "leaflet.css").read_text(),
        }.items():  # fmt: skip
            (folder / file).write_text(text)
        sent = sum(file.stat().st_size for file in folder.iterdir())
        server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=name))
        threading.Thread(target=server.serve_forever, daemon=True).start()
        with sync_playwright() as play:
            browser = play.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox", "--disable-gpu"])
            for turn in ("first", "second"):
                page = browser.new_context(viewport={"width": 1440, "height": 900}).new_page()
                start = time.perf_counter()
                page.goto(f"http://127.0.0.1:{server.server_address[1]}/index.html")
                page.wait_for_function("document.querySelectorAll('path.leaflet-interactive').length >= 3108")
                # two frames later everything is on the screen
                page.evaluate("() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
                drawn = page.locator("path.leaflet-interactive").count()
                print(
                    f"  opened in Chromium ({turn} time): {time.perf_counter() - start:.2f} s, {drawn:,} counties, "
                    f"{sent / 1e6:.2f} MB with Leaflet; targets 3 s and 3 MB"
                )
            browser.close()
        server.shutdown()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--national", action="store_true", help="also all 3,108 contiguous counties")
    options = parser.parse_args()
    bench_rates()
    bench_trend()
    bench_suppression()
    bench_bym2()
    if options.national:
        bench_national()


if __name__ == "__main__":
    main()
