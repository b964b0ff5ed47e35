# SPDX-License-Identifier: GPL-2.0-or-later
"""`gate64 flows` and `gate64 bindings` on real traffic: shown right, filtered, complete."""

import contextlib
import json
import os
import re
import socket

import pytest

from netns import wait_for
from topology import CLIENT4, GATEWAY4, PREF64, SERVER6, WEB4
from wire import WhoAmI, udp_flow

UDP_TIMEOUT = 300
TCP_ESTABLISHED = 2 * 3600 + 4 * 60	# RFC 5382 REQ-5
ICMP_TIMEOUT = 60
SETTINGS = {"nat64": {"timeouts": {"udp": f"{UDP_TIMEOUT}s"},
                      "limits": {"new_per_client": "100000/s"}}}
LINE = re.compile(r"^(\w+) +(\S+) +\[(\S+)\]:(\d+) +(\S+):(\d+) +([\d.]+)(?::(\d+))? +(\S+)"
                  r"( fast)?$")


def seconds(text):
    """Of "2h03m59s": 7439."""
    return sum(int(n) * {"h": 3600, "m": 60, "s": 1}[unit]
               for n, unit in re.findall(r"(\d+)([hms])", text))


def listed(gate64, command, *argv):
    """The rows of `gate64 flows|bindings --json`."""
    document = json.loads(gate64.command(command, "--json", "-s", gate64.control, *argv).stdout)
    assert document.keys() == {"schema", command} and document["schema"] == 1
    return document[command]


def key(row):
    """A row without what time changes."""
    return tuple(v for k, v in sorted(row.items()) if k not in ("expires_s", "fast"))


@contextlib.contextmanager
def tcp_flow(lab, port=8000):
    """A TCP connection from server6 to WEB4; what its far end sees of it."""
    with WhoAmI(lab.internet4, WEB4, port), \
            lab.server6.connect((f"{PREF64}{WEB4}", port)) as sock:
        sock.sendall(b"who\n")
        _, address, outside_port = sock.recv(100).split()
        assert address.decode() == GATEWAY4
        yield sock, int(outside_port)


def test_a_tcp_session_is_shown_as_both_ends_see_it(lab, gate64):
    """RFC 6146 3.1: a session is two tuples, and 3.5.2.2: its state."""
    with tcp_flow(lab) as (sock, outside_port):
        [row] = listed(gate64, "flows", "--proto", "tcp", "--port", "8000")
        [binding] = listed(gate64, "bindings", "--port", outside_port)
        inside_port = sock.getsockname()[1]
    assert TCP_ESTABLISHED - 60 <= row.pop("expires_s") <= TCP_ESTABLISHED
    assert row.pop("fast") == gate64.fast_path()["enabled"]
    assert row == {"proto": "tcp", "state": "established",
                   "inside": SERVER6, "inside_port": inside_port,
                   "outside": GATEWAY4, "outside_port": outside_port,
                   "remote": WEB4, "remote_port": 8000}
    assert binding == {"proto": "tcp", "inside": SERVER6, "inside_port": inside_port,
                       "outside": GATEWAY4, "outside_port": outside_port, "sessions": 1,
                       "static": False}


def test_a_udp_session_is_shown_as_both_ends_see_it(lab, gate64):
    """RFC 6146 3.5.1; endpoint-independent mapping (RFC 4787 REQ-1): a second session of
    the same socket has the same binding."""
    with udp_flow(lab, lab.internet4, WEB4, 7100) as (inside, outside):
        outside_port = outside.getpeername()[1]
        inside_port = inside.getsockname()[1]
        with lab.client4.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
            other.bind((CLIENT4, 7101))
            other.sendto(b"also", (GATEWAY4, outside_port))
            assert inside.getsockname()[1] == inside_port
            wait_for(lambda: len(listed(gate64, "flows", "--port", outside_port)) == 2,
                     "both sessions are there")
            rows = {row["remote"]: row for row in listed(gate64, "flows", "--port", outside_port)}
            [binding] = listed(gate64, "bindings", SERVER6, "--port", inside_port)
    for remote, port in ((WEB4, 7100), (CLIENT4, 7101)):
        row = rows[remote]
        assert UDP_TIMEOUT - 60 <= row.pop("expires_s") <= UDP_TIMEOUT
        assert row.pop("fast") is False		# nobody has sent twice
        assert row == {"proto": "udp", "state": None, "inside": SERVER6,
                       "inside_port": inside_port, "outside": GATEWAY4,
                       "outside_port": outside_port, "remote": remote, "remote_port": port}
    assert binding["sessions"] == 2 and binding["outside_port"] == outside_port


def test_a_ping_is_shown_by_its_identifier(lab, gate64):
    """RFC 6146 3.5.3."""
    lab.server6.run("ping", "-6", "-c", "1", "-W", "5", "-e", "4711", f"{PREF64}{CLIENT4}")
    [row] = listed(gate64, "flows", CLIENT4, "--proto", "icmp")
    assert 0 < row.pop("expires_s") <= ICMP_TIMEOUT
    assert row.pop("outside_port") > 0
    assert row.pop("fast") == gate64.fast_path()["enabled"]	# question and answer: it goes on
    assert row == {"proto": "icmp", "state": None, "inside": SERVER6, "inside_port": 4711,
                   "outside": GATEWAY4, "remote": CLIENT4, "remote_port": None}


def test_the_text_says_what_the_json_says(lab, gate64):
    lab.server6.run("ping", "-6", "-c", "1", "-W", "5", f"{PREF64}{CLIENT4}")
    with tcp_flow(lab), udp_flow(lab, lab.internet4, WEB4, 7102):
        text = gate64.command("flows", "-s", gate64.control).stdout.splitlines()
        rows = listed(gate64, "flows")
        bindings = gate64.command("bindings", "-s", gate64.control).stdout.splitlines()
        assert len(bindings) == 1 + len(listed(gate64, "bindings"))
    assert text[0].split() == ["PROTO", "STATE", "INSIDE", "OUTSIDE", "REMOTE", "EXPIRES"]
    columns = [text[0].index(name) for name in ("STATE", "INSIDE", "OUTSIDE", "REMOTE", "EXPIRES")]
    assert all(line[at - 1] == " " != line[at] for line in text[1:] for at in columns), "aligned"
    said = {}
    for line in text[1:]:
        proto, state, inside, inside_port, outside, outside_port, remote, port, left, fast = (
            LINE.match(line).groups())
        said[proto, None if state == "-" else state, inside, int(inside_port), outside,
             int(outside_port), remote, port and int(port)] = seconds(left), bool(fast)
    assert len(said) == len(text) - 1 == len(rows) >= 3
    for row in rows:
        left, fast = said[tuple(row[k] for k in (
            "proto", "state", "inside", "inside_port", "outside", "outside_port", "remote",
            "remote_port"))]
        assert 0 <= left - row["expires_s"] <= 30 and fast == row["fast"]


def choose_at_rest(gate64, argv):
    """The whole list, and what a filter shows of it; None where they are not of one moment: a
    connection of an earlier test may just have closed."""
    before, chosen, after = (listed(gate64, "flows", *words) for words in ((), argv, ()))
    return (before, chosen) if set(map(key, before)) == set(map(key, after)) else None


@pytest.mark.parametrize("argv, fits", [
    (("--proto", "udp"), lambda row: row["proto"] == "udp"),
    ((SERVER6,), lambda row: row["inside"] == SERVER6),
    (("2001:db8:2::/64",), lambda row: False),
    ((GATEWAY4,), lambda row: row["outside"] == GATEWAY4),
    ((WEB4,), lambda row: row["remote"] == WEB4),
    (("203.0.113.0/24",), lambda row: row["remote"].startswith("203.0.113.")),
    (("--port", "8000"),
     lambda row: 8000 in (row["inside_port"], row["outside_port"], row["remote_port"])),
    (("--state", "established"), lambda row: row["state"] == "established"),
    (("--proto", "tcp", "--port", "7103"), lambda row: False),
], ids=lambda value: " ".join(value) if isinstance(value, tuple) else "")
def test_filters(lab, gate64, argv, fits):
    """What a filter shows is what the whole list has of it."""
    lab.server6.run("ping", "-6", "-c", "1", "-W", "5", f"{PREF64}{CLIENT4}")
    with tcp_flow(lab), udp_flow(lab, lab.internet4, WEB4, 7103):
        everything, chosen = wait_for(lambda: choose_at_rest(gate64, argv), "no flow changes")
    assert {row["proto"] for row in everything} == {"tcp", "udp", "icmp"}
    assert set(map(key, chosen)) == {key(row) for row in everything if fits(row)}


@pytest.fixture(scope="module")
def many(lab, gate64):
    """5,000 sessions of one socket; their remote ports."""
    ports = range(20000, 25000)
    with lab.server6.socket(socket.AF_INET6, socket.SOCK_DGRAM) as sock:
        sock.bind((SERVER6, 5000))
        for i, port in enumerate(ports):
            sock.sendto(b"x", (f"{PREF64}{WEB4}", port))
            if i % 100 == 99:	# no faster than the path takes them
                wait_for(lambda: gate64.status()["rooms"]["nat64"]["sessions"] > i,
                         f"{i + 1} sessions are there", step=0.02)
    return ports


def test_5000_sessions_are_listed_completely(gate64, many):
    """Page after page; each session once."""
    rows = listed(gate64, "flows", "--proto", "udp", WEB4)
    ports = [row["remote_port"] for row in rows if row["inside_port"] == 5000]
    assert sorted(ports) == list(many)
    text = gate64.command("flows", WEB4, "--port", "5000", "-s", gate64.control).stdout
    assert len(text.splitlines()) == 1 + len(many)
    [binding] = listed(gate64, "bindings", "--port", "5000")
    assert binding["sessions"] == len(many)


def test_a_reply_is_bounded(gate64, many):
    """The socket gives pages, whatever is asked; nobody but those of gate64 may ask."""
    with socket.socket(socket.AF_UNIX) as sock:
        sock.connect(str(gate64.control))
        stream = sock.makefile("rw")

        def ask(**request):
            stream.write(json.dumps(request) + "\n")
            stream.flush()
            return stream.readline()
        reply = ask(command="flows")
        assert len(reply) < 256 * 1024 and json.loads(reply)["next"]
        assert 0 < len(json.loads(reply)["flows"]) <= 1100
        assert json.loads(ask(command="flows", max=5000)).keys() == {"error"}
        assert json.loads(ask(command="flows", filter={"port": "80"})).keys() == {"error"}
        assert json.loads(ask(command="flaws")) == {
            "error": json.loads(ask(command=None))["error"]}
        assert json.loads(ask(command="status"))["schema"] == 1
    assert os.stat(gate64.control).st_mode & 0o7 == 0


@pytest.mark.parametrize("argv, said", [
    (("flows", "--proto", "sctp"), "a protocol is tcp, udp or icmp"),
    (("flows", "--port", "0"), "a port is a number from 1 to 65535"),
    (("flows", "--state", "open"), "no such state"),
    (("flows", "web.example.net"), "not an IP address or prefix"),
    (("bindings", "--state", "trans"), "not an option of this command: --state"),
    (("bindings", "192.0.2.1/24"), "bits are set beyond the prefix length"),
])
def test_wrong_usage(gate64, argv, said):
    """It is told before anybody is asked."""
    done = gate64.command(*argv, "-s", "/nowhere", check=False)
    assert done.returncode == 2 and said in done.stderr and not done.stdout


def test_nat64_off(lab, gate64):
    """There is nothing to list, and that is said."""
    gate64.reload({"nat64": {"enabled": False}})
    try:
        done = gate64.command("flows", "--json", "-s", gate64.control, check=False)
        assert done.returncode == 1 and "nat64 is off" in done.stderr and not done.stdout
    finally:
        gate64.reload()
