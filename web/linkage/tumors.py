"""Tumors of linked persons: pairs of abstracts that the multiple-primary rules leave to a person."""

from __future__ import annotations

from flask import flash, redirect, request, url_for

from registry.errors import RegistryError
from registry.linkage import decisions as services
from registry.models.linkage import TumorDecision
from registry.views import decisions as log_views
from registry.views import tumor_pairs as views
from web.linkage import blueprint
from web.linkage.base import may_decide, require_sight, say, why_of
from web.pages import actor, log_read, page, reading, render, writing

KEYS = (
    ("One tumor", "1"),
    ("Two tumors", "2"),
    ("Undo", "u"),
    ("Next, previous pair", "j k → ←"),
    ("Back to the list", "q"),
)
"""What the keys of the page do, for `?`."""

DONE = {"same": "One tumor", "different": "Two tumors"}


def _state() -> str:
    state = request.args.get("state", views.WAITING)
    return "" if state == "all" else state


def _kept(state: str) -> dict[str, str]:
    return {} if state == views.WAITING else {"state": state or "all"}


@page(blueprint, "/tumors", permission="cases.read")
def tumors():
    """The pairs of abstracts that wait for a person, and those that were decided."""
    who, state = actor(), _state()
    after = request.args.get("after", "")
    with reading() as db:
        lines, more = views.queue(
            db, who, state=state, after=int(after) if after.isdigit() and len(after) < 19 else None
        )
        counts = views.counts(db, who)
    return render(
        "linkage/tumors.html",
        lines=lines,
        more=more,
        counts=counts,
        state=state,
        keep=_kept(state),
        states=views.STATES,
        results=views.RESULTS,
        begun=bool(after),
    )


@page(blueprint, "/tumors/<int:pair_id>", permission="cases.read")
def tumor(pair_id: int):
    """Two abstracts side by side with the rule that decided."""
    return _show(pair_id)


def _show(pair_id: int, *, status: int = 200, notice: str = ""):
    who, state = actor(), _state()
    with reading() as db:
        view = views.load(db, who, pair_id, state=state)
        done = _just_done(db, pair_id)
    log_read("tumor pair", patient_id=view.person.patient_id, pair=pair_id)
    return render(
        "linkage/tumor.html",
        status=status,
        notice=notice,
        view=view,
        done=done,
        keep=_kept(state),
        states=views.STATES,
        decides=may_decide(who),
        words=log_views.abstract_words,
        page_keys=KEYS,
    )


def _just_done(db, pair_id: int) -> dict[str, object] | None:
    """What the reviewer decided last, for the line that takes it back."""
    number = request.args.get("done", "")
    found = db.get(TumorDecision, int(number)) if number.isdigit() and len(number) < 19 else None
    if (
        found is None
        or found.who != actor().username
        or found.undone_at is not None
        or found.pair_id in (None, pair_id)
    ):
        return None
    return {"id": found.id, "pair": found.pair_id, "words": DONE[found.kind]}


class Late(Exception):
    """Another reviewer was faster with this pair."""


@page(blueprint, "/tumors/<int:pair_id>/decide", permission="cases.edit", methods=("POST",))
def decide_tumor(pair_id: int):
    """Joins two abstracts to one tumor or keeps them two; the next pair opens."""
    require_sight()
    form, who, state = request.form, actor(), _state()
    do, why = form.get("do", ""), why_of(form)
    try:
        with writing() as db:
            found = views.find(db, who, pair_id)
            if found.state != views.WAITING or str(found.version_id) != form.get("version", ""):
                raise Late
            after = views.neighbor(db, who, found, state)
            if do == "same":
                made = services.same_tumor(db, found, who=who.username, why=why)
            elif do == "different":
                made = services.different_tumor(db, found, who=who.username, why=why)
            else:
                raise RegistryError("usage", "choose one tumor or two")
            number = made.id
    except Late:
        return _show(
            pair_id,
            status=409,
            notice="Somebody decided this pair while you looked at it. Nothing of yours was written; look again.",
        )
    except RegistryError as fault:
        if fault.code == "not-found":
            raise
        say(fault)
        return redirect(url_for("linkage.tumor", pair_id=pair_id, **_kept(state)), 303)
    if after is None:
        flash(f"{DONE[do]}. That was the last pair; the decision can be taken back below.", "success")
        return redirect(url_for("linkage.decisions", about="tumors"), 303)
    return redirect(url_for("linkage.tumor", pair_id=after, done=number, **_kept(state)), 303)


@page(blueprint, "/tumors/decisions/<int:decision_id>/undo", permission="cases.edit", methods=("POST",))
def undo_tumor(decision_id: int):
    """Takes a decision about two abstracts back."""
    require_sight()
    form, who = request.form, actor()
    why = why_of(form) or ("taken back at once" if form.get("quick") == "1" else "")
    if not why:
        raise RegistryError("usage", "a decision is taken back for a reason", hint="write it in a few words")
    with writing() as db:
        found = db.get(TumorDecision, decision_id)
        if found is None or not log_views.sees_abstracts(db, who, found.left_id, found.right_id):
            raise RegistryError("not-found", f"there is no decision {decision_id}, or none that you may see")
        pair_id = found.pair_id
        services.undo_tumor(db, decision_id, who=who.username, why=why)
    flash("Taken back. What was before is restored.", "success")
    if form.get("back") == "log" or pair_id is None:
        return redirect(url_for("linkage.decisions", about="tumors"), 303)
    return redirect(url_for("linkage.tumor", pair_id=pair_id, **_kept(_state())), 303)
