"""The audit chain: what was changed, removed (the last ones too) or reordered is found and named, on both engines."""

from __future__ import annotations

import json

import pytest
from sqlalchemy import text

from registry import audit
from registry.db import Store

TAMPERING: list[tuple[str, list[str], set[tuple[str, int]]]] = [
    ("nothing", [], set()),
    ("a reason rewritten", ["UPDATE revision SET why = 'other' WHERE number = 2"], {("changed", 2)}),
    ("an author rewritten", ["UPDATE revision SET who = 'nobody' WHERE number = 3"], {("changed", 3)}),
    ("one in the middle removed", ["DELETE FROM revision WHERE number = 3"], {("removed", 3)}),
    ("the first removed", ["DELETE FROM revision WHERE number = 1"], {("removed", 1)}),
    ("the last removed", ["DELETE FROM revision WHERE number = 5"], {("removed", 5)}),
    (
        "the last two removed and the head set back",
        [
            "UPDATE chain_head SET count = 3, hash = (SELECT hash FROM revision WHERE number = 3)",
            "DELETE FROM revision WHERE number > 3",
        ],
        {("removed", 4), ("removed", 5)},
    ),
    (
        "all removed with their head",
        ["DELETE FROM revision", "DELETE FROM chain_head"],
        {("removed", n) for n in range(1, 6)},
    ),
    (
        "two changed places",
        [
            "UPDATE revision SET number = 99 WHERE number = 2",
            "UPDATE revision SET number = 2 WHERE number = 3",
            "UPDATE revision SET number = 3 WHERE number = 99",
        ],
        {("reordered", 2), ("reordered", 3)},
    ),
]


def fill(store: Store) -> None:
    for number in range(1, 6):
        with store.writing() as session:
            audit.append(session, "tumor", 10 + number, "change", {"400": ["", f"C50{number}"]}, who="me", why="test")


@pytest.mark.parametrize(("statements", "expected"), [c[1:] for c in TAMPERING], ids=[c[0] for c in TAMPERING])
def test_tampering_is_found_and_named(store: Store, statements: list[str], expected: set[tuple[str, int]]) -> None:
    fill(store)
    with store.engine.begin() as connection:
        for statement in statements:
            connection.execute(text(statement))
    findings = audit.verify(store)
    assert expected <= {(f.fault, f.number) for f in findings}
    assert bool(findings) == bool(expected)
    assert all(f.chain == "tumor" and f.message for f in findings)


def test_a_chain_sealed_anew_differs_from_its_anchor(store: Store) -> None:
    fill(store)
    with store.writing() as session:
        rows = session.execute(text("SELECT id FROM revision ORDER BY number")).all()
        previous = ""
        for row in rows:
            link = session.get_one(audit.Revision, row[0])
            link.who, link.previous = "forger", previous
            previous = link.hash = audit.seal(audit._revision_content(link), previous)
        session.get_one(audit.ChainHead, "tumor").hash = previous
    findings = audit.verify(store)
    assert [(f.fault, f.number) for f in findings] == [("changed", 5)]
    assert "anchored" in findings[0].message


def test_reads_are_a_chain_of_their_own(store: Store) -> None:
    with store.writing() as session:
        audit.log_access(session, "patient page", who="me", patient_id=7, purpose="care")
        audit.log_access(session, "case list", who="you")
    assert audit.verify(store) == []
    with store.engine.begin() as connection:
        connection.execute(text("DELETE FROM access_log WHERE number = 2"))
    assert [(f.chain, f.fault, f.number) for f in audit.verify(store)] == [("access", "removed", 2)]


def test_many_links_at_once_equal_one_after_the_other(store: Store) -> None:
    fill(store)
    with store.writing() as session:
        links = [(n, 1, {"400": ["", "C509"]}) for n in range(50)]
        audit.append_many(session, "tumor", links, action="import", who="me", why="batch")
        audit.append(session, "tumor", 1, "change", {}, who="me")
    assert audit.verify(store) == []


def test_a_rolled_back_save_is_not_anchored(store: Store) -> None:
    fill(store)
    with pytest.raises(ZeroDivisionError), store.writing() as session:
        audit.append(session, "tumor", 1, "change", {}, who="me")
        raise ZeroDivisionError
    anchors = json.loads((store.settings.home / "anchors" / "heads.json").read_text())
    assert anchors["tumor"]["count"] == 5
    assert audit.verify(store) == []
