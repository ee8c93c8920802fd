"""Somebody who has no account yet."""

import secrets
import uuid

import users
from helpers import expect

DAY = 86400
PASSWORD = "correct horse battery"


class Newcomer:
    def __init__(self, stack, email=None):
        self.stack, self.web = stack, stack.client(Origin=stack.url)
        self.email = email or f"n{secrets.token_hex(8)}@example.org"

    def register(self, **fields):
        """Without a password, unless fields have one."""
        return self.web.post("/api/v1/auth/register", json={"email": self.email, **fields})

    def resend(self):
        return self.web.post("/api/v1/auth/resend-verification", json={"email": self.email})

    def link(self, **more):
        """The token of the newest registration's mail."""
        return users.add_link(self.stack.sql, self.email, **more)

    def verify(self, token, password=PASSWORD):
        return self.web.post("/api/v1/auth/verify-email", json={"token": token, "password": password})

    def login(self, password=PASSWORD):
        return self.web.post("/api/v1/auth/login", json={"email": self.email, "password": password})

    def join(self, **fields):
        """The whole way; what the link has made."""
        expect(self.register(**fields), 202)
        return expect(self.verify(self.link(), fields.get("password", PASSWORD)), 200)["data"]

    # What the database has of the address

    def rows(self, table="registrations"):
        return self.stack.sql(f"SELECT * FROM {table} WHERE email_key = %s ORDER BY id", self.email.lower())

    def ids(self):
        return [str(uuid.UUID(bytes=r["id"])) for r in self.rows()]

    def mails(self):
        """[(template, whose or about what)], the oldest first."""
        about = [r["id"] for r in self.rows() + self.rows("users")] or [b""]
        places = ", ".join(["%s"] * len(about))
        return [(m["template"], m["user_id"] or m["subject_id"]) for m in self.stack.sql(
            f"SELECT template, user_id, subject_id FROM mail_outbox WHERE subject_id IN ({places}) OR user_id IN ({places})"
            " ORDER BY id", *about, *about)]
