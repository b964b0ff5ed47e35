# SPDX-License-Identifier: GPL-2.0-or-later
"""The limits of each client (RFC 6888 REQ-4), and that one client does not starve another.

Both clients are server6: by its address inside, and by the one of the other /64."""

import asyncio
import contextlib
import errno
import socket
import sys
import textwrap

import pytest

from netns import wait_for
from topology import INSIDE, PREF64, SERVER6, STRANGER6, WEB4
from wire import WhoAmI, ask_many

SETTINGS = {"inside": [INSIDE, "2001:db8:2::/64"],
            "nat64": {"pool4": [{"address": "auto", "ports": "20000-23999"}]}}
IPV6_RECVERR = 25		# linux/in6.h
NOBODY4 = "192.0.2.99"		# routed to internet4, which drops what comes

BLACK_HOLE = """\
table ip nobody {
    chain prerouting { type filter hook prerouting priority raw; ip daddr 192.0.2.99 drop; }
}
"""

# New TCP connections from one address, as many as the machine makes
FLOOD = textwrap.dedent("""\
    import random, socket, struct, sys
    src, dst = (socket.inet_pton(socket.AF_INET6, a) for a in sys.argv[1:3])
    raw = socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_RAW)
    raw.connect((sys.argv[2], 0))
    ip = struct.pack("!IHBB", 6 << 28, 20, 6, 64) + src + dst
    rest = struct.pack("!IIBBH", 1, 0, 5 << 4, 2, 1024)		# a SYN behind its ports
    covered = src + dst + struct.pack("!II", 20, 6) + rest
    base = sum(struct.unpack(f"!{len(covered) // 2}H", covered))
    while True:
        sport, dport = random.randrange(1, 65536), random.randrange(1, 65536)
        total = base + sport + dport
        total = (total & 0xffff) + (total >> 16)
        total = (total & 0xffff) + (total >> 16)
        ports = struct.pack("!HH", sport, dport)
        try:
            raw.send(ip + ports + rest + struct.pack("!HH", 0xffff - total, 0))
        except OSError:
            pass
    """)


@pytest.fixture(scope="module", autouse=True)
def nobody(lab):
    lab.internet4.nft(BLACK_HOLE)


@contextlib.contextmanager
def limited(gate64, **limits):
    """gate64 with these limits, and without what was there before."""
    gate64.stop()
    gate64.configure({"nat64": {"limits": limits}})
    gate64.start()
    yield


class Client:
    """Sockets of server6, from one of its addresses."""

    def __init__(self, lab, address):
        self.lab, self.address, self.sockets = lab, address, []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for sock in self.sockets:
            sock.close()

    def open(self, kind, to=WEB4, port=9):
        """Send the first packet of a new flow; its socket."""
        sock = self.lab.server6.socket(socket.AF_INET6, kind)
        self.sockets.append(sock)
        sock.bind((self.address, 0))
        sock.setsockopt(socket.IPPROTO_IPV6, IPV6_RECVERR, 1)	# of UDP, every error
        sock.setblocking(False)
        sock.connect_ex((f"{PREF64}{to}", port))
        if kind == socket.SOCK_DGRAM:
            sock.send(b"x")
        return sock


def error_of(sock):
    """What the network has said of a socket's packets, 0 for nothing within a second."""
    with contextlib.suppress(AssertionError):
        return wait_for(lambda: sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR), "an error", 1)
    return 0


def sessions(gate64):
    return gate64.status()["rooms"]["nat64"]["sessions"]


def wait_sessions(gate64, number):
    wait_for(lambda: sessions(gate64) >= number, f"{number} sessions")


def test_sessions_of_a_client(lab, gate64):
    """RFC 6888 REQ-4: a limit for each client; who is past it is told address unreachable
    (RFC 6146 3.5.1.1), and another client is not touched."""
    with limited(gate64, sessions_per_client=4), Client(lab, SERVER6) as one, \
            Client(lab, STRANGER6) as other, gate64.counting() as rose:
        for _ in range(4):
            one.open(socket.SOCK_DGRAM, NOBODY4)
        wait_sessions(gate64, 4)
        assert error_of(one.open(socket.SOCK_DGRAM, NOBODY4)) == errno.EHOSTUNREACH
        assert error_of(other.open(socket.SOCK_DGRAM, NOBODY4)) == 0
        assert sessions(gate64) == 5
    assert rose["nat64.drops.client_session_limit"] == 1


def test_sessions_of_all(lab, gate64):
    """limits.sessions: who comes too late is told, whoever it is."""
    with limited(gate64, sessions=4), Client(lab, SERVER6) as one, \
            Client(lab, STRANGER6) as other, gate64.counting() as rose:
        for _ in range(4):
            one.open(socket.SOCK_DGRAM, NOBODY4)
        wait_sessions(gate64, 4)
        assert error_of(other.open(socket.SOCK_DGRAM, NOBODY4)) == errno.EHOSTUNREACH
    assert rose["nat64.drops.session_limit"] == 1


def test_new_sessions_of_a_client(lab, gate64):
    """limits.new_per_client: two seconds' worth at once; then silence, in which a connection
    attempt only takes a little longer."""
    with limited(gate64, new_per_client="2/s"), WhoAmI(lab.internet4, WEB4, 8000), \
            Client(lab, SERVER6) as one, gate64.counting() as rose:
        for _ in range(6):
            one.open(socket.SOCK_DGRAM, NOBODY4)
        wait_sessions(gate64, 4)
        with lab.server6.connect((f"{PREF64}{WEB4}", 8000), timeout=10, source=SERVER6) as sock:
            sock.sendall(b"late\n")
            assert sock.recv(100).startswith(b"late")
        assert all(error_of(sock) == 0 for sock in one.sockets[-2:])
    assert rose["nat64.drops.client_new_sessions"] >= 2


def test_half_open_sessions_of_a_client(lab, gate64):
    """limits.half_open_per_client: connections that nobody answers; answered ones are free."""
    with limited(gate64, half_open_per_client=3), WhoAmI(lab.internet4, WEB4, 8000), \
            Client(lab, SERVER6) as one, Client(lab, STRANGER6) as other, \
            gate64.counting() as rose:
        for _ in range(5):
            one.sockets.append(lab.server6.connect((f"{PREF64}{WEB4}", 8000), source=SERVER6))
        for _ in range(3):
            one.open(socket.SOCK_STREAM, NOBODY4)
        wait_sessions(gate64, 8)
        assert error_of(one.open(socket.SOCK_STREAM, NOBODY4)) == errno.EHOSTUNREACH
        assert error_of(other.open(socket.SOCK_STREAM, NOBODY4)) == 0
    assert rose["nat64.drops.client_half_open_limit"] >= 1


def test_half_open_sessions_of_all(lab, gate64):
    with limited(gate64, half_open=3), Client(lab, SERVER6) as one, \
            Client(lab, STRANGER6) as other, gate64.counting() as rose:
        for _ in range(3):
            one.open(socket.SOCK_STREAM, NOBODY4)
        wait_sessions(gate64, 3)
        assert error_of(other.open(socket.SOCK_STREAM, NOBODY4)) == errno.EHOSTUNREACH
    assert rose["nat64.drops.half_open_limit"] >= 1


def test_one_client_does_not_starve_another(lab, gate64):
    """RFC 6888 REQ-4: while one client opens connections as fast as it can, for which all
    ports together would not be enough, at least 99.9 % of those that another opens work."""
    connections = 1000
    script = lab.ground.path("flood.py")
    script.write_text(FLOOD)
    with limited(gate64, sessions_per_client=2000), WhoAmI(lab.internet4, WEB4, 8000), \
            gate64.counting() as rose:
        flood = lab.server6.spawn(sys.executable, script, STRANGER6, f"{PREF64}{NOBODY4}",
                                  log=lab.ground.path("flood.log"))
        try:
            wait_for(lambda: gate64.counters()["nat64.drops.client_session_limit"] > 5000,
                     "the flood is past its limits")
            answers = asyncio.run(ask_many([("a", lab.server6, (f"{PREF64}{WEB4}", 8000))],
                                           connections, at_once=32))
        finally:
            lab.ground.stop(flood)
    worked = [token for _, token, _, answer in answers if answer[:1] == [token]]
    assert len(worked) >= 0.999 * connections
    assert rose["nat64.drops.client_session_limit"] > 5000
    assert rose["nat64.sessions_created"] >= 2000 + len(worked)
