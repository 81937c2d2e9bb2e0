"""One person or tumor: every account side by side, why each value won, choosing another, taking that back."""

from __future__ import annotations

from typing import Any

from flask import Response, abort, flash, redirect, request, url_for

from registry.consolidation import choices
from registry.consolidation.values import CHAINS, item_name
from registry.errors import RegistryError
from registry.models import ConsolidationChoice
from registry.security.permissions import Refused
from registry.views import consolidation as views
from web.consolidation import blueprint
from web.consolidation.queue import place_of, what
from web.pages import actor, log_read, page, reading, render, writing
from web.patients import shown

KEYS = (
    ("Next, previous item", "j k"),
    ("Take the value of an account by its number", "1 … 9"),
    ("Take back the choice", "u"),
    ("Search an item", "/"),
    ("Only disagreements, all", "d a"),
    ("Next, previous that waits", "n p"),
    ("Back to the list", "q"),
)
"""What the keys of the page do, for `?`."""

SHOWS = {"": "All items", "differs": "Only disagreements", "open": "Left open"}
LONGEST_WHY = 500


@page(blueprint, "/<chain>/<int:row_id>", permission="cases.read")
def show(chain: str, row_id: int):
    """The page of one person or tumor."""
    _known(chain)
    return _show(chain, row_id)


def _known(chain: str) -> None:
    if chain not in CHAINS:
        abort(404)


def _show(chain: str, row_id: int, *, status: int = 200, notice: str = "", why: str = "") -> Response:
    who = views.whole(actor())
    kept = request.args.get("show", "")
    kept = kept if kept in SHOWS else ""
    search = " ".join(request.args.get("q", "").split())[:60]
    with reading() as db:
        if (now := views.standing(db, chain, row_id)) != row_id:
            return redirect(place_of(chain, now), 303)  # type: ignore[return-value]
        view = views.load(db, chain, row_id)
        done = _just_done(db, view)
    log_read("accounts side by side", patient_id=view.patient_id, chain=chain, row=row_id)
    lines = [line for line in view.lines if _wanted(line, kept) and views.matches(line, search.lower().split())]
    return render(
        "consolidation/row.html",
        status=status,
        notice=notice,
        why=why,
        view=view,
        groups=_groups(lines),
        shows=SHOWS,
        kept=kept,
        search=search,
        done=done,
        chooses=views.may_choose(who),
        identified=who.identifies(view.patient_id),
        shown=shown,
        place_of=place_of,
        what=what,
        name=item_name,
        page_keys=KEYS,
    )


def _wanted(line: views.Line, kept: str) -> bool:
    return line.story.open if kept == "open" else line.differs or kept != "differs"


def _groups(lines: list[views.Line]) -> list[tuple[str, list[views.Line]]]:
    """The lines under their headings, those to decide first."""
    left = [line for line in lines if line.story.open]
    differ = [line for line in lines if line.differs and not line.story.open]
    same = [line for line in lines if not line.differs and not line.story.open]
    titles = ("The rules left open", "Accounts differ, a rule or a person decided", "No account says otherwise")
    return [(title, part) for title, part in zip(titles, (left, differ, same)) if part]


def _just_done(db: Any, view: views.RowPage) -> ConsolidationChoice | None:
    """What this account chose last, for the line that takes it back; only while it stands."""
    number = request.args.get("done", "")
    found = db.get(ConsolidationChoice, int(number)) if number.isdigit() and len(number) < 19 else None
    mine = found is not None and found.who == actor().username and found.undone_at is None and found.chain == view.chain
    return found if mine and found.account_id in {head.id for head in view.heads} else None


@page(blueprint, "/<chain>/<int:row_id>", permission="cases.edit", methods=("POST",))
def choose(chain: str, row_id: int):
    """Takes an item from another account with a reason, or takes such a choice back."""
    _known(chain)
    item, account = (_number(text) for text in (*request.form.get("pick", "").split(":", 1), "")[:2])
    undo = _number(request.form.get("undo", ""))
    if not undo and not (item and account):
        raise RegistryError("usage", "no value was chosen", hint="press the button in its cell")
    if not views.may_choose(views.whole(actor())):
        raise Refused("Who chooses between accounts sees of whom they tell; your role does not show names.")
    form = request.form
    why = " ".join(form.get("why", "").split())[:LONGEST_WHY]
    version = form.get("version", "")
    expected = int(version) if version.isdigit() and len(version) < 10 else 0
    kept = {name: request.args[name] for name in ("show", "q") if request.args.get(name)}
    try:
        with writing() as db:
            row = views.find(db, chain, row_id)
            if undo:
                taken_back = choices.undo(
                    db,
                    row,
                    undo,
                    who=actor().username,
                    why=why or "taken back at once",
                    expected_version=expected,
                )
                flash("Taken back: the rule decides again.", "success")
                return redirect(_at(chain, row_id, taken_back.item, **kept), 303)
            made = choices.choose(db, row, item, account, who=actor().username, why=why, expected_version=expected)
            number = made.id
        with reading() as db:
            following = _following(views.load(db, chain, row_id), item)
    except RegistryError as fault:
        if fault.code == "not-found" and "account" not in fault.message and "choice" not in fault.message:
            raise
        text = f"{fault.message[0].upper()}{fault.message[1:]}; nothing was written. {fault.hint.capitalize()}."
        return _show(chain, row_id, status=409 if fault.code == "conflict" else 422, notice=text, why=why)
    return redirect(_at(chain, row_id, following, done=number, **kept), 303)


def _number(text: str) -> int:
    return int(text) if text.isdigit() and len(text) < 19 else 0


def _following(view: views.RowPage, item: int) -> int:
    """The next item that waits; where none does, the one that was chosen."""
    return next((line.number for line in view.lines if line.story.open), item)


def _at(chain: str, row_id: int, item: int, **rest: Any) -> str:
    return url_for("consolidation.show", chain=chain, row_id=row_id, _anchor=f"item-{item}", **rest)
