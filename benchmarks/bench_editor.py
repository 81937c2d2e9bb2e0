"""The editor's work for one change, and the whole round trip of a save: 95th percentile beside the limit of 100 ms.

The first table times the functions alone. The second sends what the browser sends (the changed item, the version, `save`)
through the whole application on a store of made-up persons: session, token, permission, save with its sealed revision,
edits, derived values and rendered panels.
"""

from __future__ import annotations

import re
import tempfile
import time
from pathlib import Path
from statistics import quantiles
from typing import Any

from sqlalchemy import select

from registry import config, records
from registry.abstracting import page
from registry.abstracting.derived import consequences
from registry.db import Store
from registry.models import Abstract

CASES = (
    {390: "20230410", 400: "C504", 522: "8500", 523: "3", 240: "19610412", 772: "100", 774: "000", 776: "00"},
    {390: "20230306", 400: "C187", 522: "8140", 523: "3", 240: "19500101", 772: "300", 774: "300", 776: "00"},
    {390: "20140126", 400: "C678", 522: "8070", 523: "3", 240: "19490310"},
)
ROUNDS = 60
PERSONS = 300
CHANGES = {410: ("1", "2"), 756: ("021", "022"), 820: ("00", "01"), 490: ("1", "2")}
"""Items that the round trips change in turn, each between two codes, so that every save has something to save."""

LIMIT = 100.0
"""Milliseconds that the 95th percentile may take."""


def main() -> None:
    """Prints the median and the 95th percentile in milliseconds of processor time, and their share of the limit."""
    steps = {
        "edits, derived, text support": page.living,
        "what the program sets": lambda items: consequences(items, items),
        "form with new fields": page.form,
    }
    totals = [0.0] * (ROUNDS * len(CASES))
    print(f"{'step':32}{'median ms':>12}{'p95 ms':>10}{'of 100 ms':>12}")
    for name, step in steps.items():
        for case in CASES:
            step(case)
        taken = []
        for turn in range(ROUNDS * len(CASES)):
            begun = time.process_time()
            step(CASES[turn % len(CASES)])
            taken.append(1000 * (time.process_time() - begun))
            totals[turn] += taken[-1]
        _print(name, taken)
    _print("one change with all of it", totals)
    with tempfile.TemporaryDirectory() as folder:
        round_trips(Path(folder))


def round_trips(folder: Path) -> None:
    """Prints what a save takes through the application, in processor time and by the clock."""
    from bench_pages import fill, sign_in

    from web import create_app

    settings = config.load(folder, require_totp=False)
    store = Store(settings)
    fill(store, PERSONS)
    with store.writing() as session:
        numbers = list(session.scalars(select(Abstract.id).order_by(Abstract.id).limit(len(CASES))))
        for number, items in zip(numbers, CASES, strict=True):
            records.save(session, number, items, who="benchmark")
    store.close()
    client, token = sign_in(create_app(settings), "administrator")
    browser = _Browser(client, token)
    for number in numbers:
        browser.open(number)
        browser.save(number, 410, "0")
    cpu, wall = [], []
    for turn in range(ROUNDS * len(numbers)):
        number = numbers[turn % len(numbers)]
        item = list(CHANGES)[turn // len(numbers) % len(CHANGES)]
        value = CHANGES[item][turn // (len(numbers) * len(CHANGES)) % 2]
        before, begun = time.process_time(), time.perf_counter()
        browser.save(number, item, value)
        cpu.append(1000 * (time.process_time() - before))
        wall.append(1000 * (time.perf_counter() - begun))
    _print("save, whole round trip, processor", cpu)
    _print("save, whole round trip, clock", wall)


class _Browser:
    """What a browser keeps between requests: its session, the token of the page, the version of each form."""

    def __init__(self, client: Any, token: str) -> None:
        self.client, self.token = client, token
        self.forms: dict[int, dict[str, str]] = {}

    def open(self, number: int) -> None:
        """Opens the editor of an abstract and keeps what its form sends along."""
        text = self.client.get(f"/abstracts/{number}").text
        version = re.search(r'name="version" value="(\d+)"', text)
        if version is None:
            raise RuntimeError(f"abstract {number} shows no form to save")
        self.forms[number] = {"version": version.group(1), "shown": ""}

    def save(self, number: int, item: int, value: str) -> dict[str, Any]:
        """Saves one changed item as the editor's script does."""
        sent = {**self.forms[number], f"item-{item}": value, "save": "1", "csrf_token": self.token}
        answer = self.client.post(f"/abstracts/{number}/live", data=sent).get_json() or {}
        if answer.get("saved") != [item]:
            raise RuntimeError(f"item {item} of abstract {number} was not saved: {answer}")
        self.forms[number] = {"version": str(answer["version"]), "shown": answer["shown"]}
        return answer


def _print(name: str, taken: list[float]) -> None:
    marks = quantiles(taken, n=20)
    print(f"{name:32}{marks[9]:12.1f}{marks[18]:10.1f}{marks[18] / LIMIT:12.2f}")


if __name__ == "__main__":
    main()
