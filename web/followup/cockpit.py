"""The rates cockpit: both tests by case and by patient, every number with its list, the months to come, the easiest first."""

from __future__ import annotations

from typing import Any

from flask import request
from werkzeug.exceptions import NotFound

from registry.followup import lists as services
from registry.followup.rates import CASE, PATIENT
from registry.followup.standing import Standing
from registry.followup.status import Person
from web.followup import blueprint
from web.followup.base import choice, now_standing
from web.followup.lists import due_table
from web.pages import page, reading, render, render_list

LETTERS = {
    "A": "eligible",
    "B": "dead",
    "C": "living",
    "D": "living and current",
    "E": "lost",
}
UNITS = {CASE: "by case", PATIENT: "by patient"}


@page(blueprint, "/rates", permission="followup")
def rates():
    """The cockpit."""
    with reading() as db:
        chosen = choice(db)
        found = now_standing(db, chosen)
    return render(
        "followup/rates.html",
        chosen=chosen,
        standing=found,
        letters=LETTERS,
        units=UNITS,
        spec=forecast_spec(found),
    )


@page(blueprint, "/rates.json", permission="followup")
def rates_json():
    """The same for programs."""
    from flask import jsonify

    with reading() as db:
        chosen = choice(db)
        found = now_standing(db, chosen)
    tests = [
        {
            "test": rate.test.id,
            "title": rate.test.title,
            "unit": unit,
            **{letter: getattr(rate, letter.lower()) for letter in LETTERS},
            "rate": rate.rate,
            "target": rate.test.target,
            "needed": rate.needed,
            "contacts": found.plans[(rate.test.id, unit)].contacts,
        }
        for unit in UNITS
        for rate in found.rates[unit]
    ]
    return jsonify(as_of=chosen.as_of.isoformat(), rule_set=chosen.rules.id, facility=chosen.where, tests=tests)


@page(blueprint, "/rates/<test>/<unit>/<letter>", permission="followup", twins=True)
def behind(test: str, unit: str, letter: str):
    """The cases or patients behind one number of the cockpit."""
    with reading() as db:
        chosen = choice(db)
        found = now_standing(db, chosen)
    rate = found.rate(test, unit)
    if rate is None or letter not in (*LETTERS, "plan"):
        raise NotFound
    if letter == "plan":
        plan = found.plans[(test, unit)]
        rows = [reach.person for reach in (plan.first if request.args.get("all") is None else plan.order)]
        title, numbers = "The easiest to reach first", set(rate.lost)
    else:
        rows = services.behind(rate, letter, found.people)
        title, numbers = f"{letter}: {LETTERS[letter]}", set(rate.behind(letter))

    def counted(row: Person) -> int:
        return len(numbers.intersection(rate.numbers(row)))

    return render_list(
        "followup/behind.html",
        due_table(found, rows, f"follow-up-{test}-{unit}-{letter}", title, counted=counted),
        chosen=chosen,
        rate=rate,
        unit=UNITS[unit],
        title=title,
        cases=sum(map(counted, rows)),
    )


def forecast_spec(found: Standing) -> dict[str, Any]:
    """The chart of the months to come: each test's rate if nobody is heard of, and its target."""
    titles = {test.id: test.title for test in found.rules.tests}
    values = [
        {"on": f.on.isoformat(), "rate": f.rate, "test": titles[test], "needed": f.needed}
        for test, months in found.forecast.items()
        for f in months
        if f.rate is not None
    ]
    targets = [{"target": test.target, "test": test.title} for test in found.rules.tests]
    colour = {
        "field": "test",
        "type": "nominal",
        "title": None,
        "legend": {"orient": "top", "columns": 1, "labelLimit": 400},
    }
    return {
        "width": "container",
        "height": 220,
        "layer": [
            {
                "data": {"values": targets},
                "mark": {"type": "rule", "strokeDash": [5, 4]},
                "encoding": {"y": {"field": "target", "type": "quantitative"}, "color": colour},
            },
            {
                "data": {"values": values},
                "mark": {"type": "line", "point": True},
                "encoding": {
                    "x": {"field": "on", "type": "temporal", "title": "End of month", "axis": {"format": "%Y-%m"}},
                    "y": {
                        "field": "rate",
                        "type": "quantitative",
                        "title": "Followed",
                        "axis": {"format": "%"},
                        "scale": {"zero": False},
                    },
                    "color": colour,
                    "tooltip": [
                        {"field": "test", "title": "Test"},
                        {"field": "on", "type": "temporal", "title": "Month", "format": "%Y-%m"},
                        {"field": "rate", "title": "Followed", "format": ".1%"},
                        {"field": "needed", "title": "Contacts needed"},
                    ],
                },
            },
        ],
    }
