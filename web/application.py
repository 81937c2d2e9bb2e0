"""The application factory: opens the store, joins security, assets, filters and the pages named in `modules.txt`."""

from __future__ import annotations

from importlib import import_module
from importlib.resources import files
from typing import Any

from flask import Flask
from werkzeug.middleware.proxy_fix import ProxyFix

from registry.config import Settings, secret
from registry.db import open_store
from registry.schema import require_head
from web import assets, errors, filters, identity, navigation, pages, security

LARGEST_FORM = 64 * 1024 * 1024


def module_names() -> list[str]:
    """The names of the page modules, in the order of `modules.txt`."""
    lines = (files("web") / "modules.txt").read_text(encoding="utf-8").splitlines()
    return [line.strip() for line in lines if line.strip() and not line.startswith("#")]


def build(settings: Settings, **overrides: Any) -> Flask:
    """Gives the application; `overrides` are Flask settings for tests."""
    store = open_store(settings)
    require_head(store.engine)
    app = Flask("web", static_folder=None)
    app.config.update(
        SECRET_KEY=secret(settings, "session"),
        MAX_CONTENT_LENGTH=LARGEST_FORM,
        MAX_FORM_MEMORY_SIZE=4 * 1024 * 1024,
        TEMPLATES_AUTO_RELOAD=False,
        SEND_FILE_MAX_AGE_DEFAULT=0,
    )
    app.config.update(security.cookie_settings(settings))
    app.config.update(overrides)
    app.extensions["store"] = store
    app.extensions["settings"] = settings
    if settings.behind_proxy:
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=1, x_proto=1, x_host=1)  # type: ignore[method-assign]
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    errors.install(app)
    security.install(app)
    identity.install(app)
    assets.install(app)
    filters.install(app)
    entries = []
    for name in module_names():
        module = import_module(f"web.{name}")
        app.register_blueprint(module.blueprint)
        entries += getattr(module, "navigation", [])
    navigation.install(app, entries)
    pages.install(app)
    return app
