"""Multiple primaries: pairs of tumors a second through the SEER rules, over made-up pairs of every era."""

from __future__ import annotations

import time
from itertools import product

from abstracting.primaries.records import compare_records

SITES = ("C504", "C187", "C341", "C649", "C679", "C435", "C711", "C421")
YEARS = ("20040310", "20120310", "20210310")
ROUNDS = 40


def main() -> None:
    """Prints pairs, seconds of processor time and pairs a second."""
    pairs = [
        (_tumor(site, year, "1"), _tumor(other, "20230601", side))
        for site, other, year, side in product(SITES, SITES, YEARS, "12")
    ]
    for first, second in pairs:
        compare_records(first, second)
    begun = time.process_time()
    for _ in range(ROUNDS):
        for first, second in pairs:
            compare_records(first, second)
    taken = time.process_time() - begun
    count = ROUNDS * len(pairs)
    print(f"{'pairs':>10}{'seconds':>10}{'pairs/s':>12}\n{count:>10,}{taken:>10.2f}{count / taken:>12,.0f}")


def _tumor(site: str, day: str, side: str) -> dict[int, str]:
    histology = "9861" if site == "C421" else "8140"
    return {390: day, 400: site, 410: side, 522: histology, 523: "3"}


if __name__ == "__main__":
    main()
