# SPDX-License-Identifier: GPL-2.0-or-later
"""The status page as it is given: headers, assets, and the figures that it reads. How it looks
is for `make page-test`, which needs a browser."""

import html.parser
import json
import re

import pytest

from gateway import PROJECT
from netns import wait_for
from topology import GATEWAY4, GATEWAY6, WEB4
from wire import client_hello

FILES = PROJECT / "ops/page"
TYPES = {"html": "text/html; charset=utf-8", "css": "text/css; charset=utf-8",
         "js": "text/javascript; charset=utf-8", "svg": "image/svg+xml"}
SETTINGS = {"nat64": {"fast_path": "auto"},
            "dns64": {"zones": [{"name": "lan.example", "upstream": ["192.0.2.53"]}]}}


def get(gate64, path):
    """Status, header fields and content of what the gateway gives."""
    with gate64.ns.connect(("127.0.0.1", 9464)) as sock:
        sock.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        head, content = sock.makefile("rb").read().split(b"\r\n\r\n", 1)
    first, *lines = head.decode().split("\r\n")
    return int(first.split()[1]), dict(line.lower().split(": ", 1) for line in lines), content


class Page(html.parser.HTMLParser):
    """What a page loads, the ids that it has, and what a strict policy forbids."""

    def __init__(self, text):
        super().__init__()
        self.loads, self.ids, self.forbidden, self.within = [], [], [], None
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.within = tag
        for name, value in attrs:
            if name == "src" or (name == "href" and tag == "link"):
                self.loads.append(value)
            if name == "id":
                self.ids.append(value)
            if name == "style" or name.startswith("on"):
                self.forbidden.append((tag, name))

    def handle_endtag(self, tag):
        self.within = None

    def handle_data(self, data):
        if self.within in ("script", "style") and data.strip():
            self.forbidden.append((self.within, data))


@pytest.fixture(scope="module")
def page():
    return Page((FILES / "page.html").read_text())


@pytest.mark.parametrize("path, file", [("/", "page.html"), ("/page.css", "page.css"),
                                        ("/page.js", "page.js"), ("/icon.svg", "icon.svg")])
def test_files(gate64, path, file):
    """Each file is given byte for byte, as what it is, under a policy that lets nothing else in."""
    status, fields, content = get(gate64, path)
    assert status == 200 and content == (FILES / file).read_bytes()
    assert fields["content-type"] == TYPES[file.split(".")[1]]
    assert fields["x-content-type-options"] == "nosniff"
    assert fields["referrer-policy"] == "no-referrer"
    policy = fields["content-security-policy"]
    assert "default-src 'none'" in policy and "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy and "http" not in policy and "*" not in policy
    if file == "page.html":
        assert {part.strip() for part in policy.split(";")} == {
            "default-src 'none'", "script-src 'self'", "style-src 'self'", "img-src 'self'",
            "connect-src 'self'", "base-uri 'none'", "form-action 'none'",
            "frame-ancestors 'none'"}


def test_assets_are_our_own(gate64, page):
    """All that the page loads is there, beside it; nothing in it needs another policy."""
    assert sorted(page.loads) == ["icon.svg", "page.css", "page.js"]
    for file in page.loads:
        assert get(gate64, f"/{file}")[0] == 200
    assert not page.forbidden
    assert len(page.ids) == len(set(page.ids))
    style = (FILES / "page.css").read_text()
    assert "url(" not in style and "@import" not in style
    script = (FILES / "page.js").read_text()
    assert re.findall(r"https?://[^\"]*", script) == ["http://www.w3.org/2000/svg"]
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(", script)


def test_the_script_finds_its_places(page):
    """Each id that the script writes to is in the page."""
    script = (FILES / "page.js").read_text()
    used = set(re.findall(r"(?:getElementById|\btext|\btable|new Chart)\(\"([\w-]+)\"", script))
    assert len(used) > 40 and used <= set(page.ids)


def paths(script):
    """The dotted places of the documents that the script reads."""
    names = dict(re.findall(r"(FAST|SLOW) = \"([\w.]+)\"", script))
    for name, value in names.items():
        script = script.replace("${" + name + "}", value)
    tops = "rooms|network|clients|refusals|over_s|version|uptime_s|reload"
    found = set(re.findall(r"[\"`]((?:" + tops + ")"
                           r"(?:\.[\w.]+)?(?:\.\$\{kind\})?)[\"`]", script))
    return {path.replace("${kind}", kind) for path in found for kind in ("hit", "miss")}


def value_at(document, path):
    for key in path.split("."):
        document = document[key]
    return document


def fetch(gate64, path):
    status, fields, content = get(gate64, path)
    assert status == 200 and fields["content-type"] == "application/json"
    return json.loads(content)


def test_figures(lab, gate64):
    """Whatever the script reads is in the documents; rows have the keys that it wants."""
    script = (FILES / "page.js").read_text()
    with lab.server6.connect(("64:ff9b::" + WEB4, 80)), \
            lab.client4.connect((GATEWAY4, 443)) as sock:
        lab.server6.run("dig", "+short", "@" + GATEWAY6, "AAAA", "git.example.net")
        sock.sendall(client_hello("nobody.home.example"))
        sock.recv(100)
        gate64.reload()
        wait_for(lambda: fetch(gate64, "/activity.json")["refusals"], "the refusal is listed")
        status, activity = fetch(gate64, "/status.json"), fetch(gate64, "/activity.json")
    document = status | activity
    wanted = paths(script)
    assert len(wanted) > 50
    if not status["rooms"]["nat64"]["fast_path"]["enabled"]:
        wanted = {path for path in wanted if "fast_path" not in path}
    else:
        wanted.discard("rooms.nat64.fast_path.because")
    for path in wanted:
        value_at(document, path)
    lists = dict(re.findall(r"^\t\"([\w.]+)\": (\[.*\]),$", script, re.MULTILINE))
    assert len(lists) == 6
    for path, keys in lists.items():
        rows = value_at(document, path)
        assert rows, f"{path} is empty"
        assert set(json.loads(keys)) <= set(rows[0]), path
