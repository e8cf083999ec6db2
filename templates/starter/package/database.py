"""The database, and where it is."""

from pathlib import Path

from flask_migrate import Migrate
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy.engine import make_url

PROJECT = Path(__file__).resolve().parent.parent

db = SQLAlchemy()
# SQLite alters a table by making a new one: render_as_batch writes migrations that do.
migrate = Migrate(directory=str(PROJECT / "migrations"), render_as_batch=True)


def database_url(text, folder):
    """Return what SQLAlchemy connects to, a sqlalchemy.engine.URL.

    :param text: the URL of a database, empty for the file app.db.
    :param folder: where SQLite's files lie whose path is not a whole one.
    :raises sqlalchemy.exc.ArgumentError: for what is no URL.
    """
    if text.startswith("postgres://"):  # what some hosts call it
        text = text.replace("postgres://", "postgresql://", 1)
    url = make_url(text or "sqlite:///app.db")
    is_file = url.database and not url.database.startswith((":memory:", "file:"))
    if url.get_backend_name() == "sqlite" and is_file:
        url = url.set(database=str(Path(folder) / url.database))
    return url
