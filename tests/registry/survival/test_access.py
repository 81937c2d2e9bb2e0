"""Who may see which numbers, persons and cases of a survival analysis."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from registry.analysis import survival_cases
from registry.analysis.survival_answer import suppress
from registry.analysis.survival_cases import find_behind
from registry.analysis.survival_cohort import find_persons
from registry.analysis.survival_persons import persons_table, take
from registry.analysis.survival_request import (
    Request,
    from_pairs,
)
from registry.analysis.survival_scope import Scope, check, scope_of
from registry.errors import RegistryError
from registry.models import AccessLog, Disclosure, Facility
from registry.security.permissions import Actor, Refused
from survival.kaplan_meier import kaplan_meier

OPEN = Scope(names=True, small=True)
"""An account that may see everything."""

EPIDEMIOLOGIST = Actor(username="elena", roles=("epidemiologist",))


def test_a_selection_that_is_small_as_a_whole_shows_nothing(ask) -> None:
    seen = suppress(ask(("site", "thyroid"), ("year_from", "2024")), minimum=25, small_shown=False)
    assert seen.shown == [] and seen.n is None and seen.events is None and seen.curve == []
    assert seen.flow[-1].remaining is None


def test_who_sees_each_case_sees_small_groups_marked(ask) -> None:
    seen = suppress(ask(("site", "breast"), ("by", "stage")), minimum=25, small_shown=True)
    assert any(g.small for g in seen.groups) and not any(g.hidden for g in seen.groups)
    assert "not for publication" in seen.warnings[0]


def test_scopes_follow_the_roles(registry: SimpleNamespace) -> None:
    assert not scope_of(registry.store, EPIDEMIOLOGIST).small
    assert scope_of(registry.store, Actor(username="a", roles=("registrar",))).small
    with registry.store.reading() as session:
        facility = session.query(Facility).filter_by(number=registry.facility).one()
    bound = scope_of(registry.store, Actor(username="b", roles=("registrar",), facility_id=facility.id))
    assert bound.facility == registry.facility


@pytest.mark.parametrize("pairs", [[("where", "2230=SMITH")], [("by", "2320")], [("where", "dateOfBirth=19500101")]])
def test_who_may_not_know_persons_selects_by_nothing_that_tells(pairs: list[tuple[str, str]]) -> None:
    with pytest.raises(Refused):
        check(from_pairs(pairs), Scope())
    check(from_pairs(pairs), OPEN)


def test_a_facility_account_reads_no_other_facility(registry: SimpleNamespace) -> None:
    with pytest.raises(Refused):
        check(Request(facility="0000000001"), replace(OPEN, facility=registry.facility))


def test_the_cases_behind_every_count_are_as_many_as_it_says(registry: SimpleNamespace, ask) -> None:
    pairs = [
        ("site", "breast"),
        ("by", "stage"),
        ("year_from", "2003"),
        ("primaries", "matching"),
        ("window", "period"),
    ]
    request, found = from_pairs(pairs), ask(*pairs)
    for step in found.flow[1:]:
        behind = find_behind(registry.snapshot, request, OPEN, step=step.name)
        assert len(behind.tumors) == step.excluded, step.text
    for group in found.groups:
        rows = find_behind(registry.snapshot, request, OPEN, group=group.number)
        events = find_behind(registry.snapshot, request, OPEN, group=group.number, what="events")
        assert (len(rows.tumors), len(events.tumors)) == (group.n, group.events)


@pytest.mark.parametrize(
    ("method", "window"),
    [
        *((method, "complete") for method in ("actuarial", "competing", "kaplan-meier", "pohar-perme")),
        *((method, "period") for method in ("actuarial", "competing", "crude", "cause-specific", "hakulinen")),
    ],
)
def test_numbers_at_risk_and_events_of_the_table_open_as_many_cases(
    registry: SimpleNamespace, ask, monkeypatch: pytest.MonkeyPatch, method: str, window: str
) -> None:
    pairs = [("site", "colon-and-rectum"), ("by", "sex"), ("at", "0.5,2"), ("method", method), ("window", window)]
    request, found = from_pairs([*pairs, ("intervals", "0,1,6,24")] if method == "actuarial" else pairs), ask(*pairs)
    if method == "actuarial":
        found = ask(*request.pairs())
    persons = find_persons(registry.snapshot, request, OPEN)
    monkeypatch.setattr(survival_cases, "find_persons", lambda *given, **named: persons)

    def listed(what: str, **when: float) -> int:
        behind = find_behind(registry.snapshot, request, OPEN, group=group.number, what=what, **when)
        return len(behind.tumors)

    for group in found.groups:
        before = 0.0
        for row in found.rows_of(found.intervals or found.table, group.number):
            start, end = (row["start"], row["end"]) if found.intervals else (before, row["time"])
            assert listed("risk", until=start if found.intervals else end) == row["n_risk"]
            assert listed("events", after=start, until=end) == row["n_event"]
            if found.intervals:
                assert listed("withdrawn", after=start, until=end) == row["n_censor"]
            before = row["time"]
        place = found.groups.index(group)
        for year, count in zip(found.risk_times, found.at_risk[place], strict=True):
            assert listed("risk", until=year) == count or found.intervals


def test_the_cases_of_a_suppressed_group_are_refused(registry: SimpleNamespace, ask) -> None:
    pairs = [("site", "breast"), ("by", "stage")]
    small = next(g for g in ask(*pairs).groups if g.n < 25)
    with pytest.raises(Refused, match="suppressed"):
        find_behind(registry.snapshot, from_pairs(pairs), Scope(), group=small.number)


def test_rows_for_r_reproduce_the_estimate_and_are_on_record(registry: SimpleNamespace, ask) -> None:
    pairs = [("site", "prostate"), ("by", "stage")]
    persons = find_persons(registry.snapshot, from_pairs(pairs), OPEN)
    table = persons_table(persons)
    assert list(table.columns) == ["time", "entry", "event", "status", "age", "sex", "date", "group"]
    from survival.frames import build_followup

    direct = kaplan_meier(
        build_followup(table, time="time", event="event", by=["group"]), at=[5], at_unit="years"
    ).frame
    found = ask(*pairs)
    for group in found.groups:
        expected = direct.loc[direct["group"] == group.label, "estimate"].item()
        row = found.at(group.number, 5.0)
        assert (row is None and np.isnan(expected)) or row["estimate"] == pytest.approx(expected, rel=1e-12)
    with registry.store.writing() as session, pytest.raises(RegistryError, match="no purpose"):
        take(session, persons, who="elena", purpose=" ")
    with registry.store.writing() as session:
        body = take(session, persons, who="elena", purpose="check in R")
    with registry.store.reading() as session:
        kept_row = session.query(Disclosure).order_by(Disclosure.id.desc()).first()
        assert (kept_row.rows, kept_row.purpose) == (len(table), "check in R")
        assert session.query(AccessLog).filter_by(what="survival cohort").count() == 1
    assert body.decode().splitlines()[0] == ",".join(table.columns)
