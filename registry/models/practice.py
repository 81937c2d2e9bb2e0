"""Practice: rounds of exercises, what a registrar answered, and what each item earned.

These tables hold no case and refer to none: what an exercise is made of stands in its own row, and nothing that counts,
exports, checks, follows or searches cases reads them.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from registry.models.base import Base, Items, Versioned, now

OPEN, FINISHED = "open", "finished"


class PracticeRound(Base):
    """One registrar's run through a set of exercises: set, difficulty and seed name the exercises for everybody."""

    __tablename__ = "practice_round"
    __table_args__ = (Index("ix_practice_round_username", "username"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    username: Mapped[str] = mapped_column(String(255))
    facility_id: Mapped[int | None] = mapped_column(ForeignKey("facility.id"), index=True)
    name: Mapped[str] = mapped_column(String(20))
    difficulty: Mapped[str] = mapped_column(String(10))
    seed: Mapped[int]
    shows_edits: Mapped[bool] = mapped_column(default=True)
    started_at: Mapped[datetime] = mapped_column(default=now)

    attempts: Mapped[list[PracticeAttempt]] = relationship(
        back_populates="round", order_by="PracticeAttempt.position", cascade="all, delete-orphan"
    )


class PracticeAttempt(Versioned, Base):
    """One exercise of a round: the exercise as it was shown, the answers so far, and the points once it is finished."""

    __tablename__ = "practice_attempt"
    __table_args__ = (Index("ix_practice_attempt_digest", "digest"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    round_id: Mapped[int] = mapped_column(ForeignKey("practice_round.id", ondelete="CASCADE"), index=True)
    position: Mapped[int]
    digest: Mapped[str] = mapped_column(String(16))
    exercise: Mapped[dict[str, Any]]
    answers: Mapped[Items] = mapped_column(default=dict)
    state: Mapped[str] = mapped_column(String(10), default=OPEN)
    finished_at: Mapped[datetime | None]
    earned: Mapped[float | None]
    possible: Mapped[float | None]
    failing: Mapped[int] = mapped_column(default=0)

    round: Mapped[PracticeRound] = relationship(back_populates="attempts")
    scores: Mapped[list[PracticeScore]] = relationship(cascade="all, delete-orphan", order_by="PracticeScore.id")


class PracticeScore(Base):
    """What one item of a finished exercise earned."""

    __tablename__ = "practice_score"

    id: Mapped[int] = mapped_column(primary_key=True)
    attempt_id: Mapped[int] = mapped_column(ForeignKey("practice_attempt.id", ondelete="CASCADE"), index=True)
    item: Mapped[int]
    section: Mapped[str] = mapped_column(String(20))
    expected: Mapped[str] = mapped_column(String(30))
    answer: Mapped[str] = mapped_column(String(30))
    credit: Mapped[float]
    weight: Mapped[float]
