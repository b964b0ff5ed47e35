# SPDX-License-Identifier: GPL-2.0-or-later
"""Bulk TCP goes on whatever happens to the network under it, whichever path it takes: gate64
keeps what it knows of a way for a second only.
"""

import os
import socket

from scapy.layers.inet import IP, UDP, fragment
from scapy.packet import Raw

from netns import wait_for
from test_bulk import Stream, both_ways
from test_fragments import send_raw
from topology import GATEWAY4, INTERNET4, WEB4


@both_ways
def test_a_neighbours_address_changes(lab, gate64, outwards):
    """RFC 826: internet4 gets another Ethernet address, and the gateway learns of it."""
    address = "02:64:00:00:00:0a" if outwards else "02:64:00:00:00:0b"
    with Stream(lab, outwards) as stream:
        stream.goes_on("before")
        lab.internet4.run("ip", "link", "set", "gw0", "address", address)
        lab.gateway.run("ip", "neigh", "replace", INTERNET4, "lladdr", address, "dev", "up0",
                        "nud", "reachable")
        stream.goes_on("after")


@both_ways
def test_a_link_goes_down_and_up(lab, gate64, outwards):
    """RFC 9293 3.8.1: what is lost meanwhile is sent again."""
    with Stream(lab, outwards) as stream:
        stream.goes_on("before")
        lab.gateway.run("ip", "link", "set", "up0", "down")
        lab.gateway.run("ip", "link", "set", "up0", "up")
        lab.gateway.run("ip", "route", "replace", "default", "via", INTERNET4)
        stream.goes_on("after")


@both_ways
def test_the_uplink_is_away_for_a_while(lab, gate64, outwards):
    """RFC 9293 3.8.1: link and address gone for longer than it takes to notice; the flows are
    there when they come back, and status says what is missing until then."""
    def problem():
        return gate64.status()["network"]["problem"]
    with Stream(lab, outwards) as stream:
        stream.goes_on("before")
        sessions = gate64.status()["rooms"]["nat64"]["sessions"]
        with gate64.counting() as rose:
            lab.gateway.run("ip", "address", "del", f"{GATEWAY4}/24", "dev", "up0")
            lab.gateway.run("ip", "link", "set", "up0", "down")
            try:
                wait_for(lambda: problem() == "the uplink has no IPv4 address", "it is noticed")
                assert gate64.status()["rooms"]["nat64"]["sessions"] == sessions
            finally:
                lab.gateway.run("ip", "link", "set", "up0", "up")
                lab.gateway.run("ip", "address", "add", f"{GATEWAY4}/24", "dev", "up0")
                lab.gateway.run("ip", "route", "replace", "default", "via", INTERNET4)
            wait_for(lambda: not problem(), "it is there again")
            stream.goes_on("after")
        assert rose["nat64.sessions_ended"] == 0


@both_ways
def test_a_route_changes(lab, gate64, outwards):
    """RFC 1191 6.3: a route of its own, with an MTU of its own, for the one remote host"""
    with Stream(lab, outwards) as stream:
        stream.goes_on("before")
        lab.gateway.run("ip", "route", "add", WEB4, "via", INTERNET4, "mtu", 1380)
        stream.goes_on("meanwhile")
        lab.gateway.run("ip", "route", "del", WEB4)
        stream.goes_on("after")


@both_ways
def test_the_uplinks_mtu_is_lowered(lab, gate64, outwards):
    """RFC 7915 5, RFC 8201 4: each segment is checked, and its sender told."""
    ends = ((lab.gateway, "up0"), (lab.internet4, "gw0"))
    with Stream(lab, outwards) as stream:
        stream.goes_on("before")
        for ns, interface in ends:
            ns.run("ip", "link", "set", interface, "mtu", 1300)
        try:
            stream.goes_on("with an MTU of 1300")
        finally:
            for ns, interface in ends:
                ns.run("ip", "link", "set", interface, "mtu", 1500)
        stream.goes_on("after")


@both_ways
def test_the_tunnels_mtu_is_lowered(lab, gate64, outwards):
    """RFC 7915 4, RFC 1191 4: each segment is checked, and its sender told."""
    ends = ((lab.gateway, lab.wg_gateway), (lab.router6, lab.wg_router))
    with Stream(lab, outwards) as stream:
        stream.goes_on("before")
        for ns, interface in ends:
            ns.run("ip", "link", "set", interface, "mtu", 1280)
        try:
            stream.goes_on("with an MTU of 1280")
        finally:
            for ns, interface in ends:
                ns.run("ip", "link", "set", interface, "mtu", 1420)
        stream.goes_on("after")


def test_a_held_fragment_outlives_the_verdicts_on_others(lab, gate64):
    """RFC 6146 3.4: a fragment that may be the host's own waits for the first one, and
    what is decided meanwhile about packets of the same queue does not concern it."""
    with lab.gateway.socket(socket.AF_INET, socket.SOCK_DGRAM) as host, \
            Stream(lab, outwards=False) as stream:
        host.bind((GATEWAY4, 5353))
        host.settimeout(5)
        payload = os.urandom(3000)
        first, *others = fragment(IP(src=WEB4, dst=GATEWAY4, id=4711) / UDP(sport=53, dport=5353) /
                                  Raw(payload), 1000)
        stream.goes_on("before", 1)
        send_raw(lab.internet4, others, GATEWAY4)
        stream.goes_on("while they are held", 2)
        send_raw(lab.internet4, [first], GATEWAY4)
        assert host.recv(65535) == payload
