"""Encoded files: what they show and hide, and the command that writes and links them."""

from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from registry.cli import cli
from registry.errors import RegistryError
from registry.linkage.privacy import BITS, TOKENS, encode, link_encoded

KEY = bytes(range(32))


@pytest.fixture(scope="module")
def encoded(crowd: pd.DataFrame) -> pd.DataFrame:
    return encode(crowd, id="record", key=KEY)


def test_no_fact_is_readable(crowd: pd.DataFrame, encoded: pd.DataFrame) -> None:
    shown = encoded.drop(columns="id").to_csv(index=False)
    for field in ("first", "last", "dob", "ssn", "address"):
        for value in crowd[field][:50]:
            assert not value or str(value) not in shown


def test_filters_all_have_the_same_number_of_ones(encoded: pd.DataFrame) -> None:
    ones = {int(bin(int(f, 16)).count("1")) for f in encoded["filter"]}
    assert ones == {BITS}


def test_another_key_gives_nothing_in_common(crowd: pd.DataFrame, encoded: pd.DataFrame) -> None:
    other = encode(crowd, id="record", key=KEY[::-1])
    for name in TOKENS:
        assert not set(encoded[name]) & set(other[name]) - {""}
    assert link_encoded(encoded, other).empty


def test_missing_facts_give_no_token(crowd: pd.DataFrame) -> None:
    empty = encode(crowd[:5].assign(ssn="", dob="99999999", address=""), id="record", key=KEY)
    assert set(empty[["number", "surname_birth", "given_birth", "home"]].to_numpy().ravel()) == {""}


def test_short_keys_and_other_files_are_refused(crowd: pd.DataFrame, encoded: pd.DataFrame) -> None:
    for attempt in (
        lambda: encode(crowd, id="record", key=b"secret"),
        lambda: link_encoded(crowd.rename(columns={"record": "id"})),
        lambda: link_encoded(encoded, encode(crowd, id="record", key=KEY, fold=True)),
        lambda: link_encoded(encoded[:400].assign(filter="no hex")),
    ):
        with pytest.raises(RegistryError) as caught:
            attempt()
        assert caught.value.code == "usage"


def test_two_registries_by_command(crowd: pd.DataFrame, tmp_path: Path) -> None:
    """Each encodes its file with the shared key; the files alone give the pairs."""
    (tmp_path / "key").write_bytes(np.random.default_rng(3).bytes(32))
    runner, written = CliRunner(), []
    for name, part in (("a", crowd[:1500]), ("b", crowd[1500:])):
        part.to_csv(tmp_path / f"{name}.csv", index=False)
        plain = [
            "link",
            str(tmp_path / f"{name}.csv"),
            "--id",
            "record",
            "--encode",
            "--key-file",
            str(tmp_path / "key"),
        ]
        result = runner.invoke(cli, plain)
        assert result.exit_code == 0, result.output
        assert len(pd.read_csv(io.StringIO(result.output))) == len(part)
        written.append(tmp_path / f"{name}.encoded.csv")
        written[-1].write_text(result.output)
    result = runner.invoke(cli, ["link", *map(str, written), "--id", "id", "--encoded"])
    assert result.exit_code == 0, result.output
    lines = [json.loads(line) for line in result.output.splitlines()]
    sure = {(line["left"], line["right"]) for line in lines if line["verdict"] == "match"}
    truth = {(f"C{n}", f"D{n}") for n in range(300)}
    assert sure <= truth
    assert len(sure) >= 0.9 * len(truth)
    refused = runner.invoke(cli, ["link", str(written[0]), "--id", "id", "--encode"]).exception
    assert isinstance(refused, RegistryError) and refused.code == "usage"
