# SPDX-License-Identifier: GPL-2.0-or-later
"""Bulk traffic takes the fast path and arrives intact, whatever its packets are joined to;
and the path follows the interfaces it is to be on.

Out the way is Ethernet (up0), in it is wireguard-go's TUN, which has no link layer.
"""

import contextlib
import os
import socket
import struct
import time

import pytest

from crossing import (INSIDE_PORT, QUIET, REMOTE_PORT, Crossing, Sample, arrived_right,
                      assert_goes_fast, either_router, forward_ipv4, mac, mostly_fast,
                      need_fast, programs, wait_fast)
from exact import TCP, UDP, checksum, pseudo, trimmed
from netns import wait_for
from test_bulk import SMALL, Stream, both_ways, burst, datagrams
from topology import DNS4, GATEWAY4, INSIDE, INTERNET4, SERVER6, WEB4
from wire import Capture, mss_of, tcp_pair, udp_flow

NEAR6, NEAR = "2001:db8:3::80", "2001:db8:3::/64"	# one more host, right at the gateway
SETTINGS = {"inside": [INSIDE, NEAR], "dns64": {"upstream": [DNS4]},
            "nat64": {"fast_path": "auto"}}
UDP_SEGMENT = 103				# <linux/udp.h>
ENOUGH = 16					# mebibytes
NAT64_MARK = "0x67363400"			# nat64.h


@either_router
def ready(request, lab, gate64):
    need_fast(gate64)
    forward_ipv4(lab, request.param)


@contextlib.contextmanager
def offload(ns, interface, *features):
    """ethtool -K: "gro off" and the like, and back to what it was."""
    listed = dict(line.strip().split(": ", 1) for line in
                  ns.run("ethtool", "-k", interface).stdout.splitlines()[1:] if ": " in line)
    names = {"gro": "generic-receive-offload", "gso": "generic-segmentation-offload",
             "tx": "tx-checksumming", "tso": "tcp-segmentation-offload"}
    before = [(name, listed[names.get(name, name)].split()[0]) for name, _ in features]
    done = ns.run("ethtool", "-K", interface, *sum(features, ()), check=False)
    if done.returncode:
        pytest.skip(f"this kernel's {interface} cannot: {features}")
    try:
        yield
    finally:
        ns.run("ethtool", "-K", interface, *sum(before, ()))


@contextlib.contextmanager
def fast_datagrams(lab, gate64):
    """udp_flow(), once it goes fast: where it changes over, packets may overtake others."""
    with udp_flow(lab, lab.internet4, WEB4) as (inside, outside):
        def goes_fast():
            before = gate64.fast_path()["packets_out"]
            for sender, receiver in ((outside, inside), (inside, outside)):
                sender.send(b"another")
                assert receiver.recv(100) == b"another"
            return gate64.fast_path()["packets_out"] > before
        wait_for(goes_fast, "the flow goes fast")
        yield inside, outside


# ---- bulk ------------------------------------------------------------------------------


@both_ways
def test_a_stream(lab, gate64, outwards):
    """RFC 7915 4.1, RFC 7915 5.1: bulk TCP goes fast, its acknowledgements too, and what is
    counted is what went."""
    with gate64.counting() as rose, Stream(lab, outwards) as stream:
        stream.goes_on("fast", ENOUGH)
    mostly_fast(rose, True)
    mostly_fast(rose, False)
    way = "out" if outwards else "in"
    assert rose[f"nat64.fast_path.bytes_{way}"] >= 0.9 * stream.received
    # Packets, not the joined ones that pass: each has 1,400 bytes at most.
    assert rose[f"nat64.fast_path.packets_{way}"] >= 0.9 * stream.received / 1400


def send_at_once(sender, receiver, size):
    """31 datagrams of one system call, the last of them shorter: each arrives as it was cut,
    if not in order, which UDP may and the lab's routers do not promise."""
    data = os.urandom(size * 30 + 7)
    wanted = sorted(data[at:at + size] for at in range(0, len(data), size))
    sender.send(data)
    assert sorted(receiver.recv(65535) for _ in wanted) == wanted


@both_ways
@pytest.mark.parametrize("size", [64, 1200])
def test_datagrams(lab, gate64, outwards, size):
    """RFC 768, RFC 7915 4.1, RFC 7915 5.1: each of its own length, in order"""
    with fast_datagrams(lab, gate64) as (inside, outside), gate64.counting() as rose:
        ends = (inside, outside) if outwards else (outside, inside)
        for _ in range(20):
            sent = datagrams(size)
            assert burst(*ends, sent) == sent
    mostly_fast(rose, outwards)


@both_ways
@pytest.mark.parametrize("size", [100, 1200])
def test_a_sender_of_joined_datagrams(lab, gate64, outwards, size):
    """RFC 768: one system call, one packet through the stack (UDP_SEGMENT), many datagrams,
    the last of them shorter"""
    with fast_datagrams(lab, gate64) as (inside, outside), gate64.counting() as rose:
        sender, receiver = (inside, outside) if outwards else (outside, inside)
        sender.setsockopt(socket.SOL_UDP, UDP_SEGMENT, size)
        for _ in range(20):
            send_at_once(sender, receiver, size)
    mostly_fast(rose, outwards)
    assert rose[f"nat64.fast_path.packets_{'out' if outwards else 'in'}"] >= 19 * 31


JOINING = {
    "gro_off": [("gro", "off")],
    "gro_on": [("gro", "on")],
    "datagrams_too": [("gro", "on"), ("rx-udp-gro-forwarding", "on")],
    "as_a_list": [("gro", "on"), ("rx-gro-list", "on")],
    "gso_off": [("gso", "off"), ("tso", "off")],
    "tx_off": [("tx", "off")],
}


@both_ways
@pytest.mark.parametrize("features", JOINING.values(), ids=JOINING.keys())
def test_offloads_of_the_uplink(lab, gate64, features, outwards):
    """RFC 9293 3.8.3, RFC 768: however packets are joined when they come (GRO), and cut when
    they leave (GSO, checksums)"""
    with offload(lab.gateway, "up0", *features), gate64.counting() as rose:
        with Stream(lab, outwards) as stream:
            stream.goes_on("fast", ENOUGH)
        with fast_datagrams(lab, gate64) as (inside, outside):
            ends = (inside, outside) if outwards else (outside, inside)
            for _ in range(20):
                sent = datagrams(300)
                assert burst(*ends, sent) == sent
    mostly_fast(rose, outwards)


@pytest.mark.parametrize("features", JOINING.values(), ids=JOINING.keys())
@pytest.mark.parametrize("size", [100, 1100])
def test_datagrams_that_come_at_once(lab, gate64, features, size):
    """RFC 768: the sender cuts what it sends at once, and the uplink joins it again."""
    with offload(lab.gateway, "up0", *features), \
            offload(lab.internet4, "gw0", ("gso", "off"), ("tso", "off")), \
            fast_datagrams(lab, gate64) as (inside, outside), gate64.counting() as rose:
        outside.setsockopt(socket.SOL_UDP, UDP_SEGMENT, size)
        for _ in range(20):
            send_at_once(outside, inside, size)
    assert rose["nat64.fast_path.packets_in"] == 20 * 31


@both_ways
@pytest.mark.parametrize("features", [[("tx", "off")], [("gso", "off"), ("tso", "off")]],
                         ids=["summed", "cut"])
def test_offloads_of_the_sender(lab, gate64, features, outwards):
    """RFC 9293 3.1: checksums that the sender has filled in, segments that it has cut"""
    ends = ((lab.server6, "lan0"), (lab.internet4, "gw0"))
    with offload(*ends[not outwards], *features), gate64.counting() as rose, \
            Stream(lab, outwards) as stream:
        stream.goes_on("fast", ENOUGH)
    mostly_fast(rose, outwards)


def sums_right(packet):
    """RFC 791 3.1, RFC 9293 3.1: of an IPv4 packet with TCP or UDP in it"""
    src, dst = socket.inet_ntoa(packet[12:16]), socket.inet_ntoa(packet[16:20])
    return checksum(packet[:20]) == 0 and \
        checksum(pseudo(src, dst, packet[9], len(packet) - 20) + packet[20:]) == 0


def test_segments_on_the_wire(lab, gate64):
    """RFC 7915 5.1, RFC 7915 5.1 id, RFC 6864 4.1, RFC 4821: small segments, cut from what was
    joined, keep their size; DF is clear, no identification comes twice, all sums are right."""
    with offload(lab.gateway, "up0", ("tx", "off")), gate64.counting() as rose, \
            Capture(lab.internet4, "gw0", f"src {GATEWAY4} and tcp and greater 200",
                    longest=2048) as capture, \
            Stream(lab, outwards=True, segment=SMALL) as stream:
        stream.goes_on("small segments", 2)
    mostly_fast(rose, True)
    packets = [trimmed(bytes(p["IP"])) for p in capture.packets]
    assert len(packets) > 2000 and max(map(len, packets)) <= 20 + 20 + SMALL
    assert all(map(sums_right, packets))
    assert {(p[8], p[6:8]) for p in packets} == {(62, b"\0\0")}
    ids = [p[4:6] for p in packets]
    near = [len(set(ids[i:i + 1000])) for i in range(0, len(ids) - 1000, 500)]
    assert min(near) == 1000


# ---- sizes ---------------------------------------------------------------------------------


def test_the_mss_is_clamped(lab, gate64):
    """RFC 9293 3.7.1, RFC 6691 2: to what the tunnel carries, in both SYNs"""
    for ns, family in ((lab.internet4, "-4"), (lab.server6, "-6")):
        ns.run("ip", family, "route", "flush", "cache")		# other tests had smaller MTUs
    with Capture(lab.internet4, "gw0", "tcp[13] & 2 != 0") as out, \
            Capture(lab.server6, "lan0", "ip6[6] == 6 and ip6[53] & 2 != 0") as back, \
            tcp_pair(lab, lab.internet4, WEB4) as (inside, _):
        inside.send(b"x")
    carried = lab.tunnel_mtu - 40 - 20
    assert [mss_of(p) for p in out.packets if p["IP"].src == GATEWAY4] == [carried]
    assert [mss_of(p) for p in back.packets if p["IPv6"].src != SERVER6] == [carried]


@both_ways
@pytest.mark.parametrize("where", ["tunnel", "uplink", "beyond"])
def test_a_path_of_1280(lab, gate64, where, outwards):
    """RFC 8200 5, RFC 8201 4, RFC 1191 4: the path's MTU falls under a flow that goes fast; its
    sender is told, and goes on fast."""
    ends = {"tunnel": ((lab.gateway, lab.wg_gateway), (lab.router6, lab.wg_router)),
            "uplink": ((lab.gateway, "up0"), (lab.internet4, "gw0")),
            "beyond": ((lab.server6, "lan0"), (lab.router6, "lan0"))}[where]
    was = {"tunnel": lab.tunnel_mtu}.get(where, 1500)
    with Stream(lab, outwards) as stream:
        stream.goes_on("before")
        for ns, interface in ends:
            ns.run("ip", "link", "set", interface, "mtu", 1280)
        try:
            stream.goes_on("the sender learns", 2)
            with gate64.counting() as rose:
                stream.goes_on("with an MTU of 1280", ENOUGH)
        finally:
            for ns, interface in ends:
                ns.run("ip", "link", "set", interface, "mtu", was)
            if where == "beyond":	# with less than 1280 IPv6 is off, and back without routes
                lab.server6.run("ip", "route", "replace", "default", "via", "2001:db8:1::1")
        stream.goes_on("after")
    mostly_fast(rose, outwards)


BEYOND = "203.0.113.0/24"


@contextlib.contextmanager
def another_way(lab):
    """An interface of the gateway beside the uplink; gives the words of a route by it."""
    gateway = lab.gateway
    gateway.run("ip", "link", "add", "vpn0", "type", "veth", "peer", "vpn1")
    try:
        for interface in ("vpn0", "vpn1"):
            gateway.run("ip", "link", "set", interface, "up")
        gateway.run("ip", "address", "add", "192.0.2.1/24", "dev", "vpn0")
        gateway.run("ip", "neigh", "add", "192.0.2.9", "lladdr", "02:64:00:00:00:09", "dev", "vpn0")
        yield ("ip", "route", "add", BEYOND, "via", "192.0.2.9")
    finally:
        gateway.run("ip", "link", "del", "vpn0")


def ways(lab):
    """Of six datagrams of a flow to BEYOND: how many left by vpn0, and by the uplink"""
    time.sleep(2)		# changes are noticed
    with Capture(lab.gateway, "vpn0", f"dst net {BEYOND}") as vpn, \
            Capture(lab.internet4, "gw0", f"dst net {BEYOND}") as uplink:
        lab.server6.run("/usr/bin/python3", "-c", "import socket, time\n"
                        "with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as sock:\n"
                        "    for _ in range(6):\n"
                        "        sock.sendto(b'hello', ('64:ff9b::203.0.113.7', 7777))\n"
                        "        time.sleep(0.1)")
        time.sleep(0.5)
    return len(vpn.packets), len(uplink.packets)


def test_not_by_the_uplink(lab, gate64):
    """RFC 1812 5.2.4.3: an IPv4 network behind another interface is reached by it, whether the
    gateway forwards IPv4 or not; nothing for it leaves by the uplink."""
    with another_way(lab) as route:
        lab.gateway.run(*route)
        assert ways(lab) == (6, 0)


@pytest.mark.parametrize("kind", ["blackhole", "unreachable", "prohibit"])
def test_a_route_that_says_no(lab, gate64, kind):
    """RFC 1812 5.2.1: what a route refuses leaves by no link; nor is it asked for on the uplink, as
    the program's redirect would, where the gateway forwards no IPv4."""
    lab.gateway.run("ip", "route", "add", kind, BEYOND)
    try:
        with Capture(lab.internet4, "gw0", "arp") as arp, another_way(lab):
            assert ways(lab) == (0, 0)
        assert not [p for p in arp.packets if b"\xcb\x00\x71" in bytes(p)]
    finally:
        lab.gateway.run("ip", "route", "del", kind, BEYOND)


@pytest.mark.parametrize("selector, pauses, expected", [
    ("mark", True, (6, 0)), ("other_mark", False, (0, 6)), ("interface", True, (0, 6)),
    ("source", False, (0, 6)), ("port", False, (0, 6))])
def test_policy_routing(lab, gate64, selector, pauses, expected):
    """Issue 4, policy routing: rules (ip-rule(8)) mean for what goes fast what they mean for
    what user space sends, with a mark and from nowhere: all of a flow goes one way. Where the
    program cannot follow them nothing goes fast, and the log says so."""
    words = {"mark": ("fwmark", NAT64_MARK), "other_mark": ("fwmark", 1),
             "interface": ("iif", lab.wg_gateway), "source": ("from", GATEWAY4),
             "port": ("ipproto", "udp", "dport", 7777)}[selector]
    with another_way(lab) as route:
        lab.gateway.run(*route, "table", 100)
        before = gate64.log().count("through user space while")
        lab.gateway.run("ip", "rule", "add", *words, "lookup", 100)
        try:
            assert ways(lab) == expected
            assert gate64.log().count("through user space while") - before == pauses
        finally:
            lab.gateway.run("ip", "rule", "del", *words, "lookup", 100)
    time.sleep(1)
    assert gate64.log().count("go fast again") == gate64.log().count("through user space while")


# ---- neighbours and interfaces -----------------------------------------------------------------


def test_a_neighbour_that_is_not_known(lab, gate64):
    """RFC 826, RFC 4861 7.2.2: it is asked for, and the packet waits, also where no process is
    there to ask."""
    with fast_datagrams(lab, gate64) as (inside, outside):
        for ask in (lambda: None, gate64.kill):
            ask()
            time.sleep(1)		# the kernel empties the table of programs by and by
            lab.gateway.run("ip", "neigh", "flush", "dev", "up0")
            inside.send(b"who is there?")
            assert outside.recv(100) == b"who is there?"
        gate64.start()


def test_a_neighbour_that_is_stale(lab, gate64):
    """RFC 4861 7.3.3: using it makes the kernel ask whether it is still there."""
    def state():
        return lab.gateway.run("ip", "neigh", "show", INTERNET4, "dev", "up0").stdout
    with fast_datagrams(lab, gate64) as (inside, outside):
        lab.gateway.run("ip", "neigh", "change", INTERNET4, "dev", "up0", "nud", "stale")
        assert "STALE" in state()

        def trusted():
            burst(inside, outside, datagrams(100))
            return "REACHABLE" in state()
        wait_for(trusted, "the kernel has asked its neighbour", timeout=30, step=0.5)


def test_a_neighbour_moves(lab, gate64):
    """RFC 826: internet4 gets another Ethernet address, and the gateway learns of it."""
    address = "02:64:00:00:00:0c"
    with Stream(lab, outwards=True) as stream:
        stream.goes_on("before")
        lab.internet4.run("ip", "link", "set", "gw0", "address", address)
        lab.gateway.run("ip", "neigh", "replace", INTERNET4, "lladdr", address, "dev", "up0",
                        "nud", "reachable")
        with gate64.counting() as rose:
            stream.goes_on("after", ENOUGH)
    mostly_fast(rose, True)


def test_a_way_that_is_not_the_uplinks(lab, gate64):
    """Issue 4, egress: the route to the remote host leads to router6, by a link of its own.
    Without IPv4 forwarding the kernel does not tell the fast path so: then it goes slowly."""
    lab.router6.run("ip", "route", "replace", "198.51.100.0/24", "via", "10.64.0.1")
    gate64.reload()			# forwarding is read when something else changes
    with udp_flow(lab, lab.router6, "10.64.0.2") as (inside, outside):
        for _ in range(5):
            for sender, receiver in ((outside, inside), (inside, outside)):
                sender.send(b"this way")
                assert receiver.recv(100) == b"this way"


@both_ways
def test_ipsec_policies(lab, gate64, outwards):
    """RFC 4301 5.1: a redirected packet would pass by the policies, and what they protect would
    leave in the clear; so nothing goes fast as long as there are any."""
    policy = ("src", "10.9.9.9/32", "dst", "10.9.9.8/32", "dir", "out")
    with Stream(lab, outwards) as stream:
        stream.goes_on("before")
        if lab.gateway.run("ip", "xfrm", "policy", "add", *policy, "action", "block",
                           check=False).returncode:
            pytest.skip("this kernel has no IPsec")
        try:
            time.sleep(1)	# it is looked for twice a second
            with gate64.counting() as rose:
                stream.goes_on("by user space")
        finally:
            lab.gateway.run("ip", "xfrm", "policy", "delete", *policy)
        assert not rose["nat64.fast_path.packets_out"] and not rose["nat64.fast_path.packets_in"]
        time.sleep(1)
        with gate64.counting() as rose:
            stream.goes_on("fast again", ENOUGH)
    mostly_fast(rose, outwards)


def test_it_is_where_packets_come_from(lab, gate64):
    """Issue 4, attachment: on the uplink and every inside interface, and on no other"""
    assert programs(lab.gateway) == {"up0", lab.wg_gateway}
    assert gate64.fast_path()["interfaces"] == 2


def test_filters_of_others(lab, gate64):
    """Issue 4, attachment: somebody's filter behind ours sees what we leave alone."""
    def answers():
        return lab.internet4.run("ping", "-c", 1, "-W", 1, GATEWAY4, check=False).returncode == 0
    assert answers()
    lab.gateway.run("tc", "filter", "add", "dev", "up0", "ingress", "protocol", "ip", "prio", 100,
                    "bpf", "da", "bytecode", "1,6 0 0 2")		# TC_ACT_SHOT
    try:
        assert not answers()
    finally:
        lab.gateway.run("tc", "filter", "del", "dev", "up0", "ingress", "prio", 100)
    assert answers()


def heard(sender, receiver):
    """One datagram, if it arrives soon; what else has arrived is forgotten."""
    sender.send(b"hello")
    receiver.settimeout(0.3)
    try:
        while receiver.recv(65535):
            receiver.setblocking(False)
    except TimeoutError:
        return False
    except BlockingIOError:
        return True
    finally:
        receiver.settimeout(5)


def test_the_tunnel_is_restarted(lab, gate64):
    """Issue 4, attachment: an interface that comes back gets the program again, and the flows go
    on as fast as before."""
    with fast_datagrams(lab, gate64) as (inside, outside):
        lab.tunnel_goes()
        wait_for(lambda: gate64.fast_path()["interfaces"] == 1, "its end is noticed")
        lab.tunnel_comes_back()
        wait_for(lambda: programs(lab.gateway) == {"up0", lab.wg_gateway}, "its return is noticed")
        # The gateway's new end has to shake hands, and router6 does not know yet.
        wait_for(lambda: heard(outside, inside), "the tunnel carries something", timeout=30)
        with gate64.counting() as rose:
            for ends in ((inside, outside), (outside, inside)):
                sent = datagrams(100)
                assert burst(*ends, sent) == sent
        mostly_fast(rose, True)
        mostly_fast(rose, False)


class Near:
    """A host right at the gateway's in0, which is Ethernet."""

    def __init__(self, lab):
        self.lab = lab
        self.ns = lab.ground.namespace("near6")

    def comes(self):
        self.lab._veth(self.ns, "eth0", self.lab.gateway, "in0")
        self.ns.run("ip", "address", "add", f"{NEAR6}/64", "dev", "eth0", "nodad")
        self.lab.gateway.run("ip", "address", "add", "2001:db8:3::1/64", "dev", "in0", "nodad")
        self.ns.run("ip", "route", "add", "default", "via", "2001:db8:3::1")

    def goes(self):
        self.lab.gateway.run("ip", "link", "del", "in0")


@pytest.fixture(scope="module")
def near(lab):
    near = Near(lab)
    near.ns.nft(QUIET)
    lab.internet4.nft(QUIET)
    yield near
    lab.gateway.run("ip", "link", "del", "in0", check=False)
    lab.internet4.run("nft", "delete", "table", "inet", "quiet")


@pytest.mark.parametrize("proto", [UDP, TCP], ids=["udp", "tcp"])
def test_another_interface(lab, gate64, near, proto):
    """Issue 4, attachment: an inside interface that was not there at the start, twice; RFC 7915
    4.1 and 5.1 from Ethernet to Ethernet"""
    for turn in range(2):
        near.comes()
        wait_for(lambda: "in0" in programs(lab.gateway), "it is noticed")
        with Crossing(lab, proto, INSIDE_PORT + turn, REMOTE_PORT, NEAR6, near.ns, "eth0",
                      hops=1) as flow:
            flow.establish()
            wait_fast(gate64)
            assert_goes_fast(gate64, flow)
        near.goes()
        wait_for(lambda: gate64.fast_path()["interfaces"] == 2, "its end is noticed")


def test_bulk_from_ethernet_to_ethernet(lab, gate64, near):
    """RFC 7915 4.1, 5.1: no tunnel between, so that packets stay joined all the way; the MTU is
    1500 on both sides, and IPv4 packets with DF have to be shorter (RFC 7915 4)."""
    near.comes()
    wait_for(lambda: "in0" in programs(lab.gateway), "it is noticed")
    lab.gateway.run("ethtool", "-K", "up0", "tx", "off")
    lab.gateway.run("ethtool", "-K", "in0", "tx", "off")
    server6, lab.server6 = lab.server6, near.ns
    try:
        for outwards in (True, False):
            with gate64.counting() as rose, Stream(lab, outwards) as stream:
                stream.goes_on("fast", 4 * ENOUGH)
            mostly_fast(rose, outwards)
    finally:
        lab.server6 = server6
        lab.gateway.run("ethtool", "-K", "up0", "tx", "on")
        near.goes()


def test_a_neighbour_that_is_gone(lab, gate64, near):
    """RFC 7915 4.2 type 3 code 1, RFC 4443 3.1, RFC 4861 7.2.2: who sends to an inside host that
    is no longer there is told, though the flow goes fast."""
    near.comes()
    wait_for(lambda: "in0" in programs(lab.gateway), "it is noticed")
    server6, lab.server6 = lab.server6, near.ns
    try:
        with fast_datagrams(lab, gate64) as (inside, outside), \
                Capture(lab.internet4, "gw0", "icmp[0] == 3 and icmp[1] == 1") as told:
            near.ns.run("ip", "address", "del", f"{NEAR6}/64", "dev", "eth0")
            lab.gateway.run("ip", "neigh", "flush", "dev", "in0")
            outside.send(b"is anybody there?")
            time.sleep(4)
        assert [p["IP"].src for p in told.packets] == [GATEWAY4]
    finally:
        lab.server6 = server6
        near.goes()


def test_padding_from_inside(lab, gate64, near):
    """RFC 894, RFC 2464 3: what a short frame is padded with is no part of the packet."""
    near.comes()
    wait_for(lambda: "in0" in programs(lab.gateway), "it is noticed")
    with Crossing(lab, UDP, INSIDE_PORT + 9, REMOTE_PORT, NEAR6, near.ns, "eth0", hops=1) as flow, \
            near.ns.socket(socket.AF_PACKET, socket.SOCK_RAW) as sock:
        flow.establish()
        wait_fast(gate64)
        assert_goes_fast(gate64, flow)
        sock.bind(("eth0", 0))
        packet, wanted = flow.out(Sample(size=33))
        sock.send(mac(lab.gateway, "in0") + mac(near.ns, "eth0") + struct.pack("!H", 0x86dd) +
                  packet + os.urandom(9))
        assert arrived_right(flow.internet.take(flow.is_ours4), wanted)
    near.goes()
