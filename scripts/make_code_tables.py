"""Writes `abstracting/codes/data` from `../shared/reference`: codes with short labels, in the project's own layout.

Run from the root of the project: `python scripts/make_code_tables.py [REFERENCE]`. Every file starts with a line that
names its source. Long terms are shortened by the rules below; notes and descriptions of manuals do not come along, but
the facts inside them do (years in which a code holds, sites it belongs to, the code to use instead).
"""

from __future__ import annotations

import csv
import gzip
import html
import io
import re
import sys
import zipfile
from collections.abc import Iterable
from pathlib import Path
from xml.etree import ElementTree

ROOT = Path(__file__).resolve().parent.parent
TARGET = ROOT / "abstracting" / "codes" / "data"
REFERENCE = ROOT.parent / "shared" / "reference"
LOOKUPS = REFERENCE / "naaccr" / "lookups" / "naaccr-lookups-260.zip"
FIRST_EDITION = REFERENCE / "algorithms" / "tables" / "iarc_morphology_families.csv"

ICDO = "ICD-O-3 codes and preferred terms (WHO/IARC), shortened; list of NAACCR v26 and of IARC's ICD-O-3.2"
FIPS = "State and county codes (FIPS 6-4 / INCITS 38), public; names by the U.S. Census Bureau"
ICD = "ICD to ICD-O-3 conversions (public, NCI SEER); re-expressed from imsweb/algorithms (BSD-3)"
SURGERY = (
    "SEER surgery codes by site, {} (public, NCI SEER); codes, with labels shortened; via imsweb/algorithms (BSD-3)"
)
SEER = "Paired sites (public, NCI SEER)"

# topography: words that a label can do without
SITE_WORDS = (
    (r"^Overlapping lesion of (.*)$", r"\1, overlapping"),
    (r"[Cc]onnective, subcutaneous and other soft tissues? of", "Soft tissue of"),
    (r"[Cc]onnective, subcutaneous and other soft tissues?", "Soft tissue"),
    (r"Peripheral nerves and autonomic nervous system of", "Nerves of"),
    (r"[Pp]eripheral nerves and autonomic nervous system", "Nerves"),
    (r", scapula and associated joints", ", scapula"),
    (r" and associated joints", ""),
    (r"bones, joints and articular cartilage", "bones and joints"),
    (r"Bones?, joints? and articular cartilage", "Bone and joint"),
    (r" and intrathoracic organs", ""),
    (r" and related structures", ""),
    (r"other and unspecified parts of", "other parts of"),
    (r"limband", "limb and"),
)

# surgery: longer phrases of the tables and how the program writes them
SURGERY_WORDS = (
    (r"<[^>]+>", " "),
    (r"\[[^\]]*\]", " "),
    (r"\([^()]*\)", " "),
    (r"\*+", ""),
    (r"^None; no surgery of primary site.*", "No surgery of the primary site"),
    (r"^No surgery of primary site.*", "No surgery of the primary site"),
    (r"^Unknown if surgery performed.*", "Unknown whether operated"),
    (r"^Electrocautery; fulguration.*", "Electrocautery"),
    (r"^All unknown and ill-defined disease sites.*", "Unknown or ill-defined site"),
    (r"^All hematopoietic.*", "Hematopoietic disease"),
    (r"^Special codes.*", "Special code"),
    (r"\bresection in continuity with\b", "with"),
    (r"\bin continuity with the resection of other organs\b", "with other organs"),
    (r"\bcontiguous organs?\b", "adjacent organ"),
    (r"\bWITHOUT\b", "without"),
    (r"\bWITH\b", "with"),
    (r"\bAND\b", "and"),
    (r"\bOR\b", "or"),
    (r"\bNOT\b", "not"),
    (r"\bLESS THAN\b", "less than"),
    (r"\bwith with\b", "with"),
    (r"; example:.*", ""),
    (r";.*", ""),
)
LONGEST = 60


def shorten(text: str, words: Iterable[tuple[str, str]]) -> str:
    for pattern, replacement in words:
        text = re.sub(pattern, replacement, text)
    text = re.sub(r"\s+([,;.])", r"\1", " ".join(text.split())).strip(" ,;-:")
    if len(text) > LONGEST:
        text = text[: LONGEST - 1].rsplit(" ", 1)[0].rstrip(" ,;-(") + "…"
    return text[:1].upper() + text[1:]


def read(data: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(data.decode("utf-8-sig"))))


def write(name: str, source: str, columns: str, rows: list[tuple]) -> None:
    buffer = io.StringIO()
    buffer.write(f"# source: {source}\n")
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(columns.split())
    writer.writerows(rows)
    data = buffer.getvalue().encode()
    path = TARGET / name
    # no time stamp and no name inside: the same input gives the same bytes
    path.write_bytes(gzip.compress(data, 9, mtime=0) if path.suffix == ".gz" else data)
    print(f"{len(rows):7,d} rows {path.stat().st_size:9,d} bytes  {path.relative_to(ROOT)}")


# --- ICD-O ------------------------------------------------------------------------------------------------------------


def write_topography(lookups: zipfile.ZipFile, folder: str) -> None:
    rows = read(lookups.read(f"{folder}/primarySite.csv"))
    write("topography.csv", ICDO, "code label", [(code, shorten(label, SITE_WORDS)) for code, label in rows])


_BRACKETS = re.compile(r"\s*\[([^\]]*)\]")
_SITES = re.compile(r"\s*\((?=[^()]*\bC\d\d)[^()]*\)")


def years_of(note: str) -> tuple[str, str, str]:
    """Gives first year, last year and the code to use outside them, as far as a note says so plainly."""
    note = note.upper().strip()
    use = re.findall(r"USE(?: CODE)? (\d{4}/\d)", note)
    instead = use[0] if len(set(use)) == 1 else ""
    span = re.match(r"(?:FOR |REPORTABLE |USE FOR |FOR USE )*(\d{4}) ?- ?(\d{4})\b(?! CASES)", note)
    if span:
        return span[1], span[2], instead
    before = re.match(r"(?:FOR |REPORTABLE |USE FOR )*PRE[- ](\d{4})(?! CASES)", note)
    if before:
        return "", str(int(before[1]) - 1), instead
    since = re.match(r"(?:CODE FOR USE IN )?(\d{4})(?:\+| AND LATER)(?! CASES FOR|:)", note)
    if since:
        return since[1], "", instead
    # reportable from a year on, another code before: the code holds from that year
    since = re.match(r"REPORTABLE (\d{4})\+\. FOR PRE-\1,? USE CODE", note)
    return (since[1], "", instead) if since else ("", "", "")


def sites_of(term: str) -> str:
    """Gives the sites in the brackets of a term: `C649`, `C50` for all of a group, `C310-C313` for a range."""
    cells = " ".join(re.findall(r"\(([^()]*\bC\d\d[^()]*)\)", term))
    codes = re.findall(r"C\d\d(?:\.\d|\._)?(?:\s*-\s*C\d\d(?:\.\d)?)?", cells)
    return " ".join(dict.fromkeys(re.sub(r"[._\s]", "", code) for code in codes))


def morphology_years() -> list[tuple[str, str, str]]:
    """Gives (code, first year, last year) of every code that all of its terms bound on one side.

    A code that the first edition of ICD-O-3 has began before any of these years, whatever its newest terms say.
    """
    bounds: dict[str, list[tuple[str, str]]] = {}
    with zipfile.ZipFile(LOOKUPS) as lookups:
        for row in read(lookups.read("naaccr-lookups-260/histologicTypeIcdO3_allTerms.csv")):
            code, term = f"{row[0]}/{row[1]}", row[2]
            found = [years_of(note)[:2] for note in _BRACKETS.findall(term)]
            bounds.setdefault(code, []).append(next((years for years in found if any(years)), ("", "")))
    with FIRST_EDITION.open(encoding="utf-8", newline="") as file:
        first_edition = {row["morphology"] for row in csv.DictReader(file)}
    rows = []
    for code, years in sorted(bounds.items()):
        first = min(one for one, _ in years) if code[:4] not in first_edition else ""
        last = max(one for _, one in years) if all(one for _, one in years) else ""
        if first or last:
            rows.append((code, first, last))
    return rows


def write_morphology(lookups: zipfile.ZipFile, folder: str, iarc: Path) -> None:
    terms: dict[str, list] = {}
    # a note in the preferred term bounds that term; the code may be older under another one
    years = {code: (first, last) for code, first, last in morphology_years()}
    for code, term in read(lookups.read(f"{folder}/histologicTypeIcdO3_preferredTermsOnly.csv")):
        notes = _BRACKETS.findall(term)
        instead = next((found[2] for found in map(years_of, notes) if any(found[:2])), "")
        key = f"{code[:4]}/{code[-1]}"
        first, last = years.get(key, ("", ""))
        bare = _BRACKETS.sub("", term)
        name = " ".join(_SITES.sub("", bare).split()).strip(" ,;")
        terms[code] = [name, "1", "", first, last, instead, sites_of(bare)]
    with iarc.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            if row["level"] == "Preferred":
                terms.setdefault(row["code"], [row["term"], "", "", "", "", "", ""])[2] = "1"
    rows = [(code[:4], code[5], *terms[code]) for code in sorted(terms)]
    write("morphology.csv", ICDO, "histology behavior label naaccr icdo32 first last instead sites", rows)


# --- places -----------------------------------------------------------------------------------------------------------


def write_places(lookups: zipfile.ZipFile, folder: str, tables: Path) -> None:
    import pyarrow.parquet as parquet

    numbers = {label: code for code, label in read(lookups.read(f"{folder}/stateAtDxGeocode2020.csv"))}
    states = [
        (
            code,
            numbers.get(label, ""),
            re.sub(r" \(.*", "", label.replace("APO/FPO for Armed Services", "Armed forces,")),
        )
        for code, label in read(lookups.read(f"{folder}/addrAtDxState.csv"))
        if "Historic" not in label
    ]
    write("states.csv", FIPS, "code fips label", states)
    names: dict[str, str] = {}
    for edition in ("2023", "2017"):
        table = parquet.read_table(ROOT / "geo" / "data" / f"us_counties_{edition}.parquet", columns=["code", "name"])
        for code, name in zip(*table.to_pydict().values(), strict=True):
            names.setdefault(code, name)
    fips = {code: number for code, number, _ in states}
    with (tables / "state_county_codes.csv").open(encoding="utf-8", newline="") as file:
        analysis = {(row["state"], row["county_fips"]) for row in csv.DictReader(file)}
    abbreviations = {number: code for code, number, _ in states if number}
    known = {(abbreviations[code[:2]], code[2:]) for code in names if code[:2] in abbreviations}
    rows = [
        (state, county, names.get(fips.get(state, "") + county, ""), "1" if (state, county) in analysis else "")
        for state, county in sorted(analysis | known)
    ]
    write("counties.csv.gz", FIPS, "state county label analysis", rows)
    print(f"        {sum(not row[2] for row in rows)} counties without a name")


# --- conversions ------------------------------------------------------------------------------------------------------


def write_conversions(folder: Path) -> None:
    rows = []
    for system, name in (("10-CM", "icd-10-cm"), ("10", "icd-10"), ("9-CM", "icd-9-cm")):
        for row in read((folder / f"{name}-to-icd-o-3.csv").read_bytes())[1:]:
            rows.append((system, *(cell.strip() for cell in row)))
    columns = "system code site histology behavior grade laterality reportability sex"
    write("icd_to_icdo3.csv.gz", ICD, columns, rows)


# --- surgery ----------------------------------------------------------------------------------------------------------


def write_surgery(archive: zipfile.ZipFile) -> None:
    tables, codes = [], []
    for name in sorted(archive.namelist()):
        year = re.search(r"(\d{4})\.xml$", name)[1]  # type: ignore[index]
        # ranges and lists come with commas; notes stay behind
        for number, table in enumerate(ElementTree.fromstring(archive.read(name)), 1):
            cells = [
                " ".join(re.sub(r"\s", "", cell.text or "").replace(",", " ") for cell in table.findall(kind))
                for kind in ("site-inclusion", "hist-inclusion", "hist-exclusion")
            ]
            # some editions print a list of two where the others print the range between them
            repaired = re.sub(r"\b(C\d\d)0 \1(?=9\b)", r"\g<1>0-\1", cells[0])
            if repaired != cells[0]:
                print(f"note: {name}: {cells[0][:40]}… read as a range where it lists two ends")
                cells[0] = repaired
            title = shorten(table.get("title", ""), ((r"\s*\[.*?\]\s*", " "), (r"/ +", "/"), (r"/.*", " diseases")))
            tables.append((year, number, title.replace("BRAIN", "Brain"), *cells))
            for row in table.findall("row"):
                code = (row.findtext("code") or "").strip()
                if not code:
                    continue
                if not re.fullmatch(r"[AB]?\d{2,3}", code):
                    print(f"note: {name}, {title}: code {code!r} left out")
                    continue
                label = shorten(html.unescape(row.findtext("description") or ""), SURGERY_WORDS)
                codes.append((year, number, code, row.get("level", "0"), label))
    write("surgery_tables.csv", SURGERY.format("1998 to 2024"), "year number title sites hist_in hist_out", tables)
    write("surgery_codes.csv.gz", SURGERY.format("1998 to 2024"), "year number code level label", codes)


def main(reference: Path) -> None:
    TARGET.mkdir(parents=True, exist_ok=True)
    algorithms = reference / "algorithms"
    folder = "naaccr-lookups-260"
    with zipfile.ZipFile(reference / "naaccr" / "lookups" / f"{folder}.zip") as lookups:
        write_topography(lookups, folder)
        write_morphology(lookups, folder, reference / "epath" / "icdo" / "icdo32_terms.csv")
        write_places(lookups, folder, algorithms / "tables")
        laterality = read(lookups.read(f"{folder}/laterality.csv"))
    rows = read((algorithms / "tables" / "laterality_paired_sites.csv").read_bytes())[1:]
    write("paired_sites.csv", SEER, "site first_year", [tuple(row) for row in rows])
    print("        laterality codes:", " ".join(code for code, _ in laterality))
    write_conversions(algorithms / "icd")
    with zipfile.ZipFile(algorithms / "surgery" / "site-specific-surgery-tables.zip") as archive:
        write_surgery(archive)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else REFERENCE)
