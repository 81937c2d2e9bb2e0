"""Commands for accounts: making, listing, closing, new passwords, roles. They ask on a terminal only."""

from __future__ import annotations

import click

ROLE_HELP = "administrator, registrar, follow-up, epidemiologist or state; may be given several times"


@click.group()
def user() -> None:
    """Accounts: who may sign in, with which roles."""


def _store():
    from registry import config
    from registry.db import open_store

    return open_store(config.load())


def _password(given: str | None, generate: bool) -> tuple[str, bool]:
    """Gives the password and whether it was made here: from the option, standard input, or a terminal."""
    import secrets
    import sys

    if given is not None:
        return (sys.stdin.readline().rstrip("\n") if given == "-" else given), False
    if generate or not sys.stdin.isatty():
        return secrets.token_urlsafe(12), True
    return click.prompt("Password", hide_input=True, confirmation_prompt=True), False


def _facility(session, number: str | None) -> int | None:
    from sqlalchemy import select

    from registry.models import Facility

    if number is None:
        return None
    found = session.scalar(select(Facility.id).where(Facility.number == number))
    if found is None:
        raise click.ClickException(f"there is no facility with the number {number!r}")
    return found


def _account(session, name: str):
    from registry.security import accounts

    account = accounts.find(session, name)
    if account is None:
        raise click.ClickException(f"there is no account {name!r}; `oncoregistry user list` shows all")
    return account


def _who() -> str:
    import getpass

    return f"{getpass.getuser()} (command line)"


@user.command()
@click.argument("name")
@click.option("--role", "roles", multiple=True, required=True, help=ROLE_HELP)
@click.option("--full-name", default="", help="the person's name as pages show it")
@click.option("--facility", help="number (item 540) of the one facility the account is bound to")
@click.option("--password", help="the first password; `-` reads it from standard input")
@click.option("--generate", is_flag=True, help="make a password and print it")
@click.option("--keep-password", is_flag=True, help="do not ask for a new password at the first sign-in")
def add(name, roles, full_name, facility, password, generate, keep_password) -> None:
    """Make an account NAME; without a terminal and without --password one is made and printed."""
    from registry.security import accounts

    secret, made = _password(password, generate)
    try:
        with _store().writing() as session:
            account = accounts.create(
                session,
                name,
                secret,
                roles,
                who=_who(),
                full_name=full_name,
                facility_id=_facility(session, facility),
                must_change=not keep_password,
            )
            click.echo(f"account {account.username} made: {', '.join(sorted(roles))}")
    except accounts.AccountError as error:
        raise click.ClickException(str(error)) from error
    if made:
        click.echo(f"first password: {secret}")


@user.command("list")
@click.option("--json", "as_json", is_flag=True, help="one JSON document")
def list_(as_json: bool) -> None:
    """List the accounts with their roles."""
    import json

    from sqlalchemy import select

    from registry.security.accounts import Account

    with _store().reading() as session:
        rows = [
            {
                "name": account.username,
                "full_name": account.full_name,
                "roles": [grant.role for grant in account.grants],
                "facility": account.facility.number if account.facility else None,
                "active": account.active,
                "one_time_password": bool(account.tf_primary_method),
            }
            for account in session.scalars(select(Account).order_by(Account.username)).unique()
        ]
    if as_json:
        click.echo(json.dumps(rows, ensure_ascii=False))
        return
    for row in rows:
        state = "" if row["active"] else "  closed"
        bound = f"  facility {row['facility']}" if row["facility"] else ""
        click.echo(f"{row['name']:<24} {', '.join(row['roles']):<30} {row['full_name']}{bound}{state}")


@user.command()
@click.argument("name")
def disable(name: str) -> None:
    """Close the account NAME and end its sessions; logs go on naming it."""
    from registry.security import accounts

    with _store().writing() as session:
        accounts.set_active(session, _account(session, name), False, who=_who())
    click.echo(f"account {name} closed")


@user.command()
@click.argument("name")
def enable(name: str) -> None:
    """Open the account NAME again."""
    from registry.security import accounts

    with _store().writing() as session:
        accounts.set_active(session, _account(session, name), True, who=_who())
    click.echo(f"account {name} open")


@user.command("reset-password")
@click.argument("name")
@click.option("--password", help="the new password; `-` reads it from standard input")
@click.option("--one-time-password", is_flag=True, help="take the one-time password away as well (a lost telephone)")
def reset_password(name: str, password: str | None, one_time_password: bool) -> None:
    """Give NAME a new password, to be changed at the next sign-in; all its sessions end."""
    from registry.security import accounts

    secret, made = _password(password, False)
    try:
        with _store().writing() as session:
            account = _account(session, name)
            accounts.set_password(session, account, secret, who=_who(), must_change=True)
            if one_time_password:
                accounts.reset_second_factor(session, account, who=_who())
    except accounts.AccountError as error:
        raise click.ClickException(str(error)) from error
    click.echo(f"account {name} has a new password")
    if made:
        click.echo(f"password: {secret}")


@user.command()
@click.argument("name")
@click.argument("roles", nargs=-1, required=True)
def role(name: str, roles: tuple[str, ...]) -> None:
    """Set the roles of NAME to exactly ROLES; its sessions end, so that none outlives a right."""
    from registry.security import accounts

    try:
        with _store().writing() as session:
            accounts.grant(session, _account(session, name), roles, who=_who())
    except accounts.AccountError as error:
        raise click.ClickException(str(error)) from error
    click.echo(f"account {name}: {', '.join(sorted(set(roles)))}")
