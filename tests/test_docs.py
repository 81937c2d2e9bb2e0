"""The documentation is true: every command, setting and error code is in it, and the map of the house names what is there."""

from __future__ import annotations

import importlib.util
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
spec = importlib.util.spec_from_file_location("make_docs", ROOT / "scripts" / "make_docs.py")
assert spec is not None and spec.loader is not None
make_docs = importlib.util.module_from_spec(spec)
spec.loader.exec_module(make_docs)


@pytest.mark.parametrize("page", sorted(make_docs.PAGES))
def test_reference_page_is_up_to_date(page: str) -> None:
    written = (ROOT / "docs" / page).read_text(encoding="utf-8")
    assert written == make_docs.PAGES[page](), "run: python scripts/make_docs.py"


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
