"""The answer to a survival request as plain values: what a page shows, a file holds, a job keeps, and what is suppressed.

An answer is computed once for a version of the data and kept whole; `suppress` cuts it to what an account may see, on the
server, every time it is shown.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from typing import Any

from registry.analysis.survival_hiding import hide, veil

Row = dict[str, Any]


@dataclass(frozen=True)
class Group:
    """One curve's persons: how many, how many events, medians in years; its label by each of the groupings.

    `small` when it is under the minimum, `hidden` when it is not shown because it, or one beside it, is small.
    """

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
    margins: list[str] = field(default_factory=list)


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
    at each of `risk_times`. `suppressed` counts hidden groups; `rounded` tells that the counts of the flow are rounded.
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
    rounded: bool = False

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

    With a small group others are taken out, so that no total gives its size (`survival_hiding`); what is left depends on
    the hidden groups by their sum alone. Counts of the flow that tell of fewer than the minimum round the whole flow, or
    the step before and after would tell them. A test over all groups goes too.
    """
    if small_shown:
        small = {g.number for g in answer.groups if g.n is not None and g.n < minimum}
        if not small:
            return replace(answer, minimum=minimum)
        text = (
            f"Groups of fewer than {minimum} persons are shown because your role sees each of these cases; "
            "they are not for publication."
        )
        marked = [replace(g, small=g.number in small) for g in answer.groups]
        return replace(answer, groups=marked, minimum=minimum, warnings=[text, *answer.warnings])
    places = hide([g.n or 0 for g in answer.groups], [tuple(g.margins) for g in answer.groups], minimum)
    hidden = {answer.groups[place].number for place in places}
    few = any(step.excluded is not None and 0 < step.excluded < minimum for step in answer.flow)
    seen = replace(
        answer,
        minimum=minimum,
        suppressed=len(hidden),
        rounded=bool(hidden) or few,
        warnings=[veil(text, minimum) for text in answer.warnings],
        cautions=[[number, veil(text, minimum)] for number, text in answer.cautions],
    )
    if seen.rounded:
        rounded = [
            Step(s.name, s.text, _rounded(s.excluded, minimum), _rounded(s.remaining, minimum), True)
            for s in answer.flow
        ]
        seen = replace(seen, flow=rounded)
    if not hidden:
        return seen

    def shown(rows: list[Row]) -> list[Row]:
        return [row for row in rows if row["group"] not in hidden]

    kept = [place for place in range(len(answer.groups)) if place not in places]
    # in the order of their names: the order of the others may be that of their sizes
    gone = sorted((answer.groups[place] for place in places), key=lambda group: group.label)
    return replace(
        seen,
        n=_rounded(answer.n, minimum),
        events=_rounded(answer.events, minimum),
        groups=[
            *(answer.groups[place] for place in kept),
            *(Group(-1, group.label, None, None, hidden=True, margins=group.margins) for group in gone),
        ],
        at_risk=[*(answer.at_risk[place] for place in kept), *([] for _ in gone)],
        curve=shown(answer.curve),
        table=shown(answer.table),
        standardised=shown(answer.standardised),
        intervals=shown(answer.intervals),
        test=None,
        cautions=[pair for pair in seen.cautions if pair[0] not in hidden],
        # with nothing shown, sentences on the whole tell nothing but its size
        warnings=[_why_hidden(len(hidden), len(answer.groups), minimum), *(seen.warnings if kept else ())],
        # the citation of the engine names the exact number of persons and events
        citation=answer.citation.replace(f"{answer.n} persons, {answer.events} events", "small groups suppressed"),
    )


def _why_hidden(hidden: int, groups: int, minimum: int) -> str:
    if groups == 1:
        return (
            f"Fewer than {minimum} persons: nothing is shown, and all counts of the selection are rounded to {minimum}."
        )
    return (
        f"{hidden} of {groups} groups are suppressed: groups of fewer than {minimum} persons, and with them the smallest "
        f"others where a total would tell their size. All counts of the selection are rounded to {minimum}."
    )


def _rounded(value: int | None, to: int) -> int | None:
    """Gives a count rounded to a multiple; one below the multiple is not told."""
    return None if value is None or value < to else round(value / to) * to
