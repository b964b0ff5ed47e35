# SPDX-License-Identifier: GPL-2.0-or-later
"""What a server6 is told of a packet to a pref64 that is no TCP, UDP or ICMP, or whose header
chain is at fault. Each is sent once; the answer is compared to the byte."""

import struct

import pytest

from exact import DESTINATION, FRAGMENT, HOP_BY_HOP, ICMP6, UDP, Tap, fragment_header, icmp6, \
    ipv6, is_icmp, same, send, udp
from topology import DNS4, GATEWAY6, PREF64, SERVER6, WEB4

SETTINGS = {"dns64": {"upstream": [DNS4]}}
WEB6 = f"{PREF64}{WEB4}"
PADDING = b"\0\1\4\0\0\0\0"		# of an extension header, behind its next header: a PadN
UNREACHABLE, PARAMETER = 1, 4
PORT, UNKNOWN_NEXT = 4, 1


@pytest.fixture(scope="module")
def tap(lab, gate64):
    with Tap(lab.server6, "lan0") as server:
        yield server


def told(lab, tap, kind, code, word, proto, payload):
    """server6 sends a packet and is told about it, by this message that quotes it whole."""
    send(lab.server6, ipv6(SERVER6, WEB6, proto, payload, hlim=9))
    got = tap.take(lambda p: is_icmp(p) and p[40] == kind)
    label = struct.unpack("!I", got[:4])[0] & 0xfffff
    message = icmp6(GATEWAY6, SERVER6, kind, code, word,
                    ipv6(SERVER6, WEB6, proto, payload, hlim=8))
    same(got, ipv6(GATEWAY6, SERVER6, ICMP6, message, hlim=63, label=label))


@pytest.mark.parametrize("proto", [132, 33, 50, 51, 47, 59, 253, 1])
def test_another_protocol(lab, gate64, tap, proto):
    """RFC 6146 3.4 protocol, RFC 7915 5.4: discarded; Destination Unreachable, port unreachable."""
    with gate64.counting() as rose:
        told(lab, tap, UNREACHABLE, PORT, 0, proto, bytes(range(40)))
    assert rose["nat64.drops.protocol"] == 1


@pytest.mark.parametrize("before", [1, 2])
def test_hop_by_hop_options_elsewhere(lab, gate64, tap, before):
    """RFC 8200 4, RFC 8200 4.1: Hop-by-Hop Options behind another header are an unrecognised
    next header; the pointer is to the field that names them."""
    payload = bytes((UDP,)) + PADDING + udp(SERVER6, WEB6, 1, 2, b"hop")
    for at in range(before):
        payload = bytes((DESTINATION if at else HOP_BY_HOP,)) + PADDING + payload
    with gate64.counting() as rose:
        told(lab, tap, PARAMETER, UNKNOWN_NEXT, 40 + 8 * (before - 1), DESTINATION, payload)
    assert rose["nat64.drops.extension_header"] == 1


@pytest.mark.parametrize("kind", [HOP_BY_HOP, DESTINATION, 43, 51, 135])
def test_a_header_behind_a_fragment_header(lab, gate64, tap, kind):
    """RFC 7915 5.1.1: dropped, atomic or not; counted, and nothing is said of it."""
    behind = bytes((UDP,)) + PADDING + udp(SERVER6, WEB6, 1, 2, b"hop")
    with gate64.counting() as rose:
        for more in (0, 1):
            payload = fragment_header(kind, 0, more, 0x77) + behind
            send(lab.server6, ipv6(SERVER6, WEB6, FRAGMENT, payload))
        # What is told next is about this, not about those before.
        told(lab, tap, UNREACHABLE, PORT, 0, 132, bytes(8))
    assert rose["nat64.drops.extension_header"] == 2


def test_what_goes_elsewhere(lab, gate64, tap):
    """RFC 7915 5.6: only what is addressed to a pref64 is translated. Beside it, the host's own
    stack answers, and the translator has seen nothing."""
    packet = ipv6(SERVER6, GATEWAY6, UDP, udp(SERVER6, GATEWAY6, 7, 9, b"is this translated?"))
    with gate64.counting() as rose:
        send(lab.server6, packet)
        got = tap.take(lambda p: is_icmp(p) and p[40] == UNREACHABLE)
    assert got[41] == PORT
    assert got[48 + 8:] == packet[8:]
    assert not [name for name, by in rose.items() if name.startswith("nat64") and by]
