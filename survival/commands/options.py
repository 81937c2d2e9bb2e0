"""The options that survival commands share, and the plumbing from options to arrays and from result to output."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import wraps
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    import pandas as pd

    from survival.frames import FollowUp, Unit
    from survival.results import Result

Command = TypeVar("Command", bound=Callable[..., Any])
UNITS = click.Choice(["days", "months", "years"])
SCALES = click.Choice(["plain", "log", "log-log", "logit", "arcsin"])


class Names(click.ParamType):
    """Column names or codes separated by commas."""

    name = "A[,B…]"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, ...]:
        if isinstance(value, tuple):
            return value
        return tuple(part.strip() for part in str(value).split(",") if part.strip())


class Numbers(click.ParamType):
    """Numbers that are not negative, separated by commas; `start:stop:step` gives a range with both ends."""

    name = "N[,N…]"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[float, ...]:
        if isinstance(value, tuple):
            return value
        numbers: list[float] = []
        for part in str(value).split(","):
            try:
                bounds = [float(piece) for piece in part.split(":")]
            except ValueError:
                self.fail(f"{part!r} is not a number", param, ctx)
            if len(bounds) == 1:
                numbers += bounds
            elif len(bounds) in (2, 3) and (len(bounds) == 2 or bounds[2] > 0):
                start, stop, step = (*bounds, 1.0)[:3]
                count = int((stop - start) / step + 1e-9)
                numbers += [start + step * k for k in range(min(count, 1_000_000) + 1)]
            else:
                self.fail(f"{part!r} is not start:stop:step", param, ctx)
        if any(not 0 <= number < float("inf") for number in numbers):
            self.fail("times are finite and not negative", param, ctx)
        return tuple(numbers)


NAMES, NUMBERS = Names(), Numbers()

_DATA = [
    click.option("--data", required=True, metavar="FILE", help="CSV or Parquet; - reads CSV from standard input."),
    click.option("--time", metavar="COL", help="Follow-up time (exit), counted from the origin."),
    click.option("--event", required=True, metavar="COL", help="Status at the end of follow-up."),
    click.option("--entry", metavar="COL", help="Entry date, or a number: delayed entry on the time scale."),
    click.option("--exit", "exit_", metavar="COL", help="Exit date (with --entry), instead of --time."),
    click.option("--time-unit", type=UNITS, default="days", show_default=True, help="Unit of the times in the data."),
    click.option("--event-code", type=NAMES, default="1", show_default=True, help="Values that count as event."),
    click.option("--by", type=NAMES, default=(), help="Columns whose values form groups, each with its own estimate."),
    click.option("--strata", type=NAMES, default=(), help="Columns of strata; for curves the same as --by."),
]
_TIMES = [
    click.option("--at", type=NUMBERS, default=None, help="Times to report; all observed times when left out."),
    click.option("--at-unit", type=UNITS, default=None, help="Unit of --at; the time unit when left out."),
]
_INTERVAL = [
    click.option("--ci", type=SCALES, default="log", show_default=True, help="Scale of the confidence limits."),
    click.option("--level", type=click.FloatRange(0.5, 0.9999), default=0.95, show_default=True, help="Confidence."),
]
_OUTPUT = [
    click.option("--json", "as_json", is_flag=True, help="One JSON document instead of a table."),
    click.option(
        "--r-call", is_flag=True, help="The R code that computes the same numbers, instead of computing them."
    ),
]


def _apply(options: Sequence[Callable[[Command], Command]], command: Command) -> Command:
    for option in reversed(options):
        command = option(command)
    return command


def data_options(command: Command) -> Command:
    """Adds --data, --time, --event, --entry, --exit, --time-unit, --event-code, --by, --strata."""
    return _apply(_DATA, command)


def time_options(command: Command) -> Command:
    """Adds --at and --at-unit."""
    return _apply(_TIMES, command)


def interval_options(command: Command) -> Command:
    """Adds --ci and --level."""
    return _apply(_INTERVAL, command)


def output_options(command: Command) -> Command:
    """Adds --json (as `as_json`), and --r-call, which answers in place of the command."""

    @wraps(command)
    def answer(*args: Any, r_call: bool, **options: Any) -> Any:
        if not r_call:
            return command(*args, **options)
        from survival.commands.r_code import code_of

        click.echo(code_of(click.get_current_context().command.name or "", options))
        return None

    return _apply(_OUTPUT, answer)  # type: ignore[arg-type]


@dataclass(frozen=True)
class Source:
    """What the data options said; `load` reads the columns they and the command need."""

    data: str
    event: str
    time: str | None
    entry: str | None
    exit: str | None
    time_unit: Unit
    event_code: tuple[str, ...]
    by: tuple[str, ...]
    strata: tuple[str, ...]

    @classmethod
    def take(cls, options: dict[str, Any]) -> Source:
        """Takes the data options out of a command's keyword arguments, leaving the command's own."""
        return cls(
            data=options.pop("data"),
            event=options.pop("event"),
            time=options.pop("time"),
            entry=options.pop("entry"),
            exit=options.pop("exit_"),
            time_unit=options.pop("time_unit"),
            event_code=options.pop("event_code"),
            by=options.pop("by"),
            strata=options.pop("strata"),
        )

    def load(self, *more: str | None, group_by_strata: bool = True) -> tuple[pd.DataFrame, FollowUp]:
        """Gives the frame (only the needed columns, `more` among them) and its follow-up arrays."""
        from survival.frames import Faults, build_followup, read_table

        groups = tuple(dict.fromkeys((*self.by, *self.strata) if group_by_strata else self.by))
        named = [self.time, self.event, self.entry, self.exit, *self.by, *self.strata, *more]
        frame = read_table(self.data, columns=[name for name in named if name])
        faults = Faults(self.data)
        followup = build_followup(
            frame,
            event=self.event,
            time=self.time,
            entry=self.entry,
            exit=self.exit,
            unit=self.time_unit,
            event_codes=self.event_code,
            by=groups,
            faults=faults,
        )
        faults.raise_if_any()
        return frame, followup


def emit(result: Result, *, as_json: bool) -> None:
    """Prints a result: one JSON document, or a table with its warnings."""
    click.echo(result.to_json() if as_json else result.to_text())


def emit_document(document: dict[str, Any], *, as_json: bool) -> None:
    """Prints a document of another shape (a test, a model): JSON, or one line per entry."""
    from survival.results import plain

    if as_json:
        click.echo(json.dumps(plain(document), ensure_ascii=False))
        return
    for name, value in document.items():
        click.echo(f"{name}: {plain(value)}")
