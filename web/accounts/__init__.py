"""Accounts, for an administrator: who may sign in, with which roles, bound to which facility."""

from __future__ import annotations

import secrets
from typing import Any

from flask import Blueprint, flash, redirect, request, url_for

from registry.errors import RegistryError
from registry.security import accounts
from registry.security.permissions import ROLES
from registry.views import people
from web.navigation import Entry
from web.pages import actor, page, paging, reading, render, render_list, writing
from web.tables import Column, Table

blueprint = Blueprint("accounts", __name__, url_prefix="/accounts")
navigation = [
    Entry("Accounts", "accounts.index", "Registry", "people", "accounts", keys="g u", words="users roles password")
]


@page(blueprint, "/", permission="accounts", twins=True)
def index():
    """The accounts, and the form for a new one."""
    with reading() as session:
        rows, facilities = people.accounts_list(session), people.facilities(session)
    columns = [
        Column("username", "Sign-in name", lambda r: r.username, link=_link, sort=True),
        Column("full_name", "Name", lambda r: r.full_name, sort=True),
        Column("roles", "Roles", lambda r: ", ".join(ROLES[role].title for role in r.roles)),
        Column("facility", "Bound to", lambda r: r.facility, sort=True),
        Column("state", "State", lambda r: "open" if r.active else "closed", sort=True),
        Column("second", "One-time password", lambda r: "set up" if r.second_factor else "no"),
        Column("last", "Last signed in", lambda r: r.last_sign_in, kind="moment"),
    ]
    table = Table.of("accounts", "Accounts", columns, rows, paging("username"))
    return render_list("accounts/index.html", table, roles=ROLES.values(), facilities=facilities)


def _link(row: people.AccountLine) -> str:
    return url_for("accounts.show", number=row.id)


@page(blueprint, "/", permission="accounts", methods=("POST",))
def add():
    """Makes an account with a first password, which is shown once."""
    password = secrets.token_urlsafe(12)
    form = request.form
    try:
        with writing() as session:
            made = accounts.create(
                session,
                form.get("username", ""),
                password,
                form.getlist("roles"),
                who=actor().username,
                full_name=form.get("full_name", "").strip()[:120],
                facility_id=_facility(form.get("facility", "")),
            )
            number, name = made.id, made.username
    except accounts.AccountError as fault:
        flash(f"{fault}.", "error")
        return redirect(url_for("accounts.index"), 303)
    return _with_password(number, name, password, "The account was made.")


@page(blueprint, "/<int:number>", permission="accounts")
def show(number: int):
    """One account: its roles, its sessions, and what an administrator may do with it."""
    return _page(number)


@page(blueprint, "/<int:number>/roles", permission="accounts", methods=("POST",))
def roles(number: int):
    """Sets roles and facility; the account's sessions end, so that none outlives a right."""
    with writing() as session:
        account = people.account(session, number)
        wanted = request.form.getlist("roles")
        if account.username == actor().username and "administrator" not in wanted:
            flash("You cannot take the role Administrator from yourself.", "error")
            return redirect(url_for("accounts.show", number=number), 303)
        accounts.grant(session, account, wanted, who=actor().username)
        accounts.bind(session, account, _facility(request.form.get("facility", "")), who=actor().username)
    flash("The rights were changed; sessions of this account have ended.", "success")
    return redirect(url_for("accounts.show", number=number), 303)


@page(blueprint, "/<int:number>/password", permission="accounts", methods=("POST",))
def password(number: int):
    """Gives a new first password, shown once; with `second_factor` the one-time password is taken away as well."""
    new = secrets.token_urlsafe(12)
    with writing() as session:
        account = people.account(session, number)
        accounts.set_password(session, account, new, who=actor().username, must_change=True)
        if request.form.get("second_factor"):
            accounts.reset_second_factor(session, account, who=actor().username)
        name = account.username
    return _with_password(number, name, new, "The account has a new password.")


@page(blueprint, "/<int:number>/active", permission="accounts", methods=("POST",))
def active(number: int):
    """Closes an account or opens it again; accounts are never deleted, because logs name them."""
    wanted = request.form.get("active") == "1"
    with writing() as session:
        account = people.account(session, number)
        if account.username == actor().username:
            flash("You cannot close your own account.", "error")
        else:
            accounts.set_active(session, account, wanted, who=actor().username)
            flash("The account is open." if wanted else "The account is closed; its sessions have ended.", "success")
    return redirect(url_for("accounts.show", number=number), 303)


def _facility(text: str) -> int | None:
    if text and not text.isdigit():
        raise RegistryError("usage", "the facility is not one of the list")
    return int(text) if text else None


def _page(number: int, **more: Any):
    with reading() as session:
        row = people.account_line(session, number)
        sign_ins = accounts.recent_sign_ins(session, row.username)
        facilities = people.facilities(session)
    return render("accounts/show.html", row=row, sign_ins=sign_ins, facilities=facilities, roles=ROLES.values(), **more)


def _with_password(number: int, name: str, password: str, text: str):
    # shown in the answer itself and never kept: neither in the session's cookie nor in an address
    return _page(number, password=password, told=f"{text} Hand the password over; {name} must change it at once.")
