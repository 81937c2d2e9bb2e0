"""The rules as data: what each decided, a change tried on all data, brought into force with its replay, and taken back."""

from __future__ import annotations

from flask import Response, redirect, request, url_for

from registry import jobs
from registry.consolidation import upkeep
from registry.consolidation.rules import in_force
from registry.consolidation.values import CHAINS, item_name
from registry.errors import RegistryError
from registry.views import consolidation as views
from web.consolidation import blueprint
from web.consolidation.queue import place_of
from web.pages import actor, page, reading, render, settings, store
from web.patients import shown

QUESTIONS = {
    "known": "known before unknown",
    "specific": "the most specific",
    "complete": "the most complete",
    "majority": "what most accounts say",
    "highest": "the highest code",
    "lowest": "the code that ranks first",
    "latest": "the latest",
    "earliest": "the earliest",
    "prefer": "a preferred value",
    "source": "the better source",
    "fullest": "the account that tells more",
    "key": "the order of sources",
    "chosen": "chosen by a person",
    "open": "left open",
}


def question_words(question: str) -> str:
    """A question of a rule in words."""
    kind, _, rest = question.partition(":")
    number, _, values = rest.partition("=")
    words = QUESTIONS.get(kind, question)
    if number.isdigit():
        words += f" {item_name(int(number))} ({number})"
    return words + (f" = {values.replace('/', ' or ')}" if values else "")


@page(blueprint, "/rules", permission="cases.read")
def rules():
    """Every rule with what it decided, and the registry's own text."""
    own = upkeep.own_text(settings())
    number = request.args.get("revision", "")
    with reading() as db:
        past = upkeep.past(db)
    text, wanted = own, request.args.get("change", "")
    if number.isdigit():
        text = next((one.text for one in past if str(one.number) == number), own)
    if wanted and _may_change():
        text = upkeep.override(own, wanted)
    return _rules(text)


def _may_change() -> bool:
    return actor().may("settings") and actor().facility_id is None


def _rules(text: str, *, status: int = 200, fault: str = "") -> Response:
    views.whole(actor())
    rule_set = in_force(settings())
    with reading() as db:
        past = upkeep.past(db)
        counted = upkeep.latest_count(db)
        tally = (counted.result or {}).get("decided", {}) if counted else {}
    rows = {
        chain: [rule for rule in rule_set.rules if rule.chain == chain] + [rule_set.defaults[chain]] for chain in CHAINS
    }
    return render(
        "consolidation/rules.html",
        status=status,
        fault=fault,
        rule_set=rule_set,
        rows=rows,
        total=len(rule_set.rules),
        tally=tally,
        counted=counted,
        text=text,
        own=upkeep.own_text(settings()),
        past=past,
        changes=_may_change(),
        words=question_words,
        questions=QUESTIONS,
        name=item_name,
    )


@page(blueprint, "/rules", permission="settings", methods=("POST",))
def try_rules():
    """Tries a text on all data, counts what the rules in force do, or replays them."""
    views.whole(actor())
    do, who = request.form.get("do", "try"), actor().username
    if do == "count":
        number = upkeep.count(store(), who=who)
    elif do == "replay":
        number = upkeep.replay_now(store(), who=who)
    else:
        text = request.form.get("text", "")
        try:
            number = upkeep.try_text(store(), text, who=who)
        except RegistryError as error:
            return _rules(text, status=422, fault=error.message)
    return redirect(url_for("consolidation.trial", number=number), 303)


@page(blueprint, "/rules/runs/<int:number>", permission="settings")
def trial(number: int):
    """How far a trial or replay is, and what it would change or changed."""
    views.whole(actor())
    found = jobs.state(store(), number)
    if found.kind != upkeep.JOB:
        raise RegistryError("not-found", f"there is no replay {number}")
    if found.state in (jobs.WAITING, jobs.RUNNING):
        jobs.revive(store(), number)
        found = jobs.state(store(), number)
    result = found.result or {}
    changes = result.get("changes", [])
    with reading() as db:
        persons = views.person_of(db, [(line["chain"], line["row"]) for line in changes])
    return render(
        "consolidation/trial.html",
        block="progress",
        job=found,
        result=result,
        changes=changes,
        persons=persons,
        total=sum(row["changed"] for chain in CHAINS for row in result.get(f"{chain}s", {}).get("items", ())),
        trial="text" in found.parameters,
        over=found.parameters.get("instead", "") != upkeep.own_text(settings()),
        dry=bool(found.parameters.get("dry_run")),
        worker=jobs.worker_is_running(store()),
        identifies=actor().identifies,
        shown=shown,
        place_of=place_of,
        name=item_name,
    )


@page(blueprint, "/rules/runs/<int:number>/force", permission="settings", methods=("POST",))
def force(number: int):
    """Brings tried rules into force; their replay begins."""
    views.whole(actor())
    made = upkeep.bring_into_force(store(), number, who=actor().username, why=request.form.get("why", ""))
    return redirect(url_for("consolidation.trial", number=made), 303)
