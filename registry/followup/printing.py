"""Letters on paper: a run as one PDF with window addresses, barcodes and reply slips, and its mailing list.

The barcode is Code 39 (ISO/IEC 16388) of the letter's number: a scanner types it into the reply grid. Text that the standard
fonts hold (English, Spanish, French) is set in Helvetica; any other name brings DejaVu Sans, which matplotlib carries.
"""

from __future__ import annotations

import csv
import importlib.util
import io
from collections.abc import Sequence
from datetime import date
from pathlib import Path

from fpdf import FPDF
from fpdf.enums import XPos, YPos

from registry.followup.letters import Sender
from registry.followup.letters_text import day_in_words, slip
from registry.followup.tokens import grouped
from registry.models.followup import ContactAttempt

MARGIN, WIDTH = 22.0, 215.9 - 2 * 22.0
ADDRESS_TOP, DATE_TOP, TEXT_TOP = 45.0, 82.0, 96.0
SLIP_TOP = 202.0
BARCODE_HEIGHT = 11.0
BARCODE_WIDE = 1.2
"""Width of a wide bar in mm; a narrow one is a third, 0.4 mm, which any scanner reads."""

BARCODE_LEFT = MARGIN + WIDTH - 71
MAILING_COLUMNS = ("letter", "reference", "way", "language", "name", "line 1", "line 2", "line 3", "line 4")


class _Sheet(FPDF):
    """A letter sheet; the footer holds the number of the letter, so that a lost page finds home."""

    token = ""

    def footer(self) -> None:
        self.set_y(-12)
        self.set_font(self.font_family, "", 7)
        self.set_text_color(90)
        self.cell(0, 4, f"{grouped(self.token)}   {self.page_no()}", align="R")
        self.set_text_color(0)


def letters_pdf(letters: Sequence[ContactAttempt], by: Sender, *, on: date) -> bytes:
    """Gives one PDF with all letters, one recipient's together, US letter size, each with its reply slip and barcode."""
    sheet = _Sheet(format="letter", unit="mm")
    sheet.set_auto_page_break(True, margin=16)
    sheet.set_margins(MARGIN, 18, MARGIN)
    sheet.set_title("Letters")
    sheet.set_creator("OncoRegistry")
    font = _font(sheet, letters, by)
    for letter in in_order(letters):
        sheet.set_font(font, "", 10.5)
        sheet.add_page()
        # the foot of the page before is written when the next one begins: only now is this letter's number due
        sheet.token = letter.token
        _head(sheet, font, letter, by, on)
        _text(sheet, font, letter)
        _slip(sheet, font, letter)
    return bytes(sheet.output())


def in_order(letters: Sequence[ContactAttempt]) -> list[ContactAttempt]:
    """The letters as they are printed: by way and recipient, so that those to one physician go into one envelope."""
    return sorted(letters, key=lambda letter: (letter.source, letter.recipient, letter.id))


def _font(sheet: FPDF, letters: Sequence[ContactAttempt], by: Sender) -> str:
    text = "".join(part for a in letters for part in (a.body, a.subject, a.address, a.recipient)) + by.facility_name
    try:
        (text + by.registry_name).encode("cp1252")
    except UnicodeEncodeError:
        found = importlib.util.find_spec("matplotlib")
        assert found is not None and found.submodule_search_locations
        folder = Path(found.submodule_search_locations[0]) / "mpl-data" / "fonts" / "ttf"
        sheet.add_font("DejaVu", "", folder / "DejaVuSans.ttf")
        sheet.add_font("DejaVu", "B", folder / "DejaVuSans-Bold.ttf")
        return "DejaVu"
    sheet.core_fonts_encoding = "cp1252"
    return "Helvetica"


def _line(sheet: FPDF, text: str, height: float = 5.0) -> None:
    sheet.cell(0, height, text, new_x=XPos.LMARGIN, new_y=YPos.NEXT)


def _head(sheet: FPDF, font: str, letter: ContactAttempt, by: Sender, on: date) -> None:
    sheet.set_font(font, "B", 12)
    _line(sheet, by.facility_name, 6)
    sheet.set_font(font, "", 9)
    sheet.set_text_color(70)
    _line(sheet, ", ".join(dict.fromkeys(part for part in (by.registry_name, by.facility_city) if part)))
    sheet.set_text_color(0)
    sheet.set_font(font, "", 10.5)
    sheet.set_y(ADDRESS_TOP)
    for line in (letter.address or letter.recipient).splitlines():
        _line(sheet, line)
    sheet.set_y(DATE_TOP)
    _line(sheet, day_in_words(on.strftime("%Y%m%d"), letter.language))


def _text(sheet: FPDF, font: str, letter: ContactAttempt) -> None:
    sheet.set_y(TEXT_TOP)
    sheet.set_font(font, "B", 11)
    sheet.multi_cell(WIDTH, 5.4, letter.subject, new_x=XPos.LMARGIN, new_y=YPos.NEXT)
    sheet.ln(2.5)
    sheet.set_font(font, "", 10.5)
    sheet.multi_cell(WIDTH, 5.0, letter.body, new_x=XPos.LMARGIN, new_y=YPos.NEXT)


def _slip(sheet: FPDF, font: str, letter: ContactAttempt) -> None:
    """The slip at the foot of the sheet, on a page of its own where the text leaves no room."""
    words = slip(letter.language)
    if sheet.get_y() > SLIP_TOP - 6:
        sheet.add_page()
    sheet.set_auto_page_break(False)
    sheet.set_y(SLIP_TOP)
    sheet.set_draw_color(120)
    sheet.set_dash_pattern(dash=1.5, gap=1.5)
    sheet.line(MARGIN - 8, SLIP_TOP - 3, MARGIN + WIDTH + 8, SLIP_TOP - 3)
    sheet.set_dash_pattern()
    sheet.set_font(font, "B", 10)
    sheet.cell(60, 6, words.title, new_x=XPos.LMARGIN, new_y=YPos.NEXT)
    sheet.code39(f"*{letter.token}*", x=BARCODE_LEFT, y=SLIP_TOP - 0.5, w=BARCODE_WIDE, h=BARCODE_HEIGHT)
    sheet.set_font(font, "", 9)
    sheet.set_xy(BARCODE_LEFT, SLIP_TOP + BARCODE_HEIGHT)
    sheet.cell(70, 4.5, grouped(letter.token))
    sheet.set_xy(MARGIN, SLIP_TOP + 8)
    fields = [f"{words.date_seen}:", f"[  ] {words.alive}     [  ] {words.dead} ______________"]
    if letter.source in words.cancer_sources:
        fields += [words.cancer, f"{words.treatment}:", f"[  ] {words.unknown} ____________________"]
    else:
        fields += [f"{words.address}:", f"[  ] {words.refuse}"]
    fields.append(f"{words.signature}:")
    for number, text in enumerate(fields):
        width = WIDTH - 76 if number < 2 else WIDTH
        if number == 2:
            sheet.set_y(max(sheet.get_y(), SLIP_TOP + BARCODE_HEIGHT + 6))
        sheet.multi_cell(width, 5.0, text, new_x=XPos.LMARGIN, new_y=YPos.NEXT)
        if text.endswith(":"):
            y = sheet.get_y() + 2.5
            sheet.line(MARGIN, y, MARGIN + width, y)
            sheet.set_y(y + 2)
    sheet.set_auto_page_break(True, margin=16)


def mailing_list(letters: Sequence[ContactAttempt]) -> str:
    """Gives the addresses of a run as CSV, for labels or for a mailing house; cells that a spreadsheet computes are neutral."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(MAILING_COLUMNS)
    for number, letter in enumerate(in_order(letters), 1):
        lines = letter.address.splitlines()[1:5]
        cells = [number, grouped(letter.token), letter.source, letter.language, letter.recipient, *lines]
        cells += [""] * (len(MAILING_COLUMNS) - len(cells))
        writer.writerow([_neutral(cell) for cell in cells])
    return out.getvalue()


def _neutral(cell: object) -> object:
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(("=", "+", "-", "@", "\t", "\r")) else cell
