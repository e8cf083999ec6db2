"""The application. `flask run`, `flask db` and the tests call create_app."""

import os
from pathlib import Path

from flask import Flask

from .database import PROJECT, database_url, db, migrate
from .pages import pages


def create_app(config=None):
    """Return the application.

    :param config: settings that win over those of the environment, a dict.
    :raises RuntimeError: where there is no SECRET_KEY.
    """
    app = Flask(__name__, instance_path=str(PROJECT / "instance"))
    app.config.update(
        SECRET_KEY=os.environ.get("SECRET_KEY"),
        SESSION_COOKIE_SAMESITE="Lax",
        SQLALCHEMY_TRACK_MODIFICATIONS=False,
    )
    app.config.update(config or {})
    if not app.config["SECRET_KEY"]:
        raise RuntimeError("SECRET_KEY is not set: copy .env.example to .env and write one into it")
    if "SQLALCHEMY_DATABASE_URI" not in app.config:
        Path(app.instance_path).mkdir(exist_ok=True)
        url = database_url(os.environ.get("DATABASE_URL", ""), app.instance_path)
        app.config["SQLALCHEMY_DATABASE_URI"] = url
    db.init_app(app)
    migrate.init_app(app, db)
    app.register_blueprint(pages)
    return app
