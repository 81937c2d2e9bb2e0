"""The patient page tells why the registry holds a value on which accounts differ, to those who may see the accounts."""

from __future__ import annotations


def test_each_value_on_which_accounts_differ_has_its_reason(client, ids):
    page = client("registrar").get(f"/patients/{ids['patient']}").text
    assert (
        "General Hospital gives it, with all of primary site and laterality: "
        "its value is more specific than that of Lakeside Clinic." in page
    )


def test_a_bound_account_is_told_of_no_other_facility(client, ids):
    page = client("general").get(f"/patients/{ids['patient']}").text
    assert "Lakeside" not in page and "gives it" not in page
