# SPDX-License-Identifier: GPL-2.0-or-later
"""Packet Too Big and Fragmentation Needed, both ways, with the values of RFC 7915.

The proof is each side's own kernel: its socket's path MTU changes only when the error
that arrives quotes that socket's packet as it was sent.
"""

import contextlib
import errno
import socket

import pytest

from gateway import Gate64
from netns import Ground, wait_for
from topology import CLIENT4, DNS4, INTERNET4, PREF64, WEB4, Lab
from wire import Capture, udp_flow

IP_MTU, IPV6_MTU = 14, 24			# <linux/in.h>, <linux/in6.h>
IP_MTU_DISCOVER, PMTUDISC_DONT, PMTUDISC_DO = 10, 0, 2
IPV6_DONTFRAG = 62
UDP4, UDP6 = 20 + 8, 40 + 8			# header bytes


# For tests where nothing that fits into a tunnel of 1280 would be too big further on
only_1420 = pytest.mark.parametrize("lab", [1420], indirect=True, scope="module")


@pytest.fixture(scope="module", params=[1420, 1280])
def lab(request, repository):
    with Ground() as ground:
        yield Lab(ground, repository, tunnel_mtu=request.param)


@pytest.fixture(scope="module")
def gate64(lab):
    with Gate64(lab, {"dns64": {"upstream": [DNS4]}}) as gate64:
        yield gate64


@contextlib.contextmanager
def link_mtu(ends, mtu):
    """Both ends of a link, ((namespace, interface), ...), are at `mtu` for a while."""
    for ns, interface in ends:
        ns.run("ip", "link", "set", interface, "mtu", mtu)
    try:
        yield
    finally:
        for ns, interface in ends:
            ns.run("ip", "link", "set", interface, "mtu", 1500)


def dont_fragment6(sock):
    sock.setsockopt(socket.IPPROTO_IPV6, IPV6_DONTFRAG, 1)


def path_mtu6(sock):
    return sock.getsockopt(socket.IPPROTO_IPV6, IPV6_MTU)


def path_mtu4(sock):
    return sock.getsockopt(socket.IPPROTO_IP, IP_MTU)


def send_until_refused(sock, payload):
    """Send a packet that may not be cut until the kernel knows that it is too big."""
    def refused():
        try:
            sock.send(payload)
        except OSError as error:
            if error.errno != errno.EMSGSIZE:
                raise
            return True
        return False
    # gate64 keeps what it knows of a route's MTU for a second.
    wait_for(refused, "the sender learns that its packet is too big", timeout=10, step=0.2)
    # The error may still be pending besides: the next packet is not to be blamed for it.
    sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)


def test_an_ipv4_packet_that_may_be_cut_is_cut(lab, gate64):
    """RFC 7915 4: DF is not set and the packet does not fit, so IPv6 fragments are made.
    First of all tests: later internet4 knows the path's MTU and cuts by itself."""
    with udp_flow(lab, lab.internet4, WEB4, 7003) as (inside, outside):
        outside.setsockopt(socket.IPPROTO_IP, IP_MTU_DISCOVER, PMTUDISC_DONT)
        payload = bytes(range(256)) * 5 + bytes(1500 - UDP4 - 1280)
        outside.send(payload)
        assert inside.recv(2000) == payload


def test_an_ipv4_sender_learns_the_tunnels_mtu(lab, gate64):
    """RFC 7915 5: IPv6 next hop's MTU - 20"""
    with udp_flow(lab, lab.internet4, WEB4) as (inside, outside), \
            Capture(lab.internet4, "gw0", "icmp") as capture, gate64.counting() as rose:
        outside.setsockopt(socket.IPPROTO_IP, IP_MTU_DISCOVER, PMTUDISC_DO)
        assert path_mtu4(outside) == 1500
        send_until_refused(outside, bytes(1500 - UDP4))
        assert path_mtu4(outside) == lab.tunnel_mtu - 20
        outside.send(bytes(lab.tunnel_mtu - 20 - UDP4))
        assert len(inside.recv(2000)) == lab.tunnel_mtu - UDP6
    errors = [p["ICMP"] for p in capture.packets]
    assert errors and all((e.type, e.code, e.nexthopmtu) == (3, 4, lab.tunnel_mtu - 20)
                          for e in errors)
    assert rose["nat64.icmp_sent.fragmentation_needed"] == len(errors)


@only_1420
def test_an_ipv6_sender_learns_the_mtu_of_an_ipv4_path(lab, gate64):
    """RFC 7915 4.2: what the IPv4 router said, and 20"""
    far_link = ((lab.internet4, "net0"), (lab.client4, "eth0"))
    with udp_flow(lab, lab.client4, CLIENT4) as (inside, outside), link_mtu(far_link, 1300), \
            Capture(lab.server6, "lan0", "icmp6 and ip6[40] == 2") as capture:
        dont_fragment6(inside)
        send_until_refused(inside, bytes(1400 - UDP6))
        assert path_mtu6(inside) == 1320
        inside.send(bytes(1320 - UDP6))
        assert len(outside.recv(2000)) == 1320 - UDP6
    assert {(p["IPv6"].src, p["ICMPv6PacketTooBig"].mtu) for p in capture.packets} == {
        (address6(INTERNET4), 1320)}, "the IPv4 router's error, translated"


def address6(address4):
    """64:ff9b:: + IPv4, as inet_ntop prints it."""
    return socket.inet_ntop(socket.AF_INET6,
                            socket.inet_pton(socket.AF_INET6, f"{PREF64}{address4}"))


@only_1420
def test_an_ipv6_sender_learns_the_uplinks_mtu(lab, gate64):
    """The gateway's own error: RFC 7915 4, IPv4 next hop's MTU + 20"""
    uplink = ((lab.gateway, "up0"), (lab.internet4, "gw0"))
    with udp_flow(lab, lab.internet4, WEB4, 7001) as (inside, outside), \
            link_mtu(uplink, 1300), gate64.counting() as rose:
        dont_fragment6(inside)
        send_until_refused(inside, bytes(1400 - UDP6))
        assert path_mtu6(inside) == 1320
        inside.send(bytes(1320 - UDP6))
        assert len(outside.recv(2000)) == 1320 - UDP6
    assert rose["nat64.icmp_sent.packet_too_big"] >= 1


def test_a_small_ipv4_path_is_no_trap(lab, gate64):
    """IPv6 has no MTU below 1280: what is not bigger leaves without DF (RFC 7915 4, 5.1),
    so that an IPv4 router may cut it."""
    far_link = ((lab.internet4, "net0"), (lab.client4, "eth0"))
    with udp_flow(lab, lab.client4, CLIENT4, 7002) as (inside, outside), \
            link_mtu(far_link, 1000):
        inside.send(bytes(1280 - UDP6))
        assert len(outside.recv(2000)) == 1280 - UDP6


@only_1420
def test_a_jumbo_frame_is_cut(lab, gate64):
    """RFC 7915 4: DF is not set; and it takes more than a usual packet's buffer."""
    uplink = ((lab.gateway, "up0"), (lab.internet4, "gw0"))
    with udp_flow(lab, lab.internet4, WEB4, 7005) as (inside, outside), link_mtu(uplink, 9000):
        outside.setsockopt(socket.IPPROTO_IP, IP_MTU_DISCOVER, PMTUDISC_DONT)
        payload = bytes(range(251)) * 32
        outside.send(payload)
        assert inside.recv(9000) == payload
