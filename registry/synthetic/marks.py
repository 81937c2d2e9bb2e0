"""What proves that no record is a person: reserved numbers, and a watermark on every record.

- Social security numbers (2320): area 900 to 999 with group 01 to 49: never issued, neither as a social security number
  nor as a tax number of the IRS (whose groups begin at 50). Patients have 900 to 998, strangers in death files 999.
- Telephones (2360): 555-01xx, reserved for fiction.
- NPI of facilities and physicians (545, 2465 ...): the check digit is wrong on purpose, so no such number can exist.
- Registry (40) and facility (540) numbers begin with 99999.
- Watermark: vendorName (2170) is `SYNTHETIC` on every tumour of every record type; in record types that carry text,
  textRemarks (2680) begins with the sentence `WATERMARK`.
- Names, towns and streets are built from syllables (`registry.synthetic.names`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping

WATERMARK_ITEM, WATERMARK_VALUE = "2170", "SYNTHETIC"
REMARKS_ITEM, WATERMARK = "2680", "SYNTHETIC RECORD, NOT A PERSON."
REGISTRY_ID = "9999900012"
FACILITY_PREFIX = "99999"
NPI_ITEMS = ("45", "545", "2415", "2425", "2465", "2475", "2485", "2495", "2505")

_SSN = re.compile(r"9[0-9]{2}(?:0[1-9]|[1-4][0-9])(?!0000)[0-9]{4}")
_PHONE = re.compile(r"[2-9][0-9]{2}55501[0-9]{2}")


def npi_check_digit(nine: str) -> int:
    """Gives the check digit of an NPI: the Luhn formula over 80840 and the first nine digits."""
    total = 24  # the prefix 80840
    for position, digit in enumerate(reversed(nine)):
        value = int(digit) * (2 if position % 2 == 0 else 1)
        total += value - 9 if value > 9 else value
    return -total % 10


def impossible_npi(number: int) -> str:
    """Gives a ten-digit NPI-like number whose check digit is wrong."""
    nine = f"1{number:08d}"
    return nine + str((npi_check_digit(nine) + 5) % 10)


def unproven(items: Mapping[str, str]) -> list[str]:
    """Gives what speaks against a record being provably synthetic; an empty list is the proof.

    `items` are coded values by item number, patient and tumour items together; blank or absent items prove nothing
    and are passed over, except the watermark, which must be there.
    """
    faults = []
    if items.get(WATERMARK_ITEM) != WATERMARK_VALUE:
        faults.append("no watermark in item 2170")
    if items.get(REMARKS_ITEM, WATERMARK)[: len(WATERMARK)] != WATERMARK:
        faults.append("item 2680 does not begin with the watermark")
    if items.get("2320") and not _SSN.fullmatch(items["2320"]):
        faults.append("item 2320 is outside the reserved numbers")
    if items.get("2360") and not _PHONE.fullmatch(items["2360"]):
        faults.append("item 2360 is outside the reserved numbers")
    for item in NPI_ITEMS:
        value = items.get(item)
        if value and int(value[9]) == npi_check_digit(value[:9]):
            faults.append(f"item {item} has a valid check digit")
    if items.get("540") and not items["540"].startswith(FACILITY_PREFIX):
        faults.append("item 540 is outside the invented facility numbers")
    return faults
