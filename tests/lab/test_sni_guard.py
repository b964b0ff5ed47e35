# SPDX-License-Identifier: GPL-2.0-or-later
"""The NAT46 prefix, whose addresses servers trust and the gateway takes for its own.

A server inside and a stranger outside send from it and to it: nothing of that arrives, and
the guard's counters rise; connections by name go on meanwhile.
"""

import socket

import pytest
from scapy.layers.inet import TCP, UDP
from scapy.layers.inet6 import (ICMPv6EchoRequest, ICMPv6PacketTooBig, IPv6,
                                IPv6ExtHdrFragment)
from scapy.layers.l2 import Ether

from topology import CLIENT4, GATEWAY6, NAT46, SERVER6, STRANGER6
from wire import Capture

CLIENT = f"{NAT46}{CLIENT4}"
SSHD, RESOLVER = 22, 5300	# what listens on "::" at the gateway
TABLE = ("nft", "list", "table", "ip6", "gate64-nat46")


@pytest.fixture(scope="module")
def listeners(lab):
    """A stream and a datagram service of the gateway's, on all its addresses."""
    sshd = lab.gateway.socket(socket.AF_INET6)
    resolver = lab.gateway.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    with sshd, resolver:
        sshd.bind(("::", SSHD))
        sshd.listen()
        resolver.bind(("::", RESOLVER))
        resolver.settimeout(0.5)
        yield sshd, resolver


def send(lab, *packets):
    """Packets as they are, out of server6 to its router."""
    with lab.server6.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_RAW) as raw:
        raw.setsockopt(socket.IPPROTO_IPV6, 36, 1)	# IPV6_HDRINCL
        for packet in packets:
            raw.sendto(bytes(packet), (packet.dst, 0))


def test_without_the_guard_they_would_be_reached(lab, gate64, listeners):
    """The tests below prove nothing otherwise: the prefix is local, the services answer. Not
    while gate64 runs, which would put the guard up again."""
    gate64.stop()
    route = ("local", f"{NAT46}/96", "dev", "lo")
    lab.gateway.run("ip", "-6", "route", "add", *route)
    try:
        lab.server6.connect((CLIENT, SSHD), timeout=5, source=STRANGER6).close()
    finally:
        lab.gateway.run("ip", "-6", "route", "del", *route)
        gate64.start()


@pytest.mark.parametrize("source", [SERVER6, STRANGER6])
@pytest.mark.parametrize("kind", ["syn", "syn_fin", "udp", "echo"])
def test_nothing_begins_at_the_prefix(lab, gate64, listeners, source, kind):
    """Whatever could reach a listener is dropped, from inside as from outside."""
    ip = IPv6(src=source, dst=CLIENT, hlim=9)
    packet = {"syn": ip / TCP(sport=1025, dport=SSHD, flags="S"),
              "syn_fin": ip / TCP(sport=1026, dport=SSHD, flags="SF"),
              "udp": ip / UDP(sport=1027, dport=RESOLVER) / b"anyone?",
              "echo": ip / ICMPv6EchoRequest()}[kind]
    with Capture(lab.gateway, "any", f"src {CLIENT}") as capture, gate64.counting() as rose:
        send(lab, packet)
        with pytest.raises(TimeoutError):
            listeners[1].recvfrom(100)
    assert rose["snid.guard_drops.nat46_destination"] == 1
    assert not capture.packets, "it was answered"


def test_a_datagram_in_fragments_begins_nothing_either(lab, gate64, listeners):
    """Whole or not by the time the guard sees it: that depends on whether conntrack is on."""
    datagram = bytes(UDP(sport=1029, dport=RESOLVER, len=24) / bytes(16))
    ip = IPv6(src=SERVER6, dst=CLIENT, hlim=9)
    with gate64.counting() as rose:
        send(lab, ip / IPv6ExtHdrFragment(nh=17, offset=0, m=1, id=7) / datagram[:16],
             ip / IPv6ExtHdrFragment(nh=17, offset=2, m=0, id=7) / datagram[16:])
        with pytest.raises(TimeoutError):
            listeners[1].recvfrom(100)
    assert rose["snid.guard_drops.nat46_destination"] >= 1


def send_from_uplink(lab, *packets):
    """Frames from the uplink's router: the tunnel itself lets no such source through."""
    def mac(ns, interface):
        return ns.run("cat", f"/sys/class/net/{interface}/address").stdout.strip()
    ether = Ether(src=mac(lab.internet4, "gw0"), dst=mac(lab.gateway, "up0"))
    with lab.internet4.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3)) as raw:
        raw.bind(("gw0", 0))
        for packet in packets:
            raw.send(bytes(ether / packet))


@pytest.mark.parametrize("to", [GATEWAY6, CLIENT])
def test_nobody_outside_sends_from_the_prefix(lab, gate64, listeners, to):
    """Servers believe that such an address is an IPv4 client; so would the gateway."""
    ip = IPv6(src=f"{NAT46}192.0.2.99", dst=to, hlim=9)
    with gate64.counting() as rose:
        send_from_uplink(lab, ip / UDP(sport=1027, dport=RESOLVER) / b"trust me",
                         ip / TCP(sport=1028, dport=SSHD, flags="S"), ip / ICMPv6EchoRequest())
        with pytest.raises(TimeoutError):
            listeners[1].recvfrom(100)
    assert rose["snid.guard_drops.nat46_source"] == 3
    assert not rose["snid.guard_drops.nat46_destination"]


def test_connections_are_let_through(lab, gate64):
    """Handshake, data and end of connections by name; not one packet of theirs is dropped."""
    with gate64.counting() as rose:
        for _ in range(5):
            lab.fetch_by_name()
    assert rose["snid.relayed"] == 5
    assert not rose["snid.guard_drops.nat46_source"]
    assert not rose["snid.guard_drops.nat46_destination"]


def test_errors_for_connections_are_let_through(lab, gate64):
    """What ICMPv6 says of a segment is for the socket to judge; path MTU discovery needs it."""
    quoted = IPv6(src=CLIENT, dst=SERVER6) / TCP(sport=4242, dport=443, flags="A")
    with gate64.counting() as rose:
        send(lab, IPv6(src=SERVER6, dst=CLIENT) / ICMPv6PacketTooBig(mtu=1280) / quoted)
        lab.fetch_by_name()
    assert not rose["snid.guard_drops.nat46_destination"]


def test_it_stands_while_snid_is_on(lab, gate64, listeners):
    """Put up and taken away by reloads; the counters go on over a reload that keeps it."""
    def dropped():
        return gate64.counters()["snid.guard_drops.nat46_destination"]
    send(lab, IPv6(src=SERVER6, dst=CLIENT) / ICMPv6EchoRequest())
    before = dropped()
    gate64.reload({"ops": {"log": {"level": "info"}}})
    assert dropped() == before > 0
    gate64.reload({"snid": {"listen": []}})
    try:
        assert lab.gateway.run(*TABLE, check=False).returncode
    finally:
        gate64.reload()
    assert not lab.gateway.run(*TABLE).returncode
