# SPDX-License-Identifier: GPL-2.0-or-later
"""A connection from outside that nobody has asked for: it waits, in case the other side
opens the same one (RFC 6146 3.5.2.2, RFC 5382 REQ-4)."""

import contextlib
import socket
import time

import pytest
from scapy.layers.inet import ICMP, IP, TCP, TCPerror

import exact
from netns import wait_for
from topology import CLIENT4, GATEWAY4, PREF64, SERVER6, WEB4
from wire import Capture, WhoAmI

SETTINGS = {"nat64": {"filtering": "address-dependent"}}

FREE = 12345		# a port that NAT64 could use and nobody does
NOT_THE_POOLS = 5000	# below what pool4 takes by itself
TCP_SYN = 6.0
EXPIRY = 1.5		# how late the end of a lifetime may be seen, on a slow machine too


def syn(port, sport=5555, seq=1000):
    return exact.ipv4(CLIENT4, GATEWAY4, 6, exact.tcp(CLIENT4, GATEWAY4, sport, port, seq=seq))


def test_silence_for_six_seconds_then_port_unreachable(lab, gate64):
    """RFC 5382 REQ-4 and RFC 6146 3.5.2.2 stored SYN: no answer within 6 s, however often the SYN is
    repeated; then, once, port unreachable (RFC 792) that quotes it."""
    with gate64.counting() as rose, \
            Capture(lab.client4, "eth0", f"host {GATEWAY4} and (tcp port {FREE} or icmp)") as seen:
        exact.send(lab.client4, syn(FREE))
        for _ in range(2):
            time.sleep(1)
            exact.send(lab.client4, syn(FREE))
        seen.wait(lambda p: ICMP in p, "port unreachable", TCP_SYN + EXPIRY)
        time.sleep(0.5)		# for an answer too many, which nothing announces
    asked, answers = seen.packets[:3], seen.packets[3:]
    assert all(p[IP].src == CLIENT4 for p in asked)
    [answer] = answers
    assert TCP_SYN <= float(answer.time - asked[0].time) <= TCP_SYN + EXPIRY
    assert (answer[IP].src, answer[ICMP].type, answer[ICMP].code) == (GATEWAY4, 3, 3)
    quoted = answer[TCPerror]
    assert (quoted.sport, quoted.dport, quoted.seq) == (5555, FREE, 1000)
    assert rose["nat64.stored_syns.stored"] == rose["nat64.stored_syns.unwanted"] == 1
    assert rose["nat64.drops.syn_waits"] == 2


def test_the_hosts_own_listener_answers_at_once(lab, gate64):
    """RFC 6146 3.5.2.2 stored SYN is not for the host's own: a socket that the host opened later, at a port that could be the pool's"""
    with lab.gateway.socket() as listener, gate64.counting() as rose:
        listener.bind((GATEWAY4, FREE + 1))
        listener.listen()
        lab.client4.connect((GATEWAY4, FREE + 1), timeout=2).close()
    assert not rose["nat64.stored_syns.stored"]


def test_ports_that_are_not_the_pools_are_the_hosts(lab, gate64):
    with gate64.counting() as rose, pytest.raises(ConnectionRefusedError):
        lab.client4.connect((GATEWAY4, NOT_THE_POOLS), timeout=2)
    assert not rose["nat64.stored_syns.stored"]


def test_what_is_no_syn_is_the_hosts(lab, gate64):
    """RFC 6146 3.5.2.2 CLOSED: others have no session to wait for."""
    ack = exact.ipv4(CLIENT4, GATEWAY4, 6, exact.tcp(CLIENT4, GATEWAY4, 5556, FREE, flags=0x10))
    with Capture(lab.client4, "eth0", f"src {GATEWAY4} and tcp") as seen:
        exact.send(lab.client4, ack)
        answer = seen.wait(lambda p: TCP in p, "the host's reset")
    assert "R" in answer[TCP].flags


@contextlib.contextmanager
def bound_socket(lab, port):
    """A connection of server6 to WEB4 from `port`; the outside port that it has."""
    with WhoAmI(lab.internet4, WEB4, 8000), lab.server6.socket(socket.AF_INET6) as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((SERVER6, port))
        sock.settimeout(5)
        sock.connect((f"{PREF64}{WEB4}", 8000))
        sock.sendall(b"who\n")
        yield int(sock.recv(100).split()[2])


def test_simultaneous_open(lab, gate64):
    """RFC 6146 3.5.2.2 V4 INIT, and RFC 5382 REQ-2: both ends open the same connection, the
    outside one first; it holds, and nobody is told that it could not be had."""
    with bound_socket(lab, 40000) as outside_port, lab.client4.socket() as outer, \
            lab.server6.socket(socket.AF_INET6) as inner, gate64.counting() as rose, \
            Capture(lab.client4, "eth0", f"src {GATEWAY4} and icmp") as errors:
        before = gate64.counters()["nat64.stored_syns.stored"]
        outer.bind((CLIENT4, 6666))
        outer.setblocking(False)
        outer.connect_ex((GATEWAY4, outside_port))
        wait_for(lambda: gate64.counters()["nat64.stored_syns.stored"] > before, "the SYN waits")
        inner.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        inner.bind((SERVER6, 40000))
        inner.settimeout(10)
        inner.connect((f"{PREF64}{CLIENT4}", 6666))
        outer.settimeout(10)
        inner.sendall(b"in")
        assert outer.recv(10) == b"in"
        outer.sendall(b"out")
        assert inner.recv(10) == b"out"
        time.sleep(TCP_SYN + EXPIRY)
    assert not errors.packets
    assert rose["nat64.stored_syns.met"] == 1
    assert not rose["nat64.stored_syns.unwanted"]


def test_full(lab, gate64):
    """limits.stored_syns: one more is the host's, as if none were kept."""
    gate64.reload({"nat64": {"limits": {"stored_syns": 2}}})
    try:
        exact.send(lab.client4, *(syn(FREE + 10 + i) for i in range(2)))
        with gate64.counting() as rose, pytest.raises(ConnectionRefusedError):
            lab.client4.connect((GATEWAY4, FREE), timeout=2)
        assert rose["nat64.stored_syns.no_room"] == 1
    finally:
        gate64.reload()
