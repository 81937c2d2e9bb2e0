"""The desk that answers, its jobs, the annual report, saved reports."""

from __future__ import annotations

import json
from types import SimpleNamespace

import pytest

from registry import jobs
from registry.analysis import reports
from registry.analysis.survival_answer import Answer, from_document
from registry.analysis.survival_desk import Desk, Failure, Waiting
from registry.analysis.survival_request import (
    from_pairs,
)
from registry.analysis.survival_saved import forget, keep, load, remembered
from registry.analysis.survival_scope import Scope
from registry.errors import RegistryError
from registry.security.permissions import Actor

OPEN = Scope(names=True, small=True)
"""An account that may see everything."""

EPIDEMIOLOGIST = Actor(username="elena", roles=("epidemiologist",))


def test_the_desk_answers_once_for_a_version_of_the_data(registry: SimpleNamespace) -> None:
    desk = Desk(registry.store)
    request = from_pairs([("site", "stomach")])
    first = desk.ask(request, OPEN, patience=60)
    assert isinstance(first, Answer)
    assert desk.ask(request, OPEN, patience=60) is first
    assert from_document(json.loads(json.dumps(first.to_document()))) == first


def test_a_request_without_persons_is_a_failure_with_a_remedy(registry: SimpleNamespace) -> None:
    found = Desk(registry.store).ask(from_pairs([("where", "histology=9999")]), OPEN, patience=60)
    assert isinstance(found, Failure) and found.code == "no-cases" and found.hint


def test_a_large_registry_is_answered_by_a_job_with_the_same_numbers(registry: SimpleNamespace, ask) -> None:
    desk = Desk(registry.store, job_above=0)
    request = from_pairs([("site", "breast"), ("by", "stage")])
    found = desk.ask(request, OPEN, patience=60)
    waited = 0
    while isinstance(found, Waiting) and waited < 600:
        waited += 1
        import time

        time.sleep(0.1)
        found = desk.ask(request, OPEN, patience=1)
    assert isinstance(found, Answer)
    assert found.table == ask(*request.pairs()).table
    with registry.store.reading() as session:
        from registry.models import Job

        job = session.query(Job).filter_by(kind="survival").one()
        assert job.state == jobs.DONE and "rows" not in json.dumps(job.result)


def test_the_annual_report_is_written_whole_and_small_groups_are_not_in_it(registry: SimpleNamespace) -> None:
    number = jobs.submit(registry.store, "report", {"sites": 3, "year_from": 2005}, who="test")
    jobs.run(registry.store, number)
    state = jobs.state(registry.store, number)
    assert state.state == jobs.DONE, state.message
    key = state.result["key"]
    made = reports.load_report(registry.store, key)
    assert len(made.sites) == 3 and made.sites[0].n >= made.sites[1].n
    assert reports.report_file(registry.store, key, "pdf").read_bytes().startswith(b"%PDF")
    page = reports.report_file(registry.store, key, "html").read_text(encoding="utf-8")
    assert "<script" not in page and "http" not in page.replace("http://www.w3.org", "")
    hidden = [line for part in made.sites for line in part.lines if line.hidden]
    assert all(line.n is None and line.net == [] for line in hidden)
    assert all(line.n >= made.minimum for part in made.sites for line in part.lines if not line.hidden)
    for part in made.sites:
        whole, some_hidden = part.lines[0], any(line.hidden for line in part.lines)
        assert whole.rounded == some_hidden, "the exact whole less the groups shown is the hidden group"
        assert not some_hidden or (whole.n % made.minimum == 0 and whole.events % made.minimum == 0)
    assert reports.report_file(registry.store, key, "svg", site=made.sites[0].name).exists()


@pytest.mark.parametrize("key", ["../../oncoregistry", "20250101-zzzzzzzz", "", "20250101-0123abcd"])
def test_a_key_that_is_no_report_opens_no_file(registry: SimpleNamespace, key: str) -> None:
    with pytest.raises(RegistryError, match="no such report"):
        reports.report_file(registry.store, key, "pdf")


def test_saved_reports_are_their_owners_and_shared_ones_everybodys(registry: SimpleNamespace) -> None:
    other = Actor(username="stella", roles=("state",))
    request = from_pairs([("site", "breast"), ("by", "stage")])
    with registry.store.writing() as session:
        mine = keep(session, EPIDEMIOLOGIST, "  Breast by   stage ", request, shared=False)
        with pytest.raises(RegistryError):
            keep(session, EPIDEMIOLOGIST, " ", request, shared=False)
    assert (mine.name, mine.request) == ("Breast by stage", request)
    with registry.store.writing() as session:
        assert load(session, other, mine.id) is None and not forget(session, other, mine.id)
        again = keep(session, EPIDEMIOLOGIST, "Breast by stage", request.with_changes(sex="2"), shared=True)
        assert again.id == mine.id, "the same name is the same report"
    with registry.store.writing() as session:
        assert [s.request.sex for s in remembered(session, other)] == ["2"]
        assert forget(session, EPIDEMIOLOGIST, mine.id)
