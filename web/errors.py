"""Error pages in words: what happened, why, and what to do; a fault of ours carries a reference number."""

from __future__ import annotations

import logging
import secrets
import traceback
from pathlib import Path
from typing import Any

from flask import Flask, Response, g, jsonify, render_template, request, url_for
from flask_wtf.csrf import CSRFError
from werkzeug.exceptions import HTTPException

from registry.security.permissions import Refused

log = logging.getLogger("oncoregistry.web")

STATUS = {"not-found": 404, "conflict": 409, "busy": 503, "refused": 403}
"""Error codes of the rooms with a status of their own; all others are 422: what was given does not fit."""

TEXTS: dict[int, tuple[str, str, str]] = {
    400: ("That request could not be read", "The form or address was not complete.", "Go back and send it again."),
    401: ("Please sign in", "This page needs an account.", "Sign in and you will come back here."),
    403: ("Not permitted", "Your account may not do this.", "An administrator of this registry grants roles."),
    404: ("Nothing here", "There is no such page or record, or it is not yours to see.", "Check the number or search."),
    405: ("That cannot be done this way", "The page exists but does not take this kind of request.", "Use its form."),
    409: ("Somebody else was faster", "The record changed since you opened it.", "Open it again and compare."),
    413: ("Too large", "The file or form is larger than this page takes.", "Use the command line for large files."),
    422: ("That does not fit", "What was given cannot be used.", "Correct it and send it again."),
    429: ("Too many attempts", "Signing in is paused for a while.", "Wait fifteen minutes, or ask an administrator."),
    500: ("A fault of ours", "Something went wrong in the program, not in your data. Nothing was half-saved.", ""),
    503: ("Busy", "Another process holds the database for a moment.", "Try again in a few seconds."),
}


def wants_json() -> bool:
    """Whether the answer goes to a program and not to a person."""
    if g.get("twin") == "json" or request.path.endswith(".json"):
        return True
    best = request.accept_mimetypes.best_match(["text/html", "application/json"])
    return best == "application/json" and not request.accept_mimetypes["text/html"]


def answer(status: int, *, code: str = "", text: str = "", remedy: str = "", where: str = "", **rest: Any) -> Response:
    """Gives the error as a page, or to a program as `{"ok": false, "error": {...}}`."""
    title, default_text, default_remedy = TEXTS.get(status, TEXTS[400])
    text, remedy = text or default_text, remedy or default_remedy
    if wants_json():
        error = {"code": code or str(status), "message": text, "hint": remedy, "where": where} | rest
        response = jsonify(ok=False, status=status, error=error)
    else:
        body = render_template(
            "error.html", status=status, title=title, text=text, remedy=remedy, where=where, code=code, **rest
        )
        response = Response(body, mimetype="text/html")
    response.status_code = status
    return response


def _http(error: HTTPException) -> Response:
    if error.response is not None:
        return error.response  # type: ignore[return-value]
    return answer(error.code or 500, text=getattr(error, "reason", ""))


def _csrf(error: CSRFError) -> Response:
    return answer(
        400,
        code="csrf",
        text="This form was opened in another session, or came from elsewhere.",
        remedy="Open the page again and send the form once more; nothing was changed.",
    )


def _room(error: Any) -> Response:
    return answer(
        STATUS.get(error.code, 422), code=error.code, text=error.message, remedy=error.hint, where=error.where
    )


def _ours(error: Exception) -> Response:
    if all(hasattr(error, name) for name in ("code", "message", "hint", "where")):
        return _room(error)
    reference = secrets.token_hex(4).upper()
    # the message of an exception can carry values of a record: the log gets the place, not the text
    log.error("fault %s at %s: %s in %s", reference, request.endpoint, type(error).__name__, _place(error))
    return answer(500, reference=reference, remedy="Report this reference number; the log of the server has the place.")


def _place(error: Exception) -> str:
    frames = traceback.extract_tb(error.__traceback__)[-4:]
    return " < ".join(f"{Path(frame.filename).name}:{frame.lineno}" for frame in reversed(frames))


def _not_signed_in() -> Response:
    here = request.full_path.rstrip("?") if request.method == "GET" else url_for("home.index")
    target = url_for("security.login", next=here)
    if wants_json():
        return answer(401)
    if request.headers.get("HX-Request") == "true":
        response = Response(status=401)
        response.headers["HX-Redirect"] = url_for("security.login")
        return response
    response = Response(status=303)
    response.headers["Location"] = target
    return response


def install(app: Flask) -> None:
    """Joins the handlers; refusals and the errors of the four rooms become pages."""
    app.register_error_handler(CSRFError, _csrf)
    app.register_error_handler(HTTPException, _http)
    app.register_error_handler(Refused, _room)
    app.register_error_handler(Exception, _ours)
    app.extensions["not_signed_in"] = _not_signed_in
