"""The algorithms at hand: our own embedded tables, and official packages that a site gives by path."""

from __future__ import annotations

from functools import cache
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path

from abstracting.errors import AbstractingError
from abstracting.staging.algorithms import Algorithm
from abstracting.staging.compact import SUFFIX, read_compact
from abstracting.staging.packages import read_package


@cache
def _files() -> dict[tuple[str, str], Traversable]:
    """The embedded files by (algorithm, version): `eod_public-3.3.tables.xz`."""
    found = {}
    for file in resources.files("abstracting.staging").joinpath("data").iterdir():
        if file.name.endswith(SUFFIX):
            name, _, version = file.name.removesuffix(SUFFIX).rpartition("-")
            found[name, version] = file
    return found


def embedded() -> tuple[tuple[str, str], ...]:
    """Gives (algorithm, version) of every embedded table set, sorted."""
    return tuple(sorted(_files()))


@cache
def _load_embedded(name: str, version: str) -> Algorithm:
    return read_compact(_files()[name, version].read_bytes(), source=f"embedded {name} {version}")


def load_algorithm(
    name: str | None = None, *, version: str | None = None, package: str | Path | None = None
) -> Algorithm:
    """Gives an algorithm from the embedded tables, or from an official package as published.

    Without a version the newest embedded one. Raises `staging-algorithm` when there is none such, or when the package
    holds another algorithm or version than asked for, and `staging-package` for a file that is no usable package.
    """
    if package is not None:
        algorithm = read_package(package)
        for what, asked, held in (("algorithm", name, algorithm.name), ("version", version, algorithm.version)):
            if asked is not None and asked != held:
                raise AbstractingError(
                    "staging-algorithm",
                    f"the package holds {what} {held!r}, not {asked!r}",
                    where=str(package),
                    hint=f"ask for {algorithm.name} {algorithm.version} or give another package",
                    exit_code=2,
                )
        return algorithm
    versions = [held for held_name, held in embedded() if held_name == name]
    if not versions:
        names = ", ".join(dict.fromkeys(held_name for held_name, _ in embedded()))
        raise AbstractingError("staging-algorithm", f"no algorithm {name!r}", hint=f"embedded are {names}", exit_code=2)
    if version is None:
        version = max(versions, key=_version_order)
    elif version not in versions:
        raise AbstractingError(
            "staging-algorithm",
            f"{name} {version} is not embedded",
            hint=f"embedded is {', '.join(versions)}; for others give the official package with --package",
            exit_code=2,
        )
    assert name is not None
    return _load_embedded(name, version)


def _version_order(version: str) -> tuple[int, ...]:
    return tuple(int(part) if part.isdecimal() else 0 for part in version.split("."))
