"""Users whose address is confirmed, without a mail: for all that is not about registering. And the links of mails, without the worker that
sends them.

    add_user(sql, "ada@example.com", "correct horse battery")    returns the user's id
    token = add_link(sql, "ada@example.com")                     of her newest registration

sql takes the text of a statement and runs it as the database's root. The statements name only columns that are there since the first
release, so that they work for the programs of an earlier commit, too.
"""

import ctypes
import functools
import hashlib
import os
import secrets
import string
import time
import unicodedata
import uuid

COST = 4  # the least that bcrypt has: a hash takes a millisecond
SALT = "." * 21 + "O"  # the same for all: these passwords are not secret
BASE62 = string.digits + string.ascii_uppercase + string.ascii_lowercase
DAY_US = 86400 * 10**6

libcrypt = ctypes.CDLL("libcrypt.so.1")
libcrypt.crypt_rn.restype = ctypes.c_char_p
CRYPT_DATA_BYTES = 32768  # sizeof (struct crypt_data)


@functools.cache
def hash_of(password, cost=COST):
    """As the programs make it (lib/crypto/password.h). Several threads may ask at once: crypt() has one buffer for all of them."""
    room = ctypes.create_string_buffer(CRYPT_DATA_BYTES)
    made = libcrypt.crypt_rn(unicodedata.normalize("NFC", password).encode(), f"$2b${cost:02}${SALT}".encode(), room, CRYPT_DATA_BYTES)
    assert made and made.startswith(b"$2b$"), made
    return made.decode()


def new_id():
    """A UUIDv7."""
    bits = time.time_ns() // 10**6 << 80 | int.from_bytes(os.urandom(10), "big")
    return uuid.UUID(int=bits & ~(0xF << 76) & ~(0x3 << 62) | 0x7 << 76 | 0x2 << 62)


def literal(text):
    return "NULL" if text is None else f"_utf8mb4 x'{text.encode().hex()}'"


def add_user(sql, email, password, name=None, cost=COST):
    id, now_us = new_id(), time.time_ns() // 1000
    values = [literal(v) for v in (email.lower(), email, name, hash_of(password, cost), "active")]
    sql("INSERT INTO users (id, email_key, email, name, password_hash, state, created_at_us, updated_at_us)"
        f" VALUES (x'{id.hex}', {', '.join(values)}, {now_us}, {now_us})")
    return str(id)


def add_link(sql, email, purpose="verify_email", subject=None, days=7):
    """The token of a mail's link, as worker@mail makes it. subject: an id; without it, the newest registration of the address."""
    token, now_us = "".join(secrets.choice(BASE62) for _ in range(43)), time.time_ns() // 1000
    found = f"SELECT x'{uuid.UUID(subject).hex}' AS id" if subject else (
        f"SELECT id FROM registrations WHERE email_key = {literal(email.lower())} ORDER BY id DESC LIMIT 1")
    sql("INSERT INTO one_time_tokens (token_hash, purpose, subject_id, created_at_us, expires_at_us)"
        f" SELECT x'{hashlib.sha256(token.encode()).hexdigest()}', '{purpose}', id, {now_us}, {now_us + days * DAY_US} FROM ({found}) AS s")
    return token
