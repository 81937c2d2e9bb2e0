"""The answer to a survival request as plain values: what a page shows, a file holds, a job keeps, and what is suppressed.

An answer is computed once for a version of the data and kept whole; `suppress` cuts it to what an account may see, on the
server, every time it is shown.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from typing import Any

Row = dict[str, Any]


@dataclass(frozen=True)
class Group:
    """One curve's persons: how many, how many events, medians in years; `hidden` when it is smaller than may be shown."""

    number: int
    label: str
    n: int | None
    events: int | None
    median: float | None = None
    median_lower: float | None = None
    median_upper: float | None = None
    follow_up: float | None = None
    small: bool = False
    hidden: bool = False


@dataclass(frozen=True)
class Step:
    """One line of the flow; a number that may not be shown is None, `rounded` numbers are to the minimum group size."""

    name: str
    text: str
    excluded: int | None
    remaining: int | None
    rounded: bool = False


@dataclass(frozen=True)
class Answer:
    """Everything that belongs to one result.

    `curve`, `table` and `standardised` are rows with `group`, `time` (years since diagnosis), `estimate`, `se`, `lower`,
    `upper` and, where counted, `n_risk` and `n_event`; crude probabilities also carry `other_estimate` and its limits.
    `warnings` are of the whole, `cautions` pairs of a group and a sentence. `at_risk` has for each group the persons at risk
    at each of `risk_times`.
    """

    pairs: list[list[str]]
    method: str
    title: str
    measure: str
    definition: str
    registry: str
    version: str
    made_at: str
    closing: str
    n: int | None
    events: int | None
    groups: list[Group]
    grouped_by: str
    flow: list[Step]
    curve: list[Row]
    table: list[Row]
    standardised: list[Row] = field(default_factory=list)
    standard: str = ""
    intervals: list[Row] = field(default_factory=list)
    risk_times: list[float] = field(default_factory=list)
    at_risk: list[list[int]] = field(default_factory=list)
    test: dict[str, Any] | None = None
    warnings: list[str] = field(default_factory=list)
    cautions: list[list[Any]] = field(default_factory=list)
    method_text: str = ""
    references: list[str] = field(default_factory=list)
    r_call: str = ""
    citation: str = ""
    suppressed: int = 0
    minimum: int = 0

    @property
    def shown(self) -> list[Group]:
        """The groups that may be shown."""
        return [group for group in self.groups if not group.hidden]

    @property
    def notes(self) -> list[str]:
        """Everything to read with care, in words: of the whole first, then by group."""
        labels = {g.number: g.label for g in self.groups}
        by_text: dict[str, list[str]] = {}
        for number, text in self.cautions:
            by_text.setdefault(text, []).append(labels[number])
        if len(self.groups) == 1:
            return [*self.warnings, *by_text]
        return [
            *self.warnings,
            *(f"{', '.join(names)}: {text[0].lower()}{text[1:]}" for text, names in by_text.items()),
        ]

    @property
    def two_causes(self) -> bool:
        """Whether the numbers are probabilities of death, from cancer and from other causes."""
        return self.method in ("crude", "competing")

    @property
    def steps_are_curve(self) -> bool:
        """Whether the curve is a step function (Kaplan-Meier) rather than a line."""
        return self.method in ("kaplan-meier", "cause-specific", "competing")

    def rows_of(self, rows: list[Row], group: int) -> list[Row]:
        """The rows of one group."""
        return [row for row in rows if row["group"] == group]

    def at(self, group: int, time: float, *, standardised: bool = False) -> Row | None:
        """The row of one group at one time, if there is an estimate."""
        for row in self.standardised if standardised else self.table:
            if row["group"] == group and abs(row["time"] - time) < 1e-9 and row["estimate"] is not None:
                return row
        return None

    def to_document(self) -> dict[str, Any]:
        """Gives the answer as JSON can carry it."""
        return asdict(self)


def from_document(document: dict[str, Any]) -> Answer:
    """Gives the answer back from JSON."""
    rest = dict(document)
    groups = [Group(**row) for row in rest.pop("groups")]
    flow = [Step(**row) for row in rest.pop("flow")]
    return Answer(groups=groups, flow=flow, **rest)


def suppress(answer: Answer, *, minimum: int, small_shown: bool) -> Answer:
    """Gives the answer with groups under the minimum marked, or, for accounts that must not see them, taken out.

    Where a group is taken out, the counts of the flow and the whole are rounded to the minimum: exact ones would give the
    group's size by subtraction. A test over all groups goes too.
    """
    small = {g.number for g in answer.groups if g.n is not None and g.n < minimum}
    if not small:
        return replace(answer, minimum=minimum)
    if small_shown:
        marked = [replace(g, small=g.number in small) for g in answer.groups]
        text = (
            f"Groups of fewer than {minimum} persons are shown because your role sees each of these cases; "
            "they are not for publication."
        )
        return replace(answer, groups=marked, minimum=minimum, warnings=[text, *answer.warnings])
    groups = [
        Group(g.number, g.label, None, None, small=True, hidden=True) if g.number in small else g for g in answer.groups
    ]
    keep = [n for n, g in enumerate(answer.groups) if g.number not in small]

    def shown(rows: list[Row]) -> list[Row]:
        return [row for row in rows if row["group"] not in small]

    text = (
        f"{len(small)} {'group' if len(small) == 1 else 'groups'} of fewer than {minimum} persons "
        f"{'is' if len(small) == 1 else 'are'} suppressed, and all counts of the selection are rounded to {minimum}."
    )
    return replace(
        answer,
        n=_rounded(answer.n, minimum),
        events=_rounded(answer.events, minimum),
        groups=groups,
        flow=[
            Step(s.name, s.text, _rounded(s.excluded, minimum), _rounded(s.remaining, minimum), True)
            for s in answer.flow
        ],
        curve=shown(answer.curve),
        table=shown(answer.table),
        standardised=shown(answer.standardised),
        intervals=shown(answer.intervals),
        at_risk=[answer.at_risk[n] if n in keep else [] for n in range(len(answer.groups))],
        test=None,
        cautions=[pair for pair in answer.cautions if pair[0] not in small],
        warnings=[text, *answer.warnings],
        # the citation of the engine names the exact number of persons and events
        citation=answer.citation.replace(f"{answer.n} persons, {answer.events} events", "small groups suppressed"),
        suppressed=len(small),
        minimum=minimum,
    )


def _rounded(value: int | None, to: int) -> int | None:
    """Gives a count rounded to a multiple; one below the multiple is not told."""
    return None if value is None or value < to else round(value / to) * to
