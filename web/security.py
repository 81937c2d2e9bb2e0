"""Headers, cookies and content policies of every answer, in one place.

The policy names no other host and allows no inline script or style. A page that needs another one sets `g.policy` to a
name of `POLICIES`; each exception says why it exists.
"""

from __future__ import annotations

import secrets
from typing import Any

from flask import Flask, Response, g, request
from flask_wtf.csrf import CSRFProtect

from registry.config import Settings

_PAGE = {
    "default-src": "'none'",
    "script-src": "'self' 'nonce-{nonce}'",
    "style-src": "'self' 'nonce-{nonce}'",
    # Bootstrap draws its arrows and check marks as data: images, the one-time password's QR code is one too
    "img-src": "'self' data:",
    "font-src": "'self'",
    "connect-src": "'self'",
    "frame-src": "'self'",
    "form-action": "'self'",
    "base-uri": "'none'",
    "frame-ancestors": "'none'",
}

POLICIES: dict[str, dict[str, str]] = {
    "page": _PAGE,
    # a folium map lives alone in a frame: Leaflet places its tiles and markers by style attributes
    "map": {**_PAGE, "style-src": "'self' 'unsafe-inline'", "frame-ancestors": "'self'", "form-action": "'none'"},
}

HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}

csrf = CSRFProtect()


def cookie_settings(settings: Settings) -> dict[str, Any]:
    """Gives the settings of the session cookie: never readable by scripts, bound to the host, secure behind a proxy."""
    secure = settings.behind_proxy
    return {
        "SESSION_COOKIE_NAME": "__Host-oncoregistry" if secure else "oncoregistry",
        "SESSION_COOKIE_HTTPONLY": True,
        "SESSION_COOKIE_SAMESITE": "Lax",
        "SESSION_COOKIE_SECURE": secure,
        "SESSION_COOKIE_PATH": "/",
        "SESSION_REFRESH_EACH_REQUEST": True,
        # the token lives as long as the session: a form left open over lunch must not lose what was typed
        "WTF_CSRF_TIME_LIMIT": None,
    }


def nonce() -> str:
    """The nonce of this answer's policy, for a script or style that must stand in the page."""
    if "nonce" not in g:
        g.nonce = secrets.token_urlsafe(16)
    return g.nonce


def policy(name: str) -> str:
    """Gives the text of a named content security policy for this answer."""
    return "; ".join(f"{key} {value.format(nonce=nonce())}" for key, value in POLICIES[name].items())


def _finish(response: Response) -> Response:
    name = g.get("policy", "page")
    response.headers["Content-Security-Policy"] = policy(name)
    response.headers["X-Frame-Options"] = "SAMEORIGIN" if name == "map" else "DENY"
    for header, value in HEADERS.items():
        response.headers.setdefault(header, value)
    if request.is_secure:
        response.headers["Strict-Transport-Security"] = "max-age=31536000; includeSubDomains"
    # pages carry patients: nothing of them may stay in a cache
    response.headers.setdefault("Cache-Control", "no-store")
    return response


def install(app: Flask) -> None:
    """Joins the CSRF protection and the headers to the application."""
    csrf.init_app(app)
    app.after_request(_finish)
    app.jinja_env.globals["csp_nonce"] = nonce
