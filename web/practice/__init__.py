"""Practice: exercises from the synthetic truth in the editor's fields, scored item by item; a team's agreement."""

from __future__ import annotations

from flask import Blueprint, Response, flash, jsonify, redirect, request, url_for

from registry.abstracting.coding import Coding
from registry.errors import RegistryError
from registry.items import known
from registry.models.practice import FINISHED
from registry.practice import attempts, form
from registry.practice.exercises import MAX_COUNT, MAX_SEED
from registry.practice.scoring import NEAR, RIGHT, WRONG, name_of, score
from registry.practice.tables import ANY, plan
from registry.records import check_values
from web.meanings import date_text
from web.navigation import Entry
from web.pages import actor, page, paging, reading, render, render_list, writing
from web.tables import Column, Table

blueprint = Blueprint("practice", __name__, url_prefix="/practice")
navigation = [
    Entry(
        "Practice",
        "practice.index",
        group="Work",
        icon="mortarboard",
        permission="practice",
        keys="g x",
        words="training exercises learn test score trainee",
    ),
    Entry(
        "Agreement",
        "practice.team",
        group="Registry",
        icon="people",
        permission="practice.team",
        words="reliability kappa team practice registrars",
    ),
]

CONTEXT = (390, 400, 410, 522, 523, 3926, 3927, 225, 772)


@page(blueprint, "/", permission="practice")
def index():
    """Where a round begins, goes on and is looked back on. Set, difficulty and seed may stand in the address, for a team."""
    with reading() as session:
        rounds = attempts.rounds(session, actor())
        seed = attempts.next_seed(session, actor())
    asked = {name: request.args.get(name, "") for name in ("set", "difficulty", "seed", "count")}
    return render(
        "practice/index.html",
        rounds=rounds,
        sets=[(name, one["title"]) for name, one in plan()["sets"].items()],
        difficulties=[(ANY, "Any"), *((name, name.capitalize()) for name in plan()["difficulty"])],
        asked=asked,
        seed=asked["seed"] if asked["seed"].isdigit() else seed,
        max_count=MAX_COUNT,
        max_seed=MAX_SEED,
    )


@page(blueprint, "/start", permission="practice", methods=("POST",))
def start():
    """Begins a round and opens its first exercise."""
    told = request.form
    count, seed = told.get("count", "5"), told.get("seed", "1")
    if not (count.isdigit() and seed.isdigit()):
        raise RegistryError("usage", "the number of exercises and the seed are whole numbers")
    with writing() as session:
        begun = attempts.begin(
            session,
            actor(),
            name=told.get("set", "mixed"),
            difficulty=told.get("difficulty", ANY),
            seed=int(seed[:9]),
            count=int(count[:4]),
            shows_edits=told.get("edits", "1") == "1",
        )
        first, found = begun.attempts[0].id, len(begun.attempts)
    if found < int(count[:4]):
        flash(f"This seed has {found} such exercises.", "info")
    return redirect(url_for("practice.code", attempt_id=first), 303)


@page(blueprint, "/rounds/<int:round_id>/drop", permission="practice", methods=("POST",))
def drop(round_id: int):
    """Takes a round away of which nothing is finished."""
    with writing() as session:
        attempts.drop(session, actor(), round_id)
    flash("The round is gone.", "success")
    return redirect(url_for("practice.index"), 303)


@page(blueprint, "/<int:attempt_id>", permission="practice")
def code(attempt_id: int):
    """The chart beside the fields; a finished exercise leads to its result."""
    with reading() as session:
        attempt = attempts.find(session, actor(), attempt_id)
        if attempt.state == FINISHED:
            return redirect(url_for("practice.result", attempt_id=attempt_id), 303)
        exercise, answers = attempts.exercise_of(attempt), attempts.answers_of(attempt)
        version, begun, place = attempt.version_id, attempt.round, attempt.position
        total, shows_edits = len(begun.attempts), begun.shows_edits
    return _form(attempt_id, exercise, answers, version, shows_edits, place, total)


@page(blueprint, "/<int:attempt_id>", permission="practice", methods=("POST",))
def save(attempt_id: int):
    """Keeps what was typed; with `finish` the exercise is scored."""
    with writing() as session:
        attempt = attempts.find(session, actor(), attempt_id)
        attempts.keep(session, attempt, _typed())
    if request.form.get("finish"):
        return finish(attempt_id)
    flash("Kept.", "success")
    return redirect(url_for("practice.code", attempt_id=attempt_id), 303)


@page(blueprint, "/<int:attempt_id>/live", permission="practice", methods=("POST",))
def live(attempt_id: int) -> Response:
    """What follows from the answers as typed, and with `save` the keeping of them; the editor's script asks."""
    answers_now, saving = _typed(), request.form.get("save") == "1"
    try:
        check_values({number: value for number, value in answers_now.items() if known(number)})
    except RegistryError as fault:
        response = jsonify(fault=f"{fault.message}. {fault.hint}.")
        response.status_code = 422
        return response
    with writing() as session:
        attempt = attempts.find(session, actor(), attempt_id)
        exercise, shows_edits = attempts.exercise_of(attempt), attempt.round.shows_edits
        stored = attempts.answers_of(attempt)
        answers = attempts.keep(session, attempt, answers_now) if saving else {**stored, **answers_now}
        version = attempt.version_id
    found = form.following(exercise, answers, shows_edits=shows_edits)
    coding = Coding.of(form.typed(exercise, answers))
    shape = form.shape(exercise, answers)
    changed = shape != request.form.get("shown", "")
    return jsonify(
        version=version,
        status="open",
        saved=sorted(answers_now) if saving else [],
        items={},
        meanings={n: _meaning(coding, n, answers.get(n, "")) for n in answers_now if known(n)},
        faults=_faults(found),
        side=render("practice/living.html", following=found, shows_edits=shows_edits).get_data(as_text=True),
        fields=_fields(exercise, answers, stored, found) if changed else None,
        shown=shape,
    )


@page(blueprint, "/<int:attempt_id>/items.json", permission="practice")
def items(attempt_id: int) -> Response:
    """The items of the form by number and name, for the jump."""
    with reading() as session:
        exercise = attempts.exercise_of(attempts.find(session, actor(), attempt_id))
    return jsonify(rows=[[number, name_of(number)] for number in (*exercise.given, *exercise.form)])


@page(blueprint, "/<int:attempt_id>/finish", permission="practice", methods=("POST",))
def finish(attempt_id: int):
    """Scores the exercise."""
    with writing() as session:
        attempts.finish(session, attempts.find(session, actor(), attempt_id))
    return redirect(url_for("practice.result", attempt_id=attempt_id), 303)


@page(blueprint, "/<int:attempt_id>/result", permission="practice")
def result(attempt_id: int):
    """The score item by item, with the sentence behind each code."""
    return _result(attempt_id, team=False)


@page(blueprint, "/team/<int:attempt_id>", permission="practice.team")
def member(attempt_id: int):
    """The score of a registrar of the team."""
    return _result(attempt_id, team=True)


def _result(attempt_id: int, *, team: bool):  # type: ignore[no-untyped-def]
    with reading() as session:
        attempt = attempts.find(session, actor(), attempt_id, team=team)
        if attempt.state != FINISHED:
            raise RegistryError("not-found", "this exercise is not finished", hint="finish it to see its score")
        exercise, begun = attempts.exercise_of(attempt), attempt.round
        found = score(exercise, attempts.answers_of(attempt))
        following = next((a.id for a in begun.attempts if a.state != FINISHED), None)
        who, place, total = begun.username, attempt.position, len(begun.attempts)
    worst: dict[tuple[int, int], str] = {}
    for item in found.items:
        for at in item.evidence:
            worst[at] = max(worst.get(at, RIGHT), item.verdict, key=(RIGHT, NEAR, WRONG).index)
    return render(
        "practice/result.html",
        exercise=exercise,
        score=found,
        worst=worst,
        following=following if who == actor().username else None,
        who=who,
        own=who == actor().username,
        place=place,
        total=total,
        date_text=date_text,
    )


@page(blueprint, "/team", permission="practice.team", twins=True)
def team():
    """How registrars agree with each other and with the truth, item by item."""
    picked = request.args.get("set", "")
    picked = picked if picked in plan()["sets"] else ""
    with reading() as session:
        found = attempts.team_agreement(session, actor(), name=picked)
        members = attempts.team(session, actor())
    columns = [
        Column("item", "Item", lambda row: str(row.item or ""), kind="code"),
        Column("name", "Name", lambda row: row.name),
        Column("section", "Section", lambda row: row.section, sort=True),
        Column("answers", "Codes given", lambda row: row.found.ratings, kind="number", sort=True),
        Column("with_truth", "% true", lambda row: _tenth(row.found.with_truth), kind="number", sort=True),
        Column("subjects", "Coded by several", lambda row: row.found.subjects, kind="number"),
        Column("percent", "% agreement", lambda row: _tenth(row.found.percent), kind="number", sort=True),
        Column("kappa", "Kappa", lambda row: _hundredth(row.found.kappa), kind="number", sort=True),
        Column("commonest", "Commonest error", lambda row: row.commonest),
    ]
    empty = "No exercise is finished yet. Give registrars the same set and seed; their codes are compared here."
    table = Table.of("agreement", "Agreement by item", columns, found, paging(), empty=empty)
    sets = [("", "All sets"), *((name, one["title"]) for name, one in plan()["sets"].items())]
    return render_list("practice/team.html", table, members=members, picked=picked, sets=sets)


def _tenth(value: float | None) -> float | None:
    return None if value is None else round(value, 1)


def _hundredth(value: float | None) -> float | None:
    return None if value is None else round(value, 2)


def _typed() -> dict[int, str]:
    found = {}
    for name, value in request.form.items():
        number = name.removeprefix("item-")
        if name.startswith("item-") and number.isdigit() and len(number) < 6:
            found[int(number)] = value.strip()
    return found


def _meaning(coding: Coding, number: int, value: str) -> tuple[str, bool]:
    label = coding.meaning(number, value)
    if value and not label and coding.is_known(number, value) is False:
        return "not a code of this item", True
    return label, False


def _faults(found: form.Following) -> dict[int, list[str]]:
    held: dict[int, list[str]] = {}
    for finding in found.findings:
        for number in finding.ends:
            held.setdefault(number, []).append(finding.message)
    return held


def _fields(exercise, answers, stored, found) -> str:  # type: ignore[no-untyped-def]
    return render(
        "editor/fields.html",
        sections=form.form(exercise, answers),
        was={**exercise.given, **stored},
        faults=_faults(found),
        editable=True,
        date_text=date_text,
    ).get_data(as_text=True)


def _form(attempt_id, exercise, answers, version, shows_edits, place, total):  # type: ignore[no-untyped-def]
    found = form.following(exercise, answers, shows_edits=shows_edits)
    return render(
        "practice/code.html",
        attempt_id=attempt_id,
        exercise=exercise,
        sections=form.form(exercise, answers),
        was={**exercise.given, **answers},
        faults=_faults(found),
        following=found,
        shows_edits=shows_edits,
        editable=True,
        version=version,
        shape=form.shape(exercise, answers),
        context=",".join(map(str, CONTEXT)),
        place=place,
        total=total,
        date_text=date_text,
    )
