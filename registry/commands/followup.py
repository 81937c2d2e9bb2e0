"""Commands of follow-up: who is due, the rates, letters and death files."""

from __future__ import annotations

import json
from datetime import date, datetime
from typing import Any

import click

DAY = click.DateTime(formats=["%Y-%m-%d", "%Y%m%d"])


@click.group()
def followup() -> None:
    """Annual follow-up of every living patient: due list, rates, letters, death files."""


def _common(command: Any) -> Any:
    for option in (
        click.option("--facility", default="", help="only patients of this facility (number, item 540)"),
        click.option("--as-of", type=DAY, help="the day on which to look, as 2025-06-30 (today)"),
        click.option("--rule-set", default="coc", show_default=True, help="rule set by name; a wrong one lists them"),
        click.option("--json", "as_json", is_flag=True, help="one JSON document instead of a table"),
    ):
        command = option(command)
    return command


def _day(as_of: datetime | None) -> date:
    return as_of.date() if as_of else date.today()


@followup.command()
@_common
@click.option("--list", "view", default="open", show_default=True, help="due, lost, overdue, open, month, not-followed")
@click.option("--month", default="", help="with --list month: the month, as 2025-06 (this month)")
def due(facility: str, as_of: datetime | None, rule_set: str, as_json: bool, view: str, month: str) -> None:
    """List the patients to follow, one line each, longest unheard first."""
    from registry import config
    from registry.db import open_store
    from registry.followup import lists, rules

    day, chosen = _day(as_of), rules.rule_set(rule_set)
    wanted = lists.read_month(month) if month else None
    with open_store(config.load()).reading() as session:
        clinic = lists.facility(session, facility) if facility else None
        found = lists.followed(session, chosen, as_of=day, facility_id=clinic.id if clinic else None)
    rows = lists.select_view(found, "month" if month else view, as_of=day, month=wanted)
    if as_json:
        counts = {name: len(lists.select_view(found, name, as_of=day)) for name in ("due", "lost", "overdue", "open")}
        document = {
            "as_of": day.isoformat(),
            "rule_set": chosen.id,
            "facility": facility,
            "list": "month" if month else view,
            "counts": counts,
            "rows": [_line(person) for person in rows],
        }
        click.echo(json.dumps(document, ensure_ascii=False))
        return
    click.echo(f"{'patient':>9}  {'status':<12} {'last contact':<12} {'due':<12} name")
    for person in rows:
        contact, due_day = person.last_contact or "unknown", person.due_day or ""
        name = f"{person.name_last}, {person.name_first}"
        click.echo(f"{person.patient_id:>9}  {person.status:<12} {contact:<12} {due_day!s:<12} {name}")
    click.echo(f"{len(rows):,} patients")


def _line(person: Any) -> dict[str, Any]:
    return {
        "patient_id": person.patient_id,
        "name_last": person.name_last,
        "name_first": person.name_first,
        "facility": person.facility,
        "status": person.status,
        "reason": person.reason,
        "date_of_last_contact": person.last_contact,
        "due": person.due_day.isoformat() if person.due_day else None,
        "cases": [case.abstract_id for case in person.followed],
    }


@followup.command()
@_common
@click.option("--unit", type=click.Choice(["case", "patient"]), help="count only cases, or only patients (both)")
@click.option("--forecast", is_flag=True, help="add what each rate will be by month if nobody is heard of")
def rates(
    facility: str, as_of: datetime | None, rule_set: str, as_json: bool, unit: str | None, forecast: bool
) -> None:
    """Compute the follow-up rates: A eligible, B dead, C living, D current, E lost; (B + D) / A against the target."""
    from registry import config
    from registry.db import open_store
    from registry.followup import lists, rules
    from registry.followup import rates as formulas

    day, chosen = _day(as_of), rules.rule_set(rule_set)
    with open_store(config.load()).reading() as session:
        clinic = lists.facility(session, facility) if facility else None
        number = clinic.id if clinic else None
        found = lists.followed(session, chosen, as_of=day, facility_id=number)
        reference = lists.reference_date(session, number)
    rows = []
    for counted in (unit,) if unit else (formulas.CASE, formulas.PATIENT):
        ahead = lists.forecast(found, chosen, as_of=day, reference=reference, unit=counted) if forecast else {}
        for rate in formulas.rates(found, chosen, as_of=day, reference=reference, unit=counted):
            rows.append(_rate(rate, ahead.get(rate.test.id)))
    if as_json:
        document = {
            "as_of": day.isoformat(),
            "rule_set": chosen.id,
            "facility": facility,
            "reference_date": reference.isoformat() if reference else None,
            "tests": rows,
        }
        click.echo(json.dumps(document, ensure_ascii=False))
        return
    click.echo(f"{chosen.title} on {day}")
    click.echo(f"{'test':<30} {'by':<8}" + "".join(f"{letter:>8}" for letter in "ABCDE") + "    rate  target  needed")
    for row in rows:
        share = f"{row['rate']:.1%}" if row["rate"] is not None else "–"
        letters = "".join(f"{row[letter]:>8,}" for letter in "ABCDE")
        click.echo(f"{row['title']:<30} {row['unit']:<8}{letters} {share:>7} {row['target']:>7.0%} {row['needed']:>7,}")
        for month in row.get("forecast", []):
            then = f"{month['rate']:.1%}" if month["rate"] is not None else "–"
            click.echo(f"{'':<30} {month['on']}: {then:>7}, {month['needed']:,} needed")


def _rate(rate: Any, ahead: Any) -> dict[str, Any]:
    row = {
        "test": rate.test.id,
        "title": rate.test.title,
        "unit": rate.unit,
        **{letter: getattr(rate, letter.lower()) for letter in "ABCDE"},
        "rate": rate.rate,
        "target": rate.test.target,
        "met": rate.met,
        "needed": rate.needed,
    }
    if ahead is not None:
        row["forecast"] = [{"on": f.on.isoformat(), "rate": f.rate, "needed": f.needed} for f in ahead]
    return row
