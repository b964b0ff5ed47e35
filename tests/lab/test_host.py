# SPDX-License-Identifier: GPL-2.0-or-later
"""The gateway's own IPv4 works beside NAT64, although both have one address."""

import asyncio
import contextlib
import socket
import threading

import pytest

from gateway import Gate64
from topology import CLIENT4, DNS4, GATEWAY4, PREF64, WEB4
from wire import WhoAmI, ask, ask_many

SSH = 22
POOL_PORT = 20022		# a service of the host, at a port that NAT64 could have had
PER_SIDE = 2000


@pytest.fixture(scope="module")
def gate64(lab):
    """The host's services are there before gate64 is."""
    with WhoAmI(lab.gateway, "0.0.0.0", SSH), WhoAmI(lab.gateway, "0.0.0.0", POOL_PORT), \
            Gate64(lab) as gate64:
        yield gate64


@contextlib.contextmanager
def nat64_busy(lab):
    """NAT64 has TCP and UDP to do while the block runs."""
    done, failures = threading.Event(), []

    def work():
        while not done.is_set():
            try:
                ask(lab.server6, f"{PREF64}{DNS4}", "git.example.net", "A")
                ask(lab.server6, f"{PREF64}{DNS4}", "git.example.net", "A", tcp=True)
            except Exception as failure:	# shown by the assertion below
                failures.append(failure)
                return
    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()
    assert not failures


def who_am_i(ns, address, token=b"hello"):
    """Ask a WhoAmI: (own address, own port, what it answered)."""
    with ns.connect(address) as sock:
        sock.sendall(token + b"\n")
        return sock.getsockname()[:2], sock.makefile("rb").readline().decode().split()


@pytest.mark.parametrize("port", [SSH, POOL_PORT])
def test_the_hosts_own_services_are_reached(lab, gate64, port):
    with nat64_busy(lab):
        for i in range(50):
            (host, local), answer = who_am_i(lab.client4, (GATEWAY4, port), f"{i}".encode())
            assert answer == [f"{i}", CLIENT4, f"{local}"] and host == CLIENT4


def test_the_hosts_ports_are_kept_out_of_the_pool(lab, gate64):
    low, high = map(int, lab.gateway.sysctl("net/ipv4/ip_local_port_range").split())
    pool, = gate64.status()["rooms"]["nat64"]["pool4"]
    assert pool["address"] == GATEWAY4
    ports = ports_of(pool["tcp"])
    assert len(ports) > 20000 and min(ports) >= 10240
    assert POOL_PORT not in ports
    assert not ports & set(range(low, high + 1))


def ports_of(ranges):
    """The set of ports in texts like "10240-20021" and "80"."""
    ends = [[int(n) for n in text.split("-")] for text in ranges]
    return {port for end in ends for port in range(end[0], end[-1] + 1)}


def test_the_host_asks_dns(lab, gate64):
    with nat64_busy(lab):
        for _ in range(200):
            assert ask(lab.gateway, DNS4, "git.example.net", "A").answer[0][0].address == WEB4
    assert lab.gateway.run("curl", "-sS", "http://git.example.net/").stdout == \
        f"hello {GATEWAY4}\n"


def test_the_host_pings_and_is_pinged(lab, gate64):
    for ns, address in ((lab.gateway, WEB4), (lab.client4, GATEWAY4)):
        with nat64_busy(lab):
            assert " 0% packet loss" in ns.run(
                "ping", "-c", "5", "-i", "0.1", "-W", "2", address).stdout


def test_icmp_errors_for_the_hosts_flows_reach_it(lab, gate64):
    with lab.gateway.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.settimeout(2)
        sock.connect((WEB4, 9))
        sock.send(b"anyone there?")
        with pytest.raises(ConnectionRefusedError):
            sock.recv(1)


def test_2000_connections_of_the_host_and_2000_through_nat64(lab, gate64):
    """All at the same time, to one destination, from one address: none is mixed up."""
    with WhoAmI(lab.internet4, WEB4, 7777):
        callers = [("host", lab.gateway, (WEB4, 7777)),
                   ("nat64", lab.server6, (f"{PREF64}{WEB4}", 7777))]
        results = asyncio.run(ask_many(callers, PER_SIDE))
        assert gate64.status()["rooms"]["nat64"]["sessions"] >= PER_SIDE
    assert len(results) == 2 * PER_SIDE
    outside = set()
    pool, = gate64.status()["rooms"]["nat64"]["pool4"]
    pool_ports = ports_of(pool["tcp"])
    for label, token, local_port, (answer, peer, peer_port) in results:
        assert answer == token
        assert peer == GATEWAY4
        if label == "host":
            assert int(peer_port) == local_port, "the host's own ports stay as they are"
        else:
            assert int(peer_port) in pool_ports
        outside.add(int(peer_port))
    assert len(outside) == 2 * PER_SIDE
