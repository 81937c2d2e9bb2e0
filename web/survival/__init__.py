"""The survival page: a cohort, a method, groups; the curve, its table, the flow, the words for a paper; all in one address."""

from __future__ import annotations

from typing import Any

from flask import Response, request

from registry.analysis import survival_tables as kept
from registry.analysis.survival_answer import Answer
from registry.analysis.survival_charts import curve_spec, drawn
from registry.analysis.survival_desk import Failure
from registry.analysis.survival_request import Request, read_address
from registry.errors import RegistryError
from registry.security.permissions import Refused
from web.navigation import Entry
from web.pages import actor, is_fragment, page, reading, render, store
from web.survival import cases, files, reports, saved, tables  # noqa: F401 (they join the blueprint)
from web.survival.base import address, answered, blueprint, title_of
from web.survival.choices import choices
from web.survival.saved import remembered

navigation = [
    Entry(
        "Survival",
        "survival.index",
        group="Analysis",
        icon="graph-down",
        permission="analysis",
        keys="g v",
        words="kaplan meier net relative survival pohar perme curve prognosis",
    )
]


@page(blueprint, "/", permission="analysis")
def index() -> Response:
    """The page; htmx gets the results alone."""
    failure: Failure | None = None
    wanted, faults = read_address(request.args.to_dict(flat=False))
    found = None
    # what was typed stays in the form: a fault is shown where the result would be
    if faults:
        failure = Failure("selection", "; ".join(faults), "Correct these choices and ask again.")
    else:
        try:
            found = answered(wanted)
        except (RegistryError, Refused) as error:
            failure = Failure(error.code, error.message, error.hint)
    if isinstance(found, Failure):
        failure, found = found, None
    answer = found if isinstance(found, Answer) else None
    may_list = actor().may("cases.read")

    def at_risk(group: int, year: float) -> str:
        return address("cases", wanted, group=group, what="risk", until=f"{year:g}")

    response = render(
        "survival/index.html",
        block="results",
        wanted=wanted,
        answer=answer,
        waiting=None if answer or failure else found,
        failure=failure,
        title=title_of(wanted),
        spec=curve_spec(answer, risk_link=at_risk if may_list else None) if answer and answer.shown else None,
        drawn=drawn(answer) if answer else (),
        here=address("index", wanted),
        address=lambda endpoint, **more: address(endpoint, wanted, **more),
        may_publish=actor().may("analysis.publish"),
        may_list=may_list,
        may_export=actor().may("export"),
        **({} if is_fragment() else _form(wanted)),
    )
    if is_fragment() and failure is None:
        response.headers["HX-Push-Url" if not request.headers.get("X-Background") else "HX-Replace-Url"] = address(
            "index", wanted
        )
    return response


def _form(wanted: Request) -> dict[str, Any]:
    with reading() as session:
        offered = choices(session, actor(), wanted)
        lists = remembered(session, actor())
    return {"offered": offered, "saved": lists, "life_tables": kept.tables(store())}
