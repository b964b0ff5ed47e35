# SPDX-License-Identifier: GPL-2.0-or-later
"""pool4: which address and port a client gets, and what happens when there are none.

Three addresses of few ports each; two of them are only routed to the gateway."""

import collections
import contextlib
import errno
import socket

import pytest

from netns import wait_for
from topology import DNS4, GATEWAY4, PREF64, SERVER6, WEB4
from wire import Capture

ADDRESSES = (GATEWAY4, "198.51.100.77", "198.51.100.78")
LOW, HIGH = range(600, 616), range(20000, 20032)
PORTS = [f"{LOW[0]}-{LOW[-1]}", f"{HIGH[0]}-{HIGH[-1]}"]
SETTINGS = {"nat64": {"pool4": [{"address": address, "ports": PORTS} for address in ADDRESSES],
                      "timeouts": {"udp": "1s"}},
            "dns64": {"upstream": [DNS4]}}
HOSTS = [f"2001:db8:1::a:{i:x}" for i in range(1, 25)]
IPV6_RECVERR = 25	# <linux/in6.h>; soft errors are told with it alone
SIZE = len(ADDRESSES) * (len(LOW) + len(HIGH))


@pytest.fixture(autouse=True, scope="module")
def addresses(lab):
    for address in ADDRESSES[1:]:
        lab.internet4.run("ip", "route", "add", address, "via", GATEWAY4)
    for host in HOSTS:
        lab.server6.run("ip", "address", "add", f"{host}/64", "dev", "lan0", "nodad")


@pytest.fixture(autouse=True)
def empty(gate64):
    """Each test has the whole pool."""
    wait_for(lambda: gate64.status()["rooms"]["nat64"]["sessions"] == 0, "the flows expire")


@pytest.fixture
def far(lab):
    with lab.internet4.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind((WEB4, 7000))
        sock.settimeout(5)
        yield sock


@contextlib.contextmanager
def flows(lab, far, sources):
    """A UDP flow from each (address, port); yields sockets and their outside addresses."""
    with contextlib.ExitStack() as stack:
        socks, seen = [], []
        for source in sources:
            sock = stack.enter_context(lab.server6.socket(socket.AF_INET6, socket.SOCK_DGRAM))
            sock.bind(source)
            sock.connect((f"{PREF64}{WEB4}", 7000))
            sock.send(b"out")
            socks.append(sock)
            seen.append(far.recvfrom(100)[1])
        yield socks, seen


def test_paired(lab, gate64, far):
    """RFC 4787 REQ-2, RFC 6146 3.5.1.1: all of a host's bindings have one address, and the
    hosts share the addresses out."""
    used = collections.Counter()
    for host in HOSTS:
        with flows(lab, far, [(host, 0)] * 2) as (_socks, seen):
            assert len({address for address, _port in seen}) == 1
            used[seen[0][0]] += 1
    assert set(used) == set(ADDRESSES)


def test_who_spilled_over_stays(lab, gate64, far):
    """A host whose address has no port left gets another, and what it opens then stays there
    while it has bindings, though the first has ports again (RFC 6146 3.5.1.1)."""
    homes = {}
    for host in HOSTS:
        with flows(lab, far, [(host, 0)]) as (_socks, seen):
            homes[host] = seen[0][0]
    (full, (*others, last)) = max(
        ((home, [h for h in HOSTS if homes[h] == home]) for home in ADDRESSES),
        key=lambda entry: len(entry[1]))
    wait_for(lambda: gate64.status()["rooms"]["nat64"]["sessions"] == 0, "the flows expire")
    count = len(LOW) + len(HIGH)
    fill = [(others[i % len(others)], 0) for i in range(count)]
    gate64.reload({"nat64": {"timeouts": {"udp": "4s"}}})
    with flows(lab, far, fill) as (_socks, seen):
        assert {address for address, _port in seen} == {full}
        with flows(lab, far, [(last, 0)]) as (socks, seen):
            elsewhere = seen[0][0]
            assert elsewhere != full

            def expired():
                socks[0].send(b"still here")	# the others are not
                far.recv(100)
                return gate64.status()["rooms"]["nat64"]["sessions"] == 1
            wait_for(expired, "its home is empty again", step=0.5)
            with flows(lab, far, [(last, 0)] * 3) as (_socks, seen):
                assert {address for address, _port in seen} == {elsewhere}
    gate64.reload()


def test_range_and_parity(lab, gate64, far):
    """RFC 4787 REQ-3 a), REQ-4; RFC 6146 3.5.1.1: below 1024 or not, odd or even, as inside."""
    sources = [(SERVER6, port) for port in (514, 515, 1022, 1, 1024, 1025, 33333, 65534)]
    with flows(lab, far, sources) as (_socks, seen):
        for (_host, inside), (_address, outside) in zip(sources, seen):
            assert outside in (LOW if inside < 1024 else HIGH)
            assert outside % 2 == inside % 2


def test_exhaustion_and_recovery(lab, gate64, far):
    """RFC 6146 3.5.1.1: a packet for which there is no port is answered with Destination
    Unreachable, Address Unreachable; every port had been given out once, and is again later."""
    for _ in range(2):
        gate64.reload({"nat64": {"timeouts": {"udp": "30s"}}})
        with flows(lab, far, [(SERVER6, 0)] * SIZE) as (_socks, seen), \
                Capture(lab.server6, "lan0", "icmp6[0] == 1") as capture, \
                gate64.counting() as rose, \
                lab.server6.socket(socket.AF_INET6, socket.SOCK_DGRAM) as late:
            assert set(seen) == {(a, p) for a in ADDRESSES for p in (*LOW, *HIGH)}
            late.setsockopt(socket.IPPROTO_IPV6, IPV6_RECVERR, 1)
            late.connect((f"{PREF64}{WEB4}", 7000))
            late.settimeout(5)
            late.send(b"no room")
            with pytest.raises(OSError) as caught:
                late.recv(100)
            assert caught.value.errno == errno.EHOSTUNREACH
        assert capture.packets[0]["ICMPv6DestUnreach"].code == 3
        assert rose["nat64.drops.no_free_port"] == 1
        assert rose["nat64.port_refusals.all_in_use"] == 1
        gate64.reload()
        wait_for(lambda: gate64.status()["rooms"]["nat64"]["sessions"] == 0, "the flows expire")
    assert "nat64.pool4: all udp ports of 3 addresses are in use; give" in gate64.log()


@pytest.mark.parametrize("kind", ["tcp", "udp"])
def test_a_listener_in_the_range_is_left_out(lab, gate64, far, kind):
    """It keeps its port, and the log says which it is."""
    types = {"tcp": socket.SOCK_STREAM, "udp": socket.SOCK_DGRAM}
    with lab.gateway.socket(socket.AF_INET, types[kind]) as host:
        host.bind((GATEWAY4, HIGH[3]))
        if kind == "tcp":
            host.listen()
        gate64.reload()
    assert ("nat64.pool4: left out, as sockets of the host have them: "
            f"{kind} {HIGH[3]}\n") in gate64.log()
    gate64.reload()


def test_the_hosts_own_range_is_refused(lab, gate64):
    """Ports of net.ipv4.ip_local_port_range: which, and what to do."""
    first, last = (int(n) for n in
                   lab.gateway.sysctl("net/ipv4/ip_local_port_range").split())
    gate64.reload({"nat64": {"pool4": [{"address": "auto", "ports": f"{first}-{first + 9}"}]}})
    assert (f"nat64.pool4: ports {first}-{first + 9} overlap the host's own, from {first} on "
            f"(net.ipv4.ip_local_port_range is {first}-{last}): choose others, or keep the host "
            f"off them with net.ipv4.ip_local_reserved_ports={first}-{first + 9}"
            ) in gate64.log()
    lab.gateway.sysctl("net/ipv4/ip_local_reserved_ports", f"{first}-{first + 9}")
    try:
        before = gate64.log().count("reload refused")
        gate64.reload({"nat64": {"pool4": [{"address": "auto",
                                            "ports": f"{first}-{first + 9}"}]}})
        assert gate64.log().count("reload refused") == before
    finally:
        lab.gateway.sysctl("net/ipv4/ip_local_reserved_ports", "")
        gate64.reload()
