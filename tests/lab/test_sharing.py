# SPDX-License-Identifier: GPL-2.0-or-later
"""One address for the host and for NAT64: where the one must not get in the other's way.

The pool has few ports, so that one of the host's would be taken by chance soon."""

import errno
import socket

import pytest
from scapy.layers.inet import IP, UDP
from scapy.layers.inet6 import ICMPv6PacketTooBig, IPv6
from scapy.packet import Raw

from netns import wait_for
from topology import DNS4, GATEWAY4, PREF64, SERVER6, TUNNEL6, WEB4
from wire import Capture, udp_flow

POOL = range(20000, 20016)
SETTINGS = {"nat64": {"pool4": [{"address": "auto", "ports": f"{POOL[0]}-{POOL[-1]}"}],
                      "timeouts": {"udp": "1s"}},
            "dns64": {"upstream": [DNS4]}}


def send_raw6(ns, packet, to):
    with ns.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_RAW) as raw:
        raw.sendto(bytes(packet), (to, 0))


def send_raw4(ns, packet, to):
    with ns.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW) as raw:
        raw.sendto(bytes(packet), (to, 0))


def ports_used(gate64):
    return gate64.status()["rooms"]["nat64"]["ports_used"]


@pytest.mark.parametrize("kind", [socket.SOCK_STREAM, socket.SOCK_DGRAM], ids=["tcp", "udp"])
def test_a_port_that_the_host_took_later_is_not_given_out(lab, gate64, kind):
    """More clients than ports: all but the host's port are given out."""
    taken = POOL[1]
    clients = []
    used = ports_used(gate64)
    with lab.gateway.socket(socket.AF_INET, kind) as host:
        host.bind(("0.0.0.0", taken))
        if kind == socket.SOCK_STREAM:
            host.listen()
        with Capture(lab.gateway, "up0", f"src host {GATEWAY4} and dst host {WEB4}") as capture:
            for _ in range(len(POOL) + 2):
                client = lab.server6.socket(socket.AF_INET6, kind)
                clients.append(client)
                client.setblocking(False)
                client.connect_ex((f"{PREF64}{WEB4}", 80))
                if kind == socket.SOCK_DGRAM:
                    client.send(b"x")
            for client in clients:
                client.settimeout(0.1)
                try:
                    client.recv(1)
                except OSError:
                    pass
    for client in clients:
        client.close()
    layer = "TCP" if kind == socket.SOCK_STREAM else "UDP"
    assert {p[layer].sport for p in capture.packets if layer in p} == set(POOL) - {taken}
    if kind == socket.SOCK_DGRAM:
        wait_for(lambda: ports_used(gate64) <= used, "the flows expire: others need ports too")


def test_the_hosts_services_are_not_reached_by_its_own_address(lab, gate64):
    """Through NAT64 a client would come from the host itself, past its packet filter."""
    with lab.gateway.socket() as host:
        host.bind((GATEWAY4, 8080))
        host.listen()
        with gate64.counting() as rose, pytest.raises(OSError):
            lab.server6.connect((f"{PREF64}{GATEWAY4}", 8080), timeout=3)
        host.settimeout(0.2)
        with pytest.raises(TimeoutError):
            host.accept()
    assert rose["nat64.drops.destination_denied"] >= 1


@pytest.mark.parametrize("source", ["127.0.0.1", "0.1.2.3", "224.0.0.5", "255.255.255.255"])
def test_no_martian_comes_in(lab, gate64, source):
    """RFC 1812 5.3.7; raw prerouting is before the kernel's own check."""
    with udp_flow(lab, lab.internet4, WEB4) as (inside, outside), \
            Capture(lab.router6, "lan0", "udp") as capture:
        to = outside.getpeername()
        send_raw4(lab.internet4, IP(src=source, dst=to[0]) / UDP(sport=7, dport=to[1]) /
                  Raw(b"martian"), to[0])
        outside.send(b"last")
        assert inside.recv(100) == b"last"
    assert not [p for p in capture.packets if Raw in p and b"martian" in p[Raw].load]


def test_a_router_outside_of_inside_may_tell_of_a_fault(lab, gate64):
    """router6 says Packet Too Big from its tunnel address, which is no client's."""
    with udp_flow(lab, lab.internet4, WEB4, 7001) as (inside, outside):
        source, port = f"{PREF64}{WEB4}", inside.getsockname()[1]
        error = (IPv6(src=TUNNEL6, dst=source) / ICMPv6PacketTooBig(mtu=1300) /
                 IPv6(src=source, dst=SERVER6, hlim=60) / UDP(sport=7001, dport=port) /
                 Raw(bytes(1200)))
        with Capture(lab.internet4, "gw0", "icmp") as capture:
            send_raw6(lab.router6, error, source)
            # Its kernel tells the socket, if the error quotes what the socket had sent.
            wait_for(lambda: outside.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) ==
                     errno.EMSGSIZE, "the remote host hears of it")
    assert [(p["ICMP"].type, p["ICMP"].code, p["ICMP"].nexthopmtu) for p in capture.packets] == [
        (3, 4, 1280)], "RFC 7915 5.2: MTU - 20"
