"""Edits between the records of one patient, and between patients: each gives a truth for every record.

A question of a patient gets all records of the patient, one a tumor; one record alone is not evaluable. Records that are
accounts of one tumor are no two tumors: whoever calls gives one record a tumor.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

from abstracting.edits.predicates import cause_fits_tumor, is_cancer_cause, is_paired
from abstracting.edits.records import EditRecord
from abstracting.primaries.iarc import DUPLICATE, NOT_COUNTED, IarcTumor, iarc_primaries
from abstracting.values import before, name_key, parse_date

Truth = bool | None
Records = Sequence[EditRecord]
Question = Callable[[Records], list[Truth]]

_REVISION_10 = "1"


def unique_tumor_number(records: Records) -> list[Truth]:
    """No tumor record number (60) stands twice; the first of two passes."""
    seen: set[str] = set()
    truth: list[Truth] = []
    for record in records:
        number = record.value(60)
        truth.append(None if not number else number not in seen)
        seen.add(number)
    return truth


def same_follow_up(records: Records) -> list[Truth]:
    """Last contact (1750) and vital status (1760) are the same on all tumors; those that differ from the most fail.

    Where no pair stands on more tumors than any other, all of them fail.
    """
    pairs = [(record.value(1750), record.value(1760)) for record in records]
    counts = Counter(pair for pair in pairs if pair[0] and pair[1]).most_common(2)
    tied = len(counts) == 2 and counts[0][1] == counts[1][1]
    usual = counts[0][0] if counts and not tied else None
    return [None if not (pair[0] and pair[1]) else pair == usual for pair in pairs]


def _sequence_family(text: str) -> int | None:
    """0 for numbers of federal tumors (00 to 59), 1 for the others (60 to 87), None for what has no order."""
    if not text.isdigit() or len(text) != 2:
        return None
    return 0 if text <= "59" else 1 if text <= "87" else None


def sequence_follows_dates(records: Records) -> list[Truth]:
    """Sequence numbers (380) rise with the date of diagnosis within 00-59 and 60-87; 00 and 60 stand alone, none twice."""
    families: dict[int, list[int]] = {}
    for at, record in enumerate(records):
        family = _sequence_family(record.value(380))
        if family is not None:
            families.setdefault(family, []).append(at)
    truth: list[Truth] = [None] * len(records)
    for family, places in families.items():
        alone = "00" if family == 0 else "60"
        numbers = [records[at].value(380) for at in places]
        dates = [parse_date(records[at].value(390)) for at in places]
        for i, at in enumerate(places):
            others = [j for j in range(len(places)) if j != i]
            wrong_order = any(
                (before(dates[i], dates[j]) is True and numbers[i] > numbers[j])
                or (before(dates[j], dates[i]) is True and numbers[j] > numbers[i])
                for j in others
            )
            repeated = any(numbers[j] == numbers[i] for j in others)
            truth[at] = not (wrong_order or repeated or (numbers[i] == alone and bool(others)))
    return truth


def separate_sides(records: Records) -> list[Truth]:
    """No two tumors have the same paired site group, laterality and first three digits of histology; the later fails."""
    seen: set[tuple[str, str, str]] = set()
    truth: list[Truth] = [None] * len(records)
    for at in _by_date(records):
        record = records[at]
        site, side, histology = record.value(400), record.value(410), record.value(522)
        if not (site and side and histology):
            continue
        paired = is_paired(site, parse_date(record.value(390)).year)
        if not paired or side not in ("1", "2", "3"):
            truth[at] = None if paired is None else True
            continue
        key = (site[:3], side, histology[:3])
        truth[at] = key not in seen
        seen.add(key)
    return truth


def separate_primaries(records: Records) -> list[Truth]:
    """By the international rules of 2004 no tumor repeats another; tumors that are not counted are not evaluable."""
    tumors = []
    for record in records:
        if not (record.value(400) and record.value(522) and record.value(523)):
            return [None] * len(records)
        date = record.value(390)
        tumors.append(
            IarcTumor(
                date[:4],
                date[4:6] or None,
                date[6:8] or None,
                record.value(380) or None,
                record.value(400),
                record.value(522),
                record.value(523),
            )
        )
    found = [result.indicator for result in iarc_primaries(tumors)]
    return [None if indicator == NOT_COUNTED else indicator != DUPLICATE for indicator in found]


def cause_is_a_tumor(records: Records) -> list[Truth]:
    """A cause of death that is a cancer is that of one of the tumors; where it is none, the first record fails."""
    causes = {record.value(1910) for record in records} - {"", "0000", "7777", "7797"}
    revisions = {record.value(1920) for record in records}
    if len(causes) != 1 or revisions != {_REVISION_10}:
        return [None] * len(records)
    cause = causes.pop()
    if not is_cancer_cause(cause):
        return [True] * len(records)
    fits = [cause_fits_tumor(cause, record.value(400), record.value(522)) for record in records]
    if any(fits):
        return [True] * len(records)
    return [None if None in fits else False, *[None] * (len(records) - 1)]


def _by_date(records: Records) -> list[int]:
    """Places in order of diagnosis, as far as it is known."""
    return sorted(range(len(records)), key=lambda at: (records[at].value(390).ljust(8, "9"), at))


QUESTIONS: dict[str, Question] = {
    question.__name__: question
    for question in (
        unique_tumor_number,
        same_follow_up,
        sequence_follows_dates,
        separate_sides,
        separate_primaries,
        cause_is_a_tumor,
    )
}
"""What can be asked of the records of one patient, by the name that a rule's `between` gives."""

BETWEEN_PATIENTS = "one_person_once"
"""The one question between patients: only a whole file can answer it."""

_SOUNDS = {
    letter: code for code, letters in enumerate(("BFPV", "CGJKQSXZ", "DT", "L", "MN", "R"), 1) for letter in letters
}


def sound_of(name: str) -> str:
    """Gives a name's sound as a letter and three digits (American Soundex); "" for a name that is unknown."""
    letters = [letter for letter in name_key(name) if "A" <= letter <= "Z"]
    if not letters:
        return ""
    digits = ""
    last = _SOUNDS.get(letters[0])
    for letter in letters[1:]:
        code = _SOUNDS.get(letter)
        if code is not None and code != last:
            digits += str(code)
        # H and W do not part two letters of one sound, a vowel does
        if letter not in "HW":
            last = code
    return (letters[0] + digits + "000")[:4]


def person_key(record: EditRecord) -> tuple[str, str, str, str] | None:
    """Gives what two records of one person share: birth date, sex and the sounds of both names; None where one lacks."""
    birth = parse_date(record.value(240))
    sex = record.value(225) or record.value(220)
    last, first = sound_of(record.value(2230)), sound_of(record.value(2240))
    if not (birth.is_complete and sex in ("1", "2") and last and first):
        return None
    return birth.coded(), sex, last, first
