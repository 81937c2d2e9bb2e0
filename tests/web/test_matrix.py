"""Every route asked as every role: what the permissions say is what happens. A route without an example fails here."""

from __future__ import annotations

from typing import Any

import pytest
from flask import url_for

from registry.security.permissions import PERMISSIONS, ROLES, Actor

ACCOUNTS = {**{role: (role,) for role in ROLES}, "general": ("registrar",)}
PUBLIC = {"assets.serve"}


def routes(app: Any) -> list[tuple[str, str]]:
    """Every (endpoint, method) of the application that has a permission."""
    found = []
    for rule in app.url_map.iter_rules():
        if rule.endpoint not in PUBLIC and not rule.endpoint.startswith("security."):
            found += [(rule.endpoint, method) for method in sorted(rule.methods & {"GET", "POST", "PUT", "DELETE"})]
    return found


def filled_in(values: dict[str, Any], ids: dict[str, int]) -> dict[str, Any]:
    return {
        key: ids[value[1:-1]] if isinstance(value, str) and value[:1] == "{" else value for key, value in values.items()
    }


def address(app: Any, endpoint: str, example: dict[str, Any], ids: dict[str, int]) -> str:
    missing = {argument for rule in app.url_map.iter_rules(endpoint) for argument in rule.arguments}
    missing -= set(example.get("args", {}))
    assert not missing, f"give an example of {sorted(missing)} of {endpoint} in tests/web/examples/"
    with app.test_request_context():
        values = {**filled_in(example.get("args", {}), ids), **example.get("query", {})}
        return url_for(endpoint, **values)


def ask(client: Any, method: str, at: str, form: dict[str, Any]) -> Any:
    return client.get(at) if method == "GET" else client.send(at, form)


@pytest.mark.parametrize("account", ACCOUNTS)
def test_every_route_answers_every_role_as_its_permission_says(app, client, ids, examples, account):
    inside = client(account)
    who = Actor(username=account, roles=ACCOUNTS[account])
    wrong = []
    for endpoint, method in routes(app):
        example = examples.get(endpoint, {})
        permission = app.view_functions[endpoint].permission
        answer = ask(inside, method, address(app, endpoint, example, ids), filled_in(example.get("form", {}), ids))
        permitted = answer.status_code in (200, 303, *_allowed(example))
        if permitted != who.may(permission) or (not permitted and answer.status_code != 403):
            wrong.append(f"{method} {endpoint} needs {permission}, answered {answer.status_code}")
    assert wrong == []


def test_without_an_account_every_route_leads_to_the_sign_in(app, client, ids, examples):
    outside = client()
    for endpoint, method in routes(app):
        example = examples.get(endpoint, {})
        answer = ask(outside, method, address(app, endpoint, example, ids), {})
        assert answer.status_code in (303, 401), f"{method} {endpoint} answered {answer.status_code}"


def test_every_route_names_a_permission_that_is_documented(app):
    for endpoint, _ in routes(app):
        assert app.view_functions[endpoint].permission in PERMISSIONS


def test_a_refusal_says_why_and_who_can_help(client):
    answer = client("follow-up").get("/audit/")
    assert answer.status_code == 403
    assert "needs one of the roles Administrator; your role is Follow-up" in answer.text.replace("&#39;", "'")


@pytest.mark.parametrize(
    "place", ["/patients/{other_patient}", "/patients/{other_patient}.json", "/abstracts/{other_abstract}"]
)
def test_an_account_bound_to_a_facility_sees_nothing_of_another(client, ids, place):
    at = place.format(**ids)
    assert client("registrar").get(at).status_code == 200
    assert client("general").get(at).status_code == 404


def test_a_bound_account_cannot_write_into_another_facility(client, ids):
    bound = client("general")
    for at in (f"/abstracts/{ids['other_abstract']}", f"/abstracts/{ids['other_abstract']}/undo"):
        assert bound.send(at, {"version": "1", "number": "0", "item-400": "C500", "was-400": ""}).status_code == 404


def test_a_bound_account_sees_a_shared_tumor_through_its_own_abstract_alone(client, ids):
    page = client("general").get(f"/patients/{ids['patient']}").text
    assert "General Hospital" in page
    assert "Lakeside" not in page
    assert "2024-06-20" not in page, "the other facility's last contact"


def test_no_id_of_another_facility_opens_by_counting(client, ids):
    bound, free = client("general"), client("registrar")
    open_to_all = {n for n in range(1, 12) if free.get(f"/patients/{n}.json").status_code == 200}
    open_to_bound = {n for n in range(1, 12) if bound.get(f"/patients/{n}.json").status_code == 200}
    assert open_to_all - open_to_bound == {ids["other_patient"]}


def _allowed(example: dict) -> list[int]:
    """What a permitted account may be answered beside 200 and 303: one status, or several where accounts differ."""
    given = example.get("allowed", 200)
    return given if isinstance(given, list) else [given]
