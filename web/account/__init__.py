"""One's own account: password, one-time password, appearance, the sessions and what the roles permit."""

from __future__ import annotations

from flask import Blueprint, flash, redirect, request, session, url_for
from flask_login import current_user

from registry.security import accounts
from registry.security.accounts import Account, SignIn
from registry.security.permissions import PERMISSIONS, ROLES
from web.appearance import keep
from web.pages import actor, page, reading, render, writing

blueprint = Blueprint("account", __name__, url_prefix="/account")


@page(blueprint, "/", permission="home")
def index():
    """The account's page."""
    who = actor()
    with reading() as db:
        sign_ins = accounts.recent_sign_ins(db, who.username)
    return render(
        "account/index.html",
        who=who,
        roles=[ROLES[name] for name in who.roles if name in ROLES],
        permissions={name: meaning for name, meaning in PERMISSIONS.items() if who.may(name)},
        sign_ins=sign_ins,
        here=session.get("sign_in"),
        second_factor=bool(current_user.tf_primary_method),
    )


@page(blueprint, "/appearance", permission="home", methods=("POST",))
def appearance():
    """Keeps the theme and density that was chosen."""
    response = redirect(url_for("account.index", _anchor="appearance"), 303)
    return keep(response, request.form.get("theme", ""), request.form.get("density", ""))


@page(blueprint, "/password", permission="home")
def password():
    """The form for a new password."""
    return render("account/password.html", must=current_user.must_change_password, fault="")


@page(blueprint, "/password", permission="home", methods=("POST",))
def change_password():
    """Changes the password after checking the old one; all other sessions of the account end."""
    old, new, again = (request.form.get(name, "") for name in ("old", "new", "again"))
    fault = ""
    with writing() as db:
        account = db.get(Account, current_user.id)
        if accounts.locked(db, account.username, request.remote_addr or ""):
            fault = "Too many wrong answers. Try again in fifteen minutes."
        elif not account.verify_and_update_password(accounts.normalize_password(old)):
            fault = "The present password is not right."
            accounts.record_sign_in(db, account.username, request.remote_addr or "", accounts.WRONG)
        elif new != again:
            fault = "The two new passwords differ."
        elif new == old:
            fault = "The new password is the old one."
        elif faults := accounts.password_faults(new, account.username):
            fault = "This password cannot be used: " + "; ".join(faults) + "."
        else:
            accounts.set_password(db, account, new, who=account.username, must_change=False)
            # this session stays signed in: it carries the new mark of the account
            session["_user_id"] = account.fs_uniquifier
    if fault:
        return render("account/password.html", status=422, must=current_user.must_change_password, fault=fault)
    flash("Your password was changed; your other sessions have ended.", "success")
    return redirect(url_for("account.index"), 303)


@page(blueprint, "/sessions/<int:number>/end", permission="home", methods=("POST",))
def end_session(number: int):
    """Ends one of one's own sessions."""
    with writing() as db:
        found = db.get(SignIn, number)
        if found is not None and found.username == actor().username:
            accounts.end_session(db, number)
    flash("That session has ended.", "success")
    return redirect(url_for("account.index", _anchor="sessions"), 303)
