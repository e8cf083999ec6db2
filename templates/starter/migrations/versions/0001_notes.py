"""The notes, and a first one."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade():
    """Make the table and write the note."""
    note = op.create_table(
        "note",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("text", sa.String(length=200), nullable=False),
    )
    op.bulk_insert(note, [{"text": "This line comes out of the database."}])


def downgrade():
    """Remove the table."""
    op.drop_table("note")
