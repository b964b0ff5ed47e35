# SPDX-License-Identifier: GPL-2.0-or-later
"""Sessions and bindings, segment by segment: each is seen on the other side, and then
`gate64 flows` tells the state. The hosts' own TCP takes no part: it does not see what comes.
"""

import itertools
import json
import os
import struct

import pytest

from exact import (ICMP, ICMP6, TCP, UDP, Tap, icmp, icmp6, ipv4, ipv6, same, send, tcp, udp,
                   with_identification)
from topology import CLIENT4, DNS4, GATEWAY4, PREF64, SERVER6, WEB4

WEB6 = f"{PREF64}{WEB4}"
SETTINGS = {"dns64": {"upstream": [DNS4]}}
# Ports of the tests: nothing that the hosts' kernels would answer.
QUIET = """\
table inet quiet {
    chain input {
        type filter hook input priority filter;
        tcp dport 40000-49999 drop
        udp dport 40000-49999 drop
        ip saddr 198.51.100.1 tcp dport != 0 drop
        ip saddr 198.51.100.1 udp dport != 0 drop
    }
}
"""
REMOTE_PORT = 48000
TCP_EST, TCP_TRANS, UDP_DEFAULT, ICMP_DEFAULT = 7440, 240, 300, 60	# RFC 6146 4, in s
FIN, SYN, RST, ACK = 1, 2, 4, 16
inside_ports = itertools.count(41000)


@pytest.fixture(scope="module")
def taps(lab, gate64):
    """Of server6 and internet4, which are quiet themselves."""
    for ns in (lab.server6, lab.internet4):
        ns.nft(QUIET)
    with Tap(lab.server6, "lan0") as server, Tap(lab.internet4, "gw0") as internet:
        yield server, internet


def flows(gate64, *argv):
    """Rows of `gate64 flows`."""
    done = gate64.command("flows", "--json", "-s", gate64.control, *argv)
    return json.loads(done.stdout)["flows"]


class Conversation:
    """One TCP connection between server6 and WEB4, of which every segment is seen."""

    def __init__(self, lab, gate64, taps):
        self.lab, self.gate64, (self.server, self.internet) = lab, gate64, taps
        self.port = next(inside_ports)
        self.outside_port = None

    def say6(self, flags, data=b"", remote_port=REMOTE_PORT):
        """A segment from server6, and what arrives of it, to the byte."""
        seq = int.from_bytes(os.urandom(4), "big")
        send(self.lab.server6, ipv6(SERVER6, WEB6, TCP, tcp(
            SERVER6, WEB6, self.port, remote_port, data, flags, seq)))
        got = self.internet.take(lambda p: p[0] >> 4 == 4 and p[9] == TCP and
                                 p[24:28] == struct.pack("!I", seq))
        self.outside_port = struct.unpack("!H", got[20:22])[0]
        same(got, with_identification(ipv4(GATEWAY4, WEB4, TCP, tcp(
            GATEWAY4, WEB4, self.outside_port, remote_port, data, flags, seq), ttl=62), got))

    def say4(self, flags, data=b"", remote_port=REMOTE_PORT):
        """A segment from WEB4, and what arrives of it, to the byte."""
        seq = int.from_bytes(os.urandom(4), "big")
        send(self.lab.internet4, ipv4(WEB4, GATEWAY4, TCP, tcp(
            WEB4, GATEWAY4, remote_port, self.outside_port, data, flags, seq)))
        got = self.server.take(lambda p: p[0] >> 4 == 6 and p[6] == TCP and
                               p[44:48] == struct.pack("!I", seq))
        same(got, ipv6(WEB6, SERVER6, TCP, tcp(
            WEB6, SERVER6, remote_port, self.port, data, flags, seq), hlim=62))

    def session(self, remote_port=REMOTE_PORT):
        """(state, seconds until it ends), or None."""
        rows = [row for row in flows(self.gate64, "--proto", "tcp", "--port", str(self.port))
                if row["remote_port"] == remote_port]
        return (rows[0]["state"], rows[0]["expires_s"]) if rows else None

    def assert_session(self, state, lifetime, remote_port=REMOTE_PORT):
        """The state, and its lifetime just begun."""
        seen, left = self.session(remote_port)
        assert seen == state
        assert lifetime - 15 <= left <= lifetime

    def establish(self):
        """A three-way handshake."""
        self.say6(SYN)
        self.say4(SYN | ACK)
        self.say6(ACK)


@pytest.fixture
def talk(lab, gate64, taps):
    return Conversation(lab, gate64, taps)


def test_v6_init(talk):
    """RFC 6146 3.5.2.2 CLOSED, RFC 6146 3.5.2.2 V6 INIT, RFC 6146 3.5.2.1: a SYN from inside
    makes a session, for the transitory time; another SYN begins it anew."""
    talk.say6(SYN)
    talk.assert_session("v6-init", TCP_TRANS)
    talk.say6(SYN)
    talk.assert_session("v6-init", TCP_TRANS)


def test_closed(lab, gate64, taps, talk):
    """RFC 6146 3.5.2.2 CLOSED: any other segment makes no session, and without a binding goes
    nowhere."""
    for flags in (ACK, FIN | ACK, RST):
        send(lab.server6, ipv6(SERVER6, WEB6, TCP, tcp(SERVER6, WEB6, talk.port, REMOTE_PORT,
                                                       b"", flags)))
    # The last one of the same addresses, which keeps its place behind them.
    mark = os.urandom(16)
    send(lab.server6, ipv6(SERVER6, WEB6, UDP, udp(SERVER6, WEB6, talk.port, REMOTE_PORT, mark)))
    assert mark in taps[1].take(lambda p: p[0] >> 4 == 4 and p[9] in (TCP, UDP))
    assert talk.session() is None


def test_established(talk):
    """RFC 6146 3.5.2.2 ESTABLISHED: both SYNs; for 2 hours and 4 minutes, which every segment
    begins anew."""
    talk.establish()
    talk.assert_session("established", TCP_EST)
    talk.say4(ACK, b"data")
    talk.say6(ACK, b"data")
    talk.assert_session("established", TCP_EST)


def test_v4_init(talk):
    """RFC 6146 3.5.2.2 V4 INIT, RFC 6146 3.5: to a binding that is there anybody may open a
    session (endpoint-independent filtering), which the SYN from inside establishes."""
    talk.establish()
    other = REMOTE_PORT + 1
    talk.say4(SYN, remote_port=other)
    talk.assert_session("v4-init", TCP_TRANS, other)
    talk.say6(SYN | ACK, remote_port=other)
    talk.assert_session("established", TCP_EST, other)
    talk.assert_session("established", TCP_EST)


def test_v4_fin(talk):
    """RFC 6146 3.5.2.2 V4 FIN RCV: a FIN from outside; it goes on as before, half open."""
    talk.establish()
    talk.say4(FIN | ACK)
    talk.assert_session("v4-fin", TCP_EST)
    talk.say6(ACK, b"more")
    talk.assert_session("v4-fin", TCP_EST)


def test_v6_fin(talk):
    """RFC 6146 3.5.2.2 V6 FIN RCV: a FIN from inside; it goes on as before, half open."""
    talk.establish()
    talk.say6(FIN | ACK)
    talk.assert_session("v6-fin", TCP_EST)
    talk.say4(ACK, b"more")
    talk.assert_session("v6-fin", TCP_EST)


@pytest.mark.parametrize("first", ["4", "6"])
def test_both_fins(talk, first):
    """RFC 6146 3.5.2.2 V4 FIN + V6 FIN RCV: the transitory time, which nothing prolongs; the
    last acknowledgement passes."""
    talk.establish()
    for side in (first, "6" if first == "4" else "4"):
        (talk.say4 if side == "4" else talk.say6)(FIN | ACK)
    talk.assert_session("v4-fin-v6-fin", TCP_TRANS)
    (talk.say4 if first == "4" else talk.say6)(ACK)
    talk.assert_session("v4-fin-v6-fin", TCP_TRANS)


@pytest.mark.parametrize("side", ["4", "6"])
def test_trans(talk, side):
    """RFC 6146 3.5.2.2 TRANS: a reset is no end yet, it may be an attack: for the transitory
    time another segment shows that the connection lives."""
    talk.establish()
    (talk.say4 if side == "4" else talk.say6)(RST)
    talk.assert_session("trans", TCP_TRANS)
    (talk.say6 if side == "4" else talk.say4)(ACK, b"still here")
    talk.assert_session("established", TCP_EST)


def test_one_binding_for_all_destinations(lab, gate64, taps):
    """RFC 6146 3.1, 3.2, 3.5.1, 3.5.1.1, 3.5.2.3, 3.6, 3.6.1 (RFC 4787 REQ-1, REQ-4; RFC 5382
    REQ-1): one outside port for one inside port, of its parity and range, whatever the
    destination; a session for each; TCP's and UDP's tables are two."""
    server, internet = taps
    for proto, make in ((UDP, udp), (TCP, tcp)):
        port, seen = next(inside_ports), set()
        for remote, remote_port in ((WEB4, 48001), (WEB4, 48002), (CLIENT4, 48001)):
            remote6, mark = f"{PREF64}{remote}", os.urandom(16)
            send(lab.server6, ipv6(SERVER6, remote6, proto,
                                   make(SERVER6, remote6, port, remote_port, mark)))
            got = internet.take(lambda p, mark=mark: mark in p)
            seen.add(got[20:22])
        assert len(seen) == 1
        outside_port = struct.unpack("!H", seen.pop())[0]
        assert outside_port % 2 == port % 2 and outside_port >= 1024
        rows = flows(gate64, "--proto", "udp" if proto == UDP else "tcp", "--port", str(port))
        assert len(rows) == 3 and {row["outside_port"] for row in rows} == {outside_port}


def test_a_session_from_outside(lab, gate64, taps):
    """RFC 6146 3.3, 3.4, 3.5.1, 3.5.4: to a UDP binding anybody may send, who appears to
    server6 within the prefix, and gets a session of his own."""
    server, internet = taps
    port, mark = next(inside_ports), os.urandom(16)
    send(lab.server6, ipv6(SERVER6, WEB6, UDP, udp(SERVER6, WEB6, port, 48001, mark)))
    outside_port = struct.unpack("!H", internet.take(lambda p: mark in p)[20:22])[0]
    stranger = "192.0.2.200"
    send(lab.internet4, ipv4(stranger, GATEWAY4, UDP,
                             udp(stranger, GATEWAY4, 48009, outside_port, mark)))
    stranger6 = f"{PREF64}{stranger}"
    same(server.take(lambda p: p[0] >> 4 == 6 and mark in p),
         ipv6(stranger6, SERVER6, UDP, udp(stranger6, SERVER6, 48009, port, mark), hlim=62))
    rows = flows(gate64, "--proto", "udp", "--port", str(port))
    assert {(row["remote"], row["remote_port"]) for row in rows} == {(WEB4, 48001),
                                                                    (stranger, 48009)}
    assert all(UDP_DEFAULT - 15 <= row["expires_s"] <= UDP_DEFAULT for row in rows)


def test_echo_sessions(lab, gate64, taps):
    """RFC 6146 3.5.3, 3.6.2: one identifier for one of the inside, for 60 s; an answer finds
    its way by it."""
    server, internet = taps
    seen = set()
    for identifier in (0x1001, 0x1001, 0x1003):
        mark = os.urandom(16)
        send(lab.server6, ipv6(SERVER6, WEB6, ICMP6,
                               icmp6(SERVER6, WEB6, 128, 0, identifier << 16 | 1, mark)))
        got = internet.take(lambda p, mark=mark: p[0] >> 4 == 4 and mark in p)
        outside = struct.unpack("!H", got[24:26])[0]
        seen.add(outside)
        mark = os.urandom(16)
        send(lab.internet4, ipv4(WEB4, GATEWAY4, ICMP, icmp(0, 0, outside << 16 | 1, mark)))
        same(server.take(lambda p, mark=mark: mark in p),
             ipv6(WEB6, SERVER6, ICMP6, icmp6(WEB6, SERVER6, 129, 0, identifier << 16 | 1, mark),
                  hlim=62))
    assert len(seen) == 2
    rows = [row for row in flows(gate64, "--proto", "icmp") if row["outside_port"] in seen]
    assert len(rows) == 2
    assert all(ICMP_DEFAULT - 15 <= row["expires_s"] <= ICMP_DEFAULT for row in rows)


def test_an_error_ends_nothing(lab, gate64, taps, talk):
    """RFC 6146 3.5 (RFC 5508 REQ-7, RFC 5382 REQ-10): a hard error about a connection passes,
    and its session stays as it was."""
    talk.establish()
    inner = ipv4(GATEWAY4, WEB4, TCP, tcp(GATEWAY4, WEB4, talk.outside_port, REMOTE_PORT))
    for code in (1, 2, 3, 10):
        send(lab.internet4, ipv4(WEB4, GATEWAY4, ICMP, icmp(3, code, 0, inner)))
        taps[0].take(lambda p: p[0] >> 4 == 6 and p[6] == ICMP6 and p[40] in (1, 4))
    talk.assert_session("established", TCP_EST)
