# SPDX-License-Identifier: GPL-2.0-or-later
"""Tunnel MTU times IPv4 MTU, each 1280, 1420 and 1500, with ICMP errors passed and dropped.

With ICMP passed, the small IPv4 link is the one between internet4 and client4, which the
gateway does not know of and has to be told about: client4 announces the MSS of a link of
1500 all the same. With ICMP dropped it is the gateway's own uplink: there all that is needed
is known, and the MSS carries it to both ends. A link that is small only in the middle of the
Internet, with errors dropped, is nobody's to mend but the hosts' own black-hole detection
(RFC 4821); RFC 7915's DF rule still helps up to 1260 bytes.

That no transfer stalls is measured by the longest time between two pieces of data received,
and by TCP itself: where a packet that is too big is lost and nobody hears of it, TCP waits
for a timeout of at least 200 ms that doubles each time, and for ever. A gap of more than a
second means three such in a row. A machine that is busy with other things may stop a
receiver that long too: a transfer with a gap is made once more, and must then have none.
"""

import contextlib
import socket
import time

import pytest

from gateway import Gate64
from netns import Ground
from topology import CLIENT4, CLIENT4_ROUTER, DNS4, PREF64, ROUTER6, WEB4, Lab
from wire import tcp_pair, transfer, udp_flow

MTUS = (1280, 1420, 1500)
BYTES = 4_000_000
STALL_S = 1.0
IP_MTU_DISCOVER, PMTUDISC_DONT, PMTUDISC_DO = 10, 0, 2		# <linux/in.h>
IPV6_DONTFRAG = 62						# <linux/in6.h>


@pytest.fixture(scope="module", params=[(mtu, hole) for mtu in MTUS for hole in (False, True)],
                ids=lambda p: f"tunnel {p[0]}, ICMP {'dropped' if p[1] else 'passed'}")
def lab(request, repository):
    tunnel_mtu, hole = request.param
    with Ground() as ground:
        lab = Lab(ground, repository, tunnel_mtu=tunnel_mtu, black_hole=hole)
        lab.black_hole = hole
        yield lab


@pytest.fixture(scope="module")
def gate64(lab):
    with Gate64(lab, {"dns64": {"upstream": [DNS4]}}) as gate64:
        yield gate64


@pytest.fixture(scope="module", params=MTUS, ids=lambda mtu: f"IPv4 {mtu}")
def remote(request, lab, gate64):
    """The IPv4 path has this MTU for a while: yields the far host, its address and the MTU."""
    mtu = request.param
    if lab.black_hole:
        ends = ((lab.gateway, "up0"), (lab.internet4, "gw0"))
        host, address = lab.internet4, WEB4
        # Nobody tells server6, so that it must have been told: by a router advertisement, say.
        route = (f"{PREF64}{address}/128", "via", ROUTER6, "mtu", min(lab.tunnel_mtu, mtu + 20))
        lab.server6.run("ip", "-6", "route", "add", *route)
    else:
        ends = ((lab.internet4, "net0"), (lab.client4, "eth0"))
        host, address = lab.client4, CLIENT4
        host.run("ip", "route", "replace", "default", "via", CLIENT4_ROUTER, "advmss", 1460)
    for ns, interface in ends:
        ns.run("ip", "link", "set", interface, "mtu", mtu)
    for ns in (lab.server6, lab.gateway, lab.internet4, lab.client4):
        for family in ("-4", "-6"):	# what has been learnt before
            ns.run("ip", family, "route", "flush", "cache")
    time.sleep(1.1)			# as long as gate64 keeps what it knows of a route's MTU
    yield host, address, mtu
    for ns, interface in ends:
        ns.run("ip", "link", "set", interface, "mtu", 1500)
    if lab.black_hole:
        lab.server6.run("ip", "-6", "route", "del", *route)


@pytest.mark.parametrize("way", ["out", "in"])
def test_no_tcp_transfer_stalls(lab, remote, way):
    """RFC 7915 4, 4.2, 5, 5.2, 7 (and RFC 5382 REQ-9): 4 MB, each way"""
    gaps = []
    for _ in range(2):
        with tcp_pair(lab, *remote[:2]) as (inside, outside):
            ends = (inside, outside) if way == "out" else (outside, inside)
            gaps.append(transfer(*ends, BYTES))
        if gaps[-1] < STALL_S:
            return
    pytest.fail(f"it stalled twice, for {gaps} s")


def arrives(sender, receiver, size, tries):
    """Does a datagram of this size come through, at the latest the last of `tries`?"""
    receiver.settimeout(0.3)
    for _ in range(tries):
        with contextlib.suppress(OSError):	# the news of a loss, or TimeoutError
            sender.send(bytes(size))
            return len(receiver.recv(65535)) == size
    return False


@pytest.mark.parametrize("size", [1000, 1232, 1300, 1450, 4000])
def test_udp_that_may_be_cut(lab, remote, size):
    """RFC 7915 4, 5.1, 5.1.1, 7: comes through each way, however small the links; where errors
    tell of an MTU, the first datagrams may be what it is learnt from."""
    host, address, _mtu = remote
    with udp_flow(lab, host, address, 7500) as (inside, outside):
        outside.setsockopt(socket.IPPROTO_IP, IP_MTU_DISCOVER, PMTUDISC_DONT)
        assert arrives(inside, outside, size, 8)
        assert arrives(outside, inside, size, 8)


def test_udp_that_may_not_be_cut(lab, remote):
    """RFC 7915 4, 4.2, 5, 5.2: what fits the narrowest link comes through, each way."""
    host, address, mtu = remote
    fits = min(lab.tunnel_mtu - 20, mtu)
    with udp_flow(lab, host, address, 7501) as (inside, outside):
        inside.setsockopt(socket.IPPROTO_IPV6, IPV6_DONTFRAG, 1)
        outside.setsockopt(socket.IPPROTO_IP, IP_MTU_DISCOVER, PMTUDISC_DO)
        for sender, receiver in ((inside, outside), (outside, inside)):
            assert arrives(sender, receiver, fits - 28, 8)
