"""Writes the fact tables of `registry/synthetic/data` from the reference folder.

    python scripts/make_synthetic_tables.py [--reference ../shared/reference] [--counties counties-10m.json]

`--counties` is the county file of the npm package us-atlas 3.0.1 (Census cartographic boundaries 2017); without it the
centroids already in the data folder stay. Only codes, counts, weights and short terms are carried over; each file
names its source in the header. The tumour types are filtered here by every record-level rule that needs no more than
sex, site, histology, behavior, age and year, so that what the generator draws is valid by construction.
"""

from __future__ import annotations

import argparse
import gzip
import io
import json
import re
import zipfile
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pandas as pd
from scipy.interpolate import PchipInterpolator

ROOT = Path(__file__).resolve().parent.parent
DATA = ROOT / "registry" / "synthetic" / "data"
AGES = [*range(0, 86, 5)]
CENSUS_YEARS = [1984, 1989, 1994, 1999, 2004, 2009, 2014]
HAEMATOLOGIC = range(9590, 9994)
SURGERY_YEARS = (1998, 2004, 2007, 2010, 2012, 2013, 2014, 2015, 2016, 2018, 2021, 2022, 2023, 2024)


def write(name: str, frame: pd.DataFrame, header: str) -> None:
    """Writes one table as CSV (gz by suffix) with its source as comment lines; gz without time stamp, so that bytes repeat."""
    text = "".join(f"# {line}\n" for line in header.strip().split("\n")) + frame.to_csv(
        index=False, lineterminator="\n"
    )
    path = DATA / name
    if name.endswith(".gz"):
        path.write_bytes(gzip.compress(text.encode(), 9, mtime=0))
    else:
        path.write_text(text)
    print(f"{name}: {len(frame)} rows, {path.stat().st_size} bytes")


def ranges(text: str) -> set[int]:
    """Gives the integers of space separated codes and inclusive ranges; topography codes lose their C."""
    out: set[int] = set()
    for part in re.split(r"[ ,]+", str(text).replace("C", "").strip()):
        if not part or part == "nan":
            continue
        low, _, high = part.partition("-")
        out.update(range(int(low), int(high or low) + 1))
    return out


# ---------------------------------------------------------------------------------------------- population and places


def make_population(reference: Path) -> None:
    frame = pd.read_csv(reference / "geo/data/fcds_seer_pop_fl.csv.gz", dtype=str)
    frame = frame[frame.age_group != "Unknown"]
    frame["population"] = frame.population.astype(int)
    frame["age_group"] = frame.age_group.str.extract(r"^(\d+)")[0].astype(int) // 5
    frame["sex"] = frame.sex.map({"Male": 1, "Female": 2})
    frame["county"] = "12" + frame.county_fips
    wide = frame.pivot_table(
        index=["county", "sex", "age_group"], columns="year", values="population", aggfunc="sum", fill_value=0
    ).reset_index()
    assert len(wide) == 67 * 2 * 18 and [int(y) for y in wide.columns[3:]] == CENSUS_YEARS
    write(
        "florida_population.csv.gz",
        wide,
        "Florida by county, sex (1 male, 2 female) and 5-year age group (0 = 0-4 .. 17 = 85+), every fifth year.\n"
        "Source: SEER county population files (US Census Bureau estimates) as packaged by GerkeLab/fcds (MIT).",
    )


def make_us_ages(reference: Path) -> None:
    frame = pd.read_csv(reference / "geo/data/fcds_seer_pop_us.csv.gz", dtype=str)
    frame = frame[(frame.year == "2004") & (frame.age_group != "Unknown")]
    frame["population"] = frame.population.astype(int)
    frame["age_group"] = frame.age_group.str.extract(r"^(\d+)")[0].astype(int) // 5
    frame["sex"] = frame.sex.map({"Male": 1, "Female": 2})
    write(
        "us_population_2004.csv",
        frame.groupby(["sex", "age_group"], as_index=False).population.sum(),
        "US population 2004 by sex and 5-year age group: the reference of the age shares by site.\n"
        "Source: SEER population files as packaged by GerkeLab/fcds (MIT).",
    )


def ring_centroid(ring: np.ndarray) -> tuple[float, float, float]:
    x, y = ring[:, 0], ring[:, 1]
    cross = x[:-1] * y[1:] - x[1:] * y[:-1]
    area = cross.sum() / 2
    return area, ((x[:-1] + x[1:]) * cross).sum() / (6 * area), ((y[:-1] + y[1:]) * cross).sum() / (6 * area)


def make_counties(reference: Path, atlas: Path) -> None:
    topology = json.loads(atlas.read_text())
    scale, shift = topology["transform"]["scale"], topology["transform"]["translate"]
    arcs = [np.cumsum(np.array(arc), axis=0) * scale + shift for arc in topology["arcs"]]
    names = pd.read_csv(reference / "geo/data/fcds_county_fips_fl.csv.gz", dtype=str)
    names = {"12" + fips: name for name, fips in zip(names.county_name, names.county_fips)}
    rows = []
    for county in topology["objects"]["counties"]["geometries"]:
        if not county["id"].startswith("12"):
            continue
        polygons = [county["arcs"]] if county["type"] == "Polygon" else county["arcs"]
        area = x = y = 0.0
        for polygon in polygons:
            ring = np.vstack([arcs[i] if i >= 0 else arcs[~i][::-1] for i in polygon[0]])
            a, cx, cy = ring_centroid(ring)
            area, x, y = area + abs(a), x + abs(a) * cx, y + abs(a) * cy
        rows.append((county["id"], names[county["id"]], round(y / area, 4), round(x / area, 4)))
    write(
        "counties.csv",
        pd.DataFrame(sorted(rows), columns=["county", "name", "latitude", "longitude"]),
        "Florida's 67 counties with area centroids (degrees).\n"
        "Source: Census cartographic boundaries 2017 (npm us-atlas 3.0.1, ISC); names from GerkeLab/fcds (MIT).",
    )


def make_mortality(reference: Path) -> None:
    frame = pd.read_csv(reference / "survival/data/survexp_us.csv")
    frame = frame[(frame.year >= 1999) & (frame.age <= 109)]
    frame["sex"] = frame.sex.map({"male": 1, "female": 2})
    frame["hazard"] = (frame.haz_day * 365.25 * 1e6).round().astype(int)
    wide = frame.pivot_table(index=["sex", "age"], columns="year", values="hazard").round().astype(int).reset_index()
    write(
        "expected_mortality.csv.gz",
        wide,
        "US all-cause mortality hazard per year and million by sex, age (109 = oldest) and calendar year.\n"
        "Source: US life tables (survexp.us of the R package survival); years after the last one repeat it.",
    )


# ---------------------------------------------------------------------------------------------- what a tumour may be


class Rules:
    """The static rules that decide which (sex, site, histology, behavior) may be drawn, at which ages and years."""

    def __init__(self, reference: Path):
        tables = reference / "algorithms/tables"
        families = pd.read_csv(tables / "iarc_morphology_families.csv", dtype=str)
        self.family = {row.morphology: (row.mode, row.family) for row in families.itertuples()}
        sites = pd.read_csv(tables / "iarc_family_sites.csv", dtype=str)
        self.family_sites = {(row.mode, row.family): tuple(row.sites.split()) for row in sites.itertuples()}
        self.iccc = [
            pd.read_csv(tables / name, dtype=str, keep_default_na=False)
            for name in ("iccc_3.csv", "iccc_who2008.csv", "iccc_iarc2017.csv")
        ]
        self.iccc_rows = [
            [
                (ranges(r.site_in), ranges(r.site_out), ranges(r.hist_in), ranges(r.hist_out), set(r.beh_in.split()))
                for r in table.itertuples()
            ]
            for table in self.iccc
        ]
        self.terms = {}
        for version in ("250", "260"):
            with zipfile.ZipFile(reference / f"naaccr/lookups/naaccr-lookups-{version}.zip") as archive:
                name = next(n for n in archive.namelist() if n.endswith("histologicTypeIcdO3_preferredTermsOnly.csv"))
                lookup = pd.read_csv(io.BytesIO(archive.read(name)), dtype=str, header=None)
                self.terms[version] = dict(zip(lookup[0], lookup[1]))
                name = next(n for n in archive.namelist() if n.endswith("/primarySite.csv"))
                sites = pd.read_csv(io.BytesIO(archive.read(name)), dtype=str, header=None)
                self.site_terms = dict(zip(sites[0], sites[1]))
        self.topography = set(pd.read_csv(tables / "icdo3_topography_codes_canreg5.csv", dtype=str).site)

    def site_fits(self, site: str, histology: str) -> bool:
        """MOR01, MOR02, MOR09: the family of the morphology allows the site."""
        mode, family = self.family.get(histology, ("none", ""))
        if mode == "none":
            return False
        if mode == "any":
            return True
        inside = site.startswith(self.family_sites[(mode, family)])
        return inside if mode == "must" else not inside

    def childhood(self, site: str, histology: str, behavior: str) -> bool:
        """AGE11: every ICCC edition has a group for it."""
        s, h = int(site[1:]), int(histology)
        for rows in self.iccc_rows:
            for site_in, site_out, hist_in, hist_out, behaviors in rows:
                place = s in site_in if site_in else s not in site_out
                kind = h in hist_in if hist_in else h not in hist_out
                if place and kind and (not behaviors or behavior in behaviors):
                    break
            else:
                return False
        return True

    def allowed(self, sex: str, site: str, histology: str, behavior: str) -> bool:
        h, s3, code = int(histology), site[:3], int(site[1:])
        if site not in self.topography or any(f"{histology}/{behavior}" not in t for t in self.terms.values()):
            return False
        central = 700 <= code <= 729 or 751 <= code <= 753
        if behavior in "01" and not central:
            return False
        if s3 == "C44" and h <= 8110:  # basal and squamous skin
            return False
        if s3 == "C53" and behavior == "2":  # cervix in situ is not collected
            return False
        if s3 == "C61" and behavior == "2" and h == 8148:
            return False
        if (sex == "1" and 510 <= code <= 589) or (sex == "2" and 600 <= code <= 639):
            return False
        mode, family = self.family.get(histology, ("", ""))
        if mode == "must" and ((sex == "1" and 22 <= int(family) <= 26) or (sex == "2" and family in ("27", "28"))):
            return False
        if sex == "1" and h == 9084:
            return False
        if not self.site_fits(site, histology):
            return False
        if h >= 9731 and s3 != "C42":
            return False
        if s3 == "C42" and h < 9590:
            return False
        if s3 == "C77" and h not in range(9590, 9730):
            return False
        if h in (9712, 9727, 9759):  # contradictory grade rules, no surgery table, obsolete
            return False
        if behavior == "2":
            if s3 in ("C40", "C41", "C42", "C47", "C49", "C70", "C71", "C72"):
                return False
            if site in ("C269", "C399", "C559", "C579", "C639", "C689", "C729", "C759", "C809") or 760 <= code <= 768:
                return False
            # the list of MOR06 written as codes and ranges
            banned = ranges("8000-8005 8020 8021 8331 8332 8800-9055 9062 9082 9083 9110-9493 9501-9989")
            if h in banned:
                return False
        return True

    def ages(self, site: str, histology: str, behavior: str) -> tuple[int, int]:
        """Gives the first and last 5-year age group: AGE01 to AGE11 and, beyond them, adult carcinomas not in children."""
        h, s3 = int(histology), site[:3]
        low, high = 0, 85
        if s3 in ("C53", "C61"):
            low = 20
        if s3 in ("C15", "C19", "C20", "C21", "C23", "C24", "C50", "C54", "C55") or site == "C384":
            low = 20
        if (s3 == "C17" and h < 9590) or (s3 in ("C33", "C34", "C18") and h not in range(8240, 8250)):
            low = 20
        if h in (9730, 9823, 9890):
            low = 30
        if h in (9724, 9732) or 9590 <= h <= 9596 or h == 9731:
            low = max(low, 15 if h != 9732 else 30)
        if s3 == "C61" and 8140 <= h <= 8149:
            low = 40
        if s3 == "C61" and h < 9590:
            low = max(low, 35)
        if h in (8910, 8960, 8961, 8962, 8970, 8981, 8991, 9072, 9470, 9490, 9500, 9687):
            high = 10
        if s3 == "C69" and h in range(9510, 9515):
            high = 0
        if s3 == "C58":
            low, high = 15, 40
        if 8010 <= h <= 8589 and s3 not in ("C73", "C11", "C07", "C08", "C44", "C18", "C74", "C75"):
            low = max(low, 20)
        if s3 == "C64" and 8010 <= h <= 8589:
            low = max(low, 25)
        if 9060 <= h <= 9110 and s3 in ("C56", "C62"):
            high = min(high, 60)
        if behavior == "2":
            low = max(low, 20)
        if not self.childhood(site, histology, behavior):
            low = max(low, 15)
        return low // 5, high // 5

    def years(self, site: str, histology: str, behavior: str) -> int:
        """Gives the first year in which the tumour counts as the kind it is here (MOR08, MOR11, benign brain)."""
        h = int(histology)
        if behavior in "01":
            return 2004
        if h in (9724, 9751, 9759, 9831, 9975, 9991, 9992):
            return 2010
        if h in (9393, 9538, 9950, 9982, 9983, 9984, 9985, 9986, 9987, 9989) or 9960 <= h <= 9962 or h == 9980:
            return 2001
        if site.startswith("C34") and h == 9133:
            return 2001
        return 1984


def group_of(groups: pd.DataFrame, site: str, histology: str, behavior: str) -> str:
    h = int(histology)
    for row in groups.itertuples():
        if row.sites and not site.startswith(tuple(row.sites.split())):
            continue
        if row.histologies and h not in ranges(row.histologies):
            continue
        if not row.histologies and h in ranges("9050-9055 9140 9590-9993"):
            continue
        if behavior in row.behaviors.split():
            return row.group
    return ""


def cause_of(site: str, histology: str) -> str:
    """Gives the ICD-10 underlying cause that a death from the tumour is coded to."""
    h, s3 = int(histology), site[:3]
    fixed = (
        ("9650-9667", "C819"), ("9690-9698", "C829"), ("9699", "C884"), ("9687", "C837"), ("9670-9671 9673 9678-9689", "C833"),
        ("9700-9701", "C840"), ("9702-9719 9724-9726 9729", "C844"), ("9590-9597 9727-9728 9735 9737 9738", "C859"),
        ("9731-9734", "C900"), ("9761-9762", "C880"), ("9740-9742", "C962"), ("9750-9759", "C969"),
        ("9811-9818 9835-9837", "C910"), ("9823", "C911"), ("9832-9834", "C913"), ("9940", "C914"), ("9820 9826-9831 9948", "C919"),
        ("9863 9875", "C921"), ("9840 9860-9862 9864-9874 9876-9939 9984", "C920"), ("9945-9946", "C931"), ("9891", "C930"),
        ("9800-9809", "C959"), ("9950", "D45"), ("9980-9983 9985-9992", "D469"), ("9960-9975", "D471"),
        ("9051-9053 9050", "C459"), ("9140", "C469"),
    )  # fmt: skip
    for codes, cause in fixed:
        if h in ranges(codes):
            return cause
    if s3 == "C44":
        return ("C43" if 8720 <= h <= 8790 else "C44") + site[3]
    if s3 in (
        "C61",
        "C73",
        "C55",
        "C56",
        "C58",
        "C64",
        "C65",
        "C66",
        "C37",
        "C52",
        "C33",
        "C19",
        "C20",
        "C23",
        "C01",
        "C07",
        "C12",
    ):
        return s3
    if s3 == "C80":
        return "C80"
    return site


def grade_sets(reference: Path) -> list[tuple]:
    """Gives, per schema of EOD public 3.3, its selection rows and the codes valid for grade clinical and pathological."""
    out = []
    with zipfile.ZipFile(reference / "staging/eod_public-3.3.zip") as archive:
        tables: dict[str, dict] = {}
        for name in archive.namelist():
            if name.startswith("tables/") and name.endswith(".json"):
                tables[name[7:-5]] = json.loads(archive.read(name))
        for name in archive.namelist():
            if not (name.startswith("schemas/") and name.endswith(".json")):
                continue
            schema = json.loads(archive.read(name))
            codes = []
            for key in ("grade_clin", "grade_path"):
                table = next((i.get("table") for i in schema["inputs"] if i["key"] == key), None)
                codes.append({row[0] for row in tables[table]["rows"]} if table else None)
            selection = tables[schema["schema_selection_table"]]
            keys = [column["key"] for column in selection["definition"]]
            for row in selection["rows"]:
                cells = dict(zip(keys, row))
                out.append((cells, codes[0], codes[1]))
    return out


def cell_matches(cell: str | None, value: str) -> bool:
    if cell is None or cell == "*":
        return True
    for part in cell.split(","):
        low, _, high = part.strip().partition("-")
        if low <= value <= (high or low):
            return True
    return False


def grades_2018(schemas: list[tuple], row) -> tuple[str, str]:
    """Gives the grade codes valid in every schema that the site, histology and behavior can select; blank where none exists."""
    found: list[list[set | None]] = [[], []]
    for cells, *codes in schemas:
        if (
            cell_matches(cells.get("site"), row.site)
            and cell_matches(cells.get("hist"), row.histology)
            and cell_matches(cells.get("behavior"), row.behavior)
        ):
            for i in (0, 1):
                found[i].append(codes[i])
    texts = []
    for sets in found:
        known = [s for s in sets if s is not None]
        texts.append("".join(sorted(set.intersection(*known))) if known and len(known) == len(sets) else "")
    return texts[0], texts[1]


def make_tumors(reference: Path) -> None:
    rules = Rules(reference)
    tables = reference / "algorithms/tables"
    groups = pd.read_csv(DATA / "site_groups.csv", dtype=str, comment="#", keep_default_na=False)
    source = pd.read_csv(tables / "synth_site_hist_beh_by_sex.csv", dtype=str)
    ages = pd.read_csv(tables / "synth_age_decade_by_site.csv").set_index("site")
    rows = source[
        [rules.allowed(r.sex, r.site, r.histology, r.behavior) and r.site in ages.index for r in source.itertuples()]
    ].copy()
    rows["group"] = [group_of(groups, r.site, r.histology, r.behavior) for r in rows.itertuples()]
    print("without a group:", rows[rows.group == ""][["site", "histology", "behavior"]].values.tolist()[:10])
    rows = rows[rows.group != ""]
    bounds = [rules.ages(r.site, r.histology, r.behavior) for r in rows.itertuples()]
    rows["age_min"], rows["age_max"] = [b[0] for b in bounds], [b[1] for b in bounds]
    rows = rows[rows.age_min <= rows.age_max]
    rows["year_min"] = [rules.years(r.site, r.histology, r.behavior) for r in rows.itertuples()]
    rows["cause"] = [cause_of(r.site, r.histology) for r in rows.itertuples()]
    schemas = grade_sets(reference)
    grades = [grades_2018(schemas, r) for r in rows.itertuples()]
    rows["grade_clin"], rows["grade_path"] = [g[0] for g in grades], [g[1] for g in grades]
    rows["weight"] = rows.pct_of_all_cases
    kept = rows.weight.astype(float).sum() / source.pct_of_all_cases.astype(float).sum()
    print(f"tumour types: {len(rows)} of {len(source)} rows, {kept:.4f} of the weight")
    keep = ["sex", "site", "histology", "behavior", "weight", "group", "age_min", "age_max", "year_min", "cause"]
    write(
        "tumor_types.csv.gz",
        rows[[*keep, "grade_clin", "grade_path"]],
        "Tumour types with their share (per cent of all cases), first and last 5-year age group, first year, site group,\n"
        "ICD-10 cause of a death from it, and the grade codes valid from 2018 in every schema it can select.\n"
        "Source: site, histology, behavior shares by sex of imsweb data-generator (BSD-3, from SEER), filtered by the rules\n"
        "of scripts/make_synthetic_tables.py; grade codes from EOD public 3.3 (BSD-3).",
    )
    make_ages(ages, rows)
    terms = {}
    for row in rows.itertuples():
        terms[f"{row.histology}/{row.behavior}"] = rules.terms["260"][f"{row.histology}/{row.behavior}"]
    for extra in ("8000/3", "9590/3", "9800/3", "9732/3"):
        terms[extra] = rules.terms["260"][extra]
    terms |= {site: rules.site_terms[site] for site in sorted(set(rows.site)) if site in rules.site_terms}
    terms = {code: short_term(term) for code, term in terms.items()}
    write(
        "terms.csv.gz",
        pd.DataFrame(sorted(terms.items()), columns=["code", "term"]),
        "Short preferred terms of the topography and morphology codes in use.\nSource: ICD-O-3 preferred terms (WHO/IARC).",
    )
    check_causes(reference, rows)
    paired = pd.read_csv(tables / "laterality_paired_sites.csv", dtype=str, keep_default_na=False)
    write(
        "paired_sites.csv",
        paired.rename(columns={"dx_year_min": "year_min"}),
        "Paired organs. Source: SEER list of paired sites.",
    )


def short_term(term: str) -> str:
    """Gives a preferred term without the notes on sites and years that follow it in brackets."""
    term = re.sub(r"\s*\[[^\]]*\]", "", term)
    return re.sub(r"\s*\([^()]*(?:C[0-9]{2}|M-|see also|includes|except)[^()]*\)", "", term).strip()


def make_ages(ages: pd.DataFrame, rows: pd.DataFrame) -> None:
    """Splits the decades into 5-year groups by a monotone curve through the cumulative share."""
    edges = np.array([0, 10, 20, 30, 40, 50, 60, 70, 80, 90, 100, 110])
    out = []
    for site in sorted(set(rows.site)):
        share = ages.loc[site].to_numpy(dtype=float)
        curve = PchipInterpolator(edges, np.concatenate([[0], np.cumsum(share / share.sum())]))
        points = curve(np.array([*AGES, 110]))
        out.append([site, *np.round(np.diff(points), 6)])
    write(
        "ages_by_site.csv.gz",
        pd.DataFrame(out, columns=["site", *(f"a{a}" for a in AGES)]),
        "Share of the cases of a topography code by 5-year age group, sexes together.\n"
        "Source: age decades by site of imsweb data-generator (BSD-3), decades split by a monotone (PCHIP) curve.",
    )


def check_causes(reference: Path, rows: pd.DataFrame) -> None:
    """Prints the site recodes whose cause of death the cause-specific table would not count as a death from it."""
    tables = reference / "algorithms/tables"
    recodes = pd.read_csv(tables / "seer_site_recode_2008.csv", dtype=str, keep_default_na=False)
    recode_rows = [
        (r.recode, ranges(r.site_in), ranges(r.site_out), ranges(r.hist_in), ranges(r.hist_out))
        for r in recodes.itertuples()
    ]
    table = pd.read_csv(tables / "cause_specific_2008_pre.csv", dtype=str, keep_default_na=False)
    table = table[(table.icd_revision == "1") & (table.seq_group != "0")]

    def inside(value: str, cell: str) -> bool:
        return any(p.partition("-")[0] <= value <= (p.partition("-")[2] or p) for p in cell.split())

    missed = set()
    for row in rows[~rows.behavior.isin(["0", "1", "2"])].itertuples():
        s, h = int(row.site[1:]), int(row.histology)
        recode = next(
            (
                code
                for code, si, so, hi, ho in recode_rows
                if (s in si if si else s not in so) and (h in hi if hi else h not in ho)
            ),
            "99999",
        )
        hit = table[table.site_recode == recode]
        if recode != "37000" and not any(
            inside(row.cause[:3], r.cod3) or inside(row.cause, r.cod4) for r in hit.itertuples()
        ):
            missed.add((recode, row.site, row.histology, row.cause))
    print("causes that the cause-specific table does not count:", sorted(missed)[:40], len(missed))


# ---------------------------------------------------------------------------------------------- surgery

# our choice of codes per site table: a local procedure and resections that exist in every edition 1998 to 2024
SURGERY = (
    ("C00 C01 C02 C03 C04 C05 C06", "27", "30", 0),
    ("C07 C08", "27", "30 40", 0),
    ("C09 C10 C11 C12 C13 C140", "27", "30", 0),
    ("C15", "27", "30 50", 0),
    ("C16", "27", "30 50", 0),
    ("C18", "27", "30 40", 2024),
    ("C19", "27", "30 50", 0),
    ("C20", "27", "30 50", 0),
    ("C21", "27", "60", 0),
    ("C220 C221", "", "20 50", 0),
    ("C25", "25", "30 60", 2024),
    ("C32", "27", "30 40", 0),
    ("C34", "21", "30 55", 2024),
    ("C40 C41 C47 C49", "25", "30", 0),
    ("C44", "20", "30", 2023),
    ("C50", "20", "41 50", 2024),
    ("C53", "27", "30 50", 0),
    ("C54 C55", "25", "40 50", 0),
    ("C569", "", "50 60", 0),
    ("C61", "21", "50", 0),
    ("C62", "20", "40", 0),
    ("C64 C65 C66", "27", "30 50", 0),
    ("C67", "27", "50 60", 0),
    ("C70 C71 C72", "20", "55", 0),
    ("C73", "", "20 50", 2024),
    ("C77", "25", "30", 0),
    ("C422", "", "80", 0),
    ("C420 C421 C423 C424 C76 C80", "98", "98", 0),
    ("", "27", "30 40", 0),
)


def make_surgery(reference: Path) -> None:
    out = []
    editions = {}
    with zipfile.ZipFile(reference / "algorithms/surgery/site-specific-surgery-tables.zip") as archive:
        for year in SURGERY_YEARS:
            name = next(n for n in archive.namelist() if n.endswith(f"-{year}.xml"))
            editions[year] = ElementTree.fromstring(archive.read(name))
    topography = sorted(pd.read_csv(reference / "algorithms/tables/icdo3_topography_codes_canreg5.csv", dtype=str).site)
    for year, root in editions.items():
        tables = []
        for table in root:
            tables.append(
                (
                    ranges(table.findtext("site-inclusion") or ""),
                    ranges(table.findtext("hist-inclusion") or ""),
                    {row.findtext("code") for row in table.findall("row") if row.findtext("code")},
                )
            )
        for sites, local, resections, _ in SURGERY:
            inside = [s for s in topography if s.startswith(tuple(sites.split()))] if sites else []
            for site in inside:
                match = [codes for place, hist, codes in tables if int(site[1:]) in place and not hist]
                match = match or [codes for place, hist, codes in tables if int(site[1:]) in place]
                if not match:
                    print("no surgery table", year, site)
                    continue
                plain = {c if len(c) == 2 else c[1:3] for c in match[0]}
                missing = {c for c in [*local.split(), *resections.split()] if c not in plain}
                if missing:
                    print("surgery codes missing", year, site, missing)
    for sites, local, resections, letter_b in SURGERY:
        out.append((sites, local, resections, letter_b or 9999))
    write(
        "surgery.csv",
        pd.DataFrame(out, columns=["sites", "local", "resection", "letter_b_from"]),
        "One local procedure and resections per site table, chosen so that each exists in the editions of 1998 to 2024;\n"
        "from 2023 the code is A (B from the year given) + two digits + 0. The row without sites is for all other sites.\n"
        "Source: SEER site-specific surgery codes (imsweb, BSD-3).",
    )


def make_origins(reference: Path) -> None:
    for name, source in (("race", "synth_race.csv"), ("hispanic", "synth_hispanic_origin.csv")):
        frame = pd.read_csv(reference / "algorithms/tables" / source, dtype=str)
        write(
            f"{name}.csv",
            frame,
            f"Share of cases (per cent) by {name} code. Source: imsweb data-generator (BSD-3, from SEER).",
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--reference", type=Path, default=ROOT.parent / "shared" / "reference")
    parser.add_argument("--counties", type=Path, help="counties-10m.json of npm us-atlas 3.0.1")
    options = parser.parse_args()
    make_population(options.reference)
    make_us_ages(options.reference)
    if options.counties:
        make_counties(options.reference, options.counties)
    make_mortality(options.reference)
    make_tumors(options.reference)
    make_surgery(options.reference)
    make_origins(options.reference)


if __name__ == "__main__":
    main()
