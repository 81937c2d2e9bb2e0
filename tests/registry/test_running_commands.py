"""Commands that run a registry, as a user types them: init never asks, backup restores, serve serves, demo is ready."""

from __future__ import annotations

import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from registry.cli import cli


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ONCOREGISTRY_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("ONCOREGISTRY_DATABASE_URL", raising=False)
    return tmp_path / "home"


def run(*arguments: str | Path) -> str:
    result = CliRunner().invoke(cli, [str(a) for a in arguments], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


def test_init_makes_a_registry_that_only_its_owner_can_read(home: Path) -> None:
    assert "registry ready" in run("init")
    assert "schema" in run("upgrade")
    assert home.stat().st_mode & 0o077 == 0
    assert (home / "keys" / "session").stat().st_mode & 0o077 == 0
    assert "every chain is sound" in run("audit", "verify")


def test_a_backup_taken_here_restores_there(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run("init")
    run("user", "add", "ada", "--role", "administrator", "--password", "nine quiet lanterns", "--keep-password")
    assert "tables" in run("backup", tmp_path / "b.tar.gz")
    monkeypatch.setenv("ONCOREGISTRY_HOME", str(tmp_path / "other"))
    assert "restored" in run("restore", tmp_path / "b.tar.gz")
    assert "ada" in run("user", "list")


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    environment = {**os.environ, "ONCOREGISTRY_HOME": str(tmp_path / "home"), "ONCOREGISTRY_DATABASE_URL": ""}
    process = subprocess.Popen(
        [sys.executable, "-u", "-m", "registry.cli", "demo", "--size", "100", "--port", "0"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=environment,
    )
    yield process
    process.terminate()
    process.wait(timeout=20)
    assert process.stdout is not None
    process.stdout.close()


def test_the_demo_says_what_it_is_prints_address_and_logins_and_serves(demo: subprocess.Popen[str]) -> None:
    assert demo.stdout is not None
    first = demo.stdout.readline()
    assert "synthetic registry" in first and "no record is a person" in first
    lines = []
    deadline = time.monotonic() + 300
    while time.monotonic() < deadline and not any("administrator" in line for line in lines):
        line = demo.stdout.readline()
        assert line, "".join(lines)
        lines.append(line)
    text = "".join(lines)
    for login in ("registrar", "epidemiologist", "state"):
        assert login in text
    address = next(line for line in lines if "http://" in line).split("http://")[1].split("/")[0]
    page = urllib.request.urlopen(f"http://{address}/", timeout=20).read().decode()
    assert "Sign in" in page
    workers = Path(f"/proc/{demo.pid}/task/{demo.pid}/children").read_text().split()
    assert workers, "the worker is a process of its own"
    demo.terminate()
    demo.wait(timeout=20)
    assert [pid for pid in workers if Path(f"/proc/{pid}").exists()] == [], "the worker ends with the server"
