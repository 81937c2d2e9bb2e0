"""How templates write values: dates, codes with their meaning, persons, moments, numbers."""

from __future__ import annotations

from datetime import datetime
from importlib.metadata import version
from typing import Any

from flask import Flask, g, request, url_for
from markupsafe import Markup, escape

from registry.security.permissions import ROLES, Actor
from web import meanings
from web.appearance import appearance
from web.demo import demo_logins, is_demo
from web.pages import masked

SITE = 400


def moment(value: datetime | None, form: str = "%Y-%m-%d %H:%M") -> Markup | str:
    """A moment in the server's time zone, with the exact UTC moment for machines."""
    if value is None:
        return ""
    return Markup('<time datetime="{}">{}</time>').format(value.isoformat(), value.astimezone().strftime(form))


def number(value: Any) -> str:
    """A count with thin spaces between thousands."""
    return f"{value:,}".replace(",", "\u202f") if isinstance(value, int | float) else str(value or "")


def person(row: Any) -> str:
    """`LAST, First` of a row with name_last, name_first and patient_id or id; masked where names may not be seen."""
    patient_id = getattr(row, "patient_id", None) or getattr(row, "id", None)
    parts = [masked(getattr(row, "name_last", "") or "", patient_id), masked(row.name_first or "", patient_id)]
    return ", ".join(part for part in parts if part) or "(no name)"


def cell(column: Any, row: Any) -> Markup:
    """One cell of a `web.tables.Table`."""
    value = column.value(row)
    text = "" if value is None else value
    if column.kind == "date":
        shown: Any = meanings.date_text(str(text))
    elif column.kind == "moment":
        shown = moment(value)
    elif column.kind == "number":
        shown = number(text) if text != "" else ""
    elif column.kind == "site":
        shown = Markup('<span class="code">{}</span>').format(meanings.site_text(str(text))) if text else ""
    elif column.kind == "morphology":
        shown = _with_meaning(text, meanings.meaning(522, str(text)[:4]))
    elif column.kind == "code":
        shown = code(column.item, text)
    else:
        shown = text
    if column.link is not None and (href := column.link(row)) and text != "":
        return Markup('<a href="{}">{}</a>').format(href, shown)
    return escape(shown)


def code(item: int | None, value: Any) -> Markup:
    """A code with its meaning after it."""
    if value in (None, ""):
        return Markup("")
    label = meanings.meaning(item, str(value)) if item else ""
    if item == SITE:
        shown = meanings.site_text(str(value))
    else:
        shown = meanings.date_text(str(value)) if item and is_date(item) else value
    return _with_meaning(shown, label)


def _with_meaning(shown: Any, label: str) -> Markup:
    text = Markup('<span class="code">{}</span>').format(shown)
    return text + Markup(' <span class="meaning">{}</span>').format(label) if label else text


def is_date(item: int) -> bool:
    """Whether an item holds a date."""
    return meanings.kind(item) == "date"


def list_address(twin: str = "", **changes: Any) -> str:
    """The address of the list on this page with its filters, changed as given, or of its CSV or JSON twin.

    A view that answers for another address (a form's htmx part) says which: `g.list_at = (endpoint, arguments)`.
    """
    endpoint, values = g.get("list_at") or (request.endpoint or "", {**(request.view_args or {}), **request.args})
    if twin:
        return url_for(f"{endpoint}_{twin}", **{key: value for key, value in values.items() if key != "page"})
    return url_for(endpoint, **{**values, **changes})


def role_titles(who: Actor) -> str:
    """The roles of an account in words."""
    return ", ".join(ROLES[name].title for name in who.roles if name in ROLES)


class Macros:
    """The macros of `templates/ui`, one attribute a file."""

    def __init__(self, app: Flask):
        for name in ("icons", "page", "table", "form", "data"):
            setattr(self, name, app.jinja_env.get_template(f"ui/{name}.html").module)


def install(app: Flask) -> None:
    """Joins the filters to templates."""
    app.jinja_env.filters.update(
        moment=moment,
        number=number,
        person=person,
        naaccr_date=meanings.date_text,
        site=meanings.site_text,
        pair=lambda value: (value, value),
    )
    app.jinja_env.globals.update(
        cell=cell,
        coded=code,
        meaning=meanings.meaning,
        item_name=meanings.name,
        morphology=meanings.morphology_text,
        list_address=list_address,
        role_titles=role_titles,
        appearance=appearance,
        demo_logins=demo_logins,
        is_demo=is_demo,
        version=version("oncoregistry"),
    )
    app.jinja_env.globals["ui"] = Macros(app)
