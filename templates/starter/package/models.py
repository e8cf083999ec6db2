"""The tables. After a change: flask db migrate -m "what changed", then flask db upgrade."""

from .database import db


class Note(db.Model):
    """A line of text."""

    id = db.Column(db.Integer, primary_key=True)
    text = db.Column(db.String(200), nullable=False)
