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
import json
import re
import zipfile
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pandas as pd
from scipy.interpolate import PchipInterpolator
from synthetic_tumor_rules import Rules, cause_of, grade_sets, grades_2018, group_of, ranges

ROOT = Path(__file__).resolve().parent.parent
DATA = ROOT / "registry" / "synthetic" / "data"
AGES = [*range(0, 86, 5)]
CENSUS_YEARS = [1984, 1989, 1994, 1999, 2004, 2009, 2014]
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


# ---------------------------------------------------------------------------------------------- staging


def make_staging() -> None:
    """Writes the schema of each tumour type by year from 2018, and the EOD codes that derive each summary stage in it."""
    from abstracting.staging.schemas import desk

    types = pd.read_csv(DATA / "tumor_types.csv.gz", dtype=str, comment="#", keep_default_na=False)
    engine = desk().engine("eod_public")
    rows, samples = [], {}
    for index, row in enumerate(types.itertuples()):
        last: tuple = ()
        for year in range(2018, 2027):
            record = {"225": row.sex, "220": row.sex, "400": row.site, "522": row.histology, "523": row.behavior}
            record |= {"390": f"{year}0615", "230": "065"}
            schema, first, second = resolve_schema(record)
            if (schema, first, second) != last:
                rows.append((index, year, schema, first, second))
                last = (schema, first, second)
            if schema:
                samples.setdefault((schema, row.behavior), (record, first, second))
    codes, numbers = [], {}
    for (schema, behavior), (record, first, second) in sorted(samples.items()):
        found, numbers[schema] = derive_codes(engine, schema, record, first, second)
        codes += [(schema, behavior, *code) for code in found]
    size = {schema: size_allowed(engine, schema) for schema, _ in samples}
    table = pd.DataFrame(rows, columns=["type", "from_year", "schema", "discriminator_1", "discriminator_2"])
    table["schema_id"] = [numbers.get(s, "") for s in table.schema]
    table["size"] = [int(size.get(s, False)) for s in table.schema]
    header = "Source: EOD public 3.3 (BSD-3), by the project's own staging engine."
    write(
        "schemas.csv.gz",
        table,
        "EOD schema by tumour type (row of tumor_types) and first year of diagnosis.\n" + header,
    )
    columns = ["schema", "behavior", "stage", "primary_tumor", "regional_nodes", "mets"]
    frame = pd.DataFrame(codes, columns=columns)
    write(
        "eod.csv.gz", frame, "EOD codes that derive a summary stage 2018 in a schema: up to three ways each.\n" + header
    )


def resolve_schema(record: dict) -> tuple[str, str, str]:
    """Gives schema and discriminators, an unknown discriminator (9) where one is needed; blanks where none is found."""
    from abstracting.staging.schemas import schema_for

    given = dict(record)
    for _ in range(3):
        choice = schema_for(given)
        if choice.schema_id or not choice.missing:
            return choice.schema_id or "", given.get("3926", ""), given.get("3927", "")
        need = choice.missing[0]
        options = [c.code.low for c in need.choices]
        given[str(need.item)] = "9" if "9" in options else options[0]
    return "", "", ""


def size_allowed(engine, schema: str) -> bool:
    return all(engine.is_code_valid(schema, "size_summary", f"{n:03d}") for n in (1, 5, 12, 29, 150, 400))


def derive_codes(engine, schema: str, record: dict, first: str, second: str) -> tuple[list[tuple], str]:
    """Gives (stage, primary tumour, nodes, metastases) combinations, at most three per stage, and the schema's number."""
    from abstracting.staging.schemas import desk

    model = engine.algorithm.schema(schema)
    lists = []
    for key in ("eod_primary_tumor", "eod_regional_nodes", "eod_mets"):
        if model.input(key) is None:
            return [], ""
        lists.append([code.low for code in desk().valid_codes(model, model.input(key).item)])
    base = {"site": record["400"], "hist": record["522"], "behavior": record["523"], "year_dx": record["390"][:4]}
    base |= {"sex_at_birth": record["225"], "discriminator_1": first, "discriminator_2": second}
    base = {k: v for k, v in base.items() if v and model.input(k) is not None}
    found: dict[str, list[tuple]] = {}
    number = ""
    for primary in lists[0]:
        for nodes in lists[1]:
            for mets in lists[2]:
                inputs = base | {"eod_primary_tumor": primary, "eod_regional_nodes": nodes, "eod_mets": mets}
                result = engine.stage(inputs)
                number = result.output.get("naaccr_schema_id") or number
                stage = result.output.get("ss2018_derived") or ""
                if stage:
                    found.setdefault(stage, []).append((stage, primary, nodes, mets))
    out = []
    for stage in sorted(found):
        ways = found[stage]
        if stage != "7":  # no metastases, and known nodes, where the stage can be had so
            ways = [w for w in ways if w[3] == "00"] or ways
            ways = [w for w in ways if w[2] != "999"] or ways
        out += ways if len(ways) <= 3 else [ways[0], ways[len(ways) // 2], ways[-1]]
    return out, number


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
    make_staging()
    make_surgery(options.reference)
    make_origins(options.reference)


if __name__ == "__main__":
    main()
