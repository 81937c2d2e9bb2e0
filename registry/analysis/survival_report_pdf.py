"""The annual survival report as PDF: cover and methods, the table at a glance, a page a site with chart and numbers."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING

from fpdf import FPDF, FontFace
from fpdf.enums import TableBordersLayout, TableCellFillMode

if TYPE_CHECKING:
    from registry.analysis.reports import Cell, Line, Report, SitePart

FAMILY = "DejaVu"
INK, SOFT, ACCENT, FILL, LINE = (23, 35, 43), (74, 90, 100), (14, 107, 117), (238, 241, 243), (200, 208, 213)
PARTS = {"": "", "sex": "By sex", "stage": "By stage"}
OVERVIEW = (
    ("All", "", "All persons"),
    ("Male", "sex", "Male"),
    ("Female", "sex", "Female"),
    ("Local.", "stage", "Localized"),
    ("Regional", "stage", "Regional"),
    ("Distant", "stage", "Distant"),
)


def _fonts() -> Path:
    """The free font that comes with matplotlib: PDF's own fonts know no dash, no Greek and no names of the world."""
    import matplotlib

    return Path(matplotlib.get_data_path()) / "fonts" / "ttf"


class _Paper(FPDF):
    """A4 with a running foot."""

    def __init__(self, report: Report):
        super().__init__(format="A4")
        self.report = report
        for style, file in (("", "DejaVuSans.ttf"), ("B", "DejaVuSans-Bold.ttf")):
            self.add_font(FAMILY, style, str(_fonts() / file))
        self.set_margins(18, 18, 18)
        self.set_auto_page_break(True, margin=20)
        self.set_title(report.title)
        self.set_author(report.registry)
        self.set_lang("en")
        self.set_creator("OncoRegistry")

    def footer(self) -> None:
        self.set_y(-14)
        self.set_font(FAMILY, "", 7)
        self.set_text_color(*SOFT)
        text = f"{self.report.registry} · {self.report.title} · data {self.report.version[:16]}"
        self.cell(0, 6, text)
        self.cell(0, 6, f"{self.page_no()}", align="R")

    def words(
        self, text: str, size: float = 9, *, style: str = "", colour: tuple[int, ...] = INK, after: float = 2
    ) -> None:
        self.set_font(FAMILY, style, size)
        self.set_text_color(*colour)
        self.multi_cell(0, size * 0.5, text, align="L", new_x="LMARGIN", new_y="NEXT")
        self.ln(after)

    def head(self, text: str) -> None:
        self.set_draw_color(*ACCENT)
        self.set_line_width(0.6)
        self.line(self.l_margin, self.get_y(), self.w - self.r_margin, self.get_y())
        self.set_draw_color(*LINE)
        self.set_line_width(0.2)
        self.ln(2)
        self.start_section(text)
        self.words(text, 14, style="B", after=1.5)


def as_pdf(report: Report, charts: dict[str, bytes]) -> bytes:
    """Gives the report; `charts` are PNG images by site."""
    paper = _Paper(report)
    paper.add_page()
    paper.ln(18)
    paper.words(report.title, 26, style="B", after=3)
    paper.words(report.registry + (f", {report.facility}" if report.facility else ""), 13, colour=SOFT, after=8)
    paper.words(
        f"{report.definition} Groups of fewer than {report.minimum} persons are suppressed, "
        "with others that would tell their size; the counts of such a site are rounded.",
        9.5,
        after=3,
    )
    paper.words(f"Made {report.made_at[:10]} from data snapshot {report.version[:16]}.", 9, colour=SOFT, after=6)
    paper.head("Five-year net survival at a glance")
    _overview(paper, report)
    for part in report.sites:
        paper.add_page()
        _site(paper, report, part, charts.get(part.name))
    paper.add_page()
    paper.head("Methods")
    paper.words(report.method, 9)
    for number, text in enumerate(report.references, 1):
        paper.words(f"{number}. {text}", 8, colour=SOFT, after=0.5)
    paper.ln(3)
    paper.head("Reproduce")
    paper.words(report.r_call, 7, colour=SOFT)
    paper.ln(3)
    paper.head("Cite")
    paper.words(report.citation)
    if report.left_out:
        paper.words(f"Too few persons for a table: {', '.join(report.left_out)}.", 8, colour=SOFT)
    return bytes(paper.output())


def _heading() -> FontFace:
    return FontFace(family=FAMILY, emphasis="BOLD", color=SOFT, fill_color=FILL)


def _overview(paper: _Paper, report: Report) -> None:
    paper.set_font(FAMILY, "", 8)
    paper.set_text_color(*INK)
    with paper.table(
        headings_style=_heading(),
        borders_layout=TableBordersLayout.HORIZONTAL_LINES,
        cell_fill_mode=TableCellFillMode.NONE,
        col_widths=(58, 20, *(16 for _ in OVERVIEW)),
        text_align=("LEFT", *("RIGHT" for _ in range(len(OVERVIEW) + 1))),
        line_height=4.6,
    ) as table:
        table.row(["Site", "Persons", *(head for head, _, _ in OVERVIEW)])
        for part in report.sites:
            lines = {(line.part, line.label): line for line in part.lines}
            cells = [_headline(lines.get((where, label))) for _, where, label in OVERVIEW]
            table.row([part.label, _count(part.lines[0], part.n), *cells])
    paper.ln(1)
    paper.words("Per cent. A dash: no estimate, or a suppressed group.", 7.5, colour=SOFT)


def _headline(line: Line | None) -> str:
    if line is None or line.hidden or line.net[-1].estimate is None:
        return "–"
    return f"{100 * line.net[-1].estimate:.1f}"


def _site(paper: _Paper, report: Report, part: SitePart, chart: bytes | None) -> None:
    paper.head(part.label)
    if chart:
        paper.image(io.BytesIO(chart), w=paper.epw, alt_text=f"Net survival of {part.label} with 95 % limits")
        paper.ln(2)
    paper.set_font(FAMILY, "", 7.5)
    paper.set_text_color(*INK)
    heads = ["Group", "Persons", "Deaths", *(f"Net {year:g} y" for year in report.at), "Age-std. 5 y", "Observed 5 y"]
    with paper.table(
        headings_style=_heading(),
        borders_layout=TableBordersLayout.HORIZONTAL_LINES,
        cell_fill_mode=TableCellFillMode.NONE,
        col_widths=(34, 18, 16, *(24 for _ in report.at), 25, 25),
        text_align=("LEFT", *("RIGHT" for _ in heads[1:])),
        line_height=4.3,
    ) as table:
        table.row(heads)
        before = ""
        for line in part.lines:
            if line.part != before:
                before = line.part
                table.row([PARTS[line.part], *("" for _ in heads[1:])], style=FontFace(emphasis="BOLD", color=SOFT))
            if line.hidden:
                table.row([line.label, "suppressed", *("" for _ in heads[2:])])
                continue
            cells = [_cell(cell) for cell in (*line.net, line.standardised, line.observed)]
            table.row([line.label, _count(line, line.n), _count(line, line.events), *cells])
    paper.ln(1)
    standard = f" Age standard: {part.standard.upper().replace('ICSS', 'ICSS ')}." if part.standard else ""
    paper.words(f"Per cent with 95 % limits.{standard}", 7.5, colour=SOFT, after=1)
    for text in part.warnings:
        paper.words(f"• {text}", 7, colour=SOFT, after=0.3)


def _count(line: Line, value: int | None) -> str:
    return f"{'≈ ' if line.rounded else ''}{value or 0:,}"


def _cell(cell: Cell) -> str:
    if cell.estimate is None:
        return "–"
    if cell.lower is None or cell.upper is None:
        return f"{100 * cell.estimate:.1f}"
    return f"{100 * cell.estimate:.1f}\n({100 * cell.lower:.1f}–{100 * cell.upper:.1f})"
