"""The `link` command: which records of one file, or of two, are of one person; no database needed."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    import pandas as pd

FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
STANDARD_INPUT = Path("-")
TABLE = click.Path(exists=True, dir_okay=False, allow_dash=True, path_type=Path)


def _mapping(texts: tuple[str, ...]) -> dict[str, str]:
    """Reads `COLUMN=FIELD` options."""
    pairs = [text.partition("=") for text in texts]
    for (column, sign, field), text in zip(pairs, texts, strict=True):
        if not (column and sign and field):
            raise click.UsageError(f"--map {text!r} is not COLUMN=FIELD")
    return {column: field for column, _, field in pairs}


def _read(path: Path) -> pd.DataFrame:
    """Gives a delimited file as a frame of texts; one whose rows or columns cannot be told apart is an error."""
    import pandas as pd

    from registry.errors import RegistryError
    from registry.exchange.tables import read_rows

    if path == STANDARD_INPUT:
        with tempfile.NamedTemporaryFile() as kept:
            kept.write(click.get_binary_stream("stdin").read())
            kept.flush()
            headers, rows, _ = read_rows(Path(kept.name), said="standard input")
    else:
        headers, rows, _ = read_rows(path)
    where = "standard input" if path == STANDARD_INPUT else str(path)
    twice = sorted({header for header in headers if headers.count(header) > 1})
    if twice:
        raise RegistryError(
            "not-a-table",
            f"columns that stand twice: {', '.join(map(repr, twice[:5]))}",
            where=where,
            hint="give each column a name of its own",
        )
    ragged = [str(number) for number, row in enumerate(rows, 2) if len(row) != len(headers)]
    if ragged:
        raise RegistryError(
            "not-a-table",
            f"{len(ragged)} rows have another number of cells than the header: {', '.join(ragged[:5])}",
            where=where,
            hint="write the file again with every cell quoted where it holds a delimiter",
        )
    return pd.DataFrame(rows, columns=headers, dtype=str)


@click.command()
@click.argument("first", type=TABLE)
@click.argument("second", required=False, type=TABLE)
@click.option("--id", "id_", required=True, metavar="COL", help="column that names a record, unique in each file")
@click.option(
    "--map", "maps", multiple=True, metavar="COLUMN=FIELD", help="what a column holds, where its name does not tell"
)
@click.option(
    "--match", "surest", type=float, default=0.95, show_default=True, help="probability from which a pair is a match"
)
@click.option("--review", type=float, default=0.05, show_default=True, help="probability from which a pair is shown")
@click.option("--encode", is_flag=True, help="write FIRST as keyed tokens and filters (CSV) instead of linking")
@click.option("--key-file", type=FILE, help="the secret that both registries share, 16 bytes or more; with --encode")
@click.option("--fold", is_flag=True, help="fold the filters, which hides more and tells less; with --encode")
@click.option("--encoded", is_flag=True, help="FIRST and SECOND were written by --encode")
def link(
    first: Path,
    second: Path | None,
    id_: str,
    maps: tuple[str, ...],
    surest: float,
    review: float,
    encode: bool,
    key_file: Path | None,
    fold: bool,
    encoded: bool,
) -> None:
    """Link the records of FIRST, or of FIRST and SECOND: one JSON line a pair, the surest first.

    Fields are known by the names of their columns: first, middle, last, suffix, maiden, sex, dob (YYYYMMDD), ssn, address,
    city, zip, phone, mrn; `-` is standard input. Twins, parents and children, and Sr and Jr are never more than `review`.
    Registries that may not show each other names write --encode files with one key and link those with --encoded.
    """
    from registry.errors import RegistryError
    from registry.linkage.match import Thresholds, match

    if first == second == STANDARD_INPUT:
        raise click.UsageError("only one of the two files can be standard input")
    frames = [_read(path) for path in (first, second) if path is not None]
    if encode != (key_file is not None) or (encode and (second is not None or encoded)) or (fold and not encode):
        raise RegistryError(
            "usage", "--encode takes one file and --key-file", hint="--fold belongs to it, --encoded does not"
        )
    if encode and key_file is not None:
        from registry.linkage import privacy

        written = privacy.encode(
            frames[0], id=id_, mapping=_mapping(maps) or None, key=key_file.read_bytes(), fold=fold
        )
        click.echo(written.to_csv(index=False), nl=False)
        return
    if encoded:
        from registry.linkage import privacy

        pairs = privacy.link_encoded(*(frame.rename(columns={id_: "id"}) for frame in frames))
        for line in pairs.to_dict("records"):
            click.echo(json.dumps({**line, "tokens": line["tokens"].split()}, ensure_ascii=False))
        return
    found = match(
        frames[0],
        frames[1] if len(frames) > 1 else None,
        id=id_,
        mapping=_mapping(maps) or None,
        thresholds=Thresholds(match=surest, review=review),
    )
    for line in found.lines():
        click.echo(json.dumps(line, ensure_ascii=False))
