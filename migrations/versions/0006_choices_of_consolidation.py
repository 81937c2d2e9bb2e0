"""Choices of consolidation: a person's choice between accounts, over the rule

Rules: the previous program must keep running on the new schema; no lock longer than seconds; data is kept on both engines.

Revision: 0006
Follows: 0005
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "consolidation_choice",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("chain", sa.String(length=10), nullable=False),
        sa.Column("item", sa.Integer(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("account_table", sa.String(length=20), nullable=False),
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.Column("who", sa.String(length=255), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("undone_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("undone_by", sa.String(length=255), nullable=False),
        sa.Column("undone_why", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_consolidation_choice")),
    )
    with op.batch_alter_table("consolidation_choice", schema=None) as batch_op:
        batch_op.create_index("ix_consolidation_choice_account", ["account_table", "account_id"], unique=False)


def downgrade() -> None:
    with op.batch_alter_table("consolidation_choice", schema=None) as batch_op:
        batch_op.drop_index("ix_consolidation_choice_account")

    op.drop_table("consolidation_choice")
