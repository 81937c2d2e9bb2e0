"""Requests and addresses: every choice travels, every fault is named."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from registry.analysis.survival_request import (
    BEHAVIORS,
    GROUPINGS,
    METHODS,
    PRIMARIES,
    SCALES,
    STAGES,
    STANDARDS,
    WINDOWS,
    Request,
    from_pairs,
    read_address,
    sites,
)
from registry.errors import RegistryError

years = st.none() | st.integers(1990, 2025)
requests = st.builds(
    Request,
    site=st.sampled_from(["", *sites()]),
    sex=st.sampled_from(["", "1", "2"]),
    stage=st.lists(st.sampled_from(sorted(STAGES)), unique=True).map(tuple),
    behavior=st.lists(st.sampled_from(sorted(BEHAVIORS)), unique=True, min_size=1).map(tuple),
    where=st.lists(st.sampled_from(["histology=8500", "820=1,2", "race!=99", "390>=2015"]), unique=True).map(tuple),
    primaries=st.sampled_from(sorted(PRIMARIES)),
    confirmed=st.booleans(),
    method=st.sampled_from(sorted(METHODS)),
    standard=st.sampled_from(sorted(STANDARDS)),
    by=st.lists(st.sampled_from([*GROUPINGS, "820"]), unique=True, max_size=2).map(tuple),
    window=st.sampled_from(sorted(WINDOWS)),
    at=st.lists(st.sampled_from([0.5, 1.0, 2.0, 5.0, 10.0]), unique=True, min_size=1).map(lambda t: tuple(sorted(t))),
    scale=st.sampled_from(sorted(SCALES)),
    level=st.sampled_from([0.9, 0.95, 0.99]),
    year_from=years,
)


@settings(max_examples=150, deadline=None)
@given(requests)
def test_an_address_keeps_every_choice(request_: Request) -> None:
    assert from_pairs(request_.pairs()) == request_


def test_what_stands_at_its_default_is_not_in_the_address() -> None:
    assert Request().pairs() == []
    assert Request(site="breast", at=(1.0, 5.0)).pairs() == [("site", "breast"), ("at", "1,5")]


@pytest.mark.parametrize(
    ("pairs", "said"),
    [
        ([("site", "heart"), ("method", "magic"), ("year_from", "19x5")], ["'heart'", "'magic'", "'19x5'"]),
        ([("where", "nothing"), ("by", "moon")], ["'nothing'", "'moon'"]),
        ([("age_from", "70"), ("age_to", "20")], ["ages end before"]),
        ([("at", "0,5"), ("cut_off", "tomorrow"), ("county", "Dade")], ["'0'", "'tomorrow'", "'Dade'"]),
        ([("given", "5"), ("at", "1,5")], ["cannot depend"]),
        ([("method", "crude"), ("given", "1")], ["conditional survival"]),
        ([("method", "actuarial"), ("intervals", "0,6,3")], ["ascending months"]),
    ],
)
def test_every_fault_of_an_address_is_named_at_once(pairs: list[tuple[str, str]], said: list[str]) -> None:
    with pytest.raises(RegistryError) as caught:
        from_pairs(pairs)
    assert caught.value.exit_code == 2
    for word in said:
        assert word in caught.value.message


def test_what_can_be_read_of_a_faulty_address_is_kept_for_the_form() -> None:
    request, faults = read_address({"site": ["breast"], "age_from": ["old"], "by": ["stage"]})
    assert (request.site, request.by) == ("breast", ("stage",))
    assert len(faults) == 1
