# SPDX-License-Identifier: GPL-2.0-or-later
"""Datagrams in fragments, both ways and in any order (RFC 6146 3.4, RFC 7915 4, 5.1.1),
and those of the gateway itself, which shares the address."""

import contextlib
import os
import random
import socket

import pytest
from scapy.layers.inet import IP, UDP, fragment
from scapy.layers.inet6 import IPv6, IPv6ExtHdrFragment, fragment6
from scapy.packet import Raw

from netns import wait_for
from topology import DNS4, GATEWAY4, PREF64, SERVER6, WEB4
from wire import Capture, udp_flow

SETTINGS = {"dns64": {"upstream": [DNS4]}}
SIZES = [1473, 4000, 20000, 65000]


@pytest.fixture(scope="module", autouse=True)
def known_path(lab, gate64):
    """Each side's kernel learns the tunnel's MTU, which costs it the first datagram."""
    with udp_flow(lab, lab.internet4, WEB4) as (inside, outside):
        for sender, receiver in ((inside, outside), (outside, inside)):
            receiver.settimeout(0.2)
            for _ in range(10):
                with contextlib.suppress(OSError):	# lost, or the news of a loss
                    sender.send(bytes(1400))
                    receiver.recv(65535)
                    break
            else:
                pytest.fail("1400 bytes never get through")


@pytest.mark.parametrize("size", SIZES)
def test_a_large_datagram_out_and_back(lab, gate64, size):
    payload = os.urandom(size)
    with udp_flow(lab, lab.internet4, WEB4) as (inside, outside):
        inside.send(payload)
        assert outside.recv(65535) == payload
        outside.send(payload)
        assert inside.recv(65535) == payload


def send_raw(ns, packets, to):
    """Send IP packets as they are, headers and all."""
    family, address = ((socket.AF_INET6, (to, 0)) if ":" in to else (socket.AF_INET, (to, 0)))
    with ns.socket(family, socket.SOCK_RAW, socket.IPPROTO_RAW) as raw:
        for packet in packets:
            raw.sendto(bytes(packet), address)


def shuffled(packets, seed):
    packets = list(packets)
    random.Random(seed).shuffle(packets)
    return packets


@pytest.mark.parametrize("seed", range(5))
def test_out_of_order_from_inside(lab, gate64, seed):
    payload = os.urandom(6000)
    with udp_flow(lab, lab.internet4, WEB4, 7100 + seed) as (inside, outside):
        whole = (IPv6(src=SERVER6, dst=f"{PREF64}{WEB4}") / IPv6ExtHdrFragment(id=77 + seed) /
                 UDP(sport=inside.getsockname()[1], dport=7100 + seed) / Raw(payload))
        send_raw(lab.server6, shuffled(fragment6(whole, 1400), seed), f"{PREF64}{WEB4}")
        assert outside.recv(65535) == payload


@pytest.mark.parametrize("checksum", [None, 0], ids=["summed", "without a checksum"])
@pytest.mark.parametrize("seed", range(3))
def test_out_of_order_from_outside(lab, gate64, seed, checksum):
    """A UDP checksum of zero is computed over all fragments (RFC 7915 4.5, 6146 3.4)."""
    payload = os.urandom(6001)
    port = 7200 + seed
    with udp_flow(lab, lab.internet4, WEB4, port) as (inside, outside):
        to = outside.getpeername()
        whole = (IP(src=WEB4, dst=to[0], id=900 + seed) /
                 UDP(sport=port, dport=to[1], chksum=checksum) / Raw(payload))
        send_raw(lab.internet4, shuffled(fragment(whole, 1000), seed), to[0])
        assert inside.recv(65535) == payload


def test_identifications_are_our_own(lab, gate64):
    """Clients inside choose theirs without knowing of each other; DF is clear (5.1.1)."""
    with udp_flow(lab, lab.internet4, WEB4, 7300) as (inside, outside), \
            Capture(lab.internet4, "gw0", f"src host {GATEWAY4} and udp") as capture:
        for _ in range(2):
            whole = (IPv6(src=SERVER6, dst=f"{PREF64}{WEB4}") / IPv6ExtHdrFragment(id=0x10007) /
                     UDP(sport=inside.getsockname()[1], dport=7300) / Raw(bytes(3000)))
            send_raw(lab.server6, fragment6(whole, 1400), f"{PREF64}{WEB4}")
            assert outside.recv(65535) == bytes(3000)

        def pieces_seen():
            pieces = [p["IP"] for p in capture.so_far() if p["IP"].flags.MF or p["IP"].frag]
            return pieces if len({p.id for p in pieces if not p.flags.MF}) == 2 else None
        pieces = wait_for(pieces_seen, "the last fragments of both")
    assert len(pieces) >= 4 and not any(p.flags.DF for p in pieces)
    assert len({p.id for p in pieces}) == 2


def test_overlapping_fragments_are_dropped(lab, gate64):
    """RFC 5722 3: silently, and all of the datagram."""
    with udp_flow(lab, lab.internet4, WEB4, 7400) as (inside, outside), \
            gate64.counting() as rose:
        def piece(at, more, body):
            return (IPv6(src=SERVER6, dst=f"{PREF64}{WEB4}") /
                    IPv6ExtHdrFragment(nh=17, id=5, offset=at // 8, m=more) / Raw(body))
        head = bytes(UDP(sport=inside.getsockname()[1], dport=7400, len=8 + 1592, chksum=1))
        send_raw(lab.server6, [piece(0, 1, head + bytes(792)), piece(792, 1, bytes(16)),
                               piece(800, 0, bytes(800))], f"{PREF64}{WEB4}")
        outside.settimeout(0.5)
        with pytest.raises(TimeoutError):
            outside.recv(65535)
    assert rose["nat64.drops.fragment"] >= 2


@pytest.mark.parametrize("ports", ["ours", "its own"])
def test_the_hosts_own_datagrams_pass(lab, gate64, ports):
    """In pool4's range too, and in any order: no flow, so the host gets every fragment."""
    port = 20000 if ports == "ours" else 5353
    with lab.gateway.socket(socket.AF_INET, socket.SOCK_DGRAM) as host:
        host.bind((GATEWAY4, port))
        host.settimeout(5)
        for seed in range(5):
            payload = os.urandom(5000)
            whole = (IP(src=WEB4, dst=GATEWAY4, id=40 + seed) / UDP(sport=53, dport=port) /
                     Raw(payload))
            send_raw(lab.internet4, shuffled(fragment(whole, 1000), seed), GATEWAY4)
            assert host.recv(65535) == payload
