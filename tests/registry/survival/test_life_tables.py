"""A registry's own life tables: checked, kept, used."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from registry.analysis import survival_tables as kept
from registry.errors import RegistryError


def rates(years: range, ages: range, *, without: tuple[int, int] | None = None, value: float = 0.01) -> bytes:
    lines = ["year,age,sex,annual_prob"]
    lines += [f"{y},{a},{s},{value}" for y in years for a in ages for s in (1, 2) if (y, a) != without]
    return "\n".join(lines).encode()


def test_a_life_table_is_checked_kept_and_used(registry: SimpleNamespace, ask) -> None:
    with pytest.raises(RegistryError) as caught:
        kept.keep_table(registry.store, "Gap", "", rates(range(2000, 2003), range(5), without=(2001, 3)), who="test")
    assert "men aged 3 in 2001" in caught.value.message and caught.value.where == "Gap"
    assert [table.name for table in kept.tables(registry.store)] == ["us"]
    made = kept.keep_table(
        registry.store, "Nobody dies", "made up", rates(range(1995, 2027), range(110), value=0.0), who="test"
    )
    assert (made.name, made.years, made.ages) == ("nobody-dies", "1995–2026", "0–109")
    net = ask(("site", "breast"), ("method", "pohar-perme"), ("life_table", made.name), ("standard", "none"))
    observed = ask(("site", "breast"))
    # without background mortality net survival is observed survival, but for those of unknown sex
    assert net.at(0, 5.0)["estimate"] == pytest.approx(observed.at(0, 5.0)["estimate"], abs=0.01)
    assert "Nobody dies" in net.method_text and "transrate" in net.r_call


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"\xff\xfe\x00", "UTF-8"),
        (b"", "empty"),
        (b"a,b\n1,2\n", "columns"),
        (b"year,age,sex,annual_prob\n2000,1,7,2\n", "sex"),
    ],
)
def test_a_file_that_is_no_life_table_is_refused_in_words(registry: SimpleNamespace, body: bytes, said: str) -> None:
    with pytest.raises(RegistryError) as caught:
        kept.keep_table(registry.store, "Wrong", "", body, who="test")
    assert said in caught.value.message
    assert not list((registry.store.settings.home / "survival").glob("*wrong*.csv"))


@pytest.mark.parametrize("name", ["../oncoregistry", "us.csv", "nowhere", "A"])
def test_a_name_that_is_no_kept_table_opens_no_file(registry: SimpleNamespace, name: str) -> None:
    with pytest.raises(RegistryError, match="no life table"):
        kept.life_table(registry.store, name)
