"""Consolidation: a person's choice between accounts over the rule, and the values that the rules leave to a person."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from registry.models.base import Base, now


class ConsolidationChoice(Base):
    """Of one item the value of one account, chosen by a person; it follows the account through links and unlinks.

    Append only: an undone choice keeps its row. It stands as long as the account says what was chosen (`value`).
    """

    __tablename__ = "consolidation_choice"
    __table_args__ = (Index("ix_consolidation_choice_account", "account_table", "account_id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    chain: Mapped[str] = mapped_column(String(10))
    item: Mapped[int]
    value: Mapped[str] = mapped_column(Text)
    account_table: Mapped[str] = mapped_column(String(20))
    account_id: Mapped[int]
    who: Mapped[str] = mapped_column(String(255))
    at: Mapped[datetime] = mapped_column(default=now)
    why: Mapped[str] = mapped_column(Text, default="")
    undone_at: Mapped[datetime | None]
    undone_by: Mapped[str] = mapped_column(String(255), default="")
    undone_why: Mapped[str] = mapped_column(Text, default="")


class OpenValue(Base):
    """An item on which the accounts of a person or tumor differ and the rules found no reason in what they say.

    It follows from the accounts, the rules and the choices, and is written with every refresh of its row (`chain`, `row_id`).
    """

    __tablename__ = "consolidation_open"
    __table_args__ = (UniqueConstraint("chain", "row_id", "item"), Index("ix_consolidation_open_item", "item"))

    id: Mapped[int] = mapped_column(primary_key=True)
    chain: Mapped[str] = mapped_column(String(10))
    row_id: Mapped[int]
    item: Mapped[int]
    rule: Mapped[str] = mapped_column(String(80))
    since: Mapped[datetime] = mapped_column(default=now)
