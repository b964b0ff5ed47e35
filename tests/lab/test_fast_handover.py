# SPDX-License-Identifier: GPL-2.0-or-later
"""What the fast path does not translate itself it hands over: that works on a flow that goes
fast, and leaves it fast. And what is not its own it leaves alone.
"""

import contextlib
import itertools
import os
import socket
import struct
import time

import pytest

from crossing import (ACK, HOPS, INSIDE_PORT, QUIET, REMOTE_PORT, SYN, WEB6, Crossing, Sample,
                      arrived_right, assert_goes_fast, either_router, forward_ipv4, mac,
                      need_fast, wait_fast)
from exact import (DESTINATION, FRAGMENT, ICMP, ICMP6, TCP, UDP, explain, fragment_header,
                   icmp, icmp6, ipv4, ipv6, is_icmp, same, with_identification)
from test_mtu import link_mtu
from test_rfc7915_out import label_of
from topology import DNS4, GATEWAY4, GATEWAY6, INSIDE, INTERNET4, SERVER6, WEB4
from wire import udp_flow

SETTINGS = {"dns64": {"upstream": [DNS4]}, "nat64": {"fast_path": "auto"}}
TUNNEL_MTU = 1420
KEPT_S = 1.1		# the slow path keeps what it knows of a way for a second
ports = itertools.count(INSIDE_PORT)


@either_router
def ready(request, lab, gate64):
    need_fast(gate64)
    forward_ipv4(lab, request.param)
    for ns in (lab.server6, lab.internet4):
        ns.nft(QUIET)


@pytest.fixture(scope="module", params=[UDP, TCP], ids=["udp", "tcp"])
def flow(request, lab, gate64, ready):
    with Crossing(lab, request.param, next(ports), REMOTE_PORT) as flow:
        flow.establish()
        wait_fast(gate64)
        yield flow


@pytest.fixture(autouse=True)
def still_fast(request, gate64):
    """Whatever a test has done to the flow, it goes fast before and afterwards."""
    if "flow" not in request.fixturenames:
        yield
        return
    flow = request.getfixturevalue("flow")
    assert_goes_fast(gate64, flow)
    yield
    assert_goes_fast(gate64, flow)


def nothing_crosses(flow, packet, by=None):
    """Sent (by `by`, or as an IP packet), and not what arrives on the other side, but what is
    sent after it is."""
    (by or flow.send)(packet)
    mark, wanted = (flow.out if packet[0] >> 4 == 6 and not by else flow.back)(Sample(size=111))
    got = flow.crosses(mark)
    assert arrived_right(got, wanted), explain(got, wanted)


def quoted(packet, limit):
    """As much of a packet as an error of at most `limit` bytes takes."""
    return packet[:limit - (28 if packet[0] >> 4 == 4 else 48)]


def told4(flow, kind, code, word, about):
    """internet4 is told by ICMPv4 (RFC 1812 4.3.2.3: at most 576 bytes)."""
    got = flow.internet.take(is_icmp)
    message = icmp(kind, code, word, quoted(about, 576))
    same(got, with_identification(ipv4(GATEWAY4, WEB4, ICMP, message, tos=got[1], ttl=64), got))


def told6(flow, kind, code, word, about):
    """server6 is told by ICMPv6, of the packet as the gateway got it (RFC 4443 2.4: at most
    1280 bytes)."""
    got = flow.server.take(lambda p: is_icmp(p) and p[40] == kind)
    as_got = about[:7] + bytes((about[7] - 1,)) + about[8:]
    message = icmp6(GATEWAY6, SERVER6, kind, code, word, quoted(as_got, 1280))
    same(got, ipv6(GATEWAY6, SERVER6, ICMP6, message, hlim=63, label=label_of(got)))


# ---- it ends in the gateway ------------------------------------------------------------


def test_hop_limit(flow):
    """RFC 7915 5.1, RFC 7915 5.4: the gateway is where it ends."""
    packet, _ = flow.out(Sample(ttl=2))
    nothing_crosses(flow, packet)
    told6(flow, 3, 0, 0, packet)


def test_ttl(flow):
    """RFC 7915 4.1, RFC 7915 4.4"""
    packet, _ = flow.back(Sample(ttl=1))
    nothing_crosses(flow, packet)
    told4(flow, 11, 0, 0, packet)


def test_too_big_for_the_tunnel(lab, flow):
    """RFC 7915 4, RFC 7915 4.4: the tunnel's MTU less 20"""
    lab.internet4.run("ip", "route", "flush", "cache")	# it may know by now
    packet, _ = flow.back(Sample(size=TUNNEL_MTU - 20 + 1))
    nothing_crosses(flow, packet)
    told4(flow, 3, 4, TUNNEL_MTU - 20, packet)


def test_too_big_for_the_uplink(lab, flow):
    """RFC 7915 5: the uplink's MTU and 20"""
    with link_mtu(((lab.gateway, "up0"), (lab.internet4, "gw0")), 1300):
        time.sleep(KEPT_S)
        packet, _ = flow.out(Sample(size=1301))
        nothing_crosses(flow, packet)
        told6(flow, 2, 0, 1320, packet)
        sent, wanted = flow.out(Sample(size=1300))
        got = flow.crosses(sent)
        assert arrived_right(got, wanted), explain(got, wanted)
    time.sleep(KEPT_S)


def test_too_big_for_a_route(lab, flow):
    """RFC 7915 5, RFC 1191 6.3: what the route to the remote host says is the next hop's MTU"""
    lab.gateway.run("ip", "route", "add", WEB4, "via", INTERNET4, "mtu", 1300)
    try:
        time.sleep(KEPT_S)
        packet, _ = flow.out(Sample(size=1301))
        nothing_crosses(flow, packet)
        told6(flow, 2, 0, 1320, packet)
    finally:
        lab.gateway.run("ip", "route", "del", WEB4)
        time.sleep(KEPT_S)


def test_too_big_for_a_route_inside(lab, flow):
    """RFC 7915 4, RFC 8201 4: what the route to a client says is the next hop's MTU"""
    lab.internet4.run("ip", "route", "flush", "cache")	# it may know by now
    lab.gateway.run("ip", "route", "change", INSIDE, "dev", lab.wg_gateway, "mtu", 1300)
    try:
        time.sleep(KEPT_S)
        packet, _ = flow.back(Sample(size=1281))
        nothing_crosses(flow, packet)
        told4(flow, 3, 4, 1280, packet)
    finally:
        lab.gateway.run("ip", "route", "change", INSIDE, "dev", lab.wg_gateway)
        time.sleep(KEPT_S)


# ---- it takes user space -----------------------------------------------------------------


def is_fragment(packet):
    return packet[0] >> 4 == 6 and packet[6] == FRAGMENT


def test_it_may_be_cut(flow):
    """RFC 7915 4, RFC 7915 4.1 fragment: with DF clear, larger than 1280 bytes as IPv6"""
    packet, whole = flow.back(Sample(size=1261, df=False))
    flow.send(packet)
    first, last = flow.server.take(is_fragment, 2)
    at = 1280 - 48
    for got, (offset, more, part) in ((first, (0, 1, whole[40:40 + at])),
                                      (last, (at, 0, whole[40 + at:]))):
        same(got, ipv6(WEB6, SERVER6, FRAGMENT, fragment_header(flow.proto, offset, more, 4711) +
                       part, hlim=64 - HOPS))


def test_ipv4_options(flow):
    """RFC 7915 4.1: options are ignored, and the packet translated."""
    sent, wanted = flow.back(Sample(), options=b"\x01" * 8)
    same(flow.crosses(sent), wanted)


def test_an_extension_header(flow):
    """RFC 7915 5.1 extension: skipped"""
    sent, wanted = flow.out(Sample())
    options = bytes((flow.proto, 0, 1, 4, 0, 0, 0, 0))
    got = flow.crosses(ipv6(SERVER6, WEB6, DESTINATION, options + sent[40:]))
    assert arrived_right(got, wanted), explain(got, wanted)


def test_an_atomic_fragment(flow):
    """RFC 7915 5.1.1: a Fragment header with nothing to put together"""
    sent, wanted = flow.out(Sample())
    got = flow.crosses(ipv6(SERVER6, WEB6, FRAGMENT, fragment_header(flow.proto, 0, 0, 1) +
                            sent[40:]))
    assert arrived_right(got, wanted), explain(got, wanted)


@pytest.mark.parametrize("flow", [UDP], ids=["udp"], indirect=True)
def test_a_udp_checksum_of_zero(flow):
    """RFC 7915 4.5 zero: it is computed."""
    sent, wanted = flow.back(Sample())
    packet = ipv4(WEB4, GATEWAY4, UDP, sent[20:26] + b"\0\0" + sent[28:])
    same(flow.crosses(packet), wanted)


@pytest.mark.parametrize("flow", [UDP], ids=["udp"], indirect=True)
@pytest.mark.parametrize("lie", [1, -107])
def test_a_udp_length_that_cannot_be(flow, lie):
    """RFC 768: neither less than the header nor more than there is"""
    nothing_crosses(flow, flow.out(Sample(lie=lie))[0])
    nothing_crosses(flow, flow.back(Sample(lie=lie))[0])


@pytest.mark.parametrize("flow", [TCP], ids=["tcp"], indirect=True)
def test_another_syn(gate64, flow):
    """RFC 6146 3.5.2.2 ESTABLISHED: it passes, and nothing changes; its MSS is clamped to what
    the tunnel takes (RFC 6691 2, RFC 9293 3.7.1)."""
    mss = bytes.fromhex("020405b4")
    got = flow.crosses(flow.out(Sample(flags=SYN, options=mss))[0])
    assert got[40:44] == b"\x02\x04" + struct.pack("!H", TUNNEL_MTU - 60)
    got = flow.crosses(flow.back(Sample(flags=SYN | ACK, options=mss))[0])
    assert got[60:64] == b"\x02\x04" + struct.pack("!H", TUNNEL_MTU - 60)
    [row] = gate64.flows("--port", str(flow.inside_port))
    assert row["state"] == "established"


def learn_the_path(sock):
    """The sender's kernel learns the MTU of the way, which costs it a datagram."""
    with contextlib.suppress(OSError):
        sock.send(bytes(1450))
        sock.settimeout(0.2)
        sock.recv(65535)
    sock.settimeout(5)


def arrives(data, *ends):
    """From one end to the other, each pair of these; others may still be on their way."""
    for sender, receiver in ends:
        sender.send(data)
        while receiver.recv(65535) != data:
            pass


@pytest.mark.parametrize("size", [1473, 4000, 65000])
def test_large_datagrams(lab, gate64, size):
    """RFC 7915 4.1 fragment, RFC 7915 5.1.1, RFC 6146 3.4: in fragments over a flow that goes
    fast, there and back"""
    payload = os.urandom(size)
    with udp_flow(lab, lab.internet4, WEB4) as (inside, outside):
        for end in (inside, outside):
            learn_the_path(end)
        arrives(b"small", (outside, inside), (inside, outside), (outside, inside))
        with gate64.counting() as rose:
            for ends in ((inside, outside), (outside, inside)):
                arrives(payload, ends)
                arrives(b"small", ends)
        assert rose["nat64.fast_path.packets_out"] == rose["nat64.fast_path.packets_in"] == 1


def test_an_error_about_a_packet_of_it(flow):
    """RFC 7915 4.2 type 3 code 3, RFC 7915 4.3: quotes a packet of the flow, and is not one."""
    sent, arrived = flow.out(Sample())
    flow.crosses(sent)
    flow.send(ipv4(WEB4, GATEWAY4, ICMP, icmp(3, 3, 0, arrived)))
    got = flow.server.take(lambda p: is_icmp(p) and p[40] == 1)
    assert got[41] == 4 and got[48 + 8:48 + 40] == sent[8:40] and got[88:] == sent[40:]


# ---- what is not its own -----------------------------------------------------------------------


class Frames:
    """Ethernet frames from internet4, which is how Crossing.back()'s packets come."""

    def __init__(self, lab):
        self.sock = lab.internet4.socket(socket.AF_PACKET, socket.SOCK_RAW)
        self.sock.bind(("gw0", 0))
        self.source = mac(lab.internet4, "gw0")
        self.gateway = mac(lab.gateway, "up0")

    def send(self, packet, to=None, tag=b"", behind=b""):
        self.sock.send((to or self.gateway) + self.source + tag + b"\x08\0" + packet + behind)


@pytest.fixture
def frames(lab):
    frames = Frames(lab)
    yield frames
    frames.sock.close()


def test_a_frame_for_another_host(lab, flow, frames):
    """RFC 1122 2.3, 3.3.4.1: a frame that the interface shows only because somebody listens to
    all of them is not for this host."""
    packet, _ = flow.back(Sample())
    lab.gateway.run("ip", "link", "set", "up0", "promisc", "on")
    try:
        nothing_crosses(flow, packet, lambda p: frames.send(p, to=bytes.fromhex("020000000099")))
    finally:
        lab.gateway.run("ip", "link", "set", "up0", "promisc", "off")


def test_a_frame_of_a_vlan(flow, frames):
    """IEEE 802.1Q 9: what comes by a VLAN does not come by the interface that carries it."""
    packet, _ = flow.back(Sample())
    nothing_crosses(flow, packet, lambda p: frames.send(p, tag=bytes.fromhex("81000005")))


@pytest.mark.parametrize("behind", [b"\0" * 10, os.urandom(17), os.urandom(700)],
                         ids=["zeros", "odd", "much"])
def test_padding(flow, frames, behind):
    """RFC 894: what Ethernet pads a short packet with is no part of it."""
    packet, wanted = flow.back(Sample(size=41))
    frames.send(packet, behind=behind)
    same(flow.server.take(flow.is_ours6), wanted)
