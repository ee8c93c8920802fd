"""The pages, as nginx sends them, and how what it sends is compressed."""

import gzip
import json
import pathlib
import re
import subprocess

import pytest

CHECKOUT = pathlib.Path(__file__).resolve().parent.parent.parent
# Each was thought about: nothing secret may be in it (lib/http/route.h).
COMPRESSED = {("GET", "/api/v1/privacy/data"), ("GET", "/api/v1/me"), ("PATCH", "/api/v1/me"), ("GET", "/api/v1/posts/{id}"), ("GET", "/api/v1/accounts")}


def test_pages(stack):
    client = stack.client()
    for path, kind in (("/", "text/html"), ("/connected", "text/html"), ("/connected.html", "text/html"),
                       ("/style.css", "text/css"), ("/connected.js", "application/javascript"), ("/icon.svg", "image/svg+xml")):
        answer = client.get(path)
        assert (answer.status_code, answer.headers["Content-Type"]) == (200, kind), path
        assert "Set-Cookie" not in answer.headers
    missing = client.get("/nothing")
    assert missing.status_code == 404 and "There is nothing here" in missing.text


def coded(client, path, takes, **headers):
    """The answer with its body as it came."""
    answer = client.get(path, headers={"Accept-Encoding": takes, **headers}, stream=True)
    answer.whole = answer.raw.read(decode_content=False)
    return answer


@pytest.mark.parametrize("path", ["/dashboard/app.js", "/dashboard/style.css", "/dashboard/vendor/pico.css", "/dashboard/words/en/common.js"])
def test_what_the_dashboard_loads_is_compressed_as_its_reader_takes_it(stack, path):
    client = stack.client()
    plain, zipped = coded(client, path, "identity"), coded(client, path, "gzip, deflate")
    assert "Content-Encoding" not in plain.headers and zipped.headers["Content-Encoding"] == "gzip" and gzip.decompress(zipped.whole) == plain.whole
    for takes in ("br", "gzip, deflate, br, zstd", "gzip,BR"):
        answer = coded(client, path, takes)
        assert (answer.status_code, answer.headers["Content-Encoding"], answer.headers["Vary"]) == (200, "br", "Accept-Encoding"), takes
        assert len(answer.whole) < len(zipped.whole) and answer.headers["Content-Type"] == plain.headers["Content-Type"]
    un = "process.stdout.write(require('zlib').brotliDecompressSync(require('fs').readFileSync(0)))"
    assert subprocess.run(["node", "-e", un], input=answer.whole, capture_output=True, check=True).stdout == plain.whole
    assert answer.headers["ETag"] not in (plain.headers["ETag"], zipped.headers["ETag"])
    for name in ("Content-Security-Policy", "Cache-Control", "X-Content-Type-Options"):
        assert answer.headers[name] == plain.headers[name]
    for takes in ("br;q=0", "brotli", "xbr, gzip;q=0"):
        assert coded(client, path, takes).headers.get("Content-Encoding") is None, takes
    same = coded(client, path, "br", **{"If-None-Match": answer.headers["ETag"]})
    assert (same.status_code, same.headers["Vary"], same.whole) == (304, "Accept-Encoding", b"")
    other = coded(client, path, "gzip", **{"If-None-Match": answer.headers["ETag"]})
    assert other.status_code == 200, "what is kept of one coding is none of another"
    for part in ("bytes=0-9", "bytes=99999999-"):  # there are none: the error of one that is not there would be called compressed
        whole = coded(client, path, "br", Range=part)
        assert (whole.status_code, whole.headers["Content-Encoding"], whole.whole) == (200, "br", answer.whole), part


def test_compressed_files_are_at_no_address_of_their_own(stack):
    client = stack.client()
    for path in ("/br/dashboard/app.js", "/none/dashboard/app.js", "/br/"):
        for takes in ("br", "gzip"):
            answer = client.get(path, headers={"Accept-Encoding": takes})
            assert answer.status_code == 404 and "There is nothing here" in answer.text and answer.headers.get("Content-Encoding") != "br"
    missing = client.get("/dashboard/pages/nothing.js", headers={"Accept-Encoding": "br"})
    assert missing.status_code == 404 and "There is nothing here" in missing.text and "Content-Encoding" not in missing.headers
    refused = client.post("/dashboard/app.js", headers={"Accept-Encoding": "br"})
    assert refused.status_code == 405 and "Content-Encoding" not in refused.headers


def test_answers_are_compressed_where_nothing_is_secret(stack, user):
    whole = coded(user.web, "/api/v1/privacy/data", "identity")
    answer = coded(user.web, "/api/v1/privacy/data", "gzip, br")
    assert (answer.headers["Content-Encoding"], answer.headers["Vary"]) == ("gzip", "Accept-Encoding")
    groups = lambda body: json.loads(body)["data"]["groups"]
    assert groups(gzip.decompress(answer.whole)) == groups(whole.whole) and 4 * len(answer.whole) < len(whole.whole)
    assert "Content-Encoding" not in whole.headers
    rows = json.loads(stack.admin("tables").stdout)["routes"]
    assert {(r["method"], r["pattern"]) for r in rows if r["compressed"]} == COMPRESSED
    for path in ("/api/v1/keys", "/api/v1/auth/sessions", "/api/v1/auth/totp"):
        assert "Content-Encoding" not in coded(user.web, path, "gzip").headers


def test_pages_load_nothing_from_elsewhere():
    for page in (CHECKOUT / "nginx/html").rglob("*.html"):
        text = page.read_text()
        for address in re.findall(r'(?:src|href|action)\s*=\s*"([^"]*)"', text):
            assert re.match("#|/(?!/)", address), (page, address)
        assert not re.search(r"<script(?![^>]*src=)|style=|\son\w+=|<style", text), f"{page}: inline code (CSP)"


@pytest.mark.parametrize("page", sorted((CHECKOUT / "nginx/html").glob("*.html")), ids=lambda page: page.stem)
def test_pages_show_what_can_be_done_and_no_more(page):
    """What acts is hidden where no script runs, and so is, once it is done, what was true before; what came of it is read out."""
    text = page.read_text()
    assert '<link rel="icon" href="/icon.svg"' in text, "browsers ask for one"
    acts = re.findall(r"<(?:form|button id)[^>]*>", text)
    assert all(re.search(r"\bhidden>", tag) for tag in acts)
    assert len([tag for tag in acts if 'id="again"' not in tag]) <= 1, "another one is for who comes too late with the link"
    for tag in acts:
        assert '<noscript><p>This page needs JavaScript.</p></noscript>' in text and '<p id="result" role="status">' in text
    for tag in re.findall(r"<form[^>]*>", text):
        around = re.sub(r"<form.*</form>|<noscript>.*</noscript>", "", text[text.index("</h1>") + 5:], flags=re.S)
        assert re.findall(r"<p>(?!<a )", around) == [], "what is said around the form stays when it is sent"
        assert "data-without-link" in tag or "data-over=" in tag, "what to do when the link is used or over is not alike"
        assert all('aria-describedby="result"' in field for field in re.findall(r"<input[^>]*>", text))


def test_sentences_of_the_connected_page_are_for_errors_that_exist():
    slugs = set(re.findall(r'^ERR\(\w+, \d+, "(\w+)"', (CHECKOUT / "lib/base/err.def").read_text(), re.M))
    said = re.findall(r"^\t(\w+): \"", (CHECKOUT / "nginx/html/connected.js").read_text(), re.M)
    assert len(said) >= 6 and set(said) <= slugs
