"""What a survival analysis asks for: one frozen value that travels in an address and comes back the same.

The defaults are those of a registry: every site, malignant tumors, first primaries, active follow-up, Kaplan-Meier. What
stands at its default is left out of an address, so that an address says what was chosen and nothing else.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from functools import cache
from typing import Any

from registry.analysis.address import Reader, of_pairs
from registry.errors import RegistryError
from registry.exchange.tables import item_number
from registry.selection import Condition, parse

RECODE = "site_recode_2008"
LONGEST = 30.0
"""Years of follow-up that may be asked for."""

MOST_GROUPINGS = 2


@dataclass(frozen=True)
class Method:
    """One way to estimate: its title, what its estimate is called, its endpoint, and whether it needs a life table."""

    name: str
    title: str
    measure: str
    endpoint: str
    background: bool
    meaning: str

    @property
    def two_causes(self) -> bool:
        """Whether it gives probabilities of death, from cancer and from other causes, instead of survival."""
        return self.name in ("crude", "competing")


METHODS: dict[str, Method] = {
    m.name: m
    for m in (
        Method(
            "kaplan-meier",
            "Observed survival, Kaplan-Meier",
            "Observed survival",
            "observed",
            False,
            "alive, whatever the cause of death",
        ),
        Method(
            "actuarial",
            "Observed survival, actuarial life table",
            "Observed survival",
            "observed",
            False,
            "alive, counted in intervals as SEER*Stat does",
        ),
        Method(
            "cause-specific",
            "Cause-specific survival, Kaplan-Meier",
            "Cause-specific survival",
            "cause-specific",
            False,
            "not dead of this cancer, by the cause on the death certificate",
        ),
        Method(
            "pohar-perme",
            "Net survival, Pohar Perme",
            "Net survival",
            "net",
            True,
            "alive if this cancer were the only cause of death",
        ),
        Method(
            "ederer2",
            "Relative survival, Ederer II",
            "Relative survival",
            "net",
            True,
            "observed over expected survival, matched at every time",
        ),
        Method(
            "ederer1",
            "Relative survival, Ederer I",
            "Relative survival",
            "net",
            True,
            "observed over expected survival, matched at diagnosis",
        ),
        Method(
            "hakulinen",
            "Relative survival, Hakulinen",
            "Relative survival",
            "net",
            True,
            "as Ederer I, corrected for unequal potential follow-up",
        ),
        Method(
            "crude",
            "Probability of death, without causes of death (Cronin-Feuer)",
            "Probability of death from cancer",
            "net",
            True,
            "dead of this cancer, other causes acting as well, from background mortality",
        ),
        Method(
            "competing",
            "Probability of death, by cause of death (Aalen-Johansen)",
            "Probability of death from cancer",
            "cause-specific",
            False,
            "dead of this cancer, other causes acting as well, by the death certificate",
        ),
    )
}

WINDOWS = {
    "complete": "Complete: everyone, followed to the end",
    "cohort": "Cohort: only who could be followed all years asked for",
    "period": "Period: follow-up within recent calendar years",
    "hybrid": "Hybrid: period, with the latest diagnoses from their start",
}
STANDARDS = {
    "auto": "International standard of the site",
    "icss1": "ICSS 1 (most cancers)",
    "icss2": "ICSS 2 (younger: cervix, brain, thyroid, melanoma …)",
    "icss3": "ICSS 3 (testis, Hodgkin, acute lymphoid leukemia)",
    "none": "None",
}
WEIGHTINGS = {"traditional": "by age group", "individual": "individual weights (Brenner)"}
PRIMARIES = {
    "first": "First primary only (sequence 00 or 01)",
    "matching": "First selected tumor of each person",
    "all": "All primaries",
}
FOLLOW_UPS = {"active": "Active follow-up", "presumed": "Presumed alive"}
BEHAVIORS = {"3": "Malignant", "2": "In situ", "1": "Borderline", "0": "Benign"}
CLASSES = {"": "As usual for the place", "analytic": "Analytic (class 00 to 22)", "all": "All classes"}
SCALES = {"log": "log", "log-log": "log-log", "plain": "plain", "logit": "logit", "arcsin": "arcsine"}
SEXES = {"": "Both", "1": "Male", "2": "Female"}
STAGES = {"0": "In situ", "1": "Localized", "2": "Regional", "7": "Distant", "9": "Unknown"}
GROUPINGS = {
    "sex": "Sex",
    "stage": "Stage",
    "age": "Age group",
    "period": "Years of diagnosis",
    "race": "Race",
    "site": "Site",
    "county": "County",
}
INTERVALS = {"month": "months", "year": "years"}


@dataclass(frozen=True, kw_only=True)
class Request:
    """Every choice of an analysis; `where` holds conditions on any item (`registry.selection`), `at` years to report."""

    site: str = ""
    year_from: int | None = None
    year_to: int | None = None
    age_from: int | None = None
    age_to: int | None = None
    sex: str = ""
    county: str = ""
    stage: tuple[str, ...] = ()
    behavior: tuple[str, ...] = ("3",)
    facility: str = ""
    classes: str = ""
    where: tuple[str, ...] = ()
    primaries: str = "first"
    confirmed: bool = False
    follow_up: str = "active"
    cut_off: str = ""
    method: str = "kaplan-meier"
    life_table: str = "us"
    standard: str = "auto"
    weighting: str = "traditional"
    by: tuple[str, ...] = ()
    window: str = "complete"
    period_from: int | None = None
    period_to: int | None = None
    hybrid_from: int | None = None
    at: tuple[float, ...] = (1.0, 3.0, 5.0, 10.0)
    given: float = 0.0
    intervals: str = "month"
    scale: str = "log"
    level: float = 0.95

    @property
    def way(self) -> Method:
        """The method asked for."""
        return METHODS[self.method]

    @property
    def horizon(self) -> float:
        """The last year asked for."""
        return max(self.at)

    @property
    def standardises(self) -> bool:
        """Whether age-standardised estimates belong to the answer."""
        return self.standard != "none"

    def with_changes(self, **changes: Any) -> Request:
        """Gives the same request with other choices."""
        return replace(self, **changes)

    def pairs(self) -> list[tuple[str, str]]:
        """Gives the choices that are not defaults as pairs of an address, in the order of the fields."""
        found: list[tuple[str, str]] = []
        for one in fields(self):
            value = getattr(self, one.name)
            if value == one.default:
                continue
            if one.name == "at":
                found.append(("at", ",".join(f"{year:g}" for year in value)))
            elif isinstance(value, tuple):
                found += [(one.name, str(part)) for part in value] or [(one.name, "")]
            elif isinstance(value, bool):
                found.append((one.name, "1" if value else "0"))
            elif value is None:
                found.append((one.name, ""))
            else:
                found.append((one.name, f"{value:g}" if isinstance(value, float) else str(value)))
        return found

    def conditions(self) -> list[Condition]:
        """Gives the conditions on the snapshot (and on the store: the same words), without behavior and primaries."""
        texts = []
        if self.site:
            texts.append(f"recode={','.join(site_codes(self.site))}")
        texts += _range("year", self.year_from, self.year_to)
        texts += _range("age", self.age_from, self.age_to)
        for name, value in (("sex", self.sex), ("county", self.county)):
            if value:
                texts.append(f"{name}={value}")
        if self.stage:
            texts.append(f"stage={','.join(self.stage)}")
        return parse([*texts, *self.where])


def _range(name: str, low: int | None, high: int | None) -> list[str]:
    if low is not None and high is not None:
        return [f"{name}={low}-{high}"]
    if low is not None:
        return [f"{name}>={low}"]
    return [f"{name}<={high}"] if high is not None else []


# ---- sites ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Site:
    """One entry of the site menu: its name in addresses, label, depth in the printed table, and codes beneath."""

    name: str
    label: str
    depth: int
    codes: tuple[str, ...]


@cache
def sites() -> dict[str, Site]:
    """Gives the printed groups of SEER's site recode (ICD-O-3/WHO 2008) by their name in addresses."""
    from abstracting.recodes.frame import group_hierarchy

    found: dict[str, Site] = {}
    for group in group_hierarchy(RECODE):
        name = re.sub(r"[^a-z0-9]+", "-", group.label.lower()).strip("-")
        found.setdefault(name, Site(name, group.label, group.depth, tuple(group.codes)))
    return found


def site_codes(name: str) -> tuple[str, ...]:
    """Gives the recode's codes of a site."""
    return sites()[name].codes


def site_label(name: str) -> str:
    """Gives a site in words."""
    return sites()[name].label if name else "All sites"


# ---- reading an address -----------------------------------------------------------------------------------------------


def from_pairs(pairs: Iterable[tuple[str, str]]) -> Request:
    """Gives the request of an address; every field that does not fit is named in one error."""
    return from_address(of_pairs(pairs))


def from_address(given: Mapping[str, Sequence[str]]) -> Request:
    """Gives the request of an address's parameters (name → values); every field that does not fit is named in one error."""
    request, faults = read_address(given)
    if faults:
        raise RegistryError("selection", "; ".join(faults), hint="Correct these choices and ask again.", exit_code=2)
    return request


def read_address(given: Mapping[str, Sequence[str]]) -> tuple[Request, list[str]]:
    """Gives what can be read of an address, defaults where it cannot, and the faults; other parameters are left alone."""
    read = Reader(given)
    chosen: dict[str, Any] = {}
    chosen |= read.choice("site", ("", *sites()), "site group")
    for name in ("year_from", "year_to", "period_from", "period_to", "hybrid_from"):
        chosen |= read.whole(name, 1900, 2100, "year")
    for name in ("age_from", "age_to"):
        chosen |= read.whole(name, 0, 120, "age")
    chosen |= read.choice("sex", SEXES, "sex")
    county = read.last("county")
    if county and not re.fullmatch(r"[0-9]{5}", county):
        read.faults.append(f"{county[:20]!r} is no county of five digits")
    elif county is not None:
        chosen["county"] = county
    chosen |= read.many("stage", STAGES.__contains__, "stage")
    chosen |= read.many("behavior", BEHAVIORS.__contains__, "behavior")
    if not chosen.get("behavior", ("3",)):
        chosen["behavior"] = ("3",)
    facility = read.last("facility")
    if facility is not None:
        chosen["facility"] = facility[:10]
    for name, known, what in (
        ("classes", CLASSES, "choice of classes"),
        ("primaries", PRIMARIES, "choice of primaries"),
        ("follow_up", FOLLOW_UPS, "kind of follow-up"),
        ("method", METHODS, "method"),
        ("standard", STANDARDS, "age standard"),
        ("weighting", WEIGHTINGS, "weighting"),
        ("window", WINDOWS, "window"),
        ("scale", SCALES, "confidence scale"),
    ):
        chosen |= read.choice(name, known, what)
    chosen |= read.many("by", _is_grouping, "grouping", most=MOST_GROUPINGS)
    if (confirmed := read.last("confirmed")) is not None:
        chosen["confirmed"] = confirmed in {"1", "on", "yes"}
    chosen |= _conditions(read)
    chosen |= _cut_off(read)
    chosen |= _times(read)
    chosen |= _intervals(read)
    chosen |= read.number("given", 0, LONGEST, "years survived")
    chosen |= read.number("level", 0.5, 0.999, "confidence level")
    if table := read.last("life_table"):
        chosen["life_table"] = table[:80]
    request = Request(**chosen)
    _together(request, read.faults)
    return request, read.faults


def _is_grouping(name: str) -> bool:
    return name in GROUPINGS or item_number(name) is not None


def _conditions(read: Reader) -> dict[str, Any]:
    texts = tuple(text.strip()[:300] for text in read.given.get("where", ()) if text.strip())
    try:
        parse(texts)
    except RegistryError as error:
        read.faults.append(error.message)
        return {}
    return {"where": texts}


def _cut_off(read: Reader) -> dict[str, Any]:
    from datetime import date

    value = read.last("cut_off")
    if not value:
        return {} if value is None else {"cut_off": ""}
    try:
        date.fromisoformat(value)
    except ValueError:
        read.faults.append(f"{value[:20]!r} is no date YYYY-MM-DD")
        return {}
    return {"cut_off": value}


def _times(read: Reader) -> dict[str, Any]:
    text = read.last("at")
    if not text:
        return {}
    years = set()
    for part in re.split(r"[,; ]+", text.strip(",; ")):
        try:
            year = float(part)
        except ValueError:
            year = float("nan")
        if not 0 < year <= LONGEST:
            read.faults.append(f"{part[:20]!r} is no number of years up to {LONGEST:g}")
            return {}
        years.add(year)
    return {"at": tuple(sorted(years)[:12])}


def _intervals(read: Reader) -> dict[str, Any]:
    text = read.last("intervals")
    if not text:
        return {}
    if text not in INTERVALS:
        try:
            bounds = [float(part) for part in text.split(",")]
        except ValueError:
            bounds = []
        if not bounds or bounds != sorted(set(bounds)) or bounds[0] < 0 or len(bounds) > 400:
            read.faults.append(f"{text[:40]!r} are no ascending months such as 0,1,3,6,12")
            return {}
    return {"intervals": text}


def _together(request: Request, faults: list[str]) -> None:
    """Notes choices that do not fit with each other."""
    for low, high, what in (
        (request.year_from, request.year_to, "years of diagnosis end before they begin"),
        (request.age_from, request.age_to, "ages end before they begin"),
        (request.period_from, request.period_to, "calendar window ends before it begins"),
    ):
        if low is not None and high is not None and low > high:
            faults.append(f"the {what}")
    if request.given and request.given >= request.horizon:
        faults.append(f"survival after {request.horizon:g} years cannot depend on having lived {request.given:g} years")
    if request.given and (request.way.two_causes or request.method == "actuarial"):
        faults.append("conditional survival is computed with Kaplan-Meier and net survival methods")
