"""What is taken of a user, and for what (C1 to C6, U1, U2)."""

import hashlib
import pathlib
import re

import life as lives
import pytest
import users
from helpers import expect

CHECKOUT = pathlib.Path(__file__).resolve().parent.parent.parent
POLICY = (CHECKOUT / "lib/base/policy.def").read_text()
REGISTER = {"email", "name", "password", "invitation", "accepted_terms"}


def test_C1(life, stack):
    """Email address, name, and a hash of the password; nothing else can be given."""
    row = life.row("users", "id")
    assert (row["email"], row["name"]) == (life.email, life.name)
    assert row["password_hash"].startswith("$2b$") and life.password not in str(row)
    assert not lives.tables_with(stack, life.password, but=())
    refused = expect(stack.client(Origin=stack.url).post("/api/v1/auth/register", json={"email": "a@example.org", "birthday": "2001-01-01"}), 422)
    assert [d["code"] for d in refused["error"]["details"]] == ["unknown_field"]
    text = (CHECKOUT / "fcgi-apps/auth/register.c").read_text()
    assert set(re.findall(r'\.name = "(\w+)"', text)) == REGISTER


def test_C1_no_address_of_the_network(life, stack):
    """Neither the address that a user comes from nor their browser is in any table."""
    agent = life.web.headers["User-Agent"]
    assert not lives.tables_with(stack, agent, but=()) and not lives.tables_with(stack, "127.0.0.1")


def test_C2(life, stack):
    (row,) = life.rows("accounts")
    shown = expect(life.web.get(f"/api/v1/accounts/{life.account}"), 200)["data"]
    assert (row["display_name"], row["avatar_url"]) == (shown["display_name"], shown["avatar_url"])
    assert row["open_id"] and row["access_token"] and row["refresh_token"]
    items = dict(re.findall(r"^  (\w+) [^\n]*?\[policy:tiktok\.([\w.]+)\]", (CHECKOUT / "sql/0008_accounts.sql").read_text(), re.M))
    assert {c for c, item in items.items() if item == "profile"} == {"user_id", "open_id", "display_name", "avatar_url"}
    assert life.authorize_url.startswith(stack.sandbox_url), "who signs in at TikTok does so there"
    assert set(re.findall(r"[?&](\w+)=", life.callback)) == {"code", "scopes", "state"}, "and that is all that comes back"


def test_C3(life, stack):
    """They are there to be fetched by TikTok, each as one file, without what the camera wrote."""
    (file,) = lives.stored(stack, life.uploads)
    assert life.camera.encode() in life.image and life.camera.encode() not in file.read_bytes()
    (upload,) = stack.sql("SELECT * FROM uploads WHERE id = %s", life.uploads[0])
    assert hashlib.sha256(file.read_bytes()).digest() == upload["sha256"] and upload["delete_due_at_us"] is not None


def test_C4(life):
    post = life.get_post()
    assert (post["title"], post["description"], post["status"]) == (life.title, life.description, "published")
    assert post["created_at"] and post["events"]


def test_C5(life, stack):
    stack.wait(lambda: sum(r["requests"] for r in expect(life.web.get("/api/v1/usage"), 200)["data"]["rows"]) > 0, "the requests are counted")
    (key,) = [k for k in expect(life.web.get("/api/v1/keys"), 200)["data"] if k["id"] == life.key_id]
    assert key["last_used_at"]
    assert all("127.0.0.1" not in str(r) for r in life.rows("usage_daily"))


def test_C6(life, stack):
    assert life.plan["plan"] == "small" and life.row("subscriptions")["customer_id"].startswith("cus_")
    names = [r["c"] for r in stack.sql("SELECT CONCAT(table_name, '.', column_name) AS c FROM information_schema.columns"
                                       " WHERE table_schema = 'marketingcli'")]
    assert [n for n in names if re.search(r"card|iban|cvc|last4", n) and "sandbox" not in n] == []


def test_U1(life):
    """Each item that is held serves a purpose that the policy lists."""
    purposes = dict(re.findall(r'^PURPOSE\(\w+, "(\w+)", "([^"]+)"', POLICY, re.M))
    items = [i for g in expect(life.web.get("/api/v1/privacy/data"), 200)["data"]["groups"] for i in g["items"]]
    assert items and all(i["for"] == purposes[i["purpose"]] for i in items)
    assert set(purposes) == {"service", "posting", "account", "history", "messages", "abuse"}


def test_U2():
    """There is nobody to sell anything to: who may get an item at all is one of these."""
    assert set(re.findall(r'^RECIPIENT\(\w+, "(\w+)"', POLICY, re.M)) == {"tiktok", "stripe", "image_store", "mail_relay"}


def test_D1(life, stack):
    """Sealed by the ring of keys: key id, nonce, ciphertext, tag. What was sealed elsewhere does not open (unit/crypto/keyring)."""
    (row,) = life.rows("accounts")
    id = int((stack.at.credentials / "tiktok/token-keys").read_text().split()[0])
    for column in ("access_token", "refresh_token"):
        sealed = row[column]
        assert sealed[0] == id and len(sealed) > 1 + 12 + 16 + 16 and len(set(sealed)) > 24
        assert not re.search(rb"act\.|rft\.|[0-9A-Za-z]{20}", sealed), "nothing of a token can be read in it"
    assert "EVP_aes_256_gcm" in (CHECKOUT / "lib/crypto/keyring.c").read_text()


def test_D2(life, stack):
    (row,) = life.rows("api_keys")
    assert row["hash"] == hashlib.sha256(life.key.encode()).digest()
    assert not lives.tables_with(stack, life.key, but=()) and not lives.tables_with(stack, life.key[len(row["prefix"]):], but=())


def test_D3(life, stack):
    """As crypt(3) makes it, with a salt of its own, and at the cost that is configured: 12, unless somebody says otherwise."""
    hash = life.row("users", "id")["password_hash"]
    room = users.ctypes.create_string_buffer(users.CRYPT_DATA_BYTES)
    assert users.libcrypt.crypt_rn(life.password.encode(), hash.encode(), room, users.CRYPT_DATA_BYTES) == hash.encode()
    assert "bcrypt_cost, 12, RANGE(4, 16)" in (CHECKOUT / "lib/base/conf.def").read_text()


@pytest.mark.parametrize("path", ["/", "/api/v1/me", "/api/v1/auth/login", "/m/x/0", "/webhooks/stripe"])
def test_D4(life, stack, path):
    """Over plain HTTP there is nothing: pages are sent on, programs are refused."""
    answer = lives.Client(stack.http_url, stack.ca).get(path, allow_redirects=False)
    if path == "/":
        assert answer.status_code == 301 and answer.headers["Location"].startswith("https://")
    else:
        assert answer.status_code in (400, 403, 426), answer.text
    assert life.email not in answer.text and "Set-Cookie" not in answer.headers


def test_D5(stack):
    """MariaDB takes connections from this machine alone, and from each service as itself."""
    assert stack.sql("SELECT @@skip_networking AS off")[0]["off"] == 1
    rows = stack.sql("SELECT user AS name, host AS place FROM mysql.user WHERE user LIKE 'marketingcli%'")
    assert rows and {r["place"] for r in rows} == {"localhost"}
