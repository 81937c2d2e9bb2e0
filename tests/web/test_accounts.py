"""Accounts by page and by command: made, bound, given roles, closed; passwords are shown once and kept nowhere."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from click.testing import CliRunner

from registry.commands.accounts import user
from registry.security import accounts


def number_of(app: Any, name: str) -> int:
    with app.extensions["store"].reading() as session:
        return accounts.find(session, name).id


def test_a_new_account_gets_a_password_shown_once_and_must_change_it(client, enter):
    admin = client("administrator")
    page = admin.send("/accounts/", {"username": "New.Person", "full_name": "New Person", "roles": "registrar"})
    password = re.search(r'this once: <strong class="code">([^<]+)<', page.text).group(1)
    fresh = client()
    assert enter(fresh, "new.person", password).status_code == 302
    assert fresh.get("/").headers["Location"] == "/account/password"
    assert password not in admin.get("/audit/changes.csv").text


@pytest.mark.parametrize(
    ("form", "fault"),
    [
        ({"username": "registrar", "roles": "registrar"}, "there is an account"),
        ({"username": "a b", "roles": "registrar"}, "cannot be a sign-in name"),
        ({"username": "x", "roles": "boss"}, "unknown role boss"),
        ({"username": "x"}, "an account needs a role"),
    ],
)
def test_what_cannot_be_made_says_why(client, form, fault):
    assert fault in client("administrator").send("/accounts/", form, follow_redirects=True).text


def test_binding_an_account_cuts_what_it_sees_at_once(app, client, ids):
    inside, admin = client("registrar"), client("administrator")
    assert inside.get(f"/patients/{ids['other_patient']}").status_code == 200
    facility = {"roles": "registrar", "facility": "1"}
    admin.send(f"/accounts/{number_of(app, 'registrar')}/roles", facility)
    assert inside.get("/").status_code == 303, "the session ended"
    assert client("registrar").get(f"/patients/{ids['other_patient']}").status_code == 404


def test_an_administrator_cannot_lock_themselves_out(app, client):
    admin = client("administrator")
    at = f"/accounts/{number_of(app, 'administrator')}"
    admin.send(f"{at}/roles", {"roles": "registrar"})
    admin.send(f"{at}/active", {"active": "0"})
    assert admin.get("/accounts/").status_code == 200


def test_rights_are_on_record(app, client):
    client("administrator").send(f"/accounts/{number_of(app, 'state')}/roles", {"roles": ["state", "epidemiologist"]})
    rows = client("administrator").get("/audit/changes.json?chain=account").json["rows"]
    assert ("administrator", "roles") in [(row["who"], row["action"]) for row in rows]


@pytest.fixture
def run(app, monkeypatch):
    """Runs `oncoregistry user …` on the registry, without a terminal."""
    monkeypatch.setenv("ONCOREGISTRY_HOME", str(app.extensions["settings"].home))

    def command(*words: str, entered: str = "") -> Any:
        return CliRunner().invoke(user, list(words), input=entered)

    return command


def test_commands_never_ask_without_a_terminal(run):
    answer = run("add", "night.shift", "--role", "follow-up")
    assert answer.exit_code == 0
    assert "first password: " in answer.output


def test_commands_make_list_change_and_close(run, client, enter):
    assert (
        run("add", "a.person", "--role", "registrar", "--password", "-", entered="marble-otter-harbour\n").exit_code
        == 0
    )
    assert run("role", "a.person", "registrar", "follow-up").exit_code == 0
    rows = {row["name"]: row for row in json.loads(run("list", "--json").output)}
    assert rows["a.person"]["roles"] == ["follow-up", "registrar"]
    assert rows["general"]["facility"] == "0000010001"
    assert enter(client(), "a.person", "marble-otter-harbour").status_code == 302
    assert run("disable", "a.person").exit_code == 0
    assert enter(client(), "a.person", "marble-otter-harbour").status_code == 200


@pytest.mark.parametrize(
    ("words", "fault"),
    [
        (("add", "x", "--role", "boss"), "unknown role boss"),
        (("add", "x", "--role", "registrar", "--password", "short"), "at least 12"),
        (("add", "x", "--role", "registrar", "--facility", "77"), "no facility"),
        (("disable", "nobody"), "there is no account"),
        (("reset-password", "registrar", "--password", "short"), "at least 12"),
    ],
)
def test_commands_refuse_in_words(run, words, fault):
    answer = run(*words)
    assert answer.exit_code == 1
    assert fault in answer.output
