"""JSON lines in, JSON lines out: the one way in which every algorithm runs without a database."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import Any, TextIO

from abstracting.errors import AbstractingError

BYTE_ORDER_MARK = "\ufeff"
"""What some programs write before the first line of a file; it is no part of the line."""


def answer(line: str, function: Callable[[dict[str, Any]], dict[str, Any]]) -> dict[str, Any] | None:
    """Gives the output object of one input line: the input's `id` and what `function` returns, or an `error`.

    A blank line gives None (nothing to answer). A line that is no JSON object, or for which `function` raises an
    `AbstractingError`, gives `{"id", "error": {"code", "message"}}`; any other exception is a fault of ours and rises.
    """
    line = line.removeprefix(BYTE_ORDER_MARK)
    if not line.strip():
        return None
    try:
        record = json.loads(line, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        return {"id": None, "error": {"code": "json-line", "message": f"not a JSON object: {error}"}}
    if not isinstance(record, dict):
        return {"id": None, "error": {"code": "json-line", "message": "a line must hold one JSON object"}}
    try:
        return {"id": record.get("id"), **function(record)}
    except AbstractingError as error:
        return {"id": record.get("id"), "error": {"code": error.code, "message": error.message}}


def _refuse(constant: str) -> None:
    """JSON has no NaN and no Infinity: echoed in an `id` they would make the answer unreadable."""
    raise ValueError(f"{constant} is no JSON value")


def run_lines(
    lines: Iterable[str], out: TextIO, function: Callable[[dict[str, Any]], dict[str, Any]]
) -> tuple[int, int]:
    """Writes one answer per input line, in order, and gives (lines answered, lines with an error)."""
    answered = failed = 0
    for line in lines:
        result = answer(line, function)
        if result is None:
            continue
        answered += 1
        failed += "error" in result
        out.write(json.dumps(result, ensure_ascii=False, separators=(", ", ": ")) + "\n")
    return answered, failed
