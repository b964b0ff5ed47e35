# SPDX-License-Identifier: GPL-2.0-or-later
"""Who may send to a binding from outside: anybody, or the addresses that it has sent to
(RFC 6146 3.5.1 and 3.5.2.2, RFC 4787 section 5, RFC 5382 REQ-3)."""

import contextlib
import socket

import pytest

from netns import wait_for
from topology import CLIENT4, GATEWAY4, PREF64, SERVER6, WEB4
from wire import WhoAmI

OPEN, CLOSED = "endpoint-independent", "address-dependent"


@pytest.fixture(params=[OPEN, CLOSED])
def filtering(request, gate64):
    gate64.reload({"nat64": {"filtering": request.param}})
    return request.param


@contextlib.contextmanager
def udp_binding(lab):
    """A UDP socket of server6 that has sent to WEB4; its outside port."""
    with lab.server6.socket(socket.AF_INET6, socket.SOCK_DGRAM) as inside, \
            lab.internet4.socket(socket.AF_INET, socket.SOCK_DGRAM) as web:
        web.bind((WEB4, 7000))
        web.settimeout(5)
        inside.settimeout(5)
        inside.sendto(b"out", (f"{PREF64}{WEB4}", 7000))
        _, (address, port) = web.recvfrom(100)
        assert address == GATEWAY4
        yield inside, web, port


def test_udp(lab, gate64, filtering):
    """RFC 6146 3.5.1: a stranger; then the same address, once the binding has sent to it,
    from a port that it has not sent to."""
    with udp_binding(lab) as (inside, web, port), \
            lab.client4.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger, \
            lab.client4.socket(socket.AF_INET, socket.SOCK_DGRAM) as sent_to, \
            gate64.counting() as rose:
        sent_to.bind((CLIENT4, 7002))
        sent_to.settimeout(5)
        web.sendto(b"known", (GATEWAY4, port))
        assert inside.recv(100) == b"known"
        stranger.bind((CLIENT4, 7001))
        stranger.sendto(b"stranger", (GATEWAY4, port))
        if filtering == OPEN:
            assert inside.recv(100) == b"stranger"
        inside.sendto(b"hello", (f"{PREF64}{CLIENT4}", 7002))
        assert sent_to.recv(100) == b"hello"
        stranger.sendto(b"now known", (GATEWAY4, port))
        assert inside.recv(100) == b"now known"		# and b"stranger" never came
    assert rose["nat64.drops.filtered"] == (filtering == CLOSED)


def test_another_port_of_a_known_address(lab, gate64, filtering):
    """RFC 4787 section 5: address-dependent, not address and port-dependent filtering"""
    with udp_binding(lab) as (inside, _web, port), \
            lab.internet4.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind((WEB4, 7009))
        other.sendto(b"other port", (GATEWAY4, port))
        data, sender = inside.recvfrom(100)
    assert data == b"other port" and sender[1] == 7009


def reusable(ns, port):
    sock = ns.socket(socket.AF_INET6)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    sock.bind((SERVER6, port))
    sock.settimeout(5)
    return sock


@contextlib.contextmanager
def tcp_binding(lab, port):
    """server6 listens at `port` and has a connection to WEB4 from it; its outside port."""
    with WhoAmI(lab.internet4, WEB4, 8000), reusable(lab.server6, port) as sock, \
            reusable(lab.server6, port) as listener:
        sock.connect((f"{PREF64}{WEB4}", 8000))
        sock.sendall(b"who\n")
        outside_port = int(sock.recv(100).split()[2])
        listener.listen()
        yield listener, outside_port


def test_tcp(lab, gate64, filtering):
    """RFC 6146 3.5.2.2 CLOSED: a stranger's SYN is translated, or held back unanswered; from
    an address that the binding has a session with it is translated."""
    port = 40010 + (filtering == CLOSED)
    with tcp_binding(lab, port) as (listener, outside_port), gate64.counting() as rose:
        if filtering == OPEN:
            with lab.client4.connect((GATEWAY4, outside_port), timeout=5):
                listener.accept()[0].close()
        else:
            with pytest.raises(TimeoutError):
                lab.client4.connect((GATEWAY4, outside_port), timeout=2.5)
            with reusable(lab.server6, port) as out, contextlib.suppress(ConnectionRefusedError):
                out.connect((f"{PREF64}{CLIENT4}", 9))
            with lab.client4.connect((GATEWAY4, outside_port), timeout=5):
                listener.accept()[0].close()
            wait_for(lambda: gate64.counters()["nat64.stored_syns.unwanted"], "the SYN is over")
    assert rose["nat64.stored_syns.stored"] == (filtering == CLOSED)
