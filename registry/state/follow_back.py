"""Follow-back: one letter a facility or certifier with a form for each death, as a PDF, and the same list as CSV.

Deaths of a source that may not reach facilities are in no letter. A letter's date is kept with each death that it asks about.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from fpdf import FPDF
from fpdf.enums import XPos, YPos
from sqlalchemy import select

from abstracting.codes.icd import written
from registry.db import Store
from registry.errors import RegistryError
from registry.exchange.outgoing import new_token, place_of
from registry.followup.letters_text import day_in_words
from registry.followup.tokens import grouped
from registry.models import now
from registry.models.state import FOLLOW_BACK, OPEN, DeathNotice
from registry.state.clearance import Line, facility_name, notices
from registry.state.returning import write_lines
from registry.state.transmissions import Sent, send

HEADER = ("Reference", "Last name", "First name", "Born", "Died", "Cause of death", "Facility", "Certifier")
ASKED = "Diagnosis, site and histology: ", "Date first seen or diagnosed: ", "Treated at / physician: "
CHOICES = "[  ] abstract follows     [  ] history only     [  ] no cancer known     [  ] no record of this person"


@dataclass(frozen=True)
class Recipient:
    """Whom to ask, about how many deaths, and how many of them were asked about before."""

    key: str
    name: str
    deaths: int
    asked: int


def recipients(lines: Sequence[Line], names: dict[str, str]) -> list[Recipient]:
    """Gives whom to ask about the open deaths that may be asked about."""
    found: dict[str, list[Line]] = {}
    for line in lines:
        if line.state == OPEN and line.may_be_asked and line.recipient:
            found.setdefault(line.recipient, []).append(line)
    return [
        Recipient(key, names.get(key, key), len(part), sum(line.asked for line in part))
        for key, part in sorted(found.items(), key=lambda pair: names.get(pair[0], pair[0]))
    ]


def ask(store: Store, recipient: str, *, who: str, purpose: str, today: date | None = None) -> int:
    """Writes the letter with its forms and the list, logs them, and gives the number of the transmission."""
    today = today or date.today()
    with store.reading() as session:
        lines = [x for x in notices(session, state=OPEN) if x.recipient == recipient and x.may_be_asked]
        if not recipient or not lines:
            raise RegistryError("no-cases", "there is no open death to ask this recipient about")
        rows = {
            n.id: (n.token, n.facility_id)
            for n in session.scalars(select(DeathNotice).where(DeathNotice.id.in_([x.id for x in lines])))
        }
        name = facility_name(session, recipient)
    folder = new_token(store)
    letter, table = (
        place_of(store, folder, f"follow-back-{recipient}.pdf"),
        place_of(store, folder, f"follow-back-{recipient}.csv"),
    )
    letter.parent.mkdir(mode=0o700, exist_ok=True)
    letter.write_bytes(_pdf(lines, rows, name, store.settings.registry_name, today))
    write_lines(
        table,
        HEADER,
        [
            [grouped(rows[x.id][0]), x.name_last, x.name_first, x.born, x.died, x.cause, x.facility, x.certifier]
            for x in lines
        ],
    )
    number = send(
        store,
        [letter, table],
        kind=FOLLOW_BACK,
        recipient=recipient,
        facility_id=rows[lines[0].id][1],
        rows=[Sent("death_notice", x.id) for x in lines],
        who=who,
        purpose=purpose,
    )
    with store.writing() as session:
        for notice in session.scalars(select(DeathNotice).where(DeathNotice.id.in_(rows))):
            notice.asked_at = now()
    return number


def _pdf(lines: Sequence[Line], rows: dict[int, tuple[str, int | None]], name: str, registry: str, on: date) -> bytes:
    sheet = FPDF(format="letter")
    sheet.set_margins(20, 18, 20)
    sheet.set_auto_page_break(True, margin=16)
    sheet.set_title("Follow-back of deaths")
    sheet.add_page()
    _say(sheet, registry, 12, "B")
    _say(sheet, day_in_words(on.strftime("%Y%m%d"), "en"), 10)
    sheet.ln(4)
    _say(sheet, name, 11, "B")
    sheet.ln(2)
    sheet.set_font("Helvetica", "", 10)
    text = (
        "The certificates of death below name a cancer, and our registry has no report of it. Please look into your "
        "records and send the abstract, or fill in the form of each death and send this letter back."
    )
    sheet.multi_cell(0, 5, text, new_x=XPos.LMARGIN, new_y=YPos.NEXT)
    for line in lines:
        if sheet.will_page_break(52):
            sheet.add_page()
        sheet.ln(4)
        top = sheet.get_y()
        sheet.line(20, top, sheet.w - 20, top)
        sheet.code39(f"*{rows[line.id][0]}*", x=sheet.w - 92, y=top + 2, w=0.9, h=8)
        sheet.ln(2)
        _say(sheet, f"{line.name_last}, {line.name_first}", 10.5, "B")
        _say(sheet, f"born {line.born or 'unknown'}, died {line.died}, cause {written(line.cause)}", 9.5)
        _say(
            sheet,
            f"reference {grouped(rows[line.id][0])}" + (f", certifier {line.certifier}" if line.certifier else ""),
            9,
        )
        sheet.ln(2)
        _say(sheet, CHOICES, 9)
        for asked in ASKED:
            _say(sheet, asked + "_" * 60, 9)
    return bytes(sheet.output())


def _say(sheet: FPDF, text: str, size: float, style: str = "") -> None:
    sheet.set_font("Helvetica", style, size)
    plain = text.encode("cp1252", "replace").decode("cp1252")
    sheet.cell(
        0, size * 0.55, plain.encode("latin-1", "replace").decode("latin-1"), new_x=XPos.LMARGIN, new_y=YPos.NEXT
    )
