# SPDX-License-Identifier: GPL-2.0-or-later
"""Two hosts inside reach each other by their IPv4 addresses, without leaving the gateway.

    alice  2001:db8:1::a		bob  2001:db8:1::b	by pool4
    server6  2001:db8:1::80 port 5443 at 192.0.2.145 port 8443	by a static binding
    eve    2001:db8:1::e <-> 192.0.2.129			by a mapping

All of them are server6. 192.0.2.128/27 is routed to the gateway, which has none of it.
"""

import contextlib
import socket
import struct

import pytest

from netns import wait_for
from topology import GATEWAY4, PREF64, SERVER6, TUNNEL6, WEB4
from wire import Capture

BLOCK4 = "192.0.2.128/27"
ALICE6, BOB6 = "2001:db8:1::a", "2001:db8:1::b"
EVE6, EVE4 = "2001:db8:1::e", "192.0.2.129"
ROUTER4 = "192.0.2.143"
ROUTED4, STATIC4, NOBODY4 = "192.0.2.144", "192.0.2.145", "192.0.2.146"
SETTINGS = {
    "prefixes": {"eam": [{"ipv4": EVE4, "ipv6": EVE6}, {"ipv4": ROUTER4, "ipv6": TUNNEL6}]},
    "nat64": {"static": [{"proto": "tcp", "outside": f"{STATIC4}:8443",
                          "inside": f"[{SERVER6}]:5443"}]},
}
# The host's own address, which it shares; addresses that are only routed to it
POOLS = {GATEWAY4: [{"address": "auto", "ports": "auto"}],
         ROUTED4: [{"address": ROUTED4, "ports": "20000-20999"},
                   {"address": NOBODY4, "ports": "20000-20999"}]}

IPV6_RECVERR, IPV6_RECVHOPLIMIT, IPV6_HOPLIMIT = 25, 51, 52
UNREACHABLE6, TOO_BIG6, TIME_EXCEEDED6 = 1, 2, 3


@pytest.fixture(scope="module", autouse=True)
def hosts(lab):
    """server6 is everybody; internet4 routes what is routed to the gateway."""
    for address in (ALICE6, BOB6, EVE6):
        lab.server6.run("ip", "address", "add", f"{address}/64", "dev", "lan0",
                        "preferred_lft", "0")
    lab.internet4.run("ip", "route", "add", BLOCK4, "via", GATEWAY4)


@pytest.fixture(scope="module", params=POOLS)
def pool(request, lab, gate64):
    """gate64 with one kind of pool4 address; sessions of another's are gone."""
    gate64.reload({"nat64": {"pool4": POOLS[request.param]}})
    yield request.param


@pytest.fixture
def nothing_outside(lab):
    """What the test does is not seen on the uplink: of packets by which it gets to know the
    outside addresses, only those to WEB4."""
    with Capture(lab.gateway, "up0", f"ip and not host {WEB4}") as capture:
        yield
    assert not capture.packets


def to6(v4):
    """`v4` in the pref64, as text."""
    return socket.inet_ntop(socket.AF_INET6, socket.inet_pton(socket.AF_INET6, PREF64)[:12] +
                            socket.inet_aton(v4))


class UdpHost:
    """A UDP socket of an inside host, and the outside address that others know it by."""

    def __init__(self, lab, address, port=0):
        self.sock = lab.server6.socket(socket.AF_INET6, socket.SOCK_DGRAM)
        self.sock.bind((address, port))
        self.sock.settimeout(5)
        self.sock.setsockopt(socket.IPPROTO_IPV6, IPV6_RECVERR, 1)
        self.sock.setsockopt(socket.IPPROTO_IPV6, IPV6_RECVHOPLIMIT, 1)
        with lab.internet4.socket(socket.AF_INET, socket.SOCK_DGRAM) as stun:
            stun.bind((WEB4, 0))
            stun.settimeout(5)
            self.sock.sendto(b"who am I?", (f"{PREF64}{WEB4}", stun.getsockname()[1]))
            self.outside = stun.recvfrom(100)[1]
        self.outside6 = (to6(self.outside[0]), self.outside[1])

    def send(self, data, to, hops=64):
        """Send to another UdpHost by its outside address."""
        self.sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_UNICAST_HOPS, hops)
        self.sock.sendto(data, to.outside6)

    def receive(self):
        """(data, sender's address and port, hop limit)."""
        data, ancillary, _flags, peer = self.sock.recvmsg(65535, 100)
        hops, = [struct.unpack("=i", body)[0] for _level, kind, body in ancillary
                 if kind == IPV6_HOPLIMIT]
        return data, peer[:2], hops

    def error(self):
        """Wait for an ICMPv6 error: (type, code, MTU or so, who said it, about whom)."""
        self.sock.setblocking(False)

        def take():
            with contextlib.suppress(BlockingIOError):
                _data, ancillary, _flags, peer = self.sock.recvmsg(
                    65535, 512, socket.MSG_ERRQUEUE | socket.MSG_DONTWAIT)
                for _level, kind, body in ancillary:
                    if kind == IPV6_RECVERR:
                        type_, code = body[5], body[6]
                        info, = struct.unpack_from("=I", body, 8)
                        return type_, code, info, socket.inet_ntop(
                            socket.AF_INET6, body[24:40]), peer[:2]
            return None
        try:
            return wait_for(take, "an ICMPv6 error")
        finally:
            self.sock.settimeout(5)

    def close(self):
        self.sock.close()


@pytest.fixture
def alice(lab, pool):
    with contextlib.closing(UdpHost(lab, ALICE6)) as host:
        yield host


@pytest.fixture
def bob(lab, pool):
    with contextlib.closing(UdpHost(lab, BOB6)) as host:
        yield host


@pytest.fixture
def eve(lab, pool):
    with contextlib.closing(UdpHost(lab, EVE6)) as host:
        assert host.outside == (EVE4, host.sock.getsockname()[1])
        yield host


def test_udp(pool, alice, bob, nothing_outside, gate64):
    """RFC 6146 3.8, RFC 4787 REQ-9: by the outside addresses, each seen at its own ("External
    source IP address and port"). Two translations and two routers take four hops."""
    assert alice.outside[0] in [entry["address"] for entry in POOLS[pool]] + [GATEWAY4]
    with gate64.counting() as rose:
        alice.send(b"hello bob", bob)
        assert bob.receive() == (b"hello bob", alice.outside6, 60)
        bob.send(b"hello alice", alice)
        assert alice.receive() == (b"hello alice", bob.outside6, 60)
    assert rose["nat64.hairpinned"] == 2 and not rose["nat64.not_ours"]


def test_udp_to_oneself(alice, nothing_outside):
    """RFC 6146 3.8: the same host may be at both ends."""
    alice.send(b"an echo", alice)
    assert alice.receive() == (b"an echo", alice.outside6, 60)


def test_udp_with_filtering(pool, gate64, lab, nothing_outside):
    """RFC 4787 REQ-8, RFC 6146 3.5.1, 3.8: address-dependent filtering holds for neighbours too:
    bob hears of alice once he has sent to her address."""
    gate64.reload({"nat64": {"pool4": POOLS[pool], "filtering": "address-dependent"}})
    try:
        with contextlib.closing(UdpHost(lab, ALICE6)) as alice, \
                contextlib.closing(UdpHost(lab, BOB6)) as bob:
            before = gate64.counters()["nat64.drops.filtered"]
            with gate64.counting() as rose:
                alice.send(b"too early", bob)
                wait_for(lambda: gate64.counters()["nat64.drops.filtered"] > before, "the drop")
            assert rose["nat64.drops.filtered"] == 1 and not rose["nat64.packets.in"]
            bob.send(b"hello alice", alice)
            assert alice.receive()[:2] == (b"hello alice", bob.outside6)
            alice.send(b"hello bob", bob)
            assert bob.receive()[:2] == (b"hello bob", alice.outside6)
    finally:
        gate64.reload({"nat64": {"pool4": POOLS[pool]}})


@pytest.mark.parametrize("size", [1232, 1373, 5000])
def test_large_datagrams(alice, bob, nothing_outside, size):
    """RFC 6146 3.4, 3.8: what does not fit the tunnel comes and goes in fragments."""
    data = bytes(i % 251 for i in range(size))

    def arrives():
        with contextlib.suppress(OSError):	# too big for the tunnel, the first time
            alice.send(data, bob)
            return bob.receive()[:2] == (data, alice.outside6)
    bob.sock.settimeout(0.5)
    wait_for(arrives, f"{size} bytes", step=0)


def test_udp_between_a_mapping_and_the_pool(alice, eve, nothing_outside):
    """RFC 7757 4.2.2, RFC 6146 3.8: both ways, with and without state."""
    alice.send(b"hello eve", eve)
    assert eve.receive() == (b"hello eve", alice.outside6, 60)
    eve.send(b"hello alice", alice)
    assert alice.receive() == (b"hello alice", eve.outside6, 60)


def test_udp_between_mappings(lab, eve, gate64, nothing_outside):
    """RFC 7757 4.2.2: two mapped addresses; the sender is seen in the pref64."""
    with gate64.counting() as rose:
        eve.send(b"an echo", eve)
        assert eve.receive() == (b"an echo", eve.outside6, 60)
    assert rose["nat64.hairpinned"] == 1 and not rose["nat64.sessions_created"]


def tcp_listener(lab, address, port):
    listener = lab.server6.socket(socket.AF_INET6)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    listener.bind((address, port))
    listener.listen()
    listener.settimeout(5)
    return listener


def tcp_outside(lab, address, port):
    """Bind `port` of an inside host by a connection out: (the connection, how it is seen)."""
    with lab.internet4.socket() as server:
        server.bind((WEB4, 0))
        server.listen()
        server.settimeout(5)
        sock = lab.server6.socket(socket.AF_INET6)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        sock.bind((address, port))
        sock.connect((f"{PREF64}{WEB4}", server.getsockname()[1]))
        conn, peer = server.accept()
        return contextlib.closing(sock), contextlib.closing(conn), peer


def pump(one, other, size=4 << 20):
    """`size` bytes from one socket to the other."""
    data = bytes(range(256)) * 256
    for sock in (one, other):
        sock.settimeout(10)
    for _ in range(size // len(data)):
        one.sendall(data)
        got = bytearray()
        while len(got) < len(data):
            got += other.recv(len(data) - len(got))
        assert bytes(got) == data


def check_tcp(lab, listener, source, target, seen_from):
    """Connect from `source`, send much both ways; the peer seen must be in `seen_from`."""
    with lab.server6.connect(target, source=source, timeout=5) as client:
        server, peer = listener.accept()
        with server:
            assert peer[0] in [to6(v4) for v4 in seen_from]
            pump(client, server)
            pump(server, client)


def test_tcp(lab, pool, gate64, nothing_outside):
    """RFC 5382 REQ-8, RFC 6146 3.8: a connection to a port that another host has bound."""
    outs = [entry["address"] for entry in POOLS[pool]]
    sock, conn, outside = tcp_outside(lab, ALICE6, 5555)
    with sock, conn, tcp_listener(lab, ALICE6, 5555) as listener, gate64.counting() as rose:
        check_tcp(lab, listener, BOB6, (to6(outside[0]), outside[1]),
                  [GATEWAY4 if out == "auto" else out for out in outs])
    assert rose["nat64.hairpinned"] > 1000


def test_tcp_to_a_static_binding(lab, pool, nothing_outside):
    """RFC 6146 3.8 and 3.1: a binding made by hand, at an address that is only routed here."""
    outs = [GATEWAY4 if e["address"] == "auto" else e["address"] for e in POOLS[pool]]
    with tcp_listener(lab, SERVER6, 5443) as listener:
        check_tcp(lab, listener, BOB6, (to6(STATIC4), 8443), outs)


def test_tcp_that_nobody_wants(lab, pool, gate64, nothing_outside):
    """RFC 5382 REQ-4, RFC 6146 3.5.2.2, 3.8: a neighbour's SYN that filtering holds off waits for
    6 s; then port unreachable finds its way back."""
    gate64.reload({"nat64": {"pool4": POOLS[pool], "filtering": "address-dependent"}})
    try:
        sock, conn, outside = tcp_outside(lab, ALICE6, 5557)
        with sock, conn, pytest.raises(ConnectionRefusedError):
            lab.server6.connect((to6(outside[0]), outside[1]), source=BOB6, timeout=15)
    finally:
        gate64.reload({"nat64": {"pool4": POOLS[pool]}})


def test_tcp_to_and_from_a_mapping(lab, pool, nothing_outside):
    """RFC 7757 4.2.2, RFC 5382 REQ-8"""
    outs = [GATEWAY4 if e["address"] == "auto" else e["address"] for e in POOLS[pool]]
    with tcp_listener(lab, EVE6, 5556) as listener:
        check_tcp(lab, listener, BOB6, (to6(EVE4), 5556), outs)
        check_tcp(lab, listener, EVE6, (to6(EVE4), 5556), [EVE4])


@pytest.mark.parametrize("source", [ALICE6, EVE6])
def test_ping(lab, pool, nothing_outside, source):
    """RFC 5508 REQ-7, RFC 7757 4.2.2: echo to a mapped address, and the replies."""
    out = lab.server6.run("ping", "-c", "3", "-i", "0.1", "-W", "2", "-I", source, to6(EVE4))
    assert " 0% packet loss" in out.stdout


# ---- errors ----------------------------------------------------------------

def test_a_closed_port(alice, bob, nothing_outside):
    """RFC 5508 REQ-7, RFC 6146 3.8: port unreachable, back through both translations. Alice's
    binding lives on when her socket is gone."""
    alice.close()
    bob.send(b"anyone there?", alice)
    assert bob.error() == (UNREACHABLE6, 4, 0, alice.outside6[0], alice.outside6)


def test_a_closed_port_of_a_mapped_host(bob, eve, nothing_outside):
    """RFC 7757 4.2.2, RFC 5508 REQ-7: and the other way round."""
    eve.close()
    bob.send(b"anyone there?", eve)
    assert bob.error() == (UNREACHABLE6, 4, 0, eve.outside6[0], eve.outside6)


def test_a_closed_port_for_a_mapped_host(alice, eve, nothing_outside):
    """RFC 7757 4.2.2, RFC 5508 REQ-7"""
    alice.close()
    eve.send(b"anyone there?", alice)
    assert eve.error() == (UNREACHABLE6, 4, 0, alice.outside6[0], alice.outside6)


def test_hop_limits(lab, alice, bob, nothing_outside):
    """RFC 7915 5.1, 4.1, RFC 6146 3.8: exceeded in the first translation, in the second one
    (as if at alice's outside address), and at the router behind it, which is mapped."""
    who = {}
    for hops in (2, 3, 4):
        bob.send(b"how far?", alice, hops)
        type_, code, _info, who[hops], about = bob.error()
        assert (type_, code, about) == (TIME_EXCEEDED6, 0, alice.outside6)
    assert who[2] in lab.gateway.run("ip", "-6", "address").stdout
    assert who[3] == alice.outside6[0]
    assert who[4] == to6(ROUTER4)
    bob.send(b"that far", alice, 5)
    assert alice.receive()[0] == b"that far"


def test_packet_too_big_in_the_second_leg(lab, alice, bob, nothing_outside):
    """RFC 7915 4.1, 4.2: the way to alice takes 1300 bytes; bob is told so."""
    lab.gateway.run("ip", "-6", "route", "add", f"{ALICE6}/128", "dev", lab.wg_gateway,
                    "mtu", "1300")
    try:
        def told():
            bob.send(bytes(1352), alice)
            try:
                return bob.error()
            except AssertionError:
                return None
        # What the kernel said of the way before is remembered for a second.
        error = wait_for(told, "Packet Too Big")
        assert error == (TOO_BIG6, 0, 1300, alice.outside6[0], alice.outside6)
    finally:
        lab.gateway.run("ip", "-6", "route", "del", f"{ALICE6}/128", "dev", lab.wg_gateway)


# ---- what must not come of it --------------------------------------------------

def test_nobody_there(pool, bob, nothing_outside, gate64):
    """RFC 6146 3.8: an address of ours where nobody has that port: refused, neither given to
    the host nor sent out."""
    for address in {GATEWAY4, STATIC4} | {e["address"] for e in POOLS[pool]} - {"auto"}:
        with gate64.counting() as rose:
            bob.sock.sendto(b"knock", (to6(address), 9))
            assert bob.error()[:2] == (UNREACHABLE6, 1)
        assert rose["nat64.drops.destination_denied"] == 1


def test_an_unbound_port_of_the_pool(pool, bob, nothing_outside, gate64):
    """RFC 6146 3.8: no routing loop with the uplink's router."""
    free = bob.outside[1] ^ 1
    bob.sock.sendto(b"knock", (bob.outside6[0], free))
    assert bob.error()[:2] == (UNREACHABLE6, 1)
