# SPDX-License-Identifier: GPL-2.0-or-later
"""What can be seen of snid's connections: the list, the log, times and gauges."""

import contextlib
import json
import re
import socket

import pytest

from netns import wait_for
from topology import CLIENT4, GATEWAY4, GATEWAY6, SERVER6, WWW
from wire import client_hello

HANDSHAKE = b"\x16"
SETTINGS = {"snid": {"log": "connections", "limits": {"hello_timeout": "60s"}}}


@contextlib.contextmanager
def joined(lab):
    """A connection that has reached its server; yields the socket and the bytes it sent."""
    hello = client_hello(WWW)
    with lab.client4.connect((GATEWAY4, 443)) as sock:
        sock.sendall(hello)
        assert sock.recv(1, socket.MSG_PEEK) == HANDSHAKE
        yield sock, len(hello)


def listed(gate64, *argv):
    """Rows of `gate64 connections --json`."""
    done = gate64.command("connections", "--json", "-s", gate64.control, *argv)
    document = json.loads(done.stdout)
    assert document["schema"] == 1
    return document["connections"]


def alone(gate64):
    wait_for(lambda: not listed(gate64), "nobody else is there")


def ends(gate64, event="connection-end"):
    """The connection log's lines so far."""
    lines = re.findall(rf'^\{{.*"event":"{event}".*\}}$', gate64.log(), re.MULTILINE)
    return [json.loads(line) for line in lines]


def test_the_list(lab, gate64):
    """A connection that waits for its hello, and one that is joined."""
    alone(gate64)
    with joined(lab) as (sock, sent), lab.client4.connect((GATEWAY4, 443)) as silent:
        wait_for(lambda: len(listed(gate64)) == 2, "both are listed")
        by_port = {row["client_port"]: row for row in listed(gate64)}
        row = by_port[sock.getsockname()[1]]
        assert row.pop("age_s") < 60 and row.pop("bytes_out") > 0
        assert row == {"client": CLIENT4, "client_port": sock.getsockname()[1], "name": WWW,
                       "stage": "relay", "protocol": "tls", "mode": "nat46",
                       "backend": SERVER6, "backend_port": 443, "bytes_in": sent}
        row = by_port[silent.getsockname()[1]]
        assert (row["name"], row["stage"], row["backend"], row["backend_port"]) == \
            (None, "hello", None, None)
        table = gate64.command("connections", "-s", gate64.control).stdout.splitlines()
        assert len(table) == 3 and table[0].startswith("CLIENT")
        assert any(f"{CLIENT4}:{sock.getsockname()[1]}" in line and WWW in line and
                   f"[{SERVER6}]:443" in line for line in table)


@pytest.mark.parametrize("argv,n", [
    (("--client", CLIENT4), 2), (("--client", "203.0.113.0/24"), 2),
    (("--client", "192.0.2.1"), 0), (("--name", WWW), 1), (("--name", "*.home.example"), 1),
    (("--name", "*.www.home.example"), 0), (("--name", "home.example"), 0),
    (("--backend", SERVER6), 1), (("--backend", "2001:db8:1::/64"), 1),
    (("--backend", "2001:db8:2::/64"), 0), (("--stage", "relay"), 1), (("--stage", "hello"), 1),
    (("--stage", "dial"), 0), (("--stage", "hello", "--name", WWW), 0)])
def test_filters(lab, gate64, argv, n):
    """Those that all filters fit; a joined one and one that waits for its hello are there."""
    alone(gate64)
    with joined(lab), lab.client4.connect((GATEWAY4, 443)):
        wait_for(lambda: len(listed(gate64)) == 2, "both are listed")
        assert len(listed(gate64, *argv)) == n


@pytest.mark.parametrize("argv", [("--stage", "asleep"), ("--client", "203.0.113.7/33"),
                                  ("--backend", "nobody"), ("--name", "")])
def test_wrong_filters(gate64, argv):
    done = gate64.command("connections", "-s", gate64.control, *argv, check=False)
    assert done.returncode == 2 and "connections --help" in done.stderr


def test_pages(lab, gate64):
    """Page after page, at the control socket: each connection once, whoever comes and goes."""
    alone(gate64)
    with contextlib.ExitStack() as stack:
        stay = [stack.enter_context(lab.client4.connect((GATEWAY4, 443))) for _ in range(40)]
        wait_for(lambda: len(listed(gate64)) == 40, "all are listed")
        seen, cursor = [], 0
        while cursor is not None:
            with socket.socket(socket.AF_UNIX) as control:
                control.connect(str(gate64.control))
                request = {"command": "connections", "cursor": cursor, "max": 3}
                control.sendall(json.dumps(request).encode() + b"\n")
                reply = json.loads(control.makefile().readline())
            assert len(reply["connections"]) <= 3
            seen += [row["client_port"] for row in reply["connections"]]
            cursor = reply["next"]
            lab.client4.connect((GATEWAY4, 443)).close()
        ports = {sock.getsockname()[1] for sock in stay}
        assert sorted(port for port in seen if port in ports) == sorted(ports)


def test_gauges_by_stage(lab, gate64):
    alone(gate64)
    with joined(lab), lab.client4.connect((GATEWAY4, 443)):
        wait_for(lambda: gate64.status()["rooms"]["snid"]["stages"] == {
            "hello": 1, "lookup": 0, "dial": 0, "greet": 0, "relay": 1, "silent": 0,
            "half-closed": 0, "refused": 0},
            "both are in their stages")
        text = gate64.command("status", "-s", gate64.control).stdout
        assert re.search(r"^  by stage +hello 1, relay 1$", text, re.MULTILINE)
    wait_for(lambda: not any(gate64.status()["rooms"]["snid"]["stages"].values()), "all left")


def test_times(lab, gate64):
    """Each step of an opening is in its histogram once, and so is the whole connection."""
    alone(gate64)
    with gate64.counting() as rose:
        with joined(lab):
            pass
        alone(gate64)
    for step in ("hello", "lookup", "connect"):
        assert rose[f"snid.opening_seconds_count.{step}"] == 1
        assert rose[f"snid.opening_seconds_bucket.{step}.+Inf"] == 1
    assert sum(rose[f"snid.duration_seconds_count.{end}"] for end in
               ("closed", "reset", "idle_timeout", "vanished", "stopped")) == 1
    text = gate64.command("status", "-s", gate64.control).stdout
    assert re.search(r"^  opening seconds +hello \d+, half within", text, re.MULTILINE)


def test_the_log(lab, gate64):
    """One line for a connection that was joined, when it has ended."""
    alone(gate64)
    before = len(ends(gate64))
    with joined(lab) as (sock, sent):
        port = sock.getsockname()[1]
        assert len(ends(gate64)) == before
        sock.shutdown(socket.SHUT_WR)
        received = 0
        while chunk := sock.recv(65536):
            received += len(chunk)
    wait_for(lambda: len(ends(gate64)) > before, "a line is written")
    alone(gate64)
    (line,) = ends(gate64)[before:]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", line.pop("time"))
    assert 0 <= line.pop("duration_s") < 60
    assert line == {"event": "connection-end", "client": CLIENT4, "client_port": port,
                    "name": WWW, "protocol": "tls", "mode": "nat46", "backend": SERVER6,
                    "backend_port": 443, "bytes_in": sent, "bytes_out": received,
                    "end": "closed"}
    gate64.reload({"snid": {"log": "off"}})
    try:
        with joined(lab):
            pass
        alone(gate64)
        assert len(ends(gate64)) == before + 1
    finally:
        gate64.reload()


def greet(lab, name):
    """Say that name, and hear what comes of it. Return the client's port."""
    with lab.client4.connect((GATEWAY4, 443)) as sock:
        sock.sendall(client_hello(name))
        sock.recv(100)
        return sock.getsockname()[1]


def test_refusals_in_the_log(lab, gate64):
    """One object each, with its reason and, where there was one, the server; and of each reason
    lines as text, however many of another reason came before."""
    routes = [{"name": "closed.home.example", "backend": SERVER6, "port": 9},
              {"name": "own.home.example", "backend": GATEWAY6}]
    gate64.reload({"snid": {"routes": routes, "backends": ["2001:db8::/32"]}})
    before = len(ends(gate64, "connection-refused"))
    try:
        for _ in range(20):
            greet(lab, None)
        ports = [greet(lab, name) for name in ("closed.home.example", "own.home.example")]
        wait_for(lambda: len(ends(gate64, "connection-refused")) == before + 22, "all are there")
    finally:
        gate64.reload()
    lines = ends(gate64, "connection-refused")[before:]
    assert all(line.pop("time") and line.pop("client") == CLIENT4 and line.pop("port") == 443
               for line in lines)
    assert all(line["reason"] == "no_name" and line["name"] is None for line in lines[:20])
    assert lines[20:] == [
        {"event": "connection-refused", "client_port": ports[0], "name": "closed.home.example",
         "reason": "connect_failed", "why": "Connection refused", "backend": SERVER6,
         "backend_port": 9},
        {"event": "connection-refused", "client_port": ports[1], "name": "own.home.example",
         "reason": "backend_not_allowed", "why": "an address of this gateway",
         "backend": GATEWAY6, "backend_port": 443}]
    assert f"snid: refused {CLIENT4} for own.home.example: address not allowed, " \
        f"[{GATEWAY6}]:443: " in gate64.log()
