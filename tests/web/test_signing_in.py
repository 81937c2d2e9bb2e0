"""Signing in: passwords, lock-out, one-time passwords, the life of a session, and what never leaks."""

from __future__ import annotations

import re
import time
from typing import Any

import pytest
from passlib.totp import TOTP
from sqlalchemy import select

from registry.db import Store
from registry.security import accounts
from registry.security.accounts import Account, SignIn

PASSWORD = "quiet-lantern-42"


def errors(text: str) -> list[str]:
    return re.findall(r"notice-error[^>]*>.*?<div>(.*?)</div>", text, re.DOTALL)


def store_of(app: Any) -> Store:
    return app.extensions["store"]


def test_everything_needs_an_account(client):
    answer = client().get("/cases/")
    assert (answer.status_code, answer.headers["Location"]) == (303, "/sign-in?next=/cases/")


def test_a_program_is_told_so_in_json(client):
    answer = client().get("/cases/all.json")
    assert answer.status_code == 401
    assert answer.json["error"]["message"] == "This page needs an account."


def test_htmx_is_sent_to_the_form_as_a_whole(client):
    answer = client().get("/cases/", headers={"HX-Request": "true"})
    assert (answer.status_code, answer.headers["HX-Redirect"]) == (401, "/sign-in")


def test_signing_in_leads_back_to_the_page_asked_for(client):
    page = client().get("/sign-in?next=/account/")
    assert 'action="/sign-in?next=/account/"' in page.text


@pytest.mark.parametrize("name", ["registrar", "nobody-of-this-name"])
def test_wrong_answers_tell_nothing_about_names(client, enter, name):
    answer = enter(client(), name, "wrong-wrong-wrong")
    assert errors(answer.text) == ["Name or password is not right."]


def test_an_address_of_another_host_is_not_followed(client, enter):
    fresh = client()
    page = fresh.get("/sign-in")
    token = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', page.text).group(1)
    data = {"csrf_token": token, "username": "registrar", "password": PASSWORD}
    answer = fresh.post("/sign-in?next=//evil.example/x", data=data)
    assert "evil" not in answer.headers.get("Location", "")


@pytest.mark.parametrize("name", ["registrar", "nobody-of-this-name"])
def test_five_wrong_answers_lock_a_name_whether_it_exists_or_not(client, enter, name):
    fresh = client()
    for _ in range(accounts.LOCK_AFTER):
        enter(fresh, name, "wrong-wrong-wrong")
    answer = enter(fresh, name, PASSWORD)
    assert errors(answer.text) == ["Too many wrong answers. Signing in is paused for fifteen minutes."]


def test_a_right_answer_forgives_the_wrong_ones_before(client, enter):
    for _ in range(2):
        fresh = client()
        for _ in range(accounts.LOCK_AFTER - 1):
            enter(fresh, "registrar", "wrong-wrong-wrong")
        assert enter(fresh, "registrar").status_code == 302


def test_a_closed_account_cannot_sign_in_and_its_session_ends(app, client, enter):
    inside = client("registrar")
    with store_of(app).writing() as session:
        accounts.set_active(session, accounts.find(session, "registrar"), False, who="test")
    assert inside.get("/").status_code == 303
    assert enter(client(), "registrar").status_code == 200


def test_losing_a_role_ends_the_session(app, client):
    inside = client("registrar")
    with store_of(app).writing() as session:
        accounts.grant(session, accounts.find(session, "registrar"), ["follow-up"], who="test")
    assert inside.get("/").status_code == 303


def test_an_idle_session_ends_and_says_why(make_app, client):
    inside = client("registrar")
    with inside.session_transaction() as session:
        session["seen"] = int(time.time()) - 16 * 60
    answer = inside.get("/")
    assert answer.status_code == 303
    assert "signed out after 15 minutes" in inside.get("/sign-in").text


def test_an_old_session_ends_however_busy(client):
    inside = client("registrar")
    with inside.session_transaction() as session:
        session["since"] = int(time.time()) - 13 * 3600
    assert inside.get("/").status_code == 303


def test_background_polls_do_not_keep_a_session_alive(client):
    inside = client("registrar")
    past = int(time.time()) - 600
    with inside.session_transaction() as session:
        session["seen"] = past
    inside.get("/", headers={"X-Background": "1"})
    with inside.session_transaction() as session:
        assert session["seen"] == past
    inside.get("/")
    with inside.session_transaction() as session:
        assert session["seen"] > past


def test_signing_out_ends_the_session_on_the_server_too(app, client):
    inside = client("registrar")
    copied = inside.get_cookie("oncoregistry").value
    assert inside.send("/sign-out").status_code in (302, 303)
    thief = client()
    thief.set_cookie("oncoregistry", copied)
    assert thief.get("/").status_code == 303


def test_the_session_changes_when_somebody_signs_in(client, enter):
    fresh = client()
    with fresh.session_transaction() as session:
        session["planted"] = "by somebody else"
    enter(fresh, "registrar")
    with fresh.session_transaction() as session:
        assert "planted" not in session


def test_cookies_are_closed_to_scripts_and_other_sites(client, enter):
    header = enter(client(), "registrar").headers.getlist("Set-Cookie")[-1]
    assert "HttpOnly" in header
    assert "SameSite=Lax" in header


def test_behind_a_proxy_cookies_are_secure_and_bound_to_the_host(make_app):
    fresh = make_app(behind_proxy=True).test_client()
    answer = fresh.get("/sign-in", headers={"X-Forwarded-Proto": "https", "X-Forwarded-Host": "registry.example"})
    header = answer.headers["Set-Cookie"]
    assert header.startswith("__Host-oncoregistry=")
    assert "; Secure" in header
    assert answer.headers["Strict-Transport-Security"].startswith("max-age=31536000")


def test_posting_without_the_token_changes_nothing(app, client):
    inside = client("registrar")
    answer = inside.post(
        "/account/password", data={"old": PASSWORD, "new": "other-lantern-43", "again": "other-lantern-43"}
    )
    assert answer.status_code == 400
    assert "nothing was changed" in answer.text
    with store_of(app).reading() as session:
        assert accounts.find(session, "registrar").verify_and_update_password(PASSWORD)


def test_a_new_password_ends_the_other_sessions_and_keeps_this_one(client, enter):
    here, there = client("registrar"), client("registrar")
    form = {"old": PASSWORD, "new": "marble-otter-harbour", "again": "marble-otter-harbour"}
    assert here.send("/account/password", form).status_code == 303
    assert here.get("/").status_code == 200
    assert there.get("/").status_code == 303
    assert enter(client(), "registrar", "marble-otter-harbour").status_code == 302


@pytest.mark.parametrize(
    ("form", "fault"),
    [
        (
            {"old": "no", "new": "marble-otter-harbour", "again": "marble-otter-harbour"},
            "present password is not right",
        ),
        ({"old": PASSWORD, "new": "marble-otter-harbour", "again": "marble-otter"}, "differ"),
        ({"old": PASSWORD, "new": "short", "again": "short"}, "at least 12"),
        ({"old": PASSWORD, "new": "aaaaaaaaaaaaaaaa", "again": "aaaaaaaaaaaaaaaa"}, "repeats"),
        ({"old": PASSWORD, "new": "registrar-registrar", "again": "registrar-registrar"}, "sign-in name"),
        ({"old": PASSWORD, "new": "password12345", "again": "password12345"}, "tried first"),
    ],
)
def test_weak_new_passwords_are_refused_with_the_reason(client, form, fault):
    answer = client("registrar").send("/account/password", form)
    assert answer.status_code == 422
    assert fault in answer.text


def test_a_first_password_must_be_changed_before_anything_else(app, client, enter):
    with store_of(app).writing() as session:
        accounts.set_password(
            session, accounts.find(session, "registrar"), "first-lantern-77", who="test", must_change=True
        )
    fresh = client()
    enter(fresh, "registrar", "first-lantern-77")
    assert fresh.get("/cases/").headers["Location"] == "/account/password"
    fresh.send("/account/password", {"old": "first-lantern-77", "new": PASSWORD, "again": PASSWORD})
    assert fresh.get("/cases/").status_code == 200


def test_one_time_passwords_are_set_up_then_asked_for_and_taken_once(make_app, enter):
    app = make_app(require_totp=True)
    fresh = app.test_client()
    assert enter(fresh, "registrar").headers["Location"] == "/one-time-password"
    assert fresh.get("/cases/").status_code == 303, "a password alone opens nothing"
    page = fresh.get("/one-time-password")
    token = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', page.text).group(1)
    page = fresh.post("/one-time-password", data={"csrf_token": token, "setup": "authenticator"})
    key = re.search(r'code break">([^<]+)<', page.text).group(1).replace("-", "").strip()
    code = TOTP(key=key).generate().token
    answer = fresh.post("/one-time-password/code", data={"csrf_token": token, "code": code})
    assert answer.status_code == 302
    assert fresh.get("/cases/").status_code == 200

    again = app.test_client()
    assert enter(again, "registrar").headers["Location"].startswith("/one-time-password/code")
    page = again.get("/one-time-password/code")
    token = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', page.text).group(1)
    answer = again.post("/one-time-password/code", data={"csrf_token": token, "code": code})
    assert answer.status_code == 200, "a code that was used opens nothing"
    assert again.get("/cases/").status_code == 303
    with store_of(app).reading() as session:
        kept = session.scalars(select(Account).where(Account.username == "registrar")).unique().one()
        assert key not in kept.tf_totp_secret, "the key is kept encrypted"


def test_wrong_codes_lock_like_wrong_passwords(make_app, enter):
    app = make_app(require_totp=True)
    with store_of(app).writing() as session:
        account = accounts.find(session, "registrar")
        account.tf_primary_method = "authenticator"
        with app.test_request_context():
            account.tf_totp_secret = app.extensions["security"].totp_factory.generate_totp_secret()
    fresh = app.test_client()
    enter(fresh, "registrar")
    page = fresh.get("/one-time-password/code")
    token = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', page.text).group(1)
    for _ in range(accounts.LOCK_AFTER + 1):
        answer = fresh.post("/one-time-password/code", data={"csrf_token": token, "code": "000000"})
    assert "paused for fifteen minutes" in answer.text


def test_every_attempt_is_on_record(app, client, enter):
    enter(client(), "registrar", "wrong-wrong-wrong")
    client("registrar")
    with store_of(app).reading() as session:
        outcomes = [entry.outcome for entry in session.scalars(select(SignIn).order_by(SignIn.id))]
    assert outcomes == ["forgiven", "in"]


def test_passwords_are_kept_as_argon2id(app):
    with store_of(app).reading() as session:
        assert accounts.find(session, "registrar").password.startswith("$argon2id$")
