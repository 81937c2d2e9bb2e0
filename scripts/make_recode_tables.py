"""Writes `abstracting/recodes/data` from `../shared/reference/algorithms`: facts only, in the project's own layout.

Run from the root of the project: `python scripts/make_recode_tables.py [REFERENCE]`. Every file starts with a line that
names its source; ranges stay `a-b` and lists stay blank-separated, so that a table can be read by a person.
"""

from __future__ import annotations

import csv
import gzip
import io
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TARGET = ROOT / "abstracting" / "recodes" / "data"

SEER = "SEER site recode definitions (public, NCI SEER), re-expressed from imsweb/algorithms (BSD-3)"
ICCC = "International Classification of Childhood Cancer, edition {}; re-expressed from imsweb/algorithms (BSD-3)"
SEER_PAGE = "{} (public, NCI SEER); re-expressed from imsweb/algorithms (BSD-3)"
NAACCR = "{} (public, NAACCR); re-expressed from imsweb/algorithms (BSD-3)"
IARC = "IARC/IACR multiple primary rules 2004 and IARC Technical Report 42, as facts{}"

SITE_RECODES = ("2003", "2003_without_ksm", "2008", "2023", "2023_expanded")
ICCC_EDITIONS = {"iccc_3": "ICCC-3", "iccc_who2008": "ICD-O-3/WHO 2008", "iccc_iarc2017": "ICCC-3/IARC 2017"}
RULE_COLUMNS = ("recode", "recode_extended", "site_in", "site_out", "hist_in", "hist_out", "beh_in")
YEAR_COLUMNS = {"dx_year_min": "year_min", "dx_year_max": "year_max"}


def read(path: Path) -> list[dict[str, str]]:
    opener = gzip.open if path.suffix == ".gz" else open
    with opener(path, "rt", encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def label_of(text: str) -> str:
    """Gives a category's name on one line, without a mark that the printed table goes on."""
    text = " ".join(text.split())
    text = re.sub(r"\b(And|Of|Other Than)\b(?<!^And)", lambda word: word[0].lower(), text).replace("Cns ", "CNS ")
    return "" if text.endswith("(continued)") else text


def write(name: str, source: str, rows: list[dict[str, str]]) -> None:
    columns = [column for column in rows[0] if any(row[column] for row in rows)]
    buffer = io.StringIO()
    buffer.write(f"# source: {source}\n")
    writer = csv.DictWriter(buffer, columns, extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    data = buffer.getvalue().encode()
    path = TARGET / name
    if path.suffix == ".gz":
        # no time stamp and no name inside: the same input gives the same bytes
        data = gzip.compress(data, 9, mtime=0)
    path.write_bytes(data)
    print(f"{len(rows):7,d} rows {len(data):9,d} bytes  {path.relative_to(ROOT)}")


def write_rules(table: Path, target: str, source: str) -> None:
    """Writes the ordered conditions of a recode, and the names of its values beside it."""
    rows = read(table)
    write_conditions(rows, target, source)
    write_labels(target, source, [(row["recode"], row["label"]) for row in rows])


def write_conditions(rows: list[dict[str, str]], target: str, source: str) -> None:
    rules = [
        {column: row.get(column, "") for column in RULE_COLUMNS}
        | {ours: row.get(theirs, "") for theirs, ours in YEAR_COLUMNS.items()}
        for row in rows
    ]
    write(f"{target}.csv", source, rules)


def write_labels(target: str, source: str, pairs: list[tuple[str, str]]) -> None:
    labels: dict[str, str] = {}
    for code, label in pairs:
        if label_of(label):
            labels.setdefault(code, label_of(label))
    write(f"{target}_labels.csv", source, [{"code": code, "label": label} for code, label in labels.items()])


def write_groups(table: Path, target: str, source: str) -> list[dict[str, str]]:
    """Writes the printed hierarchy: depth, name and every code beneath, each name of a level once."""
    rows = read(table)
    nodes: list[dict[str, str]] = []
    for place, row in enumerate(rows):
        depth = int(row["indent"])
        beneath = []
        for below in rows[place + 1 :]:
            if int(below["indent"]) <= depth:
                break
            beneath += below["recode"].split()
        # the printed list of a group leaves out a code now and then that stands beneath it
        codes = row["recode"].split() or sorted({*row["child_recodes"].split(), *beneath})
        node = {"depth": str(depth), "label": label_of(row["label"]), "codes": " ".join(dict.fromkeys(codes))}
        if not nodes or nodes[-1] != node:
            nodes.append(node)
    write(f"{target}_groups.csv", source, nodes)
    return nodes


def write_iccc(tables: Path, name: str, source: str) -> None:
    """Writes one ICCC edition: names of the recode from the printed groups, names of the extended from the rules."""
    rows = read(tables / f"{name}.csv")
    write_conditions(rows, name, source)
    nodes = write_groups(tables / f"{name}_groups.csv", name, source)
    if any(row["recode_extended"] for row in rows):
        single = [(node["codes"], node["label"]) for node in nodes if " " not in node["codes"]]
        write_labels(name, source, single)
        write_labels(f"{name}_extended", source, [(row["recode_extended"], row["label"]) for row in rows])
    else:
        write_labels(name, source, [(row["recode"], row["label"]) for row in rows])


def main(reference: Path) -> None:
    tables = reference / "algorithms" / "tables"
    TARGET.mkdir(parents=True, exist_ok=True)

    for version in SITE_RECODES:
        write_rules(tables / f"seer_site_recode_{version}.csv", f"site_recode_{version}", SEER)
        write_groups(tables / f"seer_site_recode_{version}_groups.csv", f"site_recode_{version}", SEER)
    for name, edition in ICCC_EDITIONS.items():
        write_iccc(tables, name, ICCC.format(edition))
    write("iccc_major.csv", ICCC.format("ICCC-3/IARC 2017"), read(tables / "iccc_major_category.csv"))
    for name, title in (
        ("aya_2008", "AYA site recode, WHO 2008"),
        ("aya_2020", "AYA site recode, 2020 revision"),
        ("lymphoid_2021", "Lymphoid neoplasm recode, 2021 revision"),
        ("brain_cns_2020", "Brain and CNS recode, 2020 revision"),
    ):
        write_rules(tables / f"{name}.csv", name, SEER_PAGE.format(title))

    causes = SEER_PAGE.format("SEER cause-specific death classification")
    for version in ("2008_pre", "2008_post", "2023"):
        rows = read(tables / f"cause_specific_{version}.csv")
        columns = ("icd_revision", "seq_group", "site_recode", "cod3", "cod4")
        write(f"cause_specific_{version}.csv", causes, [{c: row[c] for c in columns} for row in rows])

    write("iarc_site_groups.csv", IARC.format(""), read(tables / "iarc_mp_site_groups.csv"))
    for suffix in ("", "_canreg5"):
        rows = read(tables / f"iarc_mp_histology_groups{suffix}.csv")
        named = " as CanReg5 reads them" if suffix else ""
        write(
            f"iarc_histology_groups{suffix}.csv",
            IARC.format(named),
            [{"group": row["group"], "label": row["label"], "hist_in": row["hist_in"]} for row in rows],
        )
    write(
        "iarc_families.csv",
        IARC.format(""),
        [{c: row[c] for c in ("mode", "family", "sites")} for row in read(tables / "iarc_family_sites.csv")],
    )
    write("iarc_morphologies.csv", IARC.format(""), read(tables / "iarc_morphology_families.csv"))

    nhia, napiia = NAACCR.format("NHIA v20240801"), NAACCR.format("NAPIIA v20250801")
    write("nhia_birthplaces.csv", nhia, read(tables / "nhia_birthplace.csv"))
    write("nhia_low_counties.csv", nhia, read(tables / "nhia_low_hispanic_counties.csv"))
    write("nhia_heavily_surnames.csv.gz", nhia, read(tables / "nhia_heavily_hispanic_surnames.csv"))
    write("nhia_rarely_surnames.csv.gz", nhia, read(tables / "nhia_rarely_hispanic_surnames.csv.gz"))
    write("napiia_birthplaces.csv", napiia, read(tables / "napiia_birthplace.csv"))
    write("napiia_surnames.csv.gz", napiia, read(tables / "napiia_surnames.csv"))

    odd = [
        (path.name, cell)
        for path in TARGET.glob("*.csv")
        for line in path.read_text(encoding="utf-8").splitlines()[2:]
        for cell in re.findall(r"\bC\d+-\d+\b", line)
    ]
    for name, cell in odd:
        print(f"note: {name} writes a range as {cell}")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT.parent / "shared" / "reference")
