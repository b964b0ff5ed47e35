# SPDX-License-Identifier: GPL-2.0-or-later
"""What neither ends a connection at once nor keeps it: resets and ICMP errors (RFC 7857 2.2,
RFC 5508 REQ-4). The other events of the state machine are test_rfc6146.py's.

The ends' own TCP hears nothing of it: single segments come and go by raw sockets."""

import itertools
import json
import struct
import time

import pytest

import exact
from topology import CLIENT4, GATEWAY4, PREF64, SERVER6

FIN, SYN, RST, ACK = 1, 2, 4, 16
OUTER_PORT = 7777
EST, TRANS = 2 * 3600 + 240, 240	# RFC 6146 4, and the defaults
SLACK = 30
INSIDE_PORTS = itertools.count(41000)

SILENT = """\
table inet silent {
    chain input {
        type filter hook input priority 0;
        tcp dport { 7777, 41000-41999 } drop;
    }
}
"""

# What was sent, and what the session must be then: V6 and V4 say from which end
OPEN = [("V6", SYN), ("V4", SYN | ACK)]
CASES = [
    ("V6 INIT", [("V6", SYN), ("V4", RST | ACK)], "v6-init", TRANS),
    ("ESTABLISHED", OPEN + [("V6", RST), ("V4", RST)], "trans", TRANS),
    ("V4 FIN RCV", OPEN + [("V4", FIN | ACK), ("V6", RST)], "v4-fin", TRANS),
    ("V4 FIN RCV", OPEN + [("V4", FIN | ACK), ("V6", RST), ("V6", ACK)], "v4-fin", EST),
    ("V6 FIN RCV", OPEN + [("V6", FIN | ACK), ("V4", RST)], "v6-fin", TRANS),
    ("V4 FIN + V6 FIN RCV", OPEN + [("V6", FIN | ACK), ("V4", FIN | ACK), ("V4", RST)],
     "v4-fin-v6-fin", TRANS),
]


@pytest.fixture(scope="module", autouse=True)
def silent(lab):
    lab.server6.nft(SILENT)
    lab.client4.nft(SILENT)


class Connection:
    """Both ends of a connection of server6 to client4."""

    def __init__(self, lab):
        self.lab, self.inside_port = lab, next(INSIDE_PORTS)
        self.inner, self.outer = exact.Tap(lab.server6, "lan0"), exact.Tap(lab.client4, "eth0")
        self.outside_port = None

    def send(self, side, flags):
        """One segment from an end; it must arrive at the other."""
        if side == "V6":
            remote = f"{PREF64}{CLIENT4}"
            exact.send(self.lab.server6, exact.ipv6(SERVER6, remote, 6, exact.tcp(
                SERVER6, remote, self.inside_port, OUTER_PORT, flags=flags)))
            came = self.outer.take(lambda p: p[0] >> 4 == 4 and p[9] == 6 and
                                   p[22:24] == struct.pack("!H", OUTER_PORT))
            self.outside_port = struct.unpack("!H", came[20:22])[0]
            assert came[33] == flags
        else:
            exact.send(self.lab.client4, exact.ipv4(CLIENT4, GATEWAY4, 6, exact.tcp(
                CLIENT4, GATEWAY4, OUTER_PORT, self.outside_port, flags=flags)))
            came = self.inner.take(lambda p: p[0] >> 4 == 6 and p[6] == 6 and
                                   p[42:44] == struct.pack("!H", self.inside_port))
            assert came[53] == flags

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.inner.sock.close()
        self.outer.sock.close()


@pytest.mark.parametrize("case", CASES, ids=lambda c: f"{c[0]}-{len(c[1])}".replace(" ", "_"))
def test_resets(lab, gate64, case):
    """RFC 7857 2.2, RFC 6146 3.5.2.2 V6 INIT, RFC 6146 3.5.2.2 V4 FIN RCV,
    RFC 6146 3.5.2.2 V6 FIN RCV: a reset passes, the state stays, and the session has TCP_TRANS
    left; another segment shows that the reset was not the end."""
    _name, segments, state, lifetime = case
    with Connection(lab) as connection:
        for side, flags in segments:
            connection.send(side, flags)
    [flow] = json.loads(gate64.command("flows", "--json", "-s", gate64.control, "--port",
                                       str(connection.inside_port)).stdout)["flows"]
    assert flow["state"] == state
    assert lifetime - SLACK <= flow["expires_s"] <= lifetime


@pytest.mark.parametrize("side", ["V4", "V6"])
def test_errors_neither_renew_nor_end_a_session(lab, gate64, side):
    """RFC 5508 REQ-4, RFC 5382 REQ-9, RFC 7857 7.1, RFC 6146 3.5: an ICMP error about a segment
    arrives, and the session is as it was, two seconds older."""
    remote = f"{PREF64}{CLIENT4}"
    with Connection(lab) as connection:
        for end, flags in OPEN:
            connection.send(end, flags)
        time.sleep(2)
        if side == "V4":
            quoted = exact.ipv4(GATEWAY4, CLIENT4, 6, exact.tcp(
                GATEWAY4, CLIENT4, connection.outside_port, OUTER_PORT, flags=ACK))
            exact.send(lab.client4, exact.ipv4(CLIENT4, GATEWAY4, 1, exact.icmp(3, 3, 0, quoted)))
            connection.inner.take(lambda p: exact.is_icmp(p) and p[40] == 1)
        else:
            quoted = exact.ipv6(remote, SERVER6, 6, exact.tcp(
                remote, SERVER6, OUTER_PORT, connection.inside_port, flags=ACK))
            exact.send(lab.server6, exact.ipv6(SERVER6, remote, 58, exact.icmp6(
                SERVER6, remote, 1, 4, 0, quoted)))
            connection.outer.take(lambda p: exact.is_icmp(p) and p[20] == 3)
    [flow] = json.loads(gate64.command("flows", "--json", "-s", gate64.control, "--port",
                                       str(connection.inside_port)).stdout)["flows"]
    assert flow["state"] == "established"
    assert EST - SLACK <= flow["expires_s"] <= EST - 2
