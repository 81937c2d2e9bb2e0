"""The annual survival report: the most common sites by sex and stage, computed in one go, as data, HTML and PDF.

A report is for publication: groups under the minimum are suppressed whoever asked for it. It lies in its own folder of the
data folder with the hash of the data it was made from.
"""

from __future__ import annotations

import json
import os
import re
import secrets
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from registry.analysis.snapshot import Snapshot, refresh
from registry.analysis.survival_request import Request, site_label
from registry.db import Store
from registry.errors import RegistryError
from registry.models import now

if TYPE_CHECKING:
    from registry.analysis.survival_answer import Answer
    from registry.analysis.survival_scope import Scope

FOLDER = "survival/reports"
MOST_SITES = 20
YEARS = (1.0, 3.0, 5.0)
HEADLINE = 5.0
OBSERVED = "kaplan-meier"
FORMS = ("pdf", "html", "json")
COARSE_FROM = 20
"""Groups of so many times the minimum are told coarsely beside a small one, instead of being hidden with it."""

SITES = (
    "oral-cavity-and-pharynx",
    "esophagus",
    "stomach",
    "small-intestine",
    "colon-and-rectum",
    "anus-anal-canal-and-anorectum",
    "liver-and-intrahepatic-bile-duct",
    "gallbladder",
    "pancreas",
    "larynx",
    "lung-and-bronchus",
    "soft-tissue-including-heart",
    "melanoma-of-the-skin",
    "breast",
    "cervix-uteri",
    "corpus-and-uterus-nos",
    "ovary",
    "vulva",
    "prostate",
    "testis",
    "urinary-bladder",
    "kidney-and-renal-pelvis",
    "brain",
    "thyroid",
    "hodgkin-lymphoma",
    "non-hodgkin-lymphoma",
    "myeloma",
    "leukemia",
    "mesothelioma",
    "kaposi-sarcoma",
)
"""Sites that do not overlap, as cancer survival reports list them."""

Progress = Callable[[float, str], Any]


@dataclass(frozen=True)
class Cell:
    """One estimate with its limits; None where there is none."""

    estimate: float | None = None
    lower: float | None = None
    upper: float | None = None


@dataclass(frozen=True)
class Line:
    """One group of one site: persons, events, net survival at each year, observed and age-standardised at the headline.

    `rounded`: persons and events are rounded to the minimum, because a group of the site is hidden. `hidden`: the group is
    small, or would tell the size of one that is.
    """

    label: str
    part: str
    n: int | None
    events: int | None
    net: list[Cell] = field(default_factory=list)
    observed: Cell = field(default_factory=Cell)
    standardised: Cell = field(default_factory=Cell)
    hidden: bool = False
    rounded: bool = False


@dataclass(frozen=True)
class SitePart:
    """One site: its lines (all, by sex, by stage), warnings, the standard used, and the address of its analysis."""

    name: str
    label: str
    n: int | None
    lines: list[Line]
    warnings: list[str]
    standard: str
    pairs: list[list[str]]


@dataclass(frozen=True)
class Report:
    """The whole report as data."""

    key: str
    title: str
    registry: str
    facility: str
    version: str
    made_at: str
    years: str
    minimum: int
    at: list[float]
    definition: str
    method: str
    references: list[str]
    citation: str
    sites: list[SitePart]
    left_out: list[str]
    r_call: str = ""


def run_job(store: Store, parameters: dict[str, Any], report: Progress) -> dict[str, Any]:
    """Makes the report that was asked for and gives where it lies."""
    from registry.analysis.survival_scope import Scope

    facility = str(parameters.get("facility", ""))
    scope = Scope(
        facility=facility,
        facility_name=str(parameters.get("facility_name", "")),
        minimum=store.settings.survival_minimum,
    )
    report(0.01, "bringing the snapshot up to date")
    made = make_report(
        store,
        refresh(store),
        scope,
        year_from=parameters.get("year_from"),
        year_to=parameters.get("year_to"),
        sites=int(parameters.get("sites", MOST_SITES)),
        progress=report,
    )
    return {"key": made.key, "sites": len(made.sites), "version": made.version, "years": made.years}


def make_report(
    store: Store,
    snapshot: Snapshot,
    scope: Scope,
    *,
    year_from: int | None = None,
    year_to: int | None = None,
    sites: int = MOST_SITES,
    progress: Progress = lambda share, text: None,
) -> Report:
    """Computes and writes the report; gives it as data."""
    from registry.analysis.survival_charts import curve_spec, printed, write_chart
    from registry.analysis.survival_report_html import as_html
    from registry.analysis.survival_report_pdf import as_pdf

    key = f"{now():%Y%m%d}-{secrets.token_hex(4)}"
    base = Request(method="pohar-perme", year_from=year_from, year_to=year_to, at=YEARS)
    progress(0.03, "counting sites")
    common = most_common(snapshot, base, scope, sites)
    folder = store.settings.folder(f"{FOLDER}/{key}")
    parts, charts, words = [], {}, None
    for done, name in enumerate(common):
        progress(0.05 + 0.8 * done / len(common), site_label(name))
        found = _site(store, snapshot, base.with_changes(site=name), scope)
        if found is None:
            continue
        part, stages = found
        parts.append(part)
        words = words or stages
        if stages.shown:
            spec = printed(curve_spec(stages, height=230), width=560)
            charts[name] = {form: write_chart(spec, form) for form in ("svg", "png")}
            (folder / f"{name}.svg").write_bytes(charts[name]["svg"])
    if words is None:
        raise RegistryError("no-cases", "no site has enough persons for a report", hint="choose more years")
    years = _years(snapshot, base)
    made = Report(
        key=key,
        title=f"Cancer survival {years}",
        registry=store.settings.registry_name,
        facility=scope.facility_name or scope.facility,
        version=snapshot.version,
        made_at=now().isoformat(timespec="seconds"),
        years=years,
        minimum=scope.minimum,
        at=list(YEARS),
        definition=_general(words.definition),
        method=_general(words.method_text),
        references=words.references,
        citation=f"{store.settings.registry_name}. Cancer survival {years}. Data snapshot {snapshot.version[:16]}. "
        f"Made {now():%Y-%m-%d} with OncoRegistry.",
        sites=parts,
        # by name: in the order of their sizes they would tell which is the smaller
        left_out=sorted(site_label(name) for name in common if name not in {p.name for p in parts}),
        r_call=words.r_call,
    )
    progress(0.88, "writing HTML")
    _write(folder / "report.html", as_html(made, {n: c["svg"].decode() for n, c in charts.items()}).encode())
    progress(0.92, "writing PDF")
    _write(folder / "report.pdf", as_pdf(made, {n: c["png"] for n, c in charts.items()}))
    _write(folder / "report.json", json.dumps(asdict(made), ensure_ascii=False).encode())
    return made


def most_common(snapshot: Snapshot, base: Request, scope: Scope, most: int) -> list[str]:
    """Gives the sites with the most malignant tumors of a request's years, largest first, of those with enough."""
    from registry.analysis.survival_cohort import choose
    from registry.analysis.survival_request import RECODE, sites

    table = choose(snapshot, base, scope).table
    table = table.filter(table.behavior_recode == "3")
    counted = table.group_by(table[RECODE]).agg(n=table.count()).execute()
    by_code = dict(zip(counted[RECODE], counted["n"], strict=True))
    sizes = {name: sum(int(by_code.get(code, 0)) for code in sites()[name].codes) for name in SITES}
    kept = sorted((name for name in SITES if sizes[name] >= scope.minimum), key=lambda name: -sizes[name])
    if not kept:
        raise RegistryError("no-cases", "no site has enough tumors for a report", hint="choose more years")
    return kept[:most]


def _site(store: Store, snapshot: Snapshot, request: Request, scope: Scope) -> tuple[SitePart, Answer] | None:
    """Gives one site's part and the suppressed answer by stage; None where fewer persons remain than may be shown."""
    from registry.analysis.survival import answer_for
    from registry.analysis.survival_answer import suppress
    from registry.analysis.survival_cohort import find_persons, regroup
    from registry.analysis.survival_tables import life_table, table_title

    table = life_table(store, request.life_table)

    def ask(by: tuple[str, ...], method: str) -> Answer:
        return answer_for(
            regroup(persons[method], by),
            table if method != OBSERVED else None,
            snapshot=snapshot,
            registry=store.settings.registry_name,
            table_name=table_title(store, request.life_table),
        )

    def cut(found: Answer) -> Answer:
        return suppress(found, minimum=scope.minimum, small_shown=False)

    try:
        # read once with the columns of every grouping
        asked = request.with_changes(by=("sex", "stage"))
        persons = {m: find_persons(snapshot, asked.with_changes(method=m), scope) for m in (request.method, OBSERVED)}
    except RegistryError as error:
        if error.code == "no-cases":
            return None
        raise
    whole = {method: cut(ask((), method)) for method in persons}
    if not whole[request.method].shown:
        return None
    lines = _lines("", whole[request.method], whole[OBSERVED])
    by_stage: Answer | None = None
    for part in ("sex", "stage"):
        net, observed = ask((part,), request.method), ask((part,), OBSERVED)
        if part == "stage":
            by_stage = cut(net)
        if len(net.groups) > 1 or part == "sex":
            # where the groups beside a small one are large, coarse numbers keep its size and tell theirs: the women of
            # breast cancer are not to vanish with its few men; the curves by stage are too fine for that
            coarse = part == "sex" and _is_coarse_enough(net, scope.minimum)
            lines += (
                _coarse(_lines(part, net, observed), scope.minimum) if coarse else _lines(part, cut(net), cut(observed))
            )
    assert by_stage is not None
    if any(line.hidden for line in lines):
        # the exact whole less the groups shown would be the size of the hidden one
        lines[0] = replace(
            lines[0],
            n=_rounded(lines[0].n, scope.minimum),
            events=_rounded(lines[0].events, scope.minimum),
            rounded=True,
        )
    drawn = by_stage if by_stage.shown else whole[request.method]
    return (
        SitePart(
            name=request.site,
            label=site_label(request.site),
            n=lines[0].n,
            lines=lines,
            warnings=[w for w in drawn.notes if "suppressed" not in w][:5],
            standard=whole[request.method].standard,
            pairs=[list(pair) for pair in request.with_changes(by=("stage",)).pairs()],
        ),
        drawn,
    )


def _is_coarse_enough(answer: Answer, minimum: int) -> bool:
    """Whether some groups are small and all others so large that rounded numbers tell them to no better than the minimum."""
    rest = [group.n or 0 for group in answer.groups if (group.n or 0) >= minimum]
    return bool(rest) and len(rest) < len(answer.groups) and min(rest) >= COARSE_FROM * minimum


def _coarse(lines: list[Line], minimum: int) -> list[Line]:
    """Gives the lines with small groups hidden, counts rounded to the minimum and estimates to a thousandth."""

    def rough(cell: Cell) -> Cell:
        return Cell(*(None if v is None else round(v, 3) for v in (cell.estimate, cell.lower, cell.upper)))

    return [
        Line(line.label, line.part, None, None, hidden=True)
        if (line.n or 0) < minimum
        else replace(
            line,
            n=_rounded(line.n, minimum),
            events=_rounded(line.events, minimum),
            net=[rough(cell) for cell in line.net],
            observed=rough(line.observed),
            standardised=rough(line.standardised),
            rounded=True,
        )
        for line in lines
    ]


def _rounded(value: int | None, to: int) -> int:
    return round((value or 0) / to) * to


def _lines(part: str, net: Answer, observed: Answer) -> list[Line]:
    other = {group.label: group.number for group in observed.groups}
    found = []
    for group in net.groups:
        label = group.label if part else "All persons"
        if group.hidden:
            found.append(Line(label, part, None, None, hidden=True))
            continue
        match = other.get(group.label)
        found.append(
            Line(
                label,
                part,
                group.n,
                group.events,
                [_cell(net.at(group.number, year)) for year in YEARS],
                _cell(None if match is None else observed.at(match, HEADLINE)),
                _cell(net.at(group.number, HEADLINE, standardised=True)),
            )
        )
    return found


def _cell(row: dict[str, Any] | None) -> Cell:
    return Cell() if row is None else Cell(row["estimate"], row["lower"], row["upper"])


def _general(text: str) -> str:
    """Takes the site out of a text of one site."""
    text = re.sub(r"^[^:]{1,200}: (?=malignant)", "", text)
    text = re.sub(r"Results are given by [^.]*\.", "Results are given for all persons, by sex and by stage.", text)
    text = re.sub(
        r"standardised to ICSS\d", "standardised to the International Cancer Survival Standard of each site", text
    )
    return text[:1].upper() + text[1:]


def _years(snapshot: Snapshot, base: Request) -> str:
    from registry.analysis.cohort import open_cohort

    table = open_cohort(snapshot).source
    year = table.year_of_diagnosis
    row = table.aggregate(first=year.min(), last=year.max()).execute().iloc[0]
    first, last = base.year_from or int(row["first"]), base.year_to or int(row["last"])
    return f"{max(first, int(row['first']))}–{min(last, int(row['last']))}"


# ---- kept reports ----------------------------------------------------------------------------------------------------


def load_report(store: Store, key: str) -> Report:
    """Gives a kept report; an unknown one is not found."""
    path = report_file(store, key, "json")
    document = json.loads(path.read_text(encoding="utf-8"))
    parts = []
    for part in document.pop("sites"):
        lines = [
            Line(
                **{
                    **line,
                    "net": [Cell(**cell) for cell in line["net"]],
                    "observed": Cell(**line["observed"]),
                    "standardised": Cell(**line["standardised"]),
                }
            )
            for line in part.pop("lines")
        ]
        parts.append(SitePart(lines=lines, **part))
    return Report(sites=parts, **document)


def report_file(store: Store, key: str, form: str, *, site: str = "") -> Path:
    """Gives the file of a report: pdf, html, json, or the chart of a site as svg."""
    good = re.fullmatch(r"[0-9]{8}-[0-9a-f]{8}", key) and (site in ("", *SITES)) and (form in FORMS or form == "svg")
    path = store.settings.home / FOLDER / key / (f"{site}.svg" if site else f"report.{form}")
    if not good or not path.is_file():
        raise RegistryError("not-found", "there is no such report", hint="open it from the list of reports")
    return path


def _write(path: Path, body: bytes) -> None:
    part = path.with_name(path.name + ".part")
    part.write_bytes(body)
    os.chmod(part, 0o600)
    os.replace(part, path)
