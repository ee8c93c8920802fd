"""What holds for all that the tests before have done: their cookies, pages, tables, files, mails and logs (K1; the secrets of C1, D1, D2,
D3). Last, by its name."""

import pathlib
import re

import life as lives
import seen
from publishing_policy import published, take_back

CHECKOUT = pathlib.Path(__file__).resolve().parent.parent.parent
ELSEWHERE = re.compile(r"""<(?:script|link|img|iframe|source|video|audio|embed|object|form)\b[^>]*?\b(?:src|href|action|data)\s*=\s*["']?([^"'\s>]+)""", re.I)
OURS = re.compile(r"^(/(?!/)|#|data:|[\w.-]+$)")


def pages():
    """Those that were asked for in the run, and those that nginx has as files."""
    return {**{url: text for url, (text, _) in lives.JAR.pages.items()},
            **{str(p): p.read_text() for p in (CHECKOUT / "nginx/html").glob("*.html")}}


def test_K1(life, stack):
    for path in ("/", "/verify-email", "/reset-password", "/nothing-here"):
        stack.client().get(path)
    assert len(lives.JAR.cookies) > 1, "somebody signed in"
    assert {c.partition("=")[0] for c in lives.JAR.cookies} == {"__Host-session"}
    assert all({"HttpOnly", "Secure", "SameSite=Lax", "Path=/"} <= {p.strip() for p in c.split(";")} for c in lives.JAR.cookies)


def test_K1_pages_load_nothing_from_elsewhere(life, stack):
    found = {url: [a for a in ELSEWHERE.findall(text) if not OURS.match(a) and not a.startswith((stack.url, stack.sandbox_url))]
             for url, text in pages().items()}
    assert len(found) > 8 and not {u: a for u, a in found.items() if a}
    assert not [u for u, text in pages().items() if re.search(r"document\.cookie|localStorage|googletagmanager|analytics\.", text)]
    for url, (_, csp) in lives.JAR.pages.items():
        assert "default-src 'none'" in csp or "default-src 'self'" in csp, (url, csp)


def test_S4(life, stack):
    """Whom programs have called in this run is who the policy says: no more, and no fewer. The simulator is a part of the service."""
    published(stack, "of-this-run")
    try:
        (row,) = stack.sql("SELECT recipients FROM policy_versions")
        named = set(row["recipients"].split())
    finally:
        take_back(stack)
    called = {tuple(line.split()) for line in (stack.at.test / "called").read_text().splitlines()}
    rows = dict(re.findall(r'^OUTGOING\(\w+, "(\w+)", .*?, (-1|POLICY_RECIPIENT_\w+)\)$', (CHECKOUT / "lib/net/outgoing.def").read_text(), re.M))
    names = dict(re.findall(r'^RECIPIENT\((\w+), "(\w+)"', (CHECKOUT / "lib/base/policy.def").read_text(), re.M))
    outside = {f"{names[rows[to].rpartition('_')[2]]}={host.rpartition(':')[0]}" for to, host in called if rows[to] != "-1"}
    assert outside == named
    assert {host.rpartition(":")[0] for to, host in called if rows[to] == "-1"} <= {"localhost", "simulator", "media"}


def test_D3_no_secret_of_the_run_is_anywhere(life, stack):
    """Passwords, tokens, keys and cookies of all users of the run, and what services have as credentials: in no table, mail, log, or
    file that a service keeps."""
    seen.from_credentials(stack.at.credentials)
    assert life.password in seen.secrets and life.key in seen.secrets and len(seen.secrets) > 20
    assert not seen.leaks([*stack.at.log.glob("*.log"), stack.dir / "up.log"])
    assert not seen.leaks_beside_logs(stack)
    kept = [p for folder in (stack.at.store_home, stack.at.kept) for p in folder.rglob("*") if p.is_file()]
    assert not seen.found_in(kept) if kept else True


def test_C3_no_camera_is_anywhere(life, stack):
    """What an image brought along besides itself."""
    assert not lives.tables_with(stack, life.camera, but=())
    kept = [p for folder in (stack.at.store_home, stack.at.kept, stack.at.log, stack.at.mail) for p in folder.rglob("*") if p.is_file()]
    assert kept and not [p for p in kept if life.camera.encode() in p.read_bytes()]
