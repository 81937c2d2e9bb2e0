"""What changes for a case when an algorithm's version changes: the same inputs staged twice, and the differences."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from abstracting.staging.cells import reference
from abstracting.staging.engine import Engine
from abstracting.staging.model import HISTOLOGY, SITE, VERSION_KEY, Schema
from abstracting.staging.results import StagingResult


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that differs. `kind` is result, schema, output, error or input; a missing side is None.

    An `input` difference is a value that the new version does not take (new is None) or takes under another key.
    """

    kind: str
    key: str
    old: str | None
    new: str | None


@dataclass(frozen=True, slots=True)
class Restaging:
    """A case under two versions. `wanted` are inputs the new schema asks for that the old one did not have."""

    old: StagingResult
    new: StagingResult
    differences: tuple[Difference, ...]
    wanted: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        return {
            "old": self.old.as_json(),
            "new": self.new.as_json(),
            "differences": [[d.kind, d.key, d.old, d.new] for d in self.differences],
            "wanted": list(self.wanted),
        }


def restage(inputs: Mapping[str, str | None], old: Engine, new: Engine) -> Restaging:
    """Stages one case under both engines and lists the differences.

    Inputs go over by key; a key that the new schema lacks goes over by NAACCR item or that item's successor (so `sex`
    becomes `sex_at_birth`), else it is left out and listed. The version that an algorithm writes into its own
    output is no difference.
    """
    before = old.stage(inputs)
    old_schema = old.algorithm.schemas.get(before.schema_id) if before.schema_id else None
    carried, moved = _carry_over(inputs, old_schema, new)
    after = new.stage(carried)
    new_schema = new.algorithm.schemas.get(after.schema_id) if after.schema_id else None
    differences = [*_outcome(before, after), *moved, *_outputs(before, after, old_schema, new_schema)]
    differences += _errors(before, after)
    old_keys = {entry.key for entry in old_schema.inputs} if old_schema else set(inputs)
    taken = {entry.key for entry in new_schema.inputs} if new_schema else set()
    wanted = tuple(sorted(taken - old_keys - set(carried)))
    return Restaging(before, after, tuple(differences), wanted)


def _carry_over(
    inputs: Mapping[str, str | None], old_schema: Schema | None, new: Engine
) -> tuple[dict[str, str | None], list[Difference]]:
    """Gives the inputs as the new version takes them, and a difference for each that it does not or renames."""
    selection = new.algorithm.selection
    renamed = _renamed_keys(old_schema, new)
    request = {renamed.get(key, key): value for key, value in inputs.items()}
    found = selection.lookup({key: value for key, value in request.items() if key in selection.keys})
    if len(found) != 1:
        # without a schema no key is known to be wrong; the result says that there is none
        return {key: value for key, value in request.items() if key in (SITE, HISTOLOGY, *selection.keys)}, []
    keys = new.plan(found[0]).input_keys
    carried: dict[str, str | None] = {}
    moved = []
    for key, value in inputs.items():
        target = key if key in keys else renamed.get(key, key)
        if target in keys:
            carried[target] = value
        if target != key or target not in keys:
            moved.append(Difference("input", key, value, target if target in keys else None))
    return carried, moved


def _renamed_keys(old_schema: Schema | None, new: Engine) -> dict[str, str]:
    """Gives new key by old key where both algorithms feed them from the same NAACCR item."""
    if old_schema is None:
        return {}
    by_item = new.keys_by_item
    return {
        entry.key: by_item[entry.item]
        for entry in old_schema.inputs
        if entry.item in by_item and by_item[entry.item] != entry.key
    }


def _outcome(before: StagingResult, after: StagingResult) -> list[Difference]:
    pairs = (("result", before.result, after.result), ("schema", before.schema_id, after.schema_id))
    return [Difference(kind, "", old, new) for kind, old, new in pairs if old != new]


def _outputs(
    before: StagingResult, after: StagingResult, old_schema: Schema | None, new_schema: Schema | None
) -> list[Difference]:
    stamps = {
        entry.key
        for schema in (old_schema, new_schema)
        for entry in (schema.outputs if schema else ())
        if reference(entry.default) == VERSION_KEY
    }
    found = []
    for key in sorted({*before.output, *after.output} - stamps):
        old, new = before.output.get(key), after.output.get(key)
        # blank and missing are the same
        if (old or "") != (new or ""):
            found.append(Difference("output", key, old, new))
    return found


def _errors(before: StagingResult, after: StagingResult) -> list[Difference]:
    def described(result: StagingResult) -> dict[tuple[str, str], str]:
        return {(e.kind, e.key or e.table or ""): e.kind for e in result.errors}

    old, new = described(before), described(after)
    gone = [Difference("error", key[1], kind, None) for key, kind in old.items() if key not in new]
    return gone + [Difference("error", key[1], None, kind) for key, kind in new.items() if key not in old]
