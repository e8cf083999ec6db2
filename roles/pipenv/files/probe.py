"""Use each package of the Pipfile together, once: an app with a database and a setting from .env answers over HTTP."""

import os
import threading

import requests
from dotenv import load_dotenv
from flask import Flask, jsonify
from flask_migrate import Migrate
from flask_sqlalchemy import SQLAlchemy
from werkzeug.serving import make_server

load_dotenv()
app = Flask(__name__)
app.config["SQLALCHEMY_DATABASE_URI"] = "sqlite://"
app.config["SQLALCHEMY_TRACK_MODIFICATIONS"] = False
db = SQLAlchemy(app)
Migrate(app, db)


class Greeting(db.Model):
    """A row to write and to read."""

    id = db.Column(db.Integer, primary_key=True)
    text = db.Column(db.String(40), nullable=False)


@app.route("/")
def answer():
    """Write a row, read it back, and answer with it."""
    db.create_all()
    db.session.add(Greeting(text=os.environ["GREETING"]))
    db.session.commit()
    return jsonify(greeting=Greeting.query.one().text)


server = make_server("127.0.0.1", 0, app)
threading.Thread(target=server.serve_forever, daemon=True).start()
reply = requests.get("http://127.0.0.1:%d/" % server.server_port, timeout=30, proxies={"http": None})
server.shutdown()
print(reply.status_code, reply.json()["greeting"])
