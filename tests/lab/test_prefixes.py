# SPDX-License-Identifier: GPL-2.0-or-later
"""Several pref64s of different lengths at the same time (RFC 6052 2.2).

server6's default route takes all of them to the gateway: 64:ff9b::/96, 2001:db8:64::/64,
and fd00:64::/32 (the lab's own addresses are of the only /32 that documentation has).
"""

import contextlib
import errno
import socket
import struct

import dns.rdatatype
import dns.reversename
import pytest
from scapy.layers.inet import UDP
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import Ether
from scapy.sendrecv import sendp

from netns import wait_for
from topology import CLIENT4, GATEWAY4, GATEWAY6, INTERNET4, SERVER6, WEB4
from wire import Capture, WhoAmI, ask

LONG, MIDDLE, SHORT = "64:ff9b::/96", "2001:db8:64::/64", "fd00:64::/32"
PREFIXES = [LONG, MIDDLE, SHORT]
SETTINGS = {"prefixes": {"nat64": PREFIXES}}
BIG = 4 << 20
IPV6_RECVERR = 25


def embed(prefix, v4, suffix=0):
    """RFC 6052 2.2, for these three lengths: the u octet is bits 64 to 71."""
    network, length = prefix.split("/")
    head = socket.inet_pton(socket.AF_INET6, network)[:int(length) // 8]
    v4 = socket.inet_aton(v4)
    raw = {96: lambda: head + v4,
           64: lambda: head + b"\0" + v4 + struct.pack(">HB", 0, suffix),
           32: lambda: head + v4 + b"\0" + bytes(6) + bytes([suffix])}[int(length)]()
    return socket.inet_ntop(socket.AF_INET6, raw)


def test_embedded_addresses():
    """RFC 6052 2.4: the examples of the text, by their shape."""
    assert embed("2001:db8::/32", "192.0.2.33") == "2001:db8:c000:221::"
    assert embed("2001:db8:122:344::/64", "192.0.2.33") == "2001:db8:122:344:c0:2:2100:0"
    assert embed("64:ff9b::/96", "192.0.2.33") == "64:ff9b::c000:221"


def whoami(ns, address):
    with ns.connect(address, timeout=5) as sock:
        sock.sendall(b"me\n")
        return sock.makefile().readline().split()[1]


@pytest.mark.parametrize("prefix", PREFIXES)
def test_tcp(lab, gate64, prefix):
    """RFC 6146 3.5.2.2, RFC 6052 2.3"""
    with WhoAmI(lab.internet4, WEB4, 7001):
        assert whoami(lab.server6, (embed(prefix, WEB4), 7001)) == GATEWAY4


@pytest.mark.parametrize("prefix", PREFIXES)
def test_ping(lab, gate64, prefix):
    """RFC 6146 3.5.3"""
    assert " 0% packet loss" in lab.server6.run(
        "ping", "-c", "2", "-i", "0.1", "-W", "2", embed(prefix, WEB4)).stdout


@pytest.mark.parametrize("prefix", PREFIXES)
def test_the_host_itself(lab, gate64, prefix):
    """RFC 6146 3.5: it has a route to each of them."""
    page = lab.gateway.run("curl", "-sS", "--max-time", "5",
                           f"http://[{embed(prefix, WEB4)}]/").stdout
    assert page == f"hello {GATEWAY4}\n"


def test_all_at_once(lab, gate64):
    """RFC 6146 3.1: streams to one remote host and port by all prefixes, side by side."""
    data = bytes(range(256)) * 256
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(lab.internet4.socket())
        server.bind((WEB4, 7002))
        server.listen()
        server.settimeout(5)
        pairs = []
        for prefix in PREFIXES:
            client = stack.enter_context(
                lab.server6.connect((embed(prefix, WEB4), 7002), timeout=10))
            pairs.append((client, stack.enter_context(server.accept()[0])))
        for _ in range(BIG // len(data)):
            for client, remote in pairs:
                remote.settimeout(10)
                for one, other in ((client, remote), (remote, client)):
                    one.sendall(data)
                    got = bytearray()
                    while len(got) < len(data):
                        got += other.recv(len(data) - len(got))
                    assert bytes(got) == data


def errors_of(sock):
    """(type, code, who said it) of each ICMPv6 error in the socket's queue."""
    errors = []
    with contextlib.suppress(BlockingIOError):
        while True:
            _data, ancillary, _flags, _peer = sock.recvmsg(
                2048, 512, socket.MSG_ERRQUEUE | socket.MSG_DONTWAIT)
            errors += [(body[5], body[6], socket.inet_ntop(socket.AF_INET6, body[24:40]))
                       for _level, kind, body in ancillary if kind == IPV6_RECVERR]
    return errors


def udp(lab, port=0):
    sock = lab.server6.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    sock.bind((SERVER6, port))
    sock.setsockopt(socket.IPPROTO_IPV6, IPV6_RECVERR, 1)
    sock.setblocking(False)
    return sock


@pytest.mark.parametrize("prefix", PREFIXES)
def test_errors_come_from_the_prefix_in_use(lab, gate64, prefix):
    """RFC 7915 4.2: a router outside is seen in the prefix that the host has used."""
    with udp(lab) as sock:
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_UNICAST_HOPS, 3)
        sock.sendto(b"how far?", (embed(prefix, CLIENT4), 33434))
        assert wait_for(lambda: errors_of(sock), "time exceeded") == [
            (3, 0, embed(prefix, INTERNET4))]


@contextlib.contextmanager
def remote_udp(lab):
    with lab.internet4.socket(socket.AF_INET, socket.SOCK_DGRAM) as remote:
        remote.bind((WEB4, 7003))
        remote.settimeout(5)
        yield remote


def test_one_flow_by_two_prefixes(lab, gate64):
    """RFC 6146 3.1, 3.5.1: two sessions that IPv4 could not tell apart. The second is refused
    and said so; the first one goes on, and replies come by its prefix."""
    with udp(lab) as sock, remote_udp(lab) as remote:
        sock.sendto(b"one", (embed(MIDDLE, WEB4), 7003))
        data, outside = remote.recvfrom(100)
        assert data == b"one"
        with gate64.counting() as rose:
            sock.sendto(b"two", (embed(SHORT, WEB4), 7003))
            assert wait_for(lambda: errors_of(sock), "an error")[0][:2] == (1, 3)
        assert rose["nat64.drops.same_flow_by_another_pref64"] == 1
        remote.sendto(b"reply", outside)
        sock.settimeout(5)
        assert sock.recvfrom(100) == (b"reply", (embed(MIDDLE, WEB4), 7003, 0, 0))
        # Another remote port is another session.
        sock.sendto(b"three", (embed(SHORT, WEB4), 7004))
        assert gate64.counters()["nat64.drops.same_flow_by_another_pref64"] == 1


def test_who_calls_appears_in_the_first_prefix_until_it_is_answered(lab, gate64):
    """RFC 6146 3.5.1, 3.5.4: a session made from outside has the first prefix, until the inside
    chooses another."""
    with udp(lab) as sock, remote_udp(lab) as remote, lab.client4.socket(
            socket.AF_INET, socket.SOCK_DGRAM) as caller:
        sock.sendto(b"bind", (embed(SHORT, WEB4), 7003))
        outside = remote.recvfrom(100)[1]
        caller.bind((CLIENT4, 7005))
        caller.settimeout(5)
        sock.settimeout(5)
        caller.sendto(b"hello", outside)
        assert sock.recvfrom(100) == (b"hello", (embed(LONG, CLIENT4), 7005, 0, 0))
        sock.sendto(b"by another", (embed(MIDDLE, CLIENT4), 7005))
        assert caller.recv(100) == b"by another"
        caller.sendto(b"again", outside)
        assert sock.recvfrom(100) == (b"again", (embed(MIDDLE, CLIENT4), 7005, 0, 0))


def test_the_well_known_prefix_and_addresses_that_are_not_global(lab, gate64):
    """RFC 6052 3.1: it must not stand for them (the lab's are none); the next prefix does, both
    for who calls out and for who is called."""
    gate64.reload({"nat64": {"deny4": ["10.0.0.0/8"]}})
    try:
        with WhoAmI(lab.internet4, WEB4, 7001):
            with pytest.raises(PermissionError):
                whoami(lab.server6, (embed(LONG, WEB4), 7001))
            assert whoami(lab.server6, (embed(MIDDLE, WEB4), 7001)) == GATEWAY4
        with udp(lab) as sock, remote_udp(lab) as remote, lab.client4.socket(
                socket.AF_INET, socket.SOCK_DGRAM) as caller:
            sock.sendto(b"bind", (embed(MIDDLE, WEB4), 7003))
            outside = remote.recvfrom(100)[1]
            sock.settimeout(5)
            caller.bind((CLIENT4, 7005))
            caller.sendto(b"hello", outside)
            assert sock.recvfrom(100) == (b"hello", (embed(MIDDLE, CLIENT4), 7005, 0, 0))
    finally:
        gate64.reload()


@pytest.mark.parametrize("prefix", [MIDDLE, SHORT])
def test_a_suffix_is_ignored_and_kept(lab, gate64, prefix):
    """RFC 6052 2.2: bits behind the IPv4 address SHOULD be ignored; who sent there is answered
    from there."""
    with udp(lab) as sock, remote_udp(lab) as remote:
        there = embed(prefix, WEB4, suffix=0x55)
        sock.settimeout(5)
        sock.sendto(b"x", (there, 7003))
        remote.sendto(b"y", remote.recvfrom(100)[1])
        assert sock.recvfrom(100) == (b"y", (there, 7003, 0, 0))


def addresses(lab, name):
    """The AAAA records of a name, in order."""
    return [str(record) for record in ask(lab.server6, GATEWAY6, name, "AAAA").answer[-1]]


def reverse_target(lab, address):
    """Where the CNAME of an address' reverse name leads to; None: there is none."""
    answer = ask(lab.server6, GATEWAY6, dns.reversename.from_address(address), "PTR").answer
    return next((str(rrset[0].target) for rrset in answer
                 if rrset.rdtype == dns.rdatatype.CNAME), None)


def test_dns64_answers_with_all_of_them(lab, gate64):
    """RFC 6147 5.2: every prefix, now this one first and now that one; the first answer and
    those of the cache alike."""
    every = {embed(prefix, WEB4) for prefix in PREFIXES}
    first = set()
    for _ in range(100):
        answer = addresses(lab, "git.example.net")
        assert set(answer) == every and len(answer) == len(every)
        first.add(answer[0])
        if first == every:
            break
    assert first == every


def test_discovery_finds_all_of_them(lab, gate64):
    """RFC 7050 3, 2.2: ipv4only.arpa in every prefix, in the order of the configuration"""
    assert addresses(lab, "ipv4only.arpa") == [
        embed(prefix, v4) for prefix in PREFIXES for v4 in ("192.0.0.170", "192.0.0.171")]


def test_what_drains_does_not_answer_but_still_works(lab, gate64):
    """RFC 6147 5.2, 5.3.1: no new addresses in a draining prefix; it is translated, and its
    reverse names are answered, as before. One that is gone has none."""
    gone = "2001:db8:65::/64"
    target = "81.2.0.192.in-addr.arpa."
    gate64.reload({"prefixes": {"nat64": PREFIXES, "draining": [LONG, MIDDLE]}})
    try:
        assert addresses(lab, "git.example.net") == [embed(SHORT, WEB4)]
        assert addresses(lab, "ipv4only.arpa") == [
            embed(SHORT, v4) for v4 in ("192.0.0.170", "192.0.0.171")]
        with WhoAmI(lab.internet4, WEB4, 7001):
            for prefix in PREFIXES:
                assert whoami(lab.server6, (embed(prefix, WEB4), 7001)) == GATEWAY4
        for prefix in PREFIXES:
            assert reverse_target(lab, embed(prefix, "192.0.2.81")) == target
        assert reverse_target(lab, embed(gone, "192.0.2.81")) is None
        # Who calls appears in one that does not drain.
        with udp(lab) as sock, remote_udp(lab) as remote, lab.client4.socket(
                socket.AF_INET, socket.SOCK_DGRAM) as caller:
            sock.sendto(b"bind", (embed(LONG, WEB4), 7003))
            outside = remote.recvfrom(100)[1]
            caller.bind((CLIENT4, 7005))
            caller.sendto(b"hello", outside)
            sock.settimeout(5)
            assert sock.recvfrom(100) == (b"hello", (embed(SHORT, CLIENT4), 7005, 0, 0))
    finally:
        gate64.reload()


@pytest.mark.parametrize("prefix", PREFIXES)
def test_a_source_in_a_prefix_is_dropped(lab, gate64, prefix):
    """RFC 6146 3.5: it would make a loop."""
    mac = lab.gateway.run("cat", "/sys/class/net/ul0/address").stdout.strip()
    before = gate64.counters()["nat64.drops.source_in_pref64"]
    with Capture(lab.gateway, "up0", f"udp and host {WEB4}") as capture:
        # Past the tunnel, which would not let such a source in
        with lab.router6.entered():
            sendp(Ether(dst=mac) / IPv6(src=embed(prefix, CLIENT4), dst=embed(LONG, WEB4)) /
                  UDP(sport=7, dport=9), iface="ul0", verbose=False)
        wait_for(lambda: gate64.counters()["nat64.drops.source_in_pref64"] == before + 1,
                 "the drop")
    assert not capture.packets


def test_a_prefix_is_taken_away_by_a_reload(lab, gate64):
    """RFC 6146 3.1: its sessions end, the others' go on."""
    with WhoAmI(lab.internet4, WEB4, 7001), \
            lab.server6.connect((embed(LONG, WEB4), 7001), timeout=2) as kept, \
            lab.server6.connect((embed(SHORT, WEB4), 7001), timeout=2) as lost:
        gate64.reload({"prefixes": {"nat64": [LONG, MIDDLE]}})
        try:
            kept.sendall(b"still there\n")
            assert b"still" in kept.recv(100)
            lost.sendall(b"still there\n")
            with pytest.raises(OSError) as failure:
                lost.recv(100)
            assert failure.value.errno in (None, errno.EHOSTUNREACH, errno.ENETUNREACH)
        finally:
            gate64.reload()
