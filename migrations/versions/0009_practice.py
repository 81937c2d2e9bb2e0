"""Practice: rounds, exercises with their answers, what each item earned

Rules: the previous program must keep running on the new schema; no lock longer than seconds; data is kept on both engines.

Revision: 0009
Follows: 0008
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "practice_round",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("username", sa.String(length=255), nullable=False),
        sa.Column("facility_id", sa.Integer(), nullable=True),
        sa.Column("name", sa.String(length=20), nullable=False),
        sa.Column("difficulty", sa.String(length=10), nullable=False),
        sa.Column("seed", sa.Integer(), nullable=False),
        sa.Column("shows_edits", sa.Boolean(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["facility_id"], ["facility.id"], name=op.f("fk_practice_round_facility_id_facility")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_practice_round")),
    )
    with op.batch_alter_table("practice_round", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_practice_round_facility_id"), ["facility_id"], unique=False)
        batch_op.create_index("ix_practice_round_username", ["username"], unique=False)

    op.create_table(
        "practice_attempt",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("round_id", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("digest", sa.String(length=16), nullable=False),
        sa.Column(
            "exercise", sa.JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql"), nullable=False
        ),
        sa.Column(
            "answers", sa.JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql"), nullable=False
        ),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("earned", sa.Double(), nullable=True),
        sa.Column("possible", sa.Double(), nullable=True),
        sa.Column("failing", sa.Integer(), nullable=False),
        sa.Column("version_id", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["round_id"],
            ["practice_round.id"],
            name=op.f("fk_practice_attempt_round_id_practice_round"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_practice_attempt")),
    )
    with op.batch_alter_table("practice_attempt", schema=None) as batch_op:
        batch_op.create_index("ix_practice_attempt_digest", ["digest"], unique=False)
        batch_op.create_index(batch_op.f("ix_practice_attempt_round_id"), ["round_id"], unique=False)

    op.create_table(
        "practice_score",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("attempt_id", sa.Integer(), nullable=False),
        sa.Column("item", sa.Integer(), nullable=False),
        sa.Column("section", sa.String(length=20), nullable=False),
        sa.Column("expected", sa.String(length=30), nullable=False),
        sa.Column("answer", sa.String(length=30), nullable=False),
        sa.Column("credit", sa.Double(), nullable=False),
        sa.Column("weight", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(
            ["attempt_id"],
            ["practice_attempt.id"],
            name=op.f("fk_practice_score_attempt_id_practice_attempt"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_practice_score")),
    )
    with op.batch_alter_table("practice_score", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_practice_score_attempt_id"), ["attempt_id"], unique=False)


def downgrade() -> None:
    with op.batch_alter_table("practice_score", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_practice_score_attempt_id"))

    op.drop_table("practice_score")
    with op.batch_alter_table("practice_attempt", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_practice_attempt_round_id"))
        batch_op.drop_index("ix_practice_attempt_digest")

    op.drop_table("practice_attempt")
    with op.batch_alter_table("practice_round", schema=None) as batch_op:
        batch_op.drop_index("ix_practice_round_username")
        batch_op.drop_index(batch_op.f("ix_practice_round_facility_id"))

    op.drop_table("practice_round")
