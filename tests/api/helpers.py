"""What the API tests share: the envelope's check, and clients that know where the stack is."""

import html.parser
import json
import os
import pathlib
import re
import urllib.parse

import requests

REQUEST_ID = re.compile(r"[0-9a-f]{32}")


def build_option(name):
    """What the programs were built with (meson_options.txt)."""
    read = pathlib.Path(os.environ["MARKETINGCLI_BUILD"], "meson-info/intro-buildoptions.json").read_text()
    return next(option["value"] for option in json.loads(read) if option["name"] == name)


def expect(response, status, code=None):
    """The parsed JSON, once the answer has this status, the envelope of the API, one request id and this error code."""
    assert response.status_code == status, f"{response.status_code} is not {status}: {response.text[:2000]}"
    request_id = response.headers["X-Request-Id"]
    assert REQUEST_ID.fullmatch(request_id), request_id
    if status == 204:
        assert response.content == b""
        return None
    assert response.headers["Content-Type"].split(";")[0] == "application/json"
    body = response.json()
    assert body["meta"]["request_id"] == request_id
    if status >= 400:
        assert set(body) == {"error", "meta"}, body
        error = body["error"]
        assert {"code", "type", "message", "param", "retryable", "details", "platform_error",
                "may_exist_id"} <= set(error), error
        assert error["message"] and isinstance(error["retryable"], bool) and isinstance(error["details"], list)
        if code is not None:
            assert error["code"] == code, error
    else:
        assert code is None, "a success has no error code"
        assert set(body) == {"data", "meta"}, body
    return body


class Client(requests.Session):
    """A session that takes paths: client.get("/api/v1/me")."""

    def __init__(self, base, ca, **headers):
        super().__init__()
        self.base, self.verify, self.trust_env = base, str(ca), False
        self.headers.update(headers)

    def request(self, method, url, **more):
        more.setdefault("timeout", 60)
        return super().request(method, urllib.parse.urljoin(self.base, url), **more)


class Form(html.parser.HTMLParser):
    """The first form of a page: .action and the hidden .fields."""

    def __init__(self, page):
        super().__init__()
        self.action, self.fields = None, {}
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        a = dict(attributes)
        if tag == "form" and self.action is None:
            self.action = a.get("action", "")
        elif tag == "input" and a.get("type") == "hidden":
            self.fields[a["name"]] = a.get("value", "")


def query_of(url):
    """{name: value} of a URL's query; each name once."""
    pairs = urllib.parse.parse_qsl(urllib.parse.urlsplit(url).query, keep_blank_values=True)
    assert len(dict(pairs)) == len(pairs), url
    return dict(pairs)


def all_stopped(pid):
    """Whether every thread of the process is in state T (proc(5): the field after the name in parentheses)."""
    return all(stat.read_text().rpartition(")")[2].split()[0] == "T"
               for stat in pathlib.Path(f"/proc/{pid}/task").glob("*/stat"))
