"""What browsers load: own styles and scripts, and libraries out of Python packages, under one versioned address.

The version in the address is a hash over the own files and the versions of the packages, so that browsers keep
everything for a year and never show an old file.
"""

from __future__ import annotations

import gzip
import hashlib
import mimetypes
from functools import lru_cache
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path

from flask import Blueprint, Flask, Response, abort, request, url_for
from werkzeug.security import safe_join

YEAR = 365 * 24 * 3600

PACKAGES = {
    "bootstrap": ("bootstrap-flask", "flask_bootstrap", "static/bootstrap5"),
    "htmx": ("django-js-lib-htmx", "js_lib_htmx", "static/htmx"),
    "leaflet": ("xstatic-leaflet", "xstatic.pkg.leaflet", "data"),
    "own": ("oncoregistry", "web", "static"),
}
"""First part of the name → distribution, package and folder in it."""

VEGA = "vega.js"

blueprint = Blueprint("assets", __name__, url_prefix="/assets")


@lru_cache(maxsize=1)
def release() -> str:
    """The version in the addresses."""
    digest = hashlib.sha256()
    for distribution in ("bootstrap-flask", "django-js-lib-htmx", "xstatic-leaflet", "vl-convert-python"):
        digest.update(f"{distribution}={version(distribution)};".encode())
    for path in sorted(_folder("own").rglob("*")):
        if path.is_file():
            digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()[:12]


def _folder(name: str) -> Path:
    _, package, folder = PACKAGES[name]
    return Path(str(files(package))) / folder


@lru_cache(maxsize=256)
def _read(name: str) -> tuple[bytes, bytes | None, str] | None:
    """Gives content, gzipped content where it helps, and media type of a named asset."""
    if name == VEGA:
        import vl_convert

        content, kind = vl_convert.javascript_bundle().encode(), "text/javascript"
    else:
        first, _, rest = name.partition("/")
        path = safe_join(str(_folder(first)), rest) if first in PACKAGES and rest else None
        if path is None or not Path(path).is_file():
            return None
        content = Path(path).read_bytes()
        kind = mimetypes.guess_type(path)[0] or "application/octet-stream"
    text = kind.startswith("text/") or kind in {"image/svg+xml", "application/json", "application/javascript"}
    return content, gzip.compress(content, 6) if text and len(content) > 1000 else None, kind


@blueprint.get("/<version>/<path:name>")
def serve(version: str, name: str) -> Response:
    """Gives one asset, kept by browsers for a year when its version is the present one."""
    found = _read(name)
    if found is None:
        abort(404)
    content, zipped, kind = found
    use_zip = zipped is not None and "gzip" in request.accept_encodings
    response = Response(zipped if use_zip else content, mimetype=kind)
    if use_zip:
        response.headers["Content-Encoding"] = "gzip"
    response.headers["Vary"] = "Accept-Encoding"
    current = version == release()
    response.headers["Cache-Control"] = f"public, max-age={YEAR}, immutable" if current else "no-cache"
    return response


def asset(name: str) -> str:
    """The address of a named asset, as `own/app.css` or `htmx/htmx.min.js`."""
    return url_for("assets.serve", version=release(), name=name)


@lru_cache(maxsize=512)
def icon_symbol(name: str) -> str:
    """Gives the inner drawing of a Bootstrap icon; an unknown name is a fault of ours."""
    text = _sprite()
    start = text.find(f'id="{name}">')
    if start < 0:
        raise LookupError(f"there is no icon {name!r}")
    start = text.index(">", start) + 1
    return text[start : text.index("</symbol>", start)]


@lru_cache(maxsize=1)
def _sprite() -> str:
    return (_folder("bootstrap") / "icons" / "bootstrap-icons.svg").read_text(encoding="utf-8")


def install(app: Flask) -> None:
    """Joins the blueprint and the template helpers."""
    serve.public = True  # type: ignore[attr-defined]
    app.register_blueprint(blueprint)
    app.jinja_env.globals["asset"] = asset
    app.jinja_env.globals["icon_symbol"] = icon_symbol
