"""One pair: two persons side by side, the weights, and the decision with the next pair after it."""

from __future__ import annotations

from typing import Any

from flask import flash, redirect, request, url_for
from sqlalchemy.orm import Session

from registry.errors import RegistryError
from registry.linkage import decisions, tumors
from registry.models import PatientRecord
from registry.models.linkage import LinkageDecision, LinkagePair
from registry.views import linkage as views
from registry.views import pairs
from web.linkage import blueprint
from web.linkage.base import filters, kept, may_decide, require_sight, say, why_of
from web.meanings import date_text
from web.pages import actor, log_read, masked, page, reading, render, writing

KEYS = (
    ("Link: one person", "l"),
    ("Never link: two persons", "n"),
    ("Ask a second reviewer", "s"),
    ("Undo", "u"),
    ("Next, previous pair", "j k → ←"),
    ("Back to the queue", "q"),
)
"""What the keys of the page do, for `?`."""

DONE = {"link": "One person", "never": "Two persons"}


@page(blueprint, "/<int:pair_id>", permission="cases.read")
def pair(pair_id: int):
    """The page of one pair."""
    return _show(pair_id)


def _show(pair_id: int, *, status: int = 200, notice: str = ""):
    chosen, who = filters(), actor()
    with reading() as db:
        view = pairs.load(db, who, pair_id)
        around = {
            "before": views.neighbor(db, who, chosen, view.pair, forward=False),
            "after": views.neighbor(db, who, chosen, view.pair),
            "place": views.place(db, who, chosen, view.pair) + 1,
            "total": views.counts(db, who, chosen).get(chosen.state, 0) if chosen.state else None,
        }
        done = _just_done(db, pair_id)
        hard = decisions.is_hard(db, view.pair)
    for side in (view.left, view.right):
        log_read("linkage pair", patient_id=side.patient_id, pair=pair_id)
    return render(
        "linkage/pair.html",
        status=status,
        notice=notice,
        view=view,
        around=around,
        chosen=chosen,
        keep=kept(chosen),
        done=done,
        decides=may_decide(who),
        hard=hard,
        asked_by_me=view.pair.state == views.SECOND and view.pair.asked_by == who.username,
        open_left=who.identifies(view.left.patient_id),
        open_right=who.identifies(view.right.patient_id),
        shown=shown,
        page_keys=KEYS,
        scale=Scale.of(view),
    )


def shown(line: pairs.FieldLine, value: str, identified: bool) -> str:
    """A field's value as this reader may see it: masked, a birth date keeps its year and a name its first letter."""
    if not value:
        return ""
    if not identified:
        if line.name == "dob":
            return value[:4]
        if line.name in pairs.CODED or line.name == "Last contact":
            return date_text(value) if line.name == "Last contact" else value
        return masked(value) if line.name in ("last", "first", "middle", "maiden") else "···"
    return date_text(value) if line.name in pairs.DATES else value


class Scale:
    """Where log2 weights lie on the drawing: 1,000 units wide, from the least to the greatest sum with the thresholds."""

    WIDTH, MARGIN = 1000.0, 20.0

    def __init__(self, low: float, high: float):
        self.low, self.high = low, max(high, low + 1.0)

    @classmethod
    def of(cls, view: pairs.PairView) -> Scale:
        """The scale on which everything of a pair has its place."""
        sums = [0.0, *view.thresholds, *(step.after for step in view.steps)]
        return cls(min(sums), max(sums))

    def at(self, weight: float) -> float:
        """The place of a sum of weights."""
        share = (weight - self.low) / (self.high - self.low)
        return round(self.MARGIN + share * (self.WIDTH - 2 * self.MARGIN), 1)

    def span(self, step: pairs.Step) -> tuple[float, float]:
        """Left end and width of a step's bar; a step that weighs nothing keeps a visible line."""
        ends = sorted((self.at(step.before), self.at(step.after)))
        return ends[0], max(round(ends[1] - ends[0], 1), 2.0)


def _just_done(db: Session, pair_id: int) -> dict[str, Any] | None:
    """What the reviewer decided last, for the line that takes it back; only their own, and only while it stands."""
    number = request.args.get("done", "")
    found = db.get(LinkageDecision, int(number)) if number.isdigit() and len(number) < 19 else None
    if (
        found is None
        or found.who != actor().username
        or found.undone_at is not None
        or found.pair_id in (None, pair_id)
    ):
        return None
    before = db.get(LinkagePair, found.pair_id)
    if before is None:
        return None
    who = views.accounts(db, [before.left_id, before.right_id])
    return {
        "id": found.id,
        "pair": found.pair_id,
        "words": DONE[found.kind],
        "left": who.get(before.left_id),
        "right": who.get(before.right_id),
    }


class Late(Exception):
    """Another reviewer was faster with this pair; the message says who and with what."""


@page(blueprint, "/<int:pair_id>/decide", permission="cases.edit", methods=("POST",))
def decide(pair_id: int):
    """Links two reports, keeps them apart for good, asks a second reviewer or takes the question back; the next pair opens."""
    require_sight()
    form, who, chosen = request.form, actor(), filters()
    do, why = form.get("do", ""), why_of(form)
    try:
        with writing() as db:
            found = views.find(db, who, pair_id)
            if found.state not in views.OPEN or str(found.version_id) != form.get("version", ""):
                raise Late(_faster(found))
            after = views.neighbor(db, who, chosen, found, skip_asked=who.username)
            made = None
            if do == "link":
                made = decisions.link(db, found, who=who.username, why=why)
                # the tumors of one person are compared at once: what the rules cannot decide waits beside the pairs
                tumors.compare(db, db.get_one(PatientRecord, made.left_id).patient_id)
            elif do == "never":
                made = decisions.never(db, found, who=who.username, why=why)
            elif do == "retract":
                decisions.retract(db, found.id, who=who.username)
            elif do == "second":
                decisions.ask_second(db, found.id, who=who.username, why=why)
            else:
                raise RegistryError("usage", "choose to link, never to link, or to ask a second reviewer")
            number = made.id if made is not None else ""
    except Late as late:
        return _show(pair_id, status=409, notice=f"{late} Nothing of yours was written; look again.")
    except RegistryError as fault:
        if fault.code == "not-found":
            raise
        say(fault)
        return redirect(url_for("linkage.pair", pair_id=pair_id, **kept(chosen)), 303)
    if do == "retract":
        flash("The question is taken back: the pair waits as before.", "success")
        return redirect(url_for("linkage.pair", pair_id=pair_id, **kept(chosen)), 303)
    if do == "second":
        flash("Asked. Another reviewer decides this pair.", "success")
    if after is None:
        if number:
            flash(f"{DONE[do]}. That was the last pair of this list; the decision can be taken back below.", "success")
            return redirect(url_for("linkage.decisions"), 303)
        return redirect(url_for("linkage.index", **kept(chosen)), 303)
    return redirect(url_for("linkage.pair", pair_id=after, **kept(chosen), **({"done": number} if number else {})), 303)


def _faster(found: LinkagePair) -> str:
    """Who was faster with a pair and what they decided, in words."""
    if found.state == views.SECOND:
        return f"{found.asked_by} asked for a second reviewer while you looked at this pair."
    what = {views.LINKED: "one person", views.DIFFERENT: "two persons"}.get(found.state)
    if what is None or not found.decided_by:
        return "This pair changed while you looked at it."
    at = f" at {found.decided_at.astimezone():%H:%M}" if found.decided_at else ""
    return f"{found.decided_by} decided that they are {what}{at}, while you looked at this pair."


@page(blueprint, "/decisions/<int:decision_id>/undo", permission="cases.edit", methods=("POST",))
def undo(decision_id: int):
    """Takes a decision back: what it joined comes apart again, and the pair waits as before."""
    require_sight()
    form, who = request.form, actor()
    why = why_of(form) or ("taken back at once" if form.get("quick") == "1" else "")
    if not why:
        raise RegistryError("usage", "a decision is taken back for a reason", hint="write it in a few words")
    with writing() as db:
        found = db.get(LinkageDecision, decision_id)
        if found is None:
            raise RegistryError("not-found", f"there is no decision {decision_id}")
        _see_both(db, found)
        pair_id = found.pair_id
        decisions.undo(db, decision_id, who=who.username, why=why)
    flash("Taken back. What was before is restored.", "success")
    if form.get("back") == "person" and form.get("patient", "").isdigit():
        return redirect(url_for("linkage.person", patient_id=int(form["patient"])), 303)
    if form.get("back") == "log" or pair_id is None:
        return redirect(url_for("linkage.decisions"), 303)
    return redirect(url_for("linkage.pair", pair_id=pair_id, **kept(filters())), 303)


def _see_both(db: Session, found: LinkageDecision) -> None:
    """Refuses a decision about a report that the account does not see."""
    from registry.views.decisions import sees

    if not sees(db, actor(), found.left_id, found.right_id):
        raise RegistryError("not-found", f"there is no decision {found.id}, or none that you may see")
