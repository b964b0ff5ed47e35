# SPDX-License-Identifier: GPL-2.0-or-later
"""Idle connections are asked whether they live (RFC 6146 3.5.2.2, ESTABLISHED and TRANS)."""

import time

from scapy.layers.inet import TCP
from scapy.layers.inet6 import IPv6

from netns import wait_for
from topology import PREF64, SERVER6, WEB4
from wire import Capture, WhoAmI

ESTABLISHED, TRANSITORY, EXPIRY = 2, 2, 2	# seconds; how late the end may be seen
SETTINGS = {"nat64": {"timeouts": {"tcp_established": f"{ESTABLISHED}s",
                                   "tcp_transitory": f"{TRANSITORY}s"}}}

# From now on the host is not there, as far as TCP is concerned.
GONE = """\
table ip6 gone {
    chain input { type filter hook input priority 0; meta l4proto tcp drop; }
}
"""


def sessions(gate64):
    return gate64.status()["rooms"]["nat64"]["sessions"]


def is_probe(packet):
    return IPv6 in packet and TCP in packet and packet[TCP].flags == "A" and packet[TCP].seq == 0


def test_a_live_connection_survives(lab, gate64):
    """RFC 6146 3.5.2.2 probe: the probe is an empty segment of the connection, ACK alone, sequence
    and acknowledgement number zero; the answer makes the session ESTABLISHED again."""
    with WhoAmI(lab.internet4, WEB4, 8000), gate64.counting() as rose, \
            Capture(lab.server6, "lan0", "tcp port 8000") as seen, \
            lab.server6.connect((f"{PREF64}{WEB4}", 8000)) as sock:
        sock.sendall(b"first\n")
        _, address, port = sock.recv(100).split()
        time.sleep(3 * (ESTABLISHED + TRANSITORY))
        assert sessions(gate64) == 1
        sock.sendall(b"second\n")
        assert sock.recv(100).split() == [b"second", address, port]
        inside_port = sock.getsockname()[1]
    probes = [p for p in seen.packets if is_probe(p)]
    assert len(probes) >= 2 and rose["nat64.probes_sent"] == len(probes)
    for probe in probes:
        assert (probe[IPv6].dst, probe[TCP].sport, probe[TCP].dport) == (SERVER6, 8000, inside_port)
        assert (probe[TCP].ack, probe[IPv6].plen, probe[TCP].dataofs) == (0, 20, 5)
        wanted = probe[TCP].chksum
        del probe[TCP].chksum
        assert IPv6(bytes(probe[IPv6]))[TCP].chksum == wanted


def test_a_dead_connection_ends(lab, gate64):
    """RFC 6146 3.5.2.2 TRANS: nobody answers, and the session and its binding go."""
    wait_for(lambda: sessions(gate64) == 0, "the last test's session ends", 15)
    with WhoAmI(lab.internet4, WEB4, 8000), gate64.counting() as rose, \
            lab.server6.connect((f"{PREF64}{WEB4}", 8000)) as sock:
        sock.sendall(b"first\n")
        sock.recv(100)
        lab.server6.nft(GONE)
        try:
            wait_for(lambda: sessions(gate64) == 0, "the session ends",
                     ESTABLISHED + TRANSITORY + EXPIRY)
        finally:
            lab.server6.run("nft", "delete", "table", "ip6", "gone")
    assert rose["nat64.probes_sent"] == 1
    assert gate64.status()["rooms"]["nat64"]["bindings"] == 0
