"""Rounds of practice in the store: begun, coded with every answer kept, finished with a score, looked back on.

A registrar sees their own rounds; who may see the team's (`practice.team`) also those of their facility's registrars.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, func, or_, select, true
from sqlalchemy.orm import Session

from registry.errors import RegistryError
from registry.models import now
from registry.models.practice import FINISHED, OPEN, PracticeAttempt, PracticeRound, PracticeScore
from registry.practice import scoring
from registry.practice.agreement import Agreement, measure
from registry.practice.exercises import Exercise, make_set
from registry.practice.scoring import Score, SectionScore, by_section
from registry.practice.tables import ANY, asked, plan
from registry.security.permissions import Actor

TEAM = "practice.team"
ANSWER_LENGTH = 30
ROUNDS_SHOWN = 50


@dataclass(frozen=True)
class RoundLine:
    """One round as lists show it: its set, how far it is, and what it earned by section."""

    id: int
    username: str
    title: str
    name: str
    difficulty: str
    seed: int
    started_at: datetime
    finished: int
    exercises: int
    percent: float | None
    sections: tuple[SectionScore, ...]
    next_attempt: int | None
    attempts: tuple[AttemptLine, ...]


@dataclass(frozen=True)
class AttemptLine:
    """One exercise of a round: its title, its state, what it earned."""

    id: int
    position: int
    title: str
    difficulty: str
    state: str
    percent: float | None
    failing: int


def begin(
    session: Session,
    actor: Actor,
    *,
    name: str,
    seed: int,
    count: int,
    difficulty: str = ANY,
    shows_edits: bool = True,
) -> PracticeRound:
    """Begins a round: its exercises are made and kept as they are now. Raises RegistryError `usage`."""
    found = make_set(name, seed=seed, count=count, difficulty=difficulty)
    if not found:
        raise RegistryError(
            "usage",
            "this seed has no such exercise",
            hint="choose another seed, another difficulty, or all sites",
        )
    begun = PracticeRound(
        username=actor.username,
        facility_id=actor.facility_id,
        name=name,
        difficulty=difficulty,
        seed=seed,
        shows_edits=shows_edits,
        attempts=[
            PracticeAttempt(position=place, digest=one.digest, exercise=one.as_dict(), answers={})
            for place, one in enumerate(found, 1)
        ],
    )
    session.add(begun)
    session.flush()
    return begun


def find(session: Session, actor: Actor, attempt_id: int, *, team: bool = False) -> PracticeAttempt:
    """Gives an exercise of one's own, with `team` also one that the actor may look at. Raises RegistryError `not-found`."""
    whose = _seen(actor) if team else PracticeRound.username == actor.username
    query = select(PracticeAttempt).join(PracticeRound).where(PracticeAttempt.id == attempt_id, whose)
    attempt = session.scalars(query).one_or_none()
    if attempt is None:
        raise RegistryError("not-found", f"there is no exercise {attempt_id} of yours")
    return attempt


def exercise_of(attempt: PracticeAttempt) -> Exercise:
    """Gives the exercise as it was when the round began."""
    return Exercise.from_dict(attempt.exercise)


def answers_of(attempt: PracticeAttempt) -> dict[int, str]:
    """Gives the answers so far, by item."""
    return {int(number): value for number, value in attempt.answers.items()}


def keep(session: Session, attempt: PracticeAttempt, answers: Mapping[int, str]) -> dict[int, str]:
    """Keeps some answers, those of the form alone; gives all answers. A finished exercise stays as it is."""
    if attempt.state != OPEN:
        raise RegistryError("usage", "this exercise is finished", hint="begin another round to code it again")
    held, form = answers_of(attempt), set(exercise_of(attempt).form)
    for number, value in answers.items():
        if number in form:
            held[number] = value.strip()[:ANSWER_LENGTH]
    attempt.answers = {str(number): value for number, value in held.items() if value}
    session.flush()
    return held


def finish(session: Session, attempt: PracticeAttempt) -> Score:
    """Ends an exercise and keeps what each item earned; ending it twice changes nothing."""
    result = scoring.score(exercise_of(attempt), answers_of(attempt))
    if attempt.state == OPEN:
        attempt.state, attempt.finished_at = FINISHED, now()
        attempt.earned, attempt.possible, attempt.failing = result.earned, result.possible, len(result.findings)
        attempt.scores = [
            PracticeScore(
                item=i.number,
                section=i.section,
                expected=i.expected,
                answer=i.answer,
                credit=i.credit,
                weight=i.weight,
            )
            for i in result.items
        ]
        session.flush()
    return result


def drop(session: Session, actor: Actor, round_id: int) -> None:
    """Takes a round of one's own away that has no finished exercise; what was scored stays in the history."""
    begun = session.get(PracticeRound, round_id)
    if begun is None or begun.username != actor.username:
        raise RegistryError("not-found", f"there is no round {round_id} of yours")
    if any(attempt.state == FINISHED for attempt in begun.attempts):
        raise RegistryError("usage", "a round with a finished exercise stays", hint="its open exercises can wait")
    session.delete(begun)
    session.flush()


def rounds(session: Session, actor: Actor) -> list[RoundLine]:
    """Gives the actor's own rounds, newest first."""
    query = (
        select(PracticeRound)
        .where(PracticeRound.username == actor.username)
        .order_by(PracticeRound.id.desc())
        .limit(ROUNDS_SHOWN)
    )
    return [_line(one) for one in session.scalars(query)]


def _line(one: PracticeRound) -> RoundLine:
    finished = [attempt for attempt in one.attempts if attempt.state == FINISHED]
    opened = [attempt.id for attempt in one.attempts if attempt.state == OPEN]
    possible = sum(attempt.possible or 0 for attempt in finished)
    return RoundLine(
        one.id,
        one.username,
        plan()["sets"][one.name]["title"] if one.name in plan()["sets"] else one.name,
        one.name,
        one.difficulty,
        one.seed,
        one.started_at,
        len(finished),
        len(one.attempts),
        100 * sum(attempt.earned or 0 for attempt in finished) / possible if possible else None,
        tuple(by_section((s.section, s.credit, s.weight) for attempt in finished for s in attempt.scores)),
        opened[0] if opened else None,
        tuple(
            AttemptLine(
                a.id,
                a.position,
                a.exercise["title"],
                a.exercise["difficulty"],
                a.state,
                100 * (a.earned or 0) / a.possible if a.possible else None,
                a.failing,
            )
            for a in one.attempts
        ),
    )


# --- the team ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class ItemAgreement:
    """Agreement of the team on one item."""

    item: int
    name: str
    section: str
    found: Agreement
    commonest: str
    """The commonest wrong code with the true one, as `C509 for C504`."""


@dataclass(frozen=True)
class MemberLine:
    """One registrar's practice: exercises finished, share of the points, share by section, edits left failing."""

    username: str
    finished: int
    percent: float
    sections: tuple[SectionScore, ...]
    failing: float
    last: datetime | None
    attempts: tuple[int, ...]


def _seen(actor: Actor) -> ColumnElement[bool]:
    """The condition under which the actor sees a round."""
    own = PracticeRound.username == actor.username
    if not actor.may(TEAM):
        return own
    return true() if actor.facility_id is None else or_(own, PracticeRound.facility_id == actor.facility_id)


def team_agreement(session: Session, actor: Actor, *, name: str = "") -> list[ItemAgreement]:
    """Gives the agreement on each item over exercises that registrars coded, with `name` those of one set.

    Of a registrar who coded an exercise twice the first time counts: nobody agrees with an answer already seen.
    """
    query = (
        select(
            PracticeAttempt.digest,
            PracticeRound.username,
            PracticeScore.item,
            PracticeScore.answer,
            PracticeScore.expected,
            PracticeAttempt.id,
        )
        .join(PracticeRound, PracticeAttempt.round_id == PracticeRound.id)
        .join(PracticeScore, PracticeScore.attempt_id == PracticeAttempt.id)
        .where(PracticeAttempt.state == FINISHED, _seen(actor))
        .order_by(PracticeAttempt.finished_at, PracticeAttempt.id)
    )
    if name:
        query = query.where(PracticeRound.name == name)
    first: dict[tuple[str, str], int] = {}
    codes: dict[int, dict[str, list[str]]] = {}
    truth: dict[int, dict[str, str]] = {}
    for digest, username, item, answer, expected, attempt in session.execute(query):
        if first.setdefault((digest, username), attempt) != attempt:
            continue
        codes.setdefault(item, {}).setdefault(digest, []).append(answer.upper())
        truth.setdefault(item, {})[digest] = expected.upper()
    return [
        ItemAgreement(
            number,
            scoring.name_of(number),
            one.section,
            measure(codes[number], truth[number]),
            _commonest(codes[number], truth[number]),
        )
        for number, one in asked().items()
        if number in codes
    ]


def _commonest(codes: Mapping[str, list[str]], truth: Mapping[str, str]) -> str:
    wrong: dict[str, int] = {}
    for digest, given in codes.items():
        for code in given:
            if code != truth[digest]:
                pair = f"{code or 'blank'} for {truth[digest]}"
                wrong[pair] = wrong.get(pair, 0) + 1
    return max(sorted(wrong), key=lambda pair: wrong[pair]) if wrong else ""


def team(session: Session, actor: Actor) -> list[MemberLine]:
    """Gives the practice of each registrar whom the actor may see, by name."""
    query = select(PracticeAttempt).join(PracticeRound).where(PracticeAttempt.state == FINISHED, _seen(actor))
    held: dict[str, list[PracticeAttempt]] = {}
    for attempt in session.scalars(query.order_by(PracticeAttempt.id)):
        held.setdefault(attempt.round.username, []).append(attempt)
    return [_member(username, attempts) for username, attempts in sorted(held.items())]


def _member(username: str, attempts: list[PracticeAttempt]) -> MemberLine:
    earned, possible = sum(a.earned or 0 for a in attempts), sum(a.possible or 0 for a in attempts)
    return MemberLine(
        username,
        len(attempts),
        100 * earned / possible if possible else 0.0,
        tuple(by_section((s.section, s.credit, s.weight) for a in attempts for s in a.scores)),
        sum(a.failing for a in attempts) / len(attempts),
        max((a.finished_at for a in attempts if a.finished_at), default=None),
        tuple(a.id for a in reversed(attempts)),
    )


def next_seed(session: Session, actor: Actor) -> int:
    """Gives a seed that the actor has not coded yet: one more than the highest so far."""
    query = select(func.max(PracticeRound.seed)).where(PracticeRound.username == actor.username)
    return (session.scalar(query) or 0) + 1
