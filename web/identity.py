"""Who is asking: Flask-Security on the store's accounts, lock-out, one-time passwords, and the life of a session.

A session ends when it is idle, when it is old, when its person signs out, or when an administrator ends it: the sign-in's
row in the store decides, so that a copied cookie is worth nothing afterwards.
"""

from __future__ import annotations

import logging
import time
from datetime import timedelta
from typing import Any

from flask import Flask, Response, current_app, flash, g, redirect, request, session, url_for
from flask_login import current_user, user_logged_in, user_logged_out
from flask_security import LoginForm, Security, TwoFactorVerifyCodeForm, UserDatastore, logout_user
from flask_security.totp import Totp
from sqlalchemy import select
from wtforms import PasswordField, StringField
from wtforms.validators import InputRequired

from registry import audit
from registry.config import Settings, secret
from registry.db import Store
from registry.security import accounts
from registry.security.accounts import Account, GrantedRole, SignIn
from registry.security.permissions import Actor

log = logging.getLogger("oncoregistry.web")

REVEAL_SECONDS = 30 * 60
"""How long an identity opened for a purpose stays open."""

OPEN_ENDPOINTS = {"account.password", "account.change_password", "security.logout", "assets.serve", "static"}
"""What an account may reach while its password must be changed first."""

_WRITABLE = ("password", "tf_primary_method", "tf_totp_secret", "mf_recovery_codes", "fs_uniquifier", "active")


class AccountDatastore(UserDatastore):
    """Flask-Security's view of the accounts: reads in one short session, writes the changed fields in another."""

    def __init__(self, store: Store):
        super().__init__(Account, GrantedRole)
        self.store = store

    def find_user(self, case_insensitive: bool = False, **wanted: Any) -> Account | None:
        with self.store.reading() as db:
            return db.scalars(select(Account).filter_by(**wanted)).unique().one_or_none()

    def find_role(self, role: str) -> GrantedRole | None:
        return GrantedRole(role)

    def put(self, model: Account) -> Account:
        g.setdefault("changed_accounts", []).append(model)
        return model

    def commit(self) -> None:
        changed = {account.id: account for account in g.pop("changed_accounts", [])}
        if not changed:
            return
        with self.store.writing() as db:
            for account in changed.values():
                row = db.get(Account, account.id)
                fields = [name for name in _WRITABLE if row and getattr(row, name) != getattr(account, name)]
                for name in fields:
                    setattr(row, name, getattr(account, name))
                if fields:
                    # which fields changed is told, their secret contents never
                    audit.append(
                        db, accounts.CHAIN, account.id, "secret", {"fields": [[], fields]}, who=account.username
                    )


class OnceOnly(Totp):
    """One-time passwords that are taken once: a code read over a shoulder is worth nothing."""

    def get_last_counter(self, user: Account) -> int | None:
        return (user.preferences or {}).get("last_code")

    def set_last_counter(self, user: Account, tmatch: Any) -> None:
        with current_app.extensions["store"].writing() as db:
            row = db.get(Account, user.id)
            row.preferences = {**row.preferences, "last_code": tmatch.counter}


class SignInForm(LoginForm):
    """Name and password; wrong answers are counted, and too many lock the name before the password is even looked at."""

    email = None  # type: ignore[assignment]
    remember = None  # type: ignore[assignment]
    username = StringField("Sign-in name", validators=[InputRequired("Enter your sign-in name.")])  # type: ignore[misc]
    password = PasswordField("Password", validators=[InputRequired("Enter your password.")])

    def validate(self, **rest: Any) -> bool:
        store: Store = current_app.extensions["store"]
        name, address = self.username.data or "", request.remote_addr or ""
        with store.reading() as db:
            locked = accounts.locked(db, name, address)
            self.user = accounts.find(db, name)
        self.ifield = self.username
        if locked:
            g.locked = True
            with store.writing() as db:
                accounts.record_sign_in(db, name, address, accounts.LOCKED)
            self.form_errors.append("Too many wrong answers. Signing in is paused for fifteen minutes.")
            return False
        fine = super().validate(**rest)
        if not fine and name and self.password.data:
            with store.writing() as db:
                accounts.record_sign_in(db, name, address, accounts.WRONG)
            # one answer for every reason: which names exist is told to nobody
            self.username.errors, self.password.errors = [], []
            self.form_errors.append("Name or password is not right.")
        return fine


class CodeForm(TwoFactorVerifyCodeForm):
    """The one-time password; wrong codes count like wrong passwords."""

    def validate(self, **rest: Any) -> bool:
        store: Store = current_app.extensions["store"]
        name, address = (self.user.username if self.user else ""), request.remote_addr or ""
        with store.reading() as db:
            if accounts.locked(db, name, address):
                self.code.errors = ["Too many wrong codes. Signing in is paused for fifteen minutes."]
                return False
        fine = super().validate(**rest)
        if not fine and name:
            with store.writing() as db:
                accounts.record_sign_in(db, name, address, accounts.WRONG)
        return fine


def security_settings(settings: Settings) -> dict[str, Any]:
    """Gives Flask-Security's settings: what is used of it, and where."""
    return {
        "SECURITY_PASSWORD_SALT": secret(settings, "salt"),
        "SECURITY_PASSWORD_HASH": "argon2",
        "SECURITY_PASSWORD_SCHEMES": ["argon2"],
        "SECURITY_PASSWORD_SINGLE_HASH": ["argon2"],
        "SECURITY_USER_IDENTITY_ATTRIBUTES": [{"username": {"mapper": accounts.normalize_username}}],
        "SECURITY_API_ENABLED_METHODS": ["session"],
        "SECURITY_LOGIN_URL": "/sign-in",
        "SECURITY_LOGOUT_URL": "/sign-out",
        "SECURITY_LOGOUT_METHODS": ["POST"],
        "SECURITY_TWO_FACTOR_SETUP_URL": "/one-time-password",
        "SECURITY_TWO_FACTOR_TOKEN_VALIDATION_URL": "/one-time-password/code",
        "SECURITY_TWO_FACTOR_RESCUE_URL": "/one-time-password/help",
        "SECURITY_MULTI_FACTOR_RECOVERY_CODES_URL": "/one-time-password/recovery-codes",
        "SECURITY_MULTI_FACTOR_RECOVERY_URL": "/one-time-password/recovery",
        "SECURITY_POST_LOGIN_VIEW": "/",
        "SECURITY_POST_LOGOUT_VIEW": "/sign-in",
        "SECURITY_TWO_FACTOR_POST_SETUP_VIEW": "/account/",
        "SECURITY_TWO_FACTOR": True,
        "SECURITY_TWO_FACTOR_REQUIRED": settings.require_totp,
        "SECURITY_TWO_FACTOR_ENABLED_METHODS": ["authenticator"],
        "SECURITY_TWO_FACTOR_AUTHENTICATOR_VALIDITY": 30,
        "SECURITY_TWO_FACTOR_RESCUE_EMAIL": False,
        "SECURITY_TOTP_SECRETS": {"1": secret(settings, "totp")},
        "SECURITY_TOTP_ISSUER": settings.registry_name,
        "SECURITY_MULTI_FACTOR_RECOVERY_CODES": True,
        "SECURITY_SEND_REGISTER_EMAIL": False,
        "SECURITY_LOGIN_USER_TEMPLATE": "account/sign_in.html",
        "SECURITY_VERIFY_TEMPLATE": "account/verify.html",
        "SECURITY_TWO_FACTOR_SETUP_TEMPLATE": "account/second_factor.html",
        "SECURITY_TWO_FACTOR_VERIFY_CODE_TEMPLATE": "account/code.html",
        "SECURITY_TWO_FACTOR_SELECT_TEMPLATE": "account/code.html",
        "SECURITY_MULTI_FACTOR_RECOVERY_TEMPLATE": "account/recovery.html",
        "SECURITY_MULTI_FACTOR_RECOVERY_CODES_TEMPLATE": "account/recovery_codes.html",
        "SECURITY_FLASH_MESSAGES": True,
        "SECURITY_FRESHNESS": timedelta(minutes=30),
        "SECURITY_DEFAULT_REMEMBER_ME": False,
    }


def actor() -> Actor | None:
    """The signed-in account as the services know it; None where nobody is signed in."""
    if not current_user or not current_user.is_authenticated:
        return None
    if "actor" not in g:
        found: Actor = current_user.actor
        now = time.time()
        revealed = frozenset(int(key) for key, until in session.get("revealed", {}).items() if until > now)
        g.actor = Actor(
            username=found.username,
            full_name=found.full_name,
            roles=found.roles,
            facility_id=found.facility_id,
            facility_name=found.facility_name,
            revealed=revealed,
        )
    return g.actor


def reveal(patient_id: int) -> None:
    """Opens one person's identity to this session for a while."""
    now = time.time()
    kept = {key: until for key, until in session.get("revealed", {}).items() if until > now}
    session["revealed"] = {**kept, str(patient_id): now + REVEAL_SECONDS}
    g.pop("actor", None)


def _signed_in(app: Flask, user: Account, **rest: Any) -> None:
    kept = {key: value for key, value in session.items() if key in {"_user_id", "_fresh", "_id", "fs_cc", "fs_paa"}}
    session.clear()
    session.update(kept)
    with app.extensions["store"].writing() as db:
        session["sign_in"] = accounts.record_sign_in(db, user.username, request.remote_addr or "", accounts.IN).id
    session["since"] = session["seen"] = int(time.time())


def _signed_out(app: Flask, user: Account, **rest: Any) -> None:
    if number := session.pop("sign_in", None):
        with app.extensions["store"].writing() as db:
            accounts.end_session(db, number)
    session.pop("revealed", None)


def _check_session() -> Response | None:
    """Ends a session that is idle, old or ended; keeps background polls from prolonging one; asks for what is due."""
    endpoint = request.endpoint or ""
    view = current_app.view_functions.get(endpoint)
    if endpoint == "assets.serve" or getattr(view, "public", False):
        return None
    if current_user.is_authenticated:
        settings: Settings = current_app.extensions["settings"]
        now = int(time.time())
        reason = ""
        if now - session.get("seen", 0) > settings.session_idle_minutes * 60:
            reason = f"You were signed out after {settings.session_idle_minutes} minutes without a request."
        elif now - session.get("since", 0) > settings.session_absolute_hours * 3600:
            reason = f"You were signed out: a session lasts at most {settings.session_absolute_hours} hours."
        elif not _still_open():
            reason = "This session was ended."
        if reason:
            logout_user()
            flash(reason, "warning")
        elif request.headers.get("X-Background") != "1":
            session["seen"] = now
    if endpoint.startswith("security.") or not endpoint:
        return None
    if not current_user.is_authenticated:
        return current_app.extensions["not_signed_in"]()
    if current_user.must_change_password and endpoint not in OPEN_ENDPOINTS:
        return redirect(url_for("account.password"), 303)  # type: ignore[return-value]
    return None


def _still_open() -> bool:
    with current_app.extensions["store"].reading() as db:
        outcome = db.scalar(select(SignIn.outcome).where(SignIn.id == session.get("sign_in", 0)))
    return outcome == accounts.IN


def install(app: Flask) -> None:
    """Joins Flask-Security and the session's life to the application."""
    settings: Settings = app.extensions["settings"]
    app.config.update({key: value for key, value in security_settings(settings).items() if key not in app.config})
    datastore = AccountDatastore(app.extensions["store"])
    app.extensions["oncoregistry_security"] = Security(
        app, datastore, login_form=SignInForm, two_factor_verify_code_form=CodeForm, totp_cls=OnceOnly
    )
    user_logged_in.connect(_signed_in, app, weak=False)
    user_logged_out.connect(_signed_out, app, weak=False)
    app.before_request(_check_session)
    app.jinja_env.globals["actor"] = actor
    app.jinja_env.globals["settings"] = settings
