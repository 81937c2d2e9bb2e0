"""One mapping over a patient and a tumor."""

from __future__ import annotations

import pytest

from abstracting.naaccr.record import RecordView


def test_values_come_from_the_tumor_then_the_patient_then_the_root() -> None:
    patient, tumor = {20: "00000001", 220: "1", 400: "C61"}, {400: "C509", 390: ""}
    view = RecordView(patient, tumor, {40: "1"})
    assert (view[20], view[400], view[40]) == ("00000001", "C509", "1")
    assert [view.level(number) for number in (20, 400, 40, 390)] == ["Patient", "Tumor", "NaaccrData", ""]
    assert sorted(view) == [20, 40, 220, 400] and len(view) == 4
    assert 390 not in view and view.get(390) == "" and view.get(390, "x") == "x"
    with pytest.raises(KeyError):
        view[390]


def test_a_view_follows_changes_and_holds_no_copy() -> None:
    patient: dict[int, str] = {}
    tumor: dict[int, str] = {}
    view = RecordView(patient, tumor)
    assert dict(view) == {}
    tumor[400] = "C509"
    patient[20] = "00000001"
    assert dict(view) == {400: "C509", 20: "00000001"}
