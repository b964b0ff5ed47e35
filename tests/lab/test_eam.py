# SPDX-License-Identifier: GPL-2.0-or-later
"""Explicit address mappings (RFC 7757): IPv4 addresses of hosts inside, without state.

                2001:db8:1::e:1  <-> 192.0.2.129	by 2001:db8:1::e:0/124, 192.0.2.128/28
                2001:db8:1::99   <-> 192.0.2.130	by a mapping of its own, the longer one
    router6     2001:db8:0:1::2  <-> 192.0.2.143	the same
    a stranger  2001:db8:2::66   <-> 192.0.2.142	mapped, but no client

192.0.2.128/28 is routed to the gateway, which has none of these addresses itself.
"""

import contextlib
import socket
import time

import pytest
from scapy.layers.inet import ICMP, IP, UDP
from scapy.layers.inet6 import ICMPv6DestUnreach, IPv6
from scapy.packet import Raw

from netns import wait_for
from topology import (CLIENT4, GATEWAY4, GATEWAY6, INSIDE, INTERNET4, PREF64, STRANGER6, TUNNEL6,
                      WEB4)
from wire import Capture, WhoAmI, read_all

BLOCK4 = "192.0.2.128/28"
MAPPED4, MAPPED6 = "192.0.2.129", "2001:db8:1::e:1"
LONGER4, LONGER6 = "192.0.2.130", "2001:db8:1::99"
HIDDEN6 = "2001:db8:1::e:2"		# 192.0.2.130 by the block, were there not the longer one
ROUTER4, STRANGER4, OWN4 = "192.0.2.143", "192.0.2.142", "192.0.2.141"
DENIED4 = "192.0.2.200"
SETTINGS = {
    "prefixes": {"eam": [{"ipv4": BLOCK4, "ipv6": "2001:db8:1::e:0/124"},
                         {"ipv4": LONGER4, "ipv6": LONGER6},
                         {"ipv4": ROUTER4, "ipv6": TUNNEL6},
                         {"ipv4": STRANGER4, "ipv6": STRANGER6}]},
    "nat64": {"clients": [INSIDE]},
}
ESP, IGMP, OSPF = 50, 2, 89


@pytest.fixture(scope="module", autouse=True)
def mapped_hosts(lab):
    """server6 has the mapped addresses; internet4 routes their IPv4 ones to the gateway."""
    for address in (MAPPED6, LONGER6, HIDDEN6):
        lab.server6.run("ip", "address", "add", f"{address}/64", "dev", "lan0",
                        "preferred_lft", "0")
    lab.internet4.run("ip", "route", "add", BLOCK4, "via", GATEWAY4)


def embedded(v4):
    """The address of `v4` in the first pref64, as text."""
    return socket.inet_ntop(socket.AF_INET6, socket.inet_pton(socket.AF_INET6, PREF64)[:12] +
                            socket.inet_aton(v4))


def send(ns, packet):
    """Send an IP packet just as it is."""
    family = socket.AF_INET6 if IPv6 in packet else socket.AF_INET
    with ns.socket(family, socket.SOCK_RAW, socket.IPPROTO_RAW) as sock:
        sock.sendto(bytes(packet), (packet.dst, 0))


def whoami(ns, address, source=None):
    """Ask a WhoAmI: own port, and the address and port that it saw."""
    with ns.connect(address, source=source, timeout=5) as sock:
        sock.sendall(b"me\n")
        _token, peer, port = sock.makefile().readline().split()
        return sock.getsockname()[1], peer, int(port)


@pytest.mark.parametrize("v6,v4", [(MAPPED6, MAPPED4), (LONGER6, LONGER4)])
def test_out(lab, gate64, v6, v4):
    """RFC 7757 3.3.2, RFC 7915 6: the source becomes the mapped address, the port stays, there is
    no session."""
    with WhoAmI(lab.internet4, WEB4, 7001), gate64.counting() as rose:
        port, peer, peer_port = whoami(lab.server6, (f"{PREF64}{WEB4}", 7001), source=v6)
    assert (peer, peer_port) == (v4, port)
    assert rose["nat64.sessions_created"] == 0 and rose["nat64.packets.out"] > 2


@pytest.mark.parametrize("v6,v4", [(MAPPED6, MAPPED4), (LONGER6, LONGER4)])
def test_in(lab, gate64, v6, v4):
    """RFC 7757 3.3.1, RFC 7915 6: whoever calls the mapped address reaches its host, without a
    binding, and appears in the pref64."""
    with WhoAmI(lab.server6, v6, 7002), gate64.counting() as rose:
        port, peer, peer_port = whoami(lab.client4, (v4, 7002))
    assert (peer, peer_port) == (embedded(CLIENT4), port)
    assert rose["nat64.sessions_created"] == 0


def test_a_host_hidden_by_a_longer_mapping(lab, gate64):
    """RFC 7757 3.2: 192.0.2.130 is another host's; back, the block's mapping is the longest
    match, as the table says."""
    with WhoAmI(lab.server6, HIDDEN6, 7003), pytest.raises(ConnectionRefusedError):
        whoami(lab.client4, (LONGER4, 7003))
    with Capture(lab.internet4, "gw0", f"udp and dst {WEB4}") as capture, \
            lab.server6.socket(socket.AF_INET6, socket.SOCK_DGRAM) as sock:
        sock.bind((HIDDEN6, 0))
        sock.sendto(b"x", (f"{PREF64}{WEB4}", 9))
        assert capture.wait(lambda p: UDP in p, "the datagram")[IP].src == LONGER4


def test_an_unmapped_host_has_a_session(lab, gate64):
    """RFC 6146 3.5.2.2, beside RFC 7757: stateful translation goes on for all others."""
    with WhoAmI(lab.internet4, WEB4, 7001), gate64.counting() as rose:
        _port, peer, _peer_port = whoami(lab.server6, (f"{PREF64}{WEB4}", 7001))
    assert peer == GATEWAY4 and rose["nat64.sessions_created"] == 1


def test_much_data_both_ways(lab, gate64):
    """RFC 7915 4, RFC 7915 5: a stream through the mapping, 8 MiB each way."""
    data = bytes(range(256)) * (8 << 12)
    with lab.server6.socket(socket.AF_INET6) as listener:
        listener.bind((MAPPED6, 7004))
        listener.listen()
        listener.settimeout(5)
        with lab.client4.connect((MAPPED4, 7004)) as client:
            server = listener.accept()[0]
            with server:
                for one, other in ((client, server), (server, client)):
                    one.settimeout(20)
                    other.settimeout(20)
                    got = bytearray()
                    for at in range(0, len(data), 65536):
                        one.sendall(data[at:at + 65536])
                        while len(got) < min(at + 65536, len(data)):
                            got += other.recv(1 << 20)
                    assert bytes(got) == data
                client.shutdown(socket.SHUT_WR)
                assert read_all(server) == b""


def test_ping_both_ways(lab, gate64):
    """RFC 7915 4.2, RFC 7915 5.2: echo, with the identifier as it is."""
    with Capture(lab.internet4, "gw0", "icmp") as capture:
        assert " 0% packet loss" in lab.server6.run(
            "ping", "-c", "2", "-i", "0.1", "-W", "2", "-e", "4242", "-I", MAPPED6,
            f"{PREF64}{WEB4}").stdout
        assert " 0% packet loss" in lab.client4.run(
            "ping", "-c", "2", "-i", "0.1", "-W", "2", "-e", "4343", MAPPED4).stdout
        capture.wait(lambda p: p[ICMP].type == 0 and p[ICMP].id == 4343, "the last reply")
    seen = {(p[IP].src, p[ICMP].type, p[ICMP].id) for p in capture.packets}
    assert {(MAPPED4, 8, 4242), (WEB4, 0, 4242), (CLIENT4, 8, 4343), (MAPPED4, 0, 4343)} <= seen


def test_another_protocol_in(lab, gate64):
    """RFC 7915 4.1: the protocol number is copied; RFC 7915 4.5: and the payload untouched."""
    payload = bytes(range(200))
    with Capture(lab.server6, "lan0", f"ip6 proto {ESP}") as capture:
        send(lab.client4, IP(src=CLIENT4, dst=MAPPED4, proto=ESP, tos=0x28, ttl=33) /
             Raw(payload))
        ip6 = capture.wait(lambda p: IPv6 in p, "ESP inside")[IPv6]
    # Two routers before: internet4, the gateway; one behind: router6.
    assert (ip6.src, ip6.dst, ip6.nh, ip6.tc, ip6.hlim, ip6.fl) == (
        embedded(CLIENT4), MAPPED6, ESP, 0x28, 33 - 3, 0)
    assert bytes(ip6.payload) == payload and ip6.plen == len(payload)


def test_another_protocol_out(lab, gate64):
    """RFC 7915 5.1, RFC 7915 5.5: the same the other way."""
    payload = bytes(range(200))
    with Capture(lab.client4, "eth0", f"ip proto {OSPF}") as capture:
        send(lab.server6, IPv6(src=MAPPED6, dst=f"{PREF64}{CLIENT4}", nh=OSPF, tc=0x28,
                               hlim=33) / Raw(payload))
        ip = capture.wait(lambda p: IP in p, "OSPF outside")[IP]
    assert (ip.src, ip.dst, ip.proto, ip.tos, ip.ttl, ip.len) == (
        MAPPED4, CLIENT4, OSPF, 0x28, 33 - 3, 20 + len(payload))
    assert bytes(ip.payload) == payload


def test_igmp_ends_here(lab, gate64):
    """RFC 7915 4.2: IGMP has no counterpart."""
    with gate64.counting() as rose:
        send(lab.client4, IP(src=CLIENT4, dst=MAPPED4, proto=IGMP) / Raw(bytes(8)))
        wait_for(lambda: gate64.counters()["nat64.drops.protocol"], "the drop")
    assert rose["nat64.drops.protocol"] == 1


@contextlib.contextmanager
def udp_pair(lab):
    """Sockets of the mapped host and of client4 that send to each other."""
    with lab.server6.socket(socket.AF_INET6, socket.SOCK_DGRAM) as inside, \
            lab.client4.socket(socket.AF_INET, socket.SOCK_DGRAM) as outside:
        inside.bind((MAPPED6, 7005))
        outside.bind((CLIENT4, 7006))
        inside.connect((f"{PREF64}{CLIENT4}", 7006))
        outside.connect((MAPPED4, 7005))
        for sock in (inside, outside):
            sock.settimeout(5)
        yield inside, outside


@pytest.mark.parametrize("size", [1, 1300, 4000, 20000])
def test_datagrams_in_fragments(lab, gate64, size):
    """RFC 7915 4.1, RFC 7915 5.1.1: datagrams that need fragments, to and from a mapped host."""
    data = bytes(i % 253 for i in range(size))
    with udp_pair(lab) as (inside, outside):
        # Without DF, as most senders of large datagrams do
        outside.setsockopt(socket.IPPROTO_IP, 10, 0)
        for one, other in ((inside, outside), (outside, inside)):
            def arrives(one=one, other=other):
                with contextlib.suppress(OSError):
                    one.send(data)
                    return other.recv(65535) == data
            inside.settimeout(0.5)	# the first one may be too big for the tunnel
            outside.settimeout(0.5)
            wait_for(arrives, f"{size} bytes", step=0)


def test_a_lone_fragment_ends_here(lab, gate64):
    """RFC 6146 3.4: what has waited in vain goes on to the host, but to a mapped address it is
    none of the host's, which would send it back to where it came from."""
    part = IP(src=CLIENT4, dst=MAPPED4, proto=17, id=7, frag=10, flags="MF") / Raw(bytes(64))
    lab.gateway.sysctl("net/ipv4/ip_forward", 1)
    before = gate64.counters()["nat64.drops.fragment"]
    try:
        with Capture(lab.gateway, "up0", f"dst {MAPPED4} and ip[6:2] & 0x1fff = 10") as capture:
            send(lab.client4, part)
            wait_for(lambda: gate64.counters()["nat64.drops.fragment"] > before, "its end")
            time.sleep(0.3)	# for it to come back, which nothing announces
    finally:
        lab.gateway.sysctl("net/ipv4/ip_forward", 0)
    assert [packet.ttl for packet in capture.packets] == [63]


def icmp_from(lab, ns, interface, cause, inner):
    """Do `cause`; the first ICMP error to `ns` about a packet to the address `inner`."""
    with Capture(ns, interface, "icmp") as capture:
        cause()
        return capture.wait(lambda p: p.haslayer("IP in ICMP") and
                            p["IP in ICMP"].dst == inner, "an ICMP error")


def test_an_error_from_the_mapped_host(lab, gate64):
    """RFC 7915 5.2, 5.3: port unreachable comes from the mapped address, and quotes the packet
    as client4 has sent it."""
    with lab.client4.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind((CLIENT4, 0))
        error = icmp_from(lab, lab.client4, "eth0",
                          lambda: sock.sendto(b"hello?", (MAPPED4, 9)), MAPPED4)
        port = sock.getsockname()[1]
    inner = error["IP in ICMP"]
    assert (error[IP].src, error[ICMP].type, error[ICMP].code) == (MAPPED4, 3, 3)
    assert (inner.src, inner.dst, inner["UDP in ICMP"].sport, inner["UDP in ICMP"].dport) == (
        CLIENT4, MAPPED4, port, 9)


def test_an_error_from_a_mapped_router(lab, gate64):
    """RFC 7915 5.2, RFC 7757 3.3.2: a router inside with a mapping shows its own address."""
    with lab.client4.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, 3)	# internet4, gateway, router6
        error = icmp_from(lab, lab.client4, "eth0",
                          lambda: sock.sendto(b"hello?", (MAPPED4, 33434)), MAPPED4)
    assert (error[IP].src, error[ICMP].type, error[ICMP].code) == (ROUTER4, 11, 0)


def test_time_exceeded_in_the_gateway(lab, gate64):
    """RFC 7915 4.1: told in the family of the packet."""
    with lab.client4.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, 2)
        error = icmp_from(lab, lab.client4, "eth0",
                          lambda: sock.sendto(b"hello?", (MAPPED4, 33434)), MAPPED4)
    assert (error[ICMP].type, error[ICMP].code) == (11, 0)


def test_fragmentation_needed_is_told(lab, gate64):
    """RFC 7915 4.1: DF set, and 1500 bytes do not fit the tunnel: 1420 - 20 do."""
    error = icmp_from(lab, lab.client4, "eth0", lambda: send(
        lab.client4, IP(src=CLIENT4, dst=MAPPED4, flags="DF") / UDP(sport=7, dport=9) /
        Raw(bytes(1472))), MAPPED4)
    assert (error[ICMP].type, error[ICMP].code) == (3, 4)
    assert error[ICMP].nexthopmtu == lab.tunnel_mtu - 20


def test_an_error_from_outside(lab, gate64):
    """RFC 7915 4.2, 4.3: a router's time exceeded reaches the mapped host, which sees the
    router in the pref64 and its own packet quoted."""
    with Capture(lab.server6, "lan0", "icmp6 and ip6[40] == 3") as capture, \
            lab.server6.socket(socket.AF_INET6, socket.SOCK_DGRAM) as sock:
        sock.bind((MAPPED6, 0))
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_UNICAST_HOPS, 3)
        sock.sendto(b"how far?", (f"{PREF64}{CLIENT4}", 33434))
        error = capture.wait(lambda p: True, "time exceeded")
        port = sock.getsockname()[1]
    inner = error["IPv6 in ICMPv6"]
    assert (error[IPv6].src, error[IPv6].dst) == (embedded(INTERNET4), MAPPED6)
    assert (inner.src, inner.dst, inner["UDP in ICMP"].sport) == (
        MAPPED6, embedded(CLIENT4), port)


def test_a_stranger_with_a_mapping(lab, gate64):
    """RFC 6146 3.5 and RFC 7757 3.1: a mapping is no right to use the translator."""
    with gate64.counting() as rose:
        with lab.server6.socket(socket.AF_INET6, socket.SOCK_DGRAM) as sock:
            sock.bind((STRANGER6, 0))
            sock.sendto(b"x", (f"{PREF64}{WEB4}", 9))
        with lab.client4.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.sendto(b"x", (STRANGER4, 9))
        wait_for(lambda: gate64.counters()["nat64.drops.not_a_client"] >= 2, "both drops")
    assert rose["nat64.drops.not_a_client"] == 2
    assert not rose["nat64.packets.out"] and not rose["nat64.packets.in"]


def test_an_error_is_no_way_around_a_denial(lab, gate64):
    """RFC 6146 3.5, RFC 7915 5.2: a mapping has no sessions, so an error from inside proves
    nothing: it goes nowhere that a packet may not go, to the gateway's own address least."""
    about = IPv6(src=embedded(GATEWAY4), dst=MAPPED6) / UDP(sport=22, dport=7)
    before = gate64.counters()["nat64.drops.destination_denied"]
    with gate64.counting() as rose:
        send(lab.server6, IPv6(src=MAPPED6, dst=embedded(GATEWAY4)) /
             ICMPv6DestUnreach(code=4) / Raw(bytes(about)))
        wait_for(lambda: gate64.counters()["nat64.drops.destination_denied"] > before, "the drop")
    assert not rose["nat64.packets.out"]


def test_an_error_to_a_stranger_with_a_mapping(lab, gate64):
    """RFC 6146 3.5 and RFC 7757 3.1: who is no client is sent no errors either."""
    about = IP(src=STRANGER4, dst=CLIENT4) / UDP(sport=7, dport=9)
    before = gate64.counters()["nat64.drops.not_a_client"]
    with gate64.counting() as rose:
        send(lab.client4, IP(src=CLIENT4, dst=STRANGER4) / ICMP(type=3, code=3) / about)
        wait_for(lambda: gate64.counters()["nat64.drops.not_a_client"] > before, "the drop")
    assert not rose["nat64.packets.in"]


def test_a_mapping_does_not_open_the_host(lab, gate64):
    """RFC 7757 3.1: a block that holds an address of the gateway's own, too. What came to its
    sockets that way would come from itself, past its packet filter; its own packets have the
    pool's address, as without the mapping."""
    gate64.reload({"prefixes": {"eam": [{"ipv4": OWN4, "ipv6": GATEWAY6}]},
                   "nat64": {"clients": [INSIDE, f"{GATEWAY6}/128"]}})
    try:
        with lab.gateway.socket(socket.AF_INET6, socket.SOCK_DGRAM) as host, \
                WhoAmI(lab.internet4, WEB4, 7001), gate64.counting() as rose:
            host.bind((GATEWAY6, 7007))
            host.settimeout(0.5)
            send(lab.client4, IP(src=CLIENT4, dst=OWN4) / UDP(sport=7, dport=7007) / b"x")
            with pytest.raises(TimeoutError):
                host.recv(1)
            assert whoami(lab.gateway, (f"{PREF64}{WEB4}", 7001), GATEWAY6)[1] == GATEWAY4
    finally:
        gate64.reload()
    assert rose["nat64.drops.not_a_client"] == 1


def test_what_is_denied_is_denied_to_mapped_hosts_too(lab, gate64):
    """RFC 6052 3.1, RFC 7915 4.1: nat64.deny4 both ways. It needs a prefix of the network's
    own here: behind the well-known one any list refuses documentation addresses."""
    gate64.reload({"prefixes": {"nat64": ["2001:db8:64::/96"]},
                   "nat64": {"deny4": [f"{DENIED4}/32"]}})
    try:
        with lab.server6.socket(socket.AF_INET6, socket.SOCK_DGRAM) as sock:
            sock.bind((MAPPED6, 0))
            sock.settimeout(2)
            for denied, error in ((DENIED4, PermissionError), (WEB4, ConnectionRefusedError)):
                sock.connect((f"2001:db8:64::{denied}", 9))
                sock.send(b"x")
                with pytest.raises(error):
                    sock.recv(1)
        out = gate64.counters()["nat64.packets.out"]
        with gate64.counting() as rose:
            for source in (DENIED4, CLIENT4):
                send(lab.client4, IP(src=source, dst=MAPPED4) / UDP(sport=7, dport=9))
            wait_for(lambda: gate64.counters()["nat64.packets.out"] > out, "the other's answer")
    finally:
        gate64.reload()
    assert rose["nat64.drops.martian_source"] == 1 and rose["nat64.packets.in"] == 1


@pytest.mark.parametrize("source", [LONGER4, MAPPED4, GATEWAY4])
def test_nobody_outside_takes_on_an_address_of_ours(lab, gate64, source):
    """RFC 7757 4.2.2, RFC 6146 3.8: only a packet on its turn has such a source, and even then
    it appears in the pref64."""
    before = gate64.counters()["nat64.drops.martian_source"]
    with gate64.counting() as rose:
        send(lab.client4, IP(src=source, dst=MAPPED4) / UDP(sport=7, dport=9))
        wait_for(lambda: gate64.counters()["nat64.drops.martian_source"] > before, "the drop")
    assert not rose["nat64.packets.in"]


def test_a_mapping_is_taken_away_by_a_reload(lab, gate64):
    """RFC 7757 3.1: the table is the configuration's, and the rules follow it."""
    gate64.reload({"prefixes": {"eam": []}})
    try:
        with WhoAmI(lab.internet4, WEB4, 7001):
            assert whoami(lab.server6, (f"{PREF64}{WEB4}", 7001), MAPPED6)[1] == GATEWAY4
    finally:
        gate64.reload()
    with WhoAmI(lab.internet4, WEB4, 7001):
        assert whoami(lab.server6, (f"{PREF64}{WEB4}", 7001), MAPPED6)[1] == MAPPED4


def test_the_uplinks_own_address_cannot_be_mapped(lab, gate64):
    """RFC 7757 3.1: the host would lose its own address: refused, and said."""
    with gate64.counting() as rose:
        gate64.reload({"prefixes": {"eam": [{"ipv4": "198.51.100.0/30",
                                             "ipv6": "2001:db8:1::e:0/126"}]}})
    assert rose["ops.reloads.failed"] == 1
    assert f"holds {GATEWAY4}, the uplink's own address" in gate64.log()
