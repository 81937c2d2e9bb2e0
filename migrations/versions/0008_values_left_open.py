"""Values that the rules of consolidation leave to a person

Rules: the previous program must keep running on the new schema; no lock longer than seconds; data is kept on both engines.
What waits is found with the next refresh of each row, or by a replay.

Revision: 0008
Follows: 0007
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "consolidation_open",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("chain", sa.String(length=10), nullable=False),
        sa.Column("row_id", sa.Integer(), nullable=False),
        sa.Column("item", sa.Integer(), nullable=False),
        sa.Column("rule", sa.String(length=80), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_consolidation_open")),
        sa.UniqueConstraint("chain", "row_id", "item", name=op.f("uq_consolidation_open_chain_row_id_item")),
    )
    with op.batch_alter_table("consolidation_open", schema=None) as batch_op:
        batch_op.create_index("ix_consolidation_open_item", ["item"], unique=False)


def downgrade() -> None:
    with op.batch_alter_table("consolidation_open", schema=None) as batch_op:
        batch_op.drop_index("ix_consolidation_open_item")

    op.drop_table("consolidation_open")
