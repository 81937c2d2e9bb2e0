"""Planted defects: each record-level edit of the catalogue violated at a set rate, with truth labels.

    flat = made.flat()
    bad, labels = inject(flat, rate=0.01, seed=1)            # every edit on about 1 % of the records that can violate it
    bad, labels = inject(flat, edits=["DAT01"], rate=0.05)

A record gets at most one planted defect; that one violates its edit for certain, and may make others fire beside it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from registry.errors import RegistryError
from registry.synthetic.coding import paired_sites
from registry.synthetic.streams import stream

Record = dict[str, str]
Change = Callable[[Record], Record]

# why these of the catalogue's checks are no defects of one record
NOT_INJECTABLE = {
    "DAT11": "compares the tumors of a patient",
    "DAT12": "compares the tumors of a patient",
    "LAT04": "compares the tumors of a patient",
    "SEQ03": "compares the tumors of a patient",
    "SEQ04": "compares patients",
    "MOR08": "a list of exceptions, not a check",
    "MOR10": "an indicator per year",
    "GRA09": "a derivation",
    "VST05": "an indicator",
    "VST06": "an indicator",
}

STAGE_ITEMS = ("764", "759", "3020", "760")
IMPLIED = {
    "8331": "1",
    "9187": "1",
    "9511": "1",
    "8249": "2",
    "8332": "2",
    "9083": "2",
    "8020": "4",
    "8021": "4",
    "9082": "4",
}
IMPLIED |= {"9392": "4", "9401": "4", "9451": "4", "8805": "4", "9505": "4", "9512": "4", "8631": "3", "8634": "3"}
T_CELL = (
    "9702",
    "9705",
    "9708",
    "9709",
    "9716",
    "9717",
    "9718",
    "9719",
    "9724",
    "9726",
    "9729",
    "9827",
    "9834",
    "9837",
)
OVARY = ("8441", "8460", "8470", "8313", "8620")


@dataclass(frozen=True, slots=True)
class Defect:
    """How to violate one edit: `fits` says which records can, `change` gives the items that do."""

    edit: str
    fits: Callable[[Record], bool]
    change: Change


def _year(r: Record) -> int:
    return int(r["390"][:4])


def _site(*prefixes: str) -> Callable[[Record], bool]:
    return lambda r: r["400"].startswith(prefixes)


def _hist(low: int, high: int) -> Callable[[Record], bool]:
    return lambda r: low <= int(r["522"]) <= high


def _all(*tests: Callable[[Record], bool]) -> Callable[[Record], bool]:
    return lambda r: all(t(r) for t in tests)


def _any(_: Record) -> bool:
    return True


def _malignant(r: Record) -> bool:
    return r["523"] == "3"


def _in_situ(r: Record) -> bool:
    return r["523"] == "2"


def _old(r: Record) -> bool:
    return _year(r) < 2018


def _dead(r: Record) -> bool:
    return r["1760"] == "0"


def _usual(r: Record) -> bool:
    return r["500"] not in ("6", "7")


def _dco(r: Record) -> bool:
    return r["500"] == "7"


def _lone(r: Record) -> bool:
    return r["380"] == "00"


def _set(**items: str) -> Change:
    fixed = {k.removeprefix("i"): v for k, v in items.items()}
    return lambda r: dict(fixed)


def _aged(age: int) -> Change:
    """Makes the patient so old at diagnosis, birth date included."""
    return lambda r: {"230": f"{age:03d}", "240": f"{_year(r) - age:04d}"}


def _also(*changes: Change) -> Change:
    def change(r: Record) -> Record:
        out: Record = {}
        for c in changes:
            out |= c(r)
        return out

    return change


def _stage_item(r: Record) -> str:
    return next((i for i in STAGE_ITEMS if r.get(i)), "")


def _stage(r: Record) -> str:
    return r.get(_stage_item(r), "")


def _staged(*codes: str) -> Callable[[Record], bool]:
    return lambda r: _stage(r) in codes


def _set_stage(code: str) -> Change:
    return lambda r: {_stage_item(r): code}


def _shift_year(item: str, years: int) -> Change:
    return lambda r: {item: f"{int(r[item][:4]) + years:04d}{r[item][4:]}".replace("0229", "0228")}


def _surgery(r: Record) -> str:
    return r["1290"] or r["1291"][1:3]


def _operated(r: Record) -> bool:
    return "20" <= _surgery(r) <= "90"


def _grade_item(r: Record) -> str:
    return "440" if _old(r) else "3843"


def _has(item: str) -> Callable[[Record], bool]:
    return lambda r: bool(r.get(item))


def _paired(r: Record) -> bool:
    first = paired_sites().get(r["400"])
    return first is not None and _year(r) >= first


def _tnm(letter: str) -> Callable[[Record], str]:
    """Gives the clinical item of T, N or M that the record uses; blank where it has none."""
    old, new = {"T": ("940", "1001"), "N": ("950", "1002"), "M": ("960", "1003")}[letter]
    return lambda r: old if r.get(old) else new if r.get(new) else ""


def _set_tnm(letter: str, digit: str) -> Change:
    def change(r: Record) -> Record:
        item = _tnm(letter)(r)
        return {item: digit if len(item) == 3 else f"c{letter}{digit}"}

    return change


def _of_marrow(r: Record) -> bool:
    """Tells whether IARC's list has the histology in the family of blood and marrow; newer codes are not in it."""
    from abstracting.edits.predicates import is_of_family

    return is_of_family(r["522"], "18") is True


def _with_tnm(letter: str) -> Callable[[Record], bool]:
    return lambda r: bool(_tnm(letter)(r))


def _later_contact(r: Record) -> bool:
    return bool(r.get("1200")) and len(r["1750"]) == 8 and int(r["1750"][:4]) <= 2023


_DEFECTS = (
    Defect("ITM01", _any, _set(i400="C999")),
    Defect("ITM02", _any, _set(i522="8888")),
    Defect("ITM03", _any, _set(i523="7")),
    Defect("ITM04", _any, _set(i220="8")),
    Defect("ITM05", _any, _set(i410="7")),
    Defect("ITM06", _usual, _set(i490="0")),
    Defect("ITM07", _any, _set(i1760="5")),
    Defect("ITM08", _any, lambda r: {"390": f"{_year(r)}0231"}),
    Defect("ITM09", _any, lambda r: {"240": f"{r['240'][:4]}0230"}),
    Defect("ITM10", _any, _set(i1750="")),
    Defect("ITM11", _any, _set(i230="130")),
    Defect("ITM12", _any, _set(i380="95")),
    Defect("ITM13", _any, _set(i500="9")),
    Defect("ITM14", _any, _set(i1920="5")),
    Defect("ITM15", _dead, _set(i1910="12AB")),
    Defect("ITM16", _any, _set(i160="50")),
    Defect("ITM17", _any, _set(i190="X")),
    Defect("ITM18", _any, _set(i90="002")),
    Defect("ITM19", lambda r: bool(r.get(_grade_item(r))), lambda r: {_grade_item(r): "0" if _old(r) else "Z"}),
    Defect("ITM20", lambda r: _stage_item(r) in ("764", "759"), _set_stage("6")),
    Defect("ITM21", _usual, _set(i1390="44")),
    Defect("ITM22", _any, _set(i60="")),
    Defect("DAT01", _any, lambda r: {"240": f"{_year(r) + 1}0105"}),
    Defect("DAT02", _all(_usual, _has("390")), lambda r: {"1750": f"{_year(r) - 1}0615"}),
    Defect("DAT03", _any, _set(i1750="20990101")),
    Defect("DAT04", lambda r: "020" < r["230"] < "110", lambda r: {"230": f"{int(r['230']) + 4:03d}"}),
    Defect("DAT05", _any, _set(i230="999")),
    Defect("DAT06", _has("1260"), lambda r: {"1260": f"{_year(r) - 1}0420"}),
    Defect("DAT07", _later_contact, lambda r: {"1200": f"{int(r['1750'][:4]) + 1}{r['1750'][4:6]}15"}),
    Defect("DAT08", _usual, lambda r: {"580": f"{_year(r) - 3}0704"}),
    Defect("DAT09", _dco, lambda r: {"390": f"{_year(r) - 1}0312"}),
    Defect("DAT10", _usual, lambda r: {"390": f"{_year(r)}  15"}),
    Defect("SEX01", _all(_site("C51", "C52", "C53", "C54", "C55", "C56", "C57", "C58")), _set(i220="1")),
    Defect("SEX02", _all(_site("C60", "C61", "C62", "C63")), _set(i220="2")),
    Defect("SEX03", lambda r: r["522"] in OVARY and r["220"] == "2", _set(i220="1")),
    Defect("SEX04", _all(_site("C62"), lambda r: r["522"] in ("9061", "9063", "9102", "9062")), _set(i220="2")),
    Defect("SEX05", lambda r: r["220"] == "1" and _malignant(r) and r["400"].startswith("C62"), _set(i522="9084")),
    Defect("SEX06", lambda r: r["220"] == "1" and int(r["240"][:4]) < 2000, _set(i2240="Mary")),
    Defect("AGE01", _site("C53", "C61"), _aged(3)),
    Defect("AGE02", _site("C15", "C19", "C20", "C21", "C23", "C24", "C50", "C54", "C55"), _aged(12)),
    Defect("AGE03", lambda r: r["522"] in ("9823", "9890", "9730"), _aged(20)),
    Defect("AGE04", _all(_site("C64"), _malignant, lambda r: r["230"] >= "020"), _set(i522="8960")),
    Defect("AGE05", lambda r: r["522"] in ("9724", "9732", "9823"), _aged(10)),
    Defect("AGE06", _all(_site("C61"), _hist(8140, 8149)), _aged(35)),
    Defect("AGE07", _all(_site("C17"), _hist(8000, 9589)), _aged(16)),
    Defect(
        "AGE08", lambda r: r["400"].startswith(("C33", "C34", "C18")) and not 8240 <= int(r["522"]) <= 8249, _aged(16)
    ),
    Defect("AGE09", _all(_site("C69"), lambda r: r["230"] > "010"), _set(i400="C692", i522="9510", i523="3", i410="1")),
    Defect(
        "AGE10",
        lambda r: r["220"] == "2" and _malignant(r) and r["400"].startswith(("C54", "C56")) and r["230"] > "050",
        _set(i400="C589", i522="9100", i410="0"),
    ),
    Defect("AGE11", _all(_malignant, lambda r: r["230"] < "015"), _set(i400="C402", i522="8010", i410="1")),
    Defect("MOR01", _all(_site("C50"), _malignant, lambda r: r["230"] > "020"), _set(i522="8170")),
    Defect("MOR02", _all(_site("C71", "C49", "C41"), _malignant, lambda r: r["230"] > "020"), _set(i522="8010")),
    Defect("MOR03", _all(_site("C34"), _malignant), _set(i522="8312")),
    Defect("MOR04", _all(_site("C40", "C41", "C42", "C47", "C49", "C70", "C71", "C72"), _malignant), _set(i523="2")),
    Defect("MOR05", _all(_site("C76", "C80"), _malignant), _set(i523="2")),
    Defect("MOR06", _all(_malignant, lambda r: 9590 <= int(r["522"]) <= 9989), _set(i523="2")),
    Defect("MOR07", _all(_malignant, _site("C07", "C08", "C50")), _set(i522="8204")),
    Defect("MOR09", _all(_site("C42"), _hist(9731, 9989), _of_marrow), _set(i400="C349", i410="1")),
    Defect("MOR11", _all(_site("C42"), lambda r: _year(r) < 2010, _malignant), _set(i522="9975")),
    Defect("GRA01", _all(_old, lambda r: r["523"] != "3"), _set(i440="2")),
    Defect("GRA02", _all(_old, _malignant), _set(i440="")),
    Defect(
        "GRA03",
        _all(_old, _malignant, lambda r: r["522"] in IMPLIED),
        lambda r: {"440": "3" if IMPLIED[r["522"]] != "3" else "1"},
    ),
    Defect("GRA04", _all(_old, _malignant, _hist(8000, 9589)), _set(i440="6")),
    Defect("GRA05", _all(_old, _malignant, lambda r: r["522"] in T_CELL), _set(i440="6")),
    Defect("GRA06", _all(_old, _malignant, lambda r: r["522"] in ("9700", "9701", "9714")), _set(i440="6")),
    Defect("GRA07", _all(_old, _malignant, _hist(9670, 9699)), _set(i440="5")),
    Defect("GRA08", _all(_old, _malignant, _site("C42"), _hist(9800, 9989)), _set(i400="C421", i522="9948", i440="5")),
    Defect("BAS01", _all(_usual, _lone, _malignant, lambda r: r["522"] in ("8140", "8070", "8500")), _set(i490="7")),
    Defect("BAS02", _in_situ, _set(i490="7")),
    Defect("BAS03", _hist(9590, 9729), _set(i490="8")),
    Defect("BAS04", _all(_hist(9731, 9948)), _set(i490="6")),
    Defect("BAS05", lambda r: "01" <= r["380"] <= "59", _set(i490="8")),
    Defect("BAS06", _dco, _set(i490="1")),
    Defect("BAS07", _all(_usual, _operated), _set(i490="7")),
    Defect("LAT01", _paired, _set(i410="0")),
    Defect(
        "LAT02",
        lambda r: _paired(r) and _in_situ(r) and not 9590 <= int(r["522"]) <= 9980 and r["522"] != "9140",
        _set(i410="9"),
    ),
    Defect("LAT03", lambda r: _paired(r) and _malignant(r) and _stage(r) in ("1", "2"), _set(i410="9")),
    Defect("LAT05", _all(_site("C50", "C34"), _paired), _set(i410="4")),
    Defect("SEQ01", lambda r: _dco(r) and int(r["522"]) < 9590, _set(i380="01")),
    Defect(
        "SEQ02",
        lambda r: r["400"].startswith(("C42", "C76", "C77", "C80")) and r["400"] <= "C809" and int(r["522"]) < 9590,
        _set(i380="02"),
    ),
    Defect("STG01", _all(_malignant, _staged("1", "2", "3", "4", "7"), _usual), _set_stage("0")),
    Defect("STG02", _all(_site("C421"), _hist(9731, 9989), _staged("7")), _set_stage("1")),
    Defect("STG03", _all(_malignant, _staged("1", "2")), _set(i820="05", i830="12")),
    Defect("STG04", _all(_malignant, _staged("1"), _with_tnm("N")), _set_tnm("N", "1")),
    Defect("STG05", _all(_malignant, _staged("1", "2", "3", "4"), _with_tnm("M")), _set_tnm("M", "1")),
    Defect("STG06", lambda r: _in_situ(r) and bool(_tnm("T")(r)), _set_tnm("N", "1")),
    Defect(
        "STG07",
        lambda r: r["400"].startswith("C18") and r["522"] == "8140" and _malignant(r) and _stage(r) == "1",
        _set(i400="C189"),
    ),
    Defect(
        "STG08",
        _all(_usual, lambda r: _surgery(r) not in ("98", "99")),
        lambda r: {"1290": "89"} if r["1290"] else {"1291": "A890"},
    ),
    Defect("STG09", _operated, _set(i1340="1")),
    Defect("STG10", _dco, _set(i1390="03")),
    Defect("STG11", _usual, _set(i820="10", i830="05")),
    Defect("STG12", _all(_site("C42", "C77"), lambda r: _year(r) >= 2016), _set(i756="030")),
    Defect("VST01", lambda r: r["1760"] == "1", _set(i1910="C509")),
    Defect("VST02", _dead, _set(i1910="0000")),
    Defect("VST03", _dead, _set(i1920="9", i1910="1749")),
    # any cancer may be that of an unknown primary, any neoplasm that of a disease without a group of its own
    Defect(
        "VST04",
        _all(_dead, _usual, _lone, lambda r: not r["400"].startswith(("C42", "C76", "C77", "C80"))),
        lambda r: {"1910": "C73" if not r["400"].startswith("C73") else "C20"},
    ),
    Defect("GEO01", _any, _set(i135="010100", i367="")),
    Defect("GEO02", _any, _set(i80="GA", i90="001")),
    Defect("RAC01", _any, _set(i160="01", i161="01")),
    Defect("RAC02", _any, _set(i160="96", i161="97", i162="88", i163="88", i164="88")),
)
DEFECTS: dict[str, Defect] = {d.edit: d for d in _DEFECTS}


def inject(
    frame: pd.DataFrame,
    *,
    edits: Iterable[str] | None = None,
    rate: float = 0.01,
    seed: int = 1,
    at_most: int | None = None,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Gives a copy of the records with planted defects, and the labels (row, edit, items, before, after).

    `frame` has one record per row with item numbers as columns (`SyntheticRegistry.flat()`); `rate` is the share of the
    records that can violate an edit (at least one record where any can), `at_most` a cap per edit. Only patients with one
    record are touched, so that patient items stay the same on all their records; BAS05 alone needs several. Raises
    RegistryError `usage` for an edit that is unknown or is no defect of one record.
    """
    wanted = list(DEFECTS) if edits is None else list(edits)
    unknown = [e for e in wanted if e not in DEFECTS]
    if unknown:
        reason = NOT_INJECTABLE.get(unknown[0], "it is not in the catalogue")
        raise RegistryError(
            "usage", f"no defect can be planted for {', '.join(unknown)}: {reason}", hint=f"use {', '.join(DEFECTS)}"
        )
    if not 0 <= rate <= 1:
        raise RegistryError("usage", f"the rate {rate} is not a share", hint="give a number from 0 to 1")
    random = stream(seed, "defects")
    out = frame.copy()
    columns = [c for c in frame.columns if c.isdigit()]
    for extra in ("135", "367"):
        if extra not in out:
            out[extra] = ""
    single = ~frame["20"].duplicated(keep=False).to_numpy()
    records = frame[columns].to_dict("records")
    free = np.ones(len(frame), dtype=bool)
    labels = []
    changed: dict[str, np.ndarray] = {}
    # the edits with the fewest fitting records choose first
    fitting = {e: [i for i, r in enumerate(records) if _fits(DEFECTS[e], r, single[i])] for e in wanted}
    for edit in sorted(wanted, key=lambda e: len(fitting[e])):
        rows = [i for i in fitting[edit] if free[i]]
        count = min(max(round(rate * len(fitting[edit])), 1 if rate > 0 else 0), len(rows))
        count = count if at_most is None else min(count, at_most)
        for i in sorted(random.permutation(rows)[:count].tolist()):
            free[i] = False
            new = DEFECTS[edit].change(records[i])
            for item, value in new.items():
                changed.setdefault(item, out[item].to_numpy(dtype=object, copy=True))[i] = value
            before = [records[i].get(item, "") for item in new]
            labels.append((i, edit, list(new), before, list(new.values())))
    out = out.assign(**changed)
    return out, pd.DataFrame(labels, columns=["row", "edit", "items", "before", "after"]).sort_values(
        "row", ignore_index=True
    )


def _fits(defect: Defect, record: Record, single: bool) -> bool:
    if not (single or defect.edit == "BAS05"):
        return False
    # an unknown year of diagnosis or a lone year of birth cannot carry every change
    return bool(record["390"]) and bool(record["240"]) and defect.fits(record)
