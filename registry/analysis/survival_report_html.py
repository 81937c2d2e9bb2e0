"""The annual survival report as one HTML file that needs nothing else: style and charts inside, ready to print."""

from __future__ import annotations

import re
from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from registry.analysis.reports import Cell, Line, Report, SitePart

STYLE = """
:root { color-scheme: light; --ink: #17232b; --soft: #4a5a64; --line: #d8dfe3; --accent: #0e6b75; }
body { color: var(--ink); font: 15px/1.5 "Source Sans 3", "Segoe UI", "Liberation Sans", Arial, sans-serif; }
body { margin: 0 auto; max-width: 62rem; padding: 2rem; }
h1 { font-size: 2rem; line-height: 1.15; margin: 0 0 .25rem; }
h2 { border-top: 2px solid var(--accent); margin: 2.5rem 0 .5rem; padding-top: .6rem; }
p { max-width: 75ch; } .soft, figcaption, small { color: var(--soft); } a { color: var(--accent); }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; width: 100%; }
caption { color: var(--soft); padding-bottom: .3rem; text-align: left; }
th { background: #eef1f3; color: var(--soft); font-weight: 600; }
th, td { border-bottom: 1px solid var(--line); padding: .3rem .5rem; text-align: right; white-space: nowrap; }
th:first-child, td:first-child { text-align: left; white-space: normal; }
tbody th { background: none; color: var(--ink); font-weight: 500; }
tr.part th { color: var(--soft); font-size: .85em; padding-top: .7rem; }
.limits { color: var(--soft); display: block; font-size: .85em; }
figure { margin: 1rem 0; } svg { height: auto; max-width: 100%; } .scroll { overflow-x: auto; }
@media print {
  body { font-size: 10pt; max-width: none; padding: 0; } h2 { break-before: page; } h2.flow { break-before: auto; }
  tr, figure { break-inside: avoid; }
}
"""
PARTS = {"sex": "By sex", "stage": "By stage"}


def as_html(report: Report, charts: dict[str, str]) -> str:
    """Gives the report as a document; `charts` are SVG texts by site."""
    body = [
        f"<h1>{escape(report.title)}</h1>",
        f'<p class="soft">{escape(report.registry)}{", " + escape(report.facility) if report.facility else ""}. '
        f"Made {escape(report.made_at[:10])} from data snapshot {escape(report.version[:16])}.</p>",
        f"<p>{escape(report.definition)} Groups of fewer than {report.minimum} persons are suppressed, "
        "with others that would tell their size; the counts of such a site are rounded.</p>",
        '<h2 class="flow">Five-year net survival at a glance</h2>',
        _overview(report),
    ]
    body += [_site(report, part, charts.get(part.name, "")) for part in report.sites]
    body.append('<h2 id="methods">Methods</h2>')
    body.append(f"<p>{escape(report.method)}</p><ol>")
    body += [f"<li>{escape(text)}</li>" for text in report.references]
    body.append(f"</ol><h2 class='flow'>Reproduce</h2><pre>{escape(report.r_call)}</pre>")
    body.append(f"<h2 class='flow'>Cite</h2><p>{escape(report.citation)}</p>")
    if report.left_out:
        body.append(f"<p class='soft'>Too few persons for a table: {escape(', '.join(report.left_out))}.</p>")
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(report.title)}</title><style>{STYLE}</style></head><body>{''.join(body)}</body></html>"
    )


def _overview(report: Report) -> str:
    rows = []
    for part in report.sites:
        lines = {(line.part, line.label): line for line in part.lines}
        cells = [
            _percent(lines.get(key))
            for key in (
                ("", "All persons"),
                ("sex", "Male"),
                ("sex", "Female"),
                ("stage", "Localized"),
                ("stage", "Regional"),
                ("stage", "Distant"),
            )
        ]
        rows.append(
            f'<tr><th scope="row"><a href="#{part.name}">{escape(part.label)}</a></th><td>{_count(part.lines[0], part.n)}</td>'
            + "".join(f"<td>{cell}</td>" for cell in cells)
            + "</tr>"
        )
    heads = "".join(
        f'<th scope="col">{name}</th>'
        for name in ("Persons", "All", "Male", "Female", "Localized", "Regional", "Distant")
    )
    return (
        '<div class="scroll"><table><caption>Net survival at five years, per cent</caption>'
        f'<thead><tr><th scope="col">Site</th>{heads}</tr></thead><tbody>{"".join(rows)}</tbody></table></div>'
    )


def _percent(line: Line | None) -> str:
    if line is None or line.hidden or line.net[-1].estimate is None:
        return "–"
    return f"{100 * line.net[-1].estimate:.1f}"


def _site(report: Report, part: SitePart, svg: str) -> str:
    # an SVG inside of HTML needs no declaration of its own
    drawing = re.sub(r"^<\?xml[^>]*\?>", "", svg)
    figure = f"<figure>{drawing}<figcaption>Net survival with 95 % limits.</figcaption></figure>" if svg else ""
    rows, before = [], ""
    for line in part.lines:
        if line.part != before:
            before = line.part
            rows.append(f'<tr class="part"><th colspan="8" scope="rowgroup">{PARTS[line.part]}</th></tr>')
        rows.append(_line(line, report))
    heads = "".join(f'<th scope="col">Net, {year:g} y</th>' for year in report.at)
    notes = "".join(f"<li>{escape(text)}</li>" for text in part.warnings)
    return (
        f'<h2 id="{part.name}">{escape(part.label)}</h2>{figure}<div class="scroll"><table>'
        f"<caption>{escape(part.label)}: survival, per cent, with 95 % limits</caption><thead><tr>"
        f'<th scope="col">Group</th><th scope="col">Persons</th><th scope="col">Deaths</th>{heads}'
        f'<th scope="col">Age-standardised, 5 y</th><th scope="col">Observed, 5 y</th></tr></thead>'
        f"<tbody>{''.join(rows)}</tbody></table></div>" + (f"<ul class='soft'>{notes}</ul>" if notes else "")
    )


def _line(line: Line, report: Report) -> str:
    if line.hidden:
        return f'<tr><th scope="row">{escape(line.label)}</th><td colspan="7"><small>suppressed</small></td></tr>'
    cells = [*line.net, line.standardised, line.observed]
    return (
        f'<tr><th scope="row">{escape(line.label)}</th><td>{_count(line, line.n)}</td>'
        f"<td>{_count(line, line.events)}</td>" + "".join(f"<td>{_cell(cell)}</td>" for cell in cells) + "</tr>"
    )


def _count(line: Line, value: int | None) -> str:
    return f"{'≈ ' if line.rounded else ''}{value or 0:,}"


def _cell(cell: Cell) -> str:
    if cell.estimate is None:
        return "–"
    limits = "" if cell.lower is None else f"{100 * cell.lower:.1f}–{100 * (cell.upper or 0):.1f}"
    return f'{100 * cell.estimate:.1f}<span class="limits">{limits}</span>'
