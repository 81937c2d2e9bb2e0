"""Linkage in the store: homes, pairs, decisions

Rules: the previous program must keep running on the new schema; no lock longer than seconds; data is kept on both engines.

Revision: 0007
Follows: 0006
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "linkage_run",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("batch_id", sa.Integer(), nullable=True),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("who", sa.String(length=255), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column(
            "model", sa.JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql"), nullable=False
        ),
        sa.Column(
            "thresholds",
            sa.JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql"),
            nullable=False,
        ),
        sa.Column(
            "report", sa.JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql"), nullable=False
        ),
        sa.ForeignKeyConstraint(["batch_id"], ["import_batch.id"], name=op.f("fk_linkage_run_batch_id_import_batch")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_linkage_run")),
    )
    with op.batch_alter_table("linkage_run", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_linkage_run_batch_id"), ["batch_id"], unique=False)

    op.create_table(
        "linkage_pair",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("run_id", sa.Integer(), nullable=True),
        sa.Column("left_id", sa.Integer(), nullable=False),
        sa.Column("right_id", sa.Integer(), nullable=False),
        sa.Column("score", sa.Double(), nullable=False),
        sa.Column("weight", sa.Double(), nullable=False),
        sa.Column("verdict", sa.String(length=8), nullable=False),
        sa.Column(
            "weights", sa.JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql"), nullable=False
        ),
        sa.Column(
            "levels", sa.JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql"), nullable=False
        ),
        sa.Column(
            "conflicts", sa.JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql"), nullable=False
        ),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("asked_by", sa.String(length=255), nullable=False),
        sa.Column("asked_why", sa.Text(), nullable=False),
        sa.Column("decided_by", sa.String(length=255), nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("version_id", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("left_id < right_id", name=op.f("ck_linkage_pair_ordered")),
        sa.ForeignKeyConstraint(
            ["left_id"], ["patient_record.id"], name=op.f("fk_linkage_pair_left_id_patient_record")
        ),
        sa.ForeignKeyConstraint(
            ["right_id"], ["patient_record.id"], name=op.f("fk_linkage_pair_right_id_patient_record")
        ),
        sa.ForeignKeyConstraint(["run_id"], ["linkage_run.id"], name=op.f("fk_linkage_pair_run_id_linkage_run")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_linkage_pair")),
        sa.UniqueConstraint("left_id", "right_id", name=op.f("uq_linkage_pair_left_id_right_id")),
    )
    with op.batch_alter_table("linkage_pair", schema=None) as batch_op:
        batch_op.create_index("ix_linkage_pair_right", ["right_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_linkage_pair_run_id"), ["run_id"], unique=False)
        batch_op.create_index("ix_linkage_pair_state", ["state", "score"], unique=False)

    op.create_table(
        "row_home",
        sa.Column("table_name", sa.String(length=40), nullable=False),
        sa.Column("row_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("patient_id", sa.Integer(), nullable=True),
        sa.Column("tumor_id", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(["patient_id"], ["patient.id"], name=op.f("fk_row_home_patient_id_patient")),
        sa.ForeignKeyConstraint(["tumor_id"], ["tumor.id"], name=op.f("fk_row_home_tumor_id_tumor")),
        sa.PrimaryKeyConstraint("table_name", "row_id", name=op.f("pk_row_home")),
    )
    with op.batch_alter_table("row_home", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_row_home_patient_id"), ["patient_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_row_home_tumor_id"), ["tumor_id"], unique=False)

    op.create_table(
        "linkage_decision",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("pair_id", sa.Integer(), nullable=True),
        sa.Column("left_id", sa.Integer(), nullable=False),
        sa.Column("right_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=6), nullable=False),
        sa.Column("automatic", sa.Boolean(), nullable=False),
        sa.Column("who", sa.String(length=255), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("undone_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("undone_by", sa.String(length=255), nullable=False),
        sa.Column("undone_why", sa.Text(), nullable=False),
        sa.CheckConstraint("left_id < right_id", name=op.f("ck_linkage_decision_ordered")),
        sa.ForeignKeyConstraint(
            ["left_id"], ["patient_record.id"], name=op.f("fk_linkage_decision_left_id_patient_record")
        ),
        sa.ForeignKeyConstraint(
            ["pair_id"], ["linkage_pair.id"], name=op.f("fk_linkage_decision_pair_id_linkage_pair")
        ),
        sa.ForeignKeyConstraint(
            ["right_id"], ["patient_record.id"], name=op.f("fk_linkage_decision_right_id_patient_record")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_linkage_decision")),
    )
    with op.batch_alter_table("linkage_decision", schema=None) as batch_op:
        batch_op.create_index("ix_linkage_decision_left", ["left_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_linkage_decision_pair_id"), ["pair_id"], unique=False)
        batch_op.create_index("ix_linkage_decision_right", ["right_id"], unique=False)

    op.create_table(
        "tumor_pair",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("left_id", sa.Integer(), nullable=False),
        sa.Column("right_id", sa.Integer(), nullable=False),
        sa.Column("result", sa.String(length=12), nullable=False),
        sa.Column("rules_group", sa.String(length=60), nullable=False),
        sa.Column("rule", sa.String(length=60), nullable=False),
        sa.Column(
            "facts", sa.JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql"), nullable=False
        ),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("decided_by", sa.String(length=255), nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("version_id", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("left_id < right_id", name=op.f("ck_tumor_pair_ordered")),
        sa.ForeignKeyConstraint(["left_id"], ["abstract.id"], name=op.f("fk_tumor_pair_left_id_abstract")),
        sa.ForeignKeyConstraint(["right_id"], ["abstract.id"], name=op.f("fk_tumor_pair_right_id_abstract")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tumor_pair")),
        sa.UniqueConstraint("left_id", "right_id", name=op.f("uq_tumor_pair_left_id_right_id")),
    )
    with op.batch_alter_table("tumor_pair", schema=None) as batch_op:
        batch_op.create_index("ix_tumor_pair_right", ["right_id"], unique=False)
        batch_op.create_index("ix_tumor_pair_state", ["state"], unique=False)

    op.create_table(
        "tumor_decision",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("pair_id", sa.Integer(), nullable=True),
        sa.Column("left_id", sa.Integer(), nullable=False),
        sa.Column("right_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("automatic", sa.Boolean(), nullable=False),
        sa.Column("who", sa.String(length=255), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("undone_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("undone_by", sa.String(length=255), nullable=False),
        sa.Column("undone_why", sa.Text(), nullable=False),
        sa.CheckConstraint("left_id < right_id", name=op.f("ck_tumor_decision_ordered")),
        sa.ForeignKeyConstraint(["left_id"], ["abstract.id"], name=op.f("fk_tumor_decision_left_id_abstract")),
        sa.ForeignKeyConstraint(["pair_id"], ["tumor_pair.id"], name=op.f("fk_tumor_decision_pair_id_tumor_pair")),
        sa.ForeignKeyConstraint(["right_id"], ["abstract.id"], name=op.f("fk_tumor_decision_right_id_abstract")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tumor_decision")),
    )
    with op.batch_alter_table("tumor_decision", schema=None) as batch_op:
        batch_op.create_index("ix_tumor_decision_left", ["left_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_tumor_decision_pair_id"), ["pair_id"], unique=False)
        batch_op.create_index("ix_tumor_decision_right", ["right_id"], unique=False)

    op.add_column("abstract", sa.Column("home_tumor_id", sa.Integer(), nullable=True))
    op.execute("UPDATE abstract SET home_tumor_id = tumor_id")
    with op.batch_alter_table("abstract", schema=None) as batch_op:
        batch_op.alter_column("home_tumor_id", existing_type=sa.Integer(), nullable=False)
        batch_op.create_index(batch_op.f("ix_abstract_home_tumor_id"), ["home_tumor_id"], unique=False)
        batch_op.create_foreign_key(batch_op.f("fk_abstract_home_tumor_id_tumor"), "tumor", ["home_tumor_id"], ["id"])

    with op.batch_alter_table("patient", schema=None) as batch_op:
        batch_op.add_column(sa.Column("merged_into_id", sa.Integer(), nullable=True))
        batch_op.create_index(batch_op.f("ix_patient_merged_into_id"), ["merged_into_id"], unique=False)
        batch_op.create_foreign_key(
            batch_op.f("fk_patient_merged_into_id_patient"), "patient", ["merged_into_id"], ["id"]
        )

    op.add_column("patient_record", sa.Column("home_patient_id", sa.Integer(), nullable=True))
    op.execute("UPDATE patient_record SET home_patient_id = patient_id")
    with op.batch_alter_table("patient_record", schema=None) as batch_op:
        batch_op.alter_column("home_patient_id", existing_type=sa.Integer(), nullable=False)
        batch_op.create_index(batch_op.f("ix_patient_record_home_patient_id"), ["home_patient_id"], unique=False)
        batch_op.create_foreign_key(
            batch_op.f("fk_patient_record_home_patient_id_patient"), "patient", ["home_patient_id"], ["id"]
        )

    with op.batch_alter_table("tumor", schema=None) as batch_op:
        batch_op.add_column(sa.Column("merged_into_id", sa.Integer(), nullable=True))
        batch_op.create_index(batch_op.f("ix_tumor_merged_into_id"), ["merged_into_id"], unique=False)
        batch_op.create_foreign_key(batch_op.f("fk_tumor_merged_into_id_tumor"), "tumor", ["merged_into_id"], ["id"])


def downgrade() -> None:
    with op.batch_alter_table("tumor", schema=None) as batch_op:
        batch_op.drop_constraint(batch_op.f("fk_tumor_merged_into_id_tumor"), type_="foreignkey")
        batch_op.drop_index(batch_op.f("ix_tumor_merged_into_id"))
        batch_op.drop_column("merged_into_id")

    with op.batch_alter_table("patient_record", schema=None) as batch_op:
        batch_op.drop_constraint(batch_op.f("fk_patient_record_home_patient_id_patient"), type_="foreignkey")
        batch_op.drop_index(batch_op.f("ix_patient_record_home_patient_id"))
        batch_op.drop_column("home_patient_id")

    with op.batch_alter_table("patient", schema=None) as batch_op:
        batch_op.drop_constraint(batch_op.f("fk_patient_merged_into_id_patient"), type_="foreignkey")
        batch_op.drop_index(batch_op.f("ix_patient_merged_into_id"))
        batch_op.drop_column("merged_into_id")

    with op.batch_alter_table("abstract", schema=None) as batch_op:
        batch_op.drop_constraint(batch_op.f("fk_abstract_home_tumor_id_tumor"), type_="foreignkey")
        batch_op.drop_index(batch_op.f("ix_abstract_home_tumor_id"))
        batch_op.drop_column("home_tumor_id")

    with op.batch_alter_table("tumor_decision", schema=None) as batch_op:
        batch_op.drop_index("ix_tumor_decision_right")
        batch_op.drop_index(batch_op.f("ix_tumor_decision_pair_id"))
        batch_op.drop_index("ix_tumor_decision_left")

    op.drop_table("tumor_decision")
    with op.batch_alter_table("tumor_pair", schema=None) as batch_op:
        batch_op.drop_index("ix_tumor_pair_state")
        batch_op.drop_index("ix_tumor_pair_right")

    op.drop_table("tumor_pair")
    with op.batch_alter_table("linkage_decision", schema=None) as batch_op:
        batch_op.drop_index("ix_linkage_decision_right")
        batch_op.drop_index(batch_op.f("ix_linkage_decision_pair_id"))
        batch_op.drop_index("ix_linkage_decision_left")

    op.drop_table("linkage_decision")
    with op.batch_alter_table("row_home", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_row_home_tumor_id"))
        batch_op.drop_index(batch_op.f("ix_row_home_patient_id"))

    op.drop_table("row_home")
    with op.batch_alter_table("linkage_pair", schema=None) as batch_op:
        batch_op.drop_index("ix_linkage_pair_state")
        batch_op.drop_index(batch_op.f("ix_linkage_pair_run_id"))
        batch_op.drop_index("ix_linkage_pair_right")

    op.drop_table("linkage_pair")
    with op.batch_alter_table("linkage_run", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_linkage_run_batch_id"))

    op.drop_table("linkage_run")
