# SPDX-License-Identifier: GPL-2.0-or-later
"""Bulk TCP and UDP leave the slow path unsegmented where they can, and arrive intact; the fast
path's are test_fast_path.py's.

Out the way is Ethernet (up0), in it is wireguard-go's TUN, which has no link layer.
"""

import contextlib
import hashlib
import itertools
import os
import random
import socket
import threading

import pytest

from scapy.layers.inet import IP, UDP
from scapy.packet import Raw

from netns import wait_for
from topology import GATEWAY4, INTERNET4, PREF64, WEB4
from wire import Capture, udp_flow

SETTINGS = {"nat64": {"fast_path": "off"}}
MEBIBYTE = 1 << 20
SMALL = 600		# bytes of payload: what a careful sender may settle on


class Stream:
    """A TCP connection from server6 to internet4, filled in one direction for the length
    of a `with` block; at its end what has arrived is what was sent."""

    ports = itertools.count(7100)

    def __init__(self, lab, outwards, segment=None):
        self.sent, self.got, self.received = hashlib.sha256(), hashlib.sha256(), 0
        port = next(self.ports)
        with lab.internet4.socket() as listener:
            listener.bind((WEB4, port))
            listener.listen(1)
            inside = lab.server6.socket(socket.AF_INET6)
            if segment:
                inside.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, segment)
            inside.settimeout(30)
            inside.connect((f"{PREF64}{WEB4}", port))
            outside, _ = listener.accept()
        outside.settimeout(30)
        ends = (inside, outside) if outwards else (outside, inside)
        self.stopping = threading.Event()
        self.threads = [threading.Thread(target=self._send, args=ends[:1]),
                        threading.Thread(target=self._receive, args=ends[1:])]

    def _send(self, sock):
        block = random.Random(64).randbytes(MEBIBYTE)
        with sock:
            for number in itertools.count():
                if self.stopping.is_set():
                    break
                data = number.to_bytes(8, "big") + block
                sock.sendall(data)
                self.sent.update(data)

    def _receive(self, sock):
        with sock, contextlib.suppress(TimeoutError):
            while data := sock.recv(MEBIBYTE):
                self.got.update(data)
                self.received += len(data)

    def goes_on(self, what, number=8):
        """Wait for that many mebibytes more."""
        wanted = self.received + number * MEBIBYTE
        wait_for(lambda: self.received >= wanted, f"the transfer goes on: {what}", timeout=120)

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.stopping.set()
        for thread in self.threads:
            thread.join(60)
        assert not any(thread.is_alive() for thread in self.threads), "it stalled at its end"
        assert self.received and self.got.digest() == self.sent.digest()


both_ways = pytest.mark.parametrize("outwards", [True, False], ids=["out", "in"])


def most_is_unsegmented(rose, direction):
    """Most of the packets that a Stream was made of left joined to others."""
    joined, translated = rose["nat64.unsegmented_segments"], rose[f"nat64.packets.{direction}"]
    return joined > translated / 2 and rose["nat64.unsegmented_packets"] <= joined / 2


def test_out_it_leaves_the_uplink_in_large_packets(lab, gate64):
    """RFC 9293 3.8.3, RFC 7915 5.1: joined on the way out, by Ethernet"""
    with Capture(lab.gateway, "up0", f"src {GATEWAY4} and tcp and greater 1515") as capture, \
            gate64.counting() as rose, Stream(lab, outwards=True) as stream:
        stream.goes_on("out")
    assert most_is_unsegmented(rose, "out")
    assert any(len(packet) > 1514 and packet["IP"].ttl == 62 for packet in capture.packets)


def test_in_it_enters_the_tunnel_in_large_packets(lab, gate64):
    """RFC 9293 3.8.3, RFC 7915 4.1: joined on the way in, on a device without link layer"""
    with gate64.counting() as rose, Stream(lab, outwards=False) as stream:
        stream.goes_on("in")
    assert most_is_unsegmented(rose, "in")


@contextlib.contextmanager
def cut_in_software(lab):
    """Packets leave up0 singly, their checksums filled in, so that a capture shows them so."""
    lab.gateway.run("ethtool", "-K", "up0", "tx", "off")
    try:
        yield
    finally:
        lab.gateway.run("ethtool", "-K", "up0", "tx", "on")


def test_the_senders_segment_size_is_kept(lab, gate64):
    """RFC 4821, RFC 8899: who sends less than he may, does so for a reason."""
    with cut_in_software(lab), gate64.counting() as rose, \
            Capture(lab.internet4, "gw0", f"src {GATEWAY4} and tcp", longest=2048) as capture, \
            Stream(lab, outwards=True, segment=SMALL) as stream:
        stream.goes_on("small segments", 2)
    assert most_is_unsegmented(rose, "out")
    sizes = [packet["IP"].len - 20 - packet["TCP"].dataofs * 4 for packet in capture.packets]
    assert SMALL - 12 <= max(sizes) <= SMALL


def datagrams(size, number=30):
    """Datagrams of one size, but a shorter one at the end, none like another."""
    return [i.to_bytes(2, "big") + os.urandom(size - 2) for i in range(number)] + [b"the end"]


def burst(sender, receiver, sent):
    """What arrives, in the order of its numbers: a sender that is moved to another processor
    overtakes itself on a veth, and UDP may."""
    for data in sent:
        sender.send(data)
    return sorted(receiver.recv(65535) for _ in sent)


@pytest.fixture(scope="module")
def joins_datagrams(lab, gate64):
    """Linux joins datagrams for others than sockets of their own since 6.2."""
    with udp_flow(lab, lab.internet4, WEB4) as (inside, outside), gate64.counting() as rose:
        for _ in range(20):
            burst(inside, outside, datagrams(200))
    if not rose["nat64.unsegmented_packets"] and \
            tuple(map(int, os.uname().release.split(".")[:2])) < (6, 2):
        pytest.skip("this kernel takes no joined datagrams from a packet socket")


@both_ways
@pytest.mark.parametrize("size", [64, 1200])
def test_datagrams_arrive_as_they_were_sent(lab, gate64, joins_datagrams, outwards, size):
    """RFC 768, RFC 7915 4.1, 5.1: each of its own length, though they left joined"""
    with udp_flow(lab, lab.internet4, WEB4) as (inside, outside), gate64.counting() as rose:
        ends = (inside, outside) if outwards else (outside, inside)
        before = gate64.counters()["nat64.unsegmented_packets"]
        # On a busy machine each may be translated before the next one comes.
        for _ in range(10):
            for _ in range(20):
                sent = datagrams(size)
                assert burst(*ends, sent) == sent
            if gate64.counters()["nat64.unsegmented_packets"] > before:
                break
    assert 0 < rose["nat64.unsegmented_packets"] <= rose["nat64.unsegmented_segments"] / 2


def test_joined_datagrams_on_the_wire(lab, gate64, joins_datagrams):
    """RFC 7915 5.1: what a cut makes of them has the header each would have had alone:
    small ones with DF clear and an identification of their own (RFC 6864 4.1)."""
    sent = [datagrams(200) for _ in range(20)]
    with cut_in_software(lab), udp_flow(lab, lab.internet4, WEB4) as (inside, outside), \
            gate64.counting() as rose, \
            Capture(lab.internet4, "gw0", f"src {GATEWAY4} and udp port 7000") as capture:
        for one in sent:
            assert burst(inside, outside, one) == one
        wait_for(lambda: len(capture.so_far()) >= sum(map(len, sent)), "tcpdump has seen them",
                 step=0.2)
    assert rose["nat64.unsegmented_segments"] > 0
    assert sorted(bytes(packet[UDP].payload)[:packet[UDP].len - 8]
                  for packet in capture.packets) == sorted(sum(sent, []))
    for packet in capture.packets:
        ip, wanted = packet[IP], packet[IP].copy()
        del wanted.chksum, wanted.len, wanted[UDP].chksum, wanted[UDP].len
        wanted[UDP].remove_payload()
        wanted = IP(bytes(wanted / Raw(bytes(ip[UDP].payload)[:ip[UDP].len - 8])))
        assert bytes(wanted) == bytes(ip)[:ip.len]
        assert (ip.ttl, ip.flags, ip.frag) == (62, 0, 0)
    ids = [packet[IP].id for packet in capture.packets]
    assert len(set(ids)) == len(ids) and 0 not in ids


def test_a_stale_neighbour_is_confirmed_by_the_kernel(lab, gate64):
    """RFC 4861 7.3: nothing but the kernel's own path makes it ask, so that is taken."""
    with Stream(lab, outwards=True) as stream:
        stream.goes_on("before")
        lab.gateway.run("ip", "neigh", "change", INTERNET4, "dev", "up0", "nud", "stale")

        def trusted():
            state = lab.gateway.run("ip", "neigh", "show", INTERNET4, "dev", "up0").stdout
            return "REACHABLE" in state
        wait_for(trusted, "the kernel has asked its neighbour", timeout=30)
        with gate64.counting() as rose:
            stream.goes_on("confirmed", 32)
        assert rose["nat64.unsegmented_packets"] > 0


def test_with_ipsec_policies_all_leaves_by_the_kernels_output(lab, gate64):
    """RFC 4301 5.1: a packet socket would pass by the policies, and what they protect
    would leave in the clear."""
    policy = ("src", "10.9.9.9/32", "dst", "10.9.9.8/32", "dir", "out")
    if lab.gateway.run("ip", "xfrm", "policy", "add", *policy, "action", "block",
                       check=False).returncode:
        pytest.skip("this kernel has no IPsec")
    try:
        with Stream(lab, outwards=True) as stream:
            stream.goes_on("what was known before is forgotten", 1)
            before = gate64.counters()["nat64.unsegmented_packets"]

            def settled():
                nonlocal before
                stream.goes_on("by the raw sockets", 16)
                was, before = before, gate64.counters()["nat64.unsegmented_packets"]
                return was == before
            wait_for(settled, "no more large packets", timeout=10)
    finally:
        lab.gateway.run("ip", "xfrm", "policy", "delete", *policy)
