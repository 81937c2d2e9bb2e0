"""E-mail through SMTP, behind the same outbox as letters; off until the file `mail.toml` of the data folder turns it on.

    enabled = true
    host = "mail.example.org"
    port = 587
    security = "starttls"        # starttls, tls, or none (only to this machine)
    sender = "Cancer registry <registry@example.org>"
    username = ""                # the password is the first line of keys/smtp in the data folder

A letter is on its way once the server took it; one that it refused is marked failed with the server's words.
"""

from __future__ import annotations

import smtplib
import ssl
import tomllib
from dataclasses import dataclass, fields
from datetime import date
from email.message import EmailMessage
from email.utils import make_msgid

from registry import audit
from registry.config import Settings
from registry.db import Store
from registry.errors import RegistryError
from registry.followup.contact import CHAIN
from registry.followup.letters import open_run, stop_held
from registry.followup.runs import to_send
from registry.models.followup import FAILED, SENT

FILE = "mail.toml"
SECURITY = ("starttls", "tls", "none")
HERE = frozenset({"localhost", "127.0.0.1", "::1"})
TIMEOUT_SECONDS = 20


@dataclass(frozen=True, kw_only=True)
class Mail:
    """The mail server; `enabled` False sends nothing."""

    enabled: bool = False
    host: str = ""
    port: int = 587
    security: str = "starttls"
    sender: str = ""
    username: str = ""


@dataclass(frozen=True)
class SentMail:
    """What the server took and what it refused."""

    taken: int = 0
    failed: int = 0
    fault: str = ""

    @property
    def words(self) -> str:
        """The result in words; blank where there was nothing to send."""
        parts = [f"{self.taken} e-mails were sent"] if self.taken else []
        parts += [f"{self.failed} could not be sent ({self.fault})"] if self.failed else []
        return "; ".join(parts)


def load_mail(settings: Settings) -> Mail:
    """Gives the mail server of an installation; off where no file says otherwise, and an error where the file is wrong."""
    path = settings.home / FILE
    if not path.is_file():
        return Mail()
    try:
        given = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise RegistryError("settings", f"the mail settings cannot be read: {error}", where=str(path)) from error
    known = {field.name: field.type for field in fields(Mail)}
    unknown = sorted(set(given) - set(known))
    if unknown:
        raise RegistryError("settings", f"unknown mail settings {unknown}", where=str(path), hint=", ".join(known))
    mail = Mail(**given)
    if mail.security not in SECURITY:
        raise RegistryError("settings", f"security {mail.security!r} is none of {', '.join(SECURITY)}", where=str(path))
    if mail.enabled and (not mail.host or "@" not in mail.sender):
        raise RegistryError("settings", "mail is on but host or sender is missing", where=str(path))
    if mail.enabled and mail.security == "none" and mail.host not in HERE:
        raise RegistryError(
            "settings",
            "mail without encryption goes to this machine alone",
            where=str(path),
            hint='security = "starttls"',
        )
    return mail


def send_run(store: Store, run_id: int, *, who: str, on: date | None = None) -> SentMail:
    """Hands the waiting e-mails of a run to the server, one transaction a message; nothing where mail is off or none waits."""
    with store.writing() as session:
        run = open_run(session, run_id)
        stop_held(session, run, who=who)
        waiting = [attempt.id for attempt in to_send(session, run)]
    if not waiting:
        return SentMail()
    mail = load_mail(store.settings)
    if not mail.enabled:
        raise RegistryError(
            "settings",
            "e-mail is off in this installation",
            where=str(store.settings.home / FILE),
            hint="turn it on in that file, or take the run back and print letters",
            exit_code=4,
        )
    taken, failed, fault = 0, 0, ""
    try:
        server = _connect(store.settings, mail)
    except (OSError, smtplib.SMTPException) as error:
        raise RegistryError(
            "busy", f"the mail server cannot be reached: {error}", hint="nothing was sent; try again"
        ) from error
    with server:
        for number in waiting:
            with store.writing() as session:
                run = open_run(session, run_id)
                attempt = next((a for a in to_send(session, run) if a.id == number), None)
                if attempt is None:
                    continue
                try:
                    server.send_message(_message(mail, attempt.email, attempt.subject, attempt.body, attempt.token))
                except smtplib.SMTPException as error:
                    attempt.state, attempt.note = FAILED, f"mail server: {error}"[:500]
                    failed, fault = failed + 1, type(error).__name__
                else:
                    attempt.state, attempt.sent_on = SENT, on or date.today()
                    taken += 1
                audit.append(session, CHAIN, attempt.id, "mail", {"state": attempt.state}, who=who)
    return SentMail(taken, failed, fault)


def _connect(settings: Settings, mail: Mail) -> smtplib.SMTP:
    context = ssl.create_default_context()
    if mail.security == "tls":
        server: smtplib.SMTP = smtplib.SMTP_SSL(mail.host, mail.port, timeout=TIMEOUT_SECONDS, context=context)
    else:
        server = smtplib.SMTP(mail.host, mail.port, timeout=TIMEOUT_SECONDS)
        if mail.security == "starttls":
            server.starttls(context=context)
    if mail.username:
        secret = settings.folder("keys") / "smtp"
        password = secret.read_text(encoding="utf-8").splitlines()[0] if secret.is_file() else ""
        server.login(mail.username, password)
    return server


def _message(mail: Mail, to: str, subject: str, body: str, token: str) -> EmailMessage:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = mail.sender, to, subject
    # the number of the letter comes back in a reply's References, so that it finds its line without a name in it
    message["Message-ID"] = make_msgid(idstring=token, domain=mail.sender.rpartition("@")[2].strip("> "))
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(f"{body}\n\n{token}\n")
    return message
