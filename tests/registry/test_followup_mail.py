"""E-mail behind the same outbox: off by default, tested against a real SMTP server on this machine."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from datetime import date
from email import message_from_bytes, policy
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from sqlalchemy import select

from registry import audit
from registry.db import Store
from registry.errors import RegistryError
from registry.exchange.importer import run_import
from registry.exchange.incoming import IncomingPatient, IncomingTumor
from registry.followup import chart, letters
from registry.followup.mail import FILE, load_mail, send_run
from registry.followup.replies import Reply, log_attempt
from registry.followup.rules import rule_set
from registry.followup.standing import standing
from registry.models import Patient
from registry.models.followup import ContactAttempt

TODAY = date(2025, 6, 15)
pytestmark = pytest.mark.parametrize("engine_name", ["sqlite"], indirect=True)


class Given:
    format, version, done = "test", "", 0.0

    def __iter__(self) -> Any:
        for n, name in enumerate(("ANN", "BOB", "CAL")):
            items = {20: f"P{n}", 1760: "1", 1750: "20240301", 2230: name, 2240: "X", 240: "19500101"}
            address = {2350: "1 Main St", 1810: "Springfield", 1820: "FL", 1832: "USA"}
            yield IncomingPatient(n, items | address, [IncomingTumor(0, {60: "01", 610: "14", 390: "20230101"})])


class Inbox:
    """What the server took; it refuses one recipient."""

    def __init__(self) -> None:
        self.taken: list[Any] = []

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, options: Any) -> str:
        if address.startswith("refused"):
            return "550 no such mailbox"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        self.taken.append((envelope.rcpt_tos, message_from_bytes(envelope.content, policy=policy.default)))
        return "250 taken"


@pytest.fixture
def server() -> Iterator[tuple[Inbox, int]]:
    """A real SMTP server on a free port, and what it took."""
    inbox = Inbox()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    controller = Controller(inbox, hostname="127.0.0.1", port=port)
    controller.start()
    yield inbox, port
    controller.stop()


def configure(
    store: Store, port: int, *, enabled: bool = True, host: str = "127.0.0.1", security: str = "none"
) -> None:
    (store.settings.home / FILE).write_text(
        f'enabled = {str(enabled).lower()}\nhost = "{host}"\nport = {port}\nsecurity = "{security}"\n'
        'sender = "Registry <registry@example.org>"\n'
    )


def run_of_mails(store: Store) -> int:
    run_import(store, Given(), name="x", who="t")
    with store.writing() as session:
        addresses = {"ANN": "ann@example.org", "BOB": "refused@example.org", "CAL": ""}
        for patient in session.scalars(select(Patient)):
            email = addresses[patient.name_last or ""]
            chart.save_profile(session, patient.id, language="en", email=email, note="", who="clerk")
        found = standing(session, rule_set(), as_of=TODAY)
        made = letters.make_letters(
            session, found, found.view("open"), who="clerk", title="x", registry_name="R", channel="email", today=TODAY
        )
    assert [skip.reason for skip in made.skipped] == ["no e-mail address"]
    return made.run_id or 0


def states(store: Store) -> dict[str, str]:
    with store.reading() as session:
        return {a.patient.name_last: a.state for a in session.scalars(select(ContactAttempt))}


def test_mail_is_off_by_default_and_nothing_is_sent(store: Store) -> None:
    assert not load_mail(store.settings).enabled
    run = run_of_mails(store)
    with pytest.raises(RegistryError, match="e-mail is off"):
        send_run(store, run, who="clerk")
    assert states(store) == {"ANN": "waiting", "BOB": "waiting"}


def test_what_the_server_takes_is_on_its_way_and_what_it_refuses_failed(
    store: Store, server: tuple[Inbox, int]
) -> None:
    inbox, port = server
    configure(store, port)
    run = run_of_mails(store)
    sent = send_run(store, run, who="clerk", on=TODAY)
    assert (sent.taken, sent.failed) == (1, 1)
    assert states(store) == {"ANN": "sent", "BOB": "failed"}
    (recipients, message), *more = inbox.taken
    assert recipients == ["ann@example.org"] and more == []
    with store.reading() as session:
        token = session.scalars(select(ContactAttempt.token).where(ContactAttempt.state == "sent")).one()
        assert session.scalars(select(Patient.date_of_last_contact)).all() == ["20240301"] * 3, "mail is no contact"
    assert token in message["Message-ID"] and token in message.get_content()
    assert "diagnos" not in message.get_content().lower() and message["From"] == "Registry <registry@example.org>"
    assert send_run(store, run, who="clerk").taken == 0, "nothing is sent twice"
    assert audit.verify(store) == []


def test_a_death_that_was_told_meanwhile_stops_the_mail(store: Store, server: tuple[Inbox, int]) -> None:
    inbox, port = server
    configure(store, port)
    run = run_of_mails(store)
    with store.writing() as session:
        for patient in session.scalars(select(Patient)):
            reply = Reply(outcome="dead", heard=TODAY, seen="20250601")
            log_attempt(session, patient.id, "phone", reply, who="clerk", today=TODAY)
    assert send_run(store, run, who="clerk").taken == 0 and inbox.taken == []


def test_a_server_that_cannot_be_reached_leaves_the_outbox_as_it_is(store: Store) -> None:
    configure(store, 1)
    run = run_of_mails(store)
    with pytest.raises(RegistryError, match="cannot be reached"):
        send_run(store, run, who="clerk")
    assert states(store) == {"ANN": "waiting", "BOB": "waiting"}


FAULTS = [
    ("enabled = maybe", "cannot be read"),
    ("colour = 1", "unknown mail settings"),
    ('enabled = true\nhost = "m.example.org"', "missing"),
    ('enabled = true\nhost = "m.example.org"\nsender = "a@b.org"\nsecurity = "none"', "this machine alone"),
    ('security = "perhaps"', "none of starttls"),
]


def test_wrong_settings_are_told_with_the_place(store: Store) -> None:
    path = Path(store.settings.home) / FILE
    path.parent.mkdir(exist_ok=True)
    for text, words in FAULTS:
        path.write_text(text)
        with pytest.raises(RegistryError, match=words) as caught:
            load_mail(store.settings)
        assert caught.value.where == str(path)
