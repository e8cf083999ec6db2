"""The pages."""

import secrets

from flask import Blueprint, abort, redirect, render_template, request, session, url_for

from .database import db
from .models import Note

pages = Blueprint("pages", __name__)


def form_token():
    """Return the word that this session's forms carry: without it, another site has sent them."""
    if "form_token" not in session:
        session["form_token"] = secrets.token_hex(16)
    return session["form_token"]


@pages.route("/")
def index():
    """Show all notes, and a form for one more."""
    notes = db.session.query(Note).order_by(Note.id).all()
    return render_template("index.html", notes=notes, form_token=form_token())


@pages.route("/", methods=["POST"])
def add():
    """Write a note into the database."""
    text = request.form.get("text", "").strip()
    if request.form.get("form_token") != form_token() or not 1 <= len(text) <= 200:
        abort(400)
    db.session.add(Note(text=text))
    db.session.commit()
    return redirect(url_for("pages.index"))
