"""The face: a Flask application with one blueprint per task that a person has.

## How to add a page

1. **Package** `web/<task>/__init__.py` with a `blueprint` and, where it has a place in the navigation, `navigation`:

       from flask import Blueprint
       from web.navigation import Entry
       from web.pages import page, render, render_list, reading, actor

       blueprint = Blueprint("followup", __name__, url_prefix="/follow-up")
       navigation = [Entry("Follow-up", "followup.due", group="Work", icon="telephone", permission="followup", keys="g f")]

       @page(blueprint, "/", permission="followup", twins=True)
       def due():
           with reading() as session:
               found = due_list(session, actor())          # a service of `registry`; no SQL and no statistics here
           return render_list("followup/due.html", due_table(found), found=found)

   Then add the line `<task>` to `web/modules.txt`. That one line is all you touch outside of your folder.

2. **Permission.** Every route is made with `@page(..., permission=...)`, a key of
   `registry.security.permissions.PERMISSIONS`; a route without one stops the application at its start. Rows are cut by
   `registry.security.permissions.visible(Model, actor())` inside the service. Whoever lacks `cases.identify` gets
   `masked` names (`web.pages.masked`, or the filter `|person`). A page that shows an identified person calls
   `log_read("patient page", patient_id=…)` once. Refuse with `raise Refused("reason in words")`; the page shows it.

3. **Services, not queries.** A view calls a function of `registry` (or a read service in `registry/views/<page>.py` that
   returns frozen dataclasses) inside `with reading() as session:` or `with writing() as session:` (one transaction).
   Errors of the four rooms (`code, message, hint, where`) become a page by themselves; do not catch them.

4. **Template** `web/templates/<task>/<name>.html`: `{% extends "layout.html" %}`, blocks `title`, `content` and, for a
   list, `results` inside `content` in an element with the id `results` (htmx asks for that block alone). The macros are
   everywhere at hand under `ui`, no import needed:

   - `ui.page`: `header(title, lead, crumbs)` with caller = actions, `section(title, note, id)`, `empty(title, text)`,
     `failure(title, text, remedy)`, `loading(text)`, `notice(kind, text)`;
   - `ui.table`: `data_table(table)` with sorting, paging, CSV and JSON links, `definition(pairs)`;
   - `ui.form`: `form(action)` with the CSRF field, `field(name, label, value, …)`, `select(name, label, options, value)`,
     `code_field(number, value)` a code with its meaning beside it, `submit(text)`, `confirm(…)`, `csrf()`;
   - `ui.data`: `tile(value, label, href)` a number that opens its cases, `badge(text, kind)`, `status(name)`,
     `code(number, value)`, `timeline(events)`, `keys("g f")`, `chart(id, title, spec)` with caller = its table;
   - `ui.icons`: `icon(name)` any Bootstrap icon, inline.

   No inline style, no inline script, no address of another host: the policy in `web/security.py` blocks them and the
   tests fail. Style goes to `web/static/<task>.css`, behaviour to `web/static/<task>.js` (a module), both included with
   `{% block styles %}` / `{% block scripts %}` and `asset("own/<file>")`. Use the tokens of `web/static/tokens.css`
   (`--ink`, `--surface`, `--line`, `--accent`, …): light, dark and print follow by themselves.

5. **Forms** are `POST` with `ui.form.form`, answer with `redirect(...)` (303) and `flash("…", "success")`.
   htmx (`hx-post`, `hx-target`) may make them nicer; they must work without JavaScript. htmx sends the CSRF token by
   itself. Long work becomes a job; the page polls with the header `X-Background: 1`, which does not keep a session alive.

6. **Lists** are a `web.tables.Table` of `Column`s. `twins=True` also serves `<rule>.csv` and `<rule>.json` (`all.csv`
   for the rule `/`) from the same view: `render_list` answers in the format asked for. Cells that a spreadsheet would
   compute are neutralised. Read `paging()` for page and size (twins ask for up to 10,000 rows).

7. **No person in an address.** Names and numbers never stand in a URL: search forms are POST, and
   `web.sealed.seal({...})` makes an encrypted token for the redirect. Row ids are fine.

8. **Other policies.** A page that needs another content security policy (a folium map in its frame) sets
   `g.policy = "map"`; policies are listed in `web/security.py` alone. Charts: `ui.data.chart(id, title,
   spec)` with a Vega-Lite specification (no `config`: colours follow the theme; `"width": "container"`) and its table as
   the caller, and `{% block scripts %}{{ ui.data.chart_scripts() }}{% endblock %}`.

9. **Tests** in `tests/web/test_<task>.py` with the fixtures of `tests/web/conftest.py`: `client("registrar")` is signed
   in, `served` is a live server, `browser_page` a Chromium page signed in; `assert_accessible(page)` and
   `assert_no_foreign_requests(page)`. `test_matrix.py` asks every route as every role: give an example of your route's
   arguments in `tests/web/examples/<task>.json` when it has any. Navigation entries are visited with axe, light and dark.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flask import Flask

    from registry.config import Settings

__all__ = ["create_app"]


def create_app(settings: Settings) -> Flask:
    """Gives the application on the registry of the settings; raises `database-missing` where there is none."""
    from web.application import build

    return build(settings)
