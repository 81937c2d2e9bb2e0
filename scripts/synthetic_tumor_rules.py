"""The rules by which `make_synthetic_tables.py` decides what a tumour of the synthetic registry may be.

Every record-level rule that needs no more than sex, site, histology, behavior, age and year is applied to the source
table once, here, so that what the generator draws is valid by construction.
"""

from __future__ import annotations

import io
import json
import re
import zipfile
from pathlib import Path

import pandas as pd


def ranges(text: str) -> set[int]:
    """Gives the integers of space separated codes and inclusive ranges; topography codes lose their C."""
    out: set[int] = set()
    for part in re.split(r"[ ,]+", str(text).replace("C", "").strip()):
        if not part or part == "nan":
            continue
        low, _, high = part.partition("-")
        out.update(range(int(low), int(high or low) + 1))
    return out


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
        ("9811-9818 9835-9837", "C910"), ("9823", "C911"), ("9832-9834", "C913"), ("9940", "C914"),
        ("9820 9826-9831 9948", "C919"),
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
    if site == "C268":
        return "C269"
    if site in ("C150", "C151", "C152"):  # ICD-10 as coded in the United States divides the esophagus by thirds
        return f"C15{int(site[3]) + 3}"
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
