"""The documentation is true: every command, setting and error code is in it, and the map of the house names what is there."""

from __future__ import annotations

import importlib
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def test_reference_pages_are_up_to_date() -> None:
    # in a process of its own: a command remembers how it was called first, by whatever test
    check = [sys.executable, str(ROOT / "scripts" / "make_docs.py"), "--check"]
    told = subprocess.run(check, capture_output=True, text=True)
    assert (told.stdout, told.returncode) == ("", 0), told.stdout + told.stderr


def test_every_path_in_the_readme_exists() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    paths = set(
        re.findall(
            r"`((?:registry|survival|geo|abstracting|web|migrations|tests|docs|benchmarks|scripts)/[\w./-]*)`", readme
        )
    )
    paths |= set(re.findall(r"\]\((docs/[\w./-]+)\)", readme))
    assert paths
    missing = sorted(path for path in paths if not (ROOT / path).exists())
    assert missing == []


def test_every_code_that_is_raised_is_documented() -> None:
    raised = re.compile(r"(Abstracting|Survival|Geo|Registry)Error\(\s*\"([a-z][a-z0-9-]*)\"")
    rooms = {"Abstracting": "abstracting", "Survival": "survival", "Geo": "geo", "Registry": "registry"}
    undocumented = []
    for path in ROOT.glob("*/**/*.py"):
        if path.parts[len(ROOT.parts)] in {"tests", ".venv"}:
            continue
        for room, code in raised.findall(path.read_text(encoding="utf-8")):
            if code not in importlib.import_module(f"{rooms[room]}.errors").CODES:
                undocumented.append((path.name, code))
    assert undocumented == []


def test_no_third_party_browser_file_and_no_foreign_address_in_the_tree() -> None:
    files = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    assert [name for name in files if name.endswith((".min.js", ".min.css"))] == []
    foreign = re.compile(r"""(?:src|href|action)=["']https?://""")
    pages = [name for name in files if name.startswith("web/") and name.endswith((".html", ".py", ".js", ".css"))]
    assert [name for name in pages if foreign.search((ROOT / name).read_text(encoding="utf-8"))] == []
