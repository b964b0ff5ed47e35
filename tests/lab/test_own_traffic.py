# SPDX-License-Identifier: GPL-2.0-or-later
"""The gateway itself reaches IPv4 by a pref64, with and without an IPv6 default route."""

import contextlib
import socket
import struct
import threading

import pytest
from scapy.layers.inet import ICMP, TCP, UDP
from scapy.layers.inet6 import IPv6, ICMPv6EchoRequest
from scapy.layers.l2 import Ether
from scapy.sendrecv import sendp

from netns import wait_for
from topology import CLIENT4, GATEWAY4, GATEWAY6, INSIDE, INTERNET4, PREF64, TUNNEL6, WEB4
from wire import Capture, WhoAmI, read_all

# The gateway's own address lies in a client prefix here; it must not need to, see below.
SETTINGS = {"nat64": {"clients": [INSIDE, "2001:db8:0:1::/64"]}}

BIG = 24 << 20
IPV6_RECVERR = 25
SO_EE_ORIGIN_ICMP6 = 3
TIME_EXCEEDED6 = 3


@pytest.fixture(params=["no IPv6 default route", "an IPv6 default route"])
def default_route(request, lab, gate64):
    """The gateway's way to other IPv6 hosts."""
    route = ("default", "dev", lab.wg_gateway)
    if request.param.startswith("an"):
        lab.gateway.run("ip", "-6", "route", "add", *route)
    yield
    if request.param.startswith("an"):
        lab.gateway.run("ip", "-6", "route", "del", *route)


@contextlib.contextmanager
def serving(ns, address, handle, kind=socket.SOCK_STREAM):
    """One thread on `ns` that runs handle(socket bound to `address`)."""
    with ns.socket(socket.AF_INET, kind) as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind(address)
        sock.settimeout(20)
        if kind == socket.SOCK_STREAM:
            sock.listen()
        thread = threading.Thread(target=handle, args=(sock,))
        thread.start()
        try:
            yield
        finally:
            thread.join()


def test_no_client_prefix_is_needed(lab, gate64):
    """RFC 6146 3.5.2: the host itself may use NAT64 whoever else may."""
    gate64.reload({"nat64": {"clients": [INSIDE]}})
    page = lab.gateway.run("curl", "-sS", "--max-time", "5", f"http://[{PREF64}{WEB4}]/")
    assert page.stdout == f"hello {GATEWAY4}\n"
    gate64.reload()


def test_no_global_address_is_needed(lab, gate64):
    """RFC 6146 3.5.2.2, RFC 6724 5: a host with nothing but loopback and link-local addresses
    is served at ::1."""
    address = (f"{GATEWAY6}/64", "dev", lab.wg_gateway)
    lab.gateway.run("ip", "address", "del", *address)
    try:
        with lab.gateway.connect((f"{PREF64}{WEB4}", 80), timeout=5) as sock:
            assert sock.getsockname()[0] == "::1"
            sock.sendall(b"GET / HTTP/1.0\r\n\r\n")
            assert b"hello" in read_all(sock)
    finally:
        lab.gateway.run("ip", "address", "add", *address)


def test_a_page(lab, default_route):
    """RFC 6146 3.5.2: the gateway is a client like any other; nobody else's address shows."""
    for _ in range(20):
        page = lab.gateway.run("curl", "-sS", "--max-time", "5", f"http://[{PREF64}{WEB4}]/")
        assert page.stdout == f"hello {GATEWAY4}\n"


def test_ping(lab, default_route):
    """RFC 6146 3.5.3"""
    assert " 0% packet loss" in lab.gateway.run(
        "ping", "-c", "5", "-i", "0.1", "-W", "2", f"{PREF64}{WEB4}").stdout


def test_a_big_download_and_upload(lab, default_route):
    """RFC 7915 1.4: a socket that thinks it has loopback's MTU finds the way's."""
    sent, received = bytes(range(256)) * (BIG // 256), []

    def serve(listener):
        conn = listener.accept()[0]
        with conn:
            data = bytearray()
            while chunk := conn.recv(1 << 20):
                data += chunk
            received.append(bytes(data))
            conn.sendall(sent)
    with serving(lab.internet4, (WEB4, 7001), serve), \
            lab.gateway.connect((f"{PREF64}{WEB4}", 7001), timeout=20) as sock:
        sock.sendall(sent)
        sock.shutdown(socket.SHUT_WR)
        data = bytearray()
        while chunk := sock.recv(1 << 20):
            data += chunk
    assert bytes(data) == sent and received == [sent]


def test_udp_small_and_in_fragments(lab, default_route):
    """RFC 7915 5.1, RFC 4443 3.2: what is too big for the way is told to the socket."""
    def echo(sock):
        while (got := sock.recvfrom(65535))[0] != b"end":
            sock.sendto(*got)
    with serving(lab.internet4, (WEB4, 7002), echo, socket.SOCK_DGRAM), \
            lab.gateway.socket(socket.AF_INET6, socket.SOCK_DGRAM) as sock:
        sock.connect((f"{PREF64}{WEB4}", 7002))
        sock.settimeout(0.5)
        for size in (1, 1200, 1452, 4000, 30000):
            data = bytes(i % 251 for i in range(size))

            def answered():
                try:
                    sock.send(data)
                    return sock.recv(65535) == data
                except (TimeoutError, OSError):
                    return False	# the first one was too big, and is lost
            wait_for(answered, f"{size} bytes and back", step=0)
        sock.send(b"end")


def errors_of(sock):
    """Every error in the socket's queue: (origin, type, code, who said so)."""
    errors = []
    with contextlib.suppress(BlockingIOError):
        while True:
            _data, ancillary, _flags, _peer = sock.recvmsg(
                2048, 512, socket.MSG_ERRQUEUE | socket.MSG_DONTWAIT)
            for _level, _type, body in ancillary:
                _errno, origin, type_, code = struct.unpack_from("=IBBB", body)
                who = socket.inet_ntop(socket.AF_INET6, body[24:40])
                errors.append((origin, type_, code, who))
    return errors


def test_a_closed_port(lab, default_route):
    """RFC 7915 4.2: port unreachable reaches the socket that it is about."""
    with lab.gateway.socket(socket.AF_INET6, socket.SOCK_DGRAM) as sock:
        sock.settimeout(3)
        sock.connect((f"{PREF64}{WEB4}", 9))
        sock.send(b"anyone there?")
        with pytest.raises(ConnectionRefusedError):
            sock.recv(1)


@pytest.mark.parametrize("hops,who", [(1, None), (2, f"{PREF64}c633:64fe")])
def test_hop_limits(lab, default_route, hops, who):
    """RFC 7915 5.1, 4.2: exceeded here (the host tells itself), or at the next router."""
    assert socket.inet_aton(INTERNET4).hex() == "c63364fe"
    with lab.gateway.socket(socket.AF_INET6, socket.SOCK_DGRAM) as sock:
        sock.setsockopt(socket.IPPROTO_IPV6, IPV6_RECVERR, 1)
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_UNICAST_HOPS, hops)
        sock.connect((f"{PREF64}{CLIENT4}", 33434))
        sock.send(b"how far?")
        errors = wait_for(lambda: errors_of(sock), "an ICMPv6 error")
        own = sock.getsockname()[0]
    assert errors == [(SO_EE_ORIGIN_ICMP6, TIME_EXCEEDED6, 0, who or own)]


def test_many_connections(lab, default_route):
    """RFC 6146 3.5.2.2: each has a session of its own."""
    with WhoAmI(lab.internet4, WEB4, 7003), contextlib.ExitStack() as stack:
        ports = set()
        for i in range(300):
            sock = stack.enter_context(lab.gateway.connect((f"{PREF64}{WEB4}", 7003)))
            sock.sendall(f"{i}\n".encode())
            token, peer, port = sock.makefile().readline().split()
            assert (token, peer) == (f"{i}", GATEWAY4)
            ports.add(port)
        assert len(ports) == 300


def test_nobody_else_has_the_hosts_addresses(lab, gate64):
    """RFC 6146 3.5: the host's own packets alone may bear its addresses. The same packets
    from a neighbour's address, in the same prefix, are translated."""
    mac = lab.gateway.run("cat", "/sys/class/net/ul0/address").stdout.strip()

    def send(source):
        packets = [Ether(dst=mac) / IPv6(src=source, dst=f"{PREF64}{WEB4}") / payload
                   for payload in (ICMPv6EchoRequest(id=7), UDP(sport=7, dport=9),
                                   TCP(sport=7, dport=80, flags="S"))]
        with lab.router6.entered():
            sendp(packets, iface="ul0", verbose=False)
    with Capture(lab.gateway, "up0", f"src {GATEWAY4} and dst {WEB4}") as capture, \
            gate64.counting() as rose:
        send(GATEWAY6)
        wait_for(lambda: gate64.counters()["nat64.drops.not_a_client"] >= 3, "three drops")
        assert not capture.so_far()
        send(TUNNEL6)
        for layer in (ICMP, UDP, TCP):
            capture.wait(lambda packet, layer=layer: packet.haslayer(layer), f"{layer} is out")
    assert rose["nat64.drops.not_a_client"] == 3 and rose["nat64.packets.out"] >= 3


def test_only_who_was_called_reaches_the_hosts_sockets(lab, gate64):
    """RFC 6146 3.5, 5.3: a client's binding is open to all, but what comes by one of the host's
    own comes from itself, past its packet filter: that lets in nobody but who was called."""
    with lab.gateway.socket(socket.AF_INET6, socket.SOCK_DGRAM) as host, \
            lab.internet4.socket(socket.AF_INET, socket.SOCK_DGRAM) as called, \
            lab.client4.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger, \
            gate64.counting() as rose:
        for sock in (host, called):
            sock.settimeout(5)
        called.bind((WEB4, 7004))
        host.sendto(b"call", (f"{PREF64}{WEB4}", 7004))
        _data, outside = called.recvfrom(100)
        before = gate64.counters()["nat64.drops.filtered"]
        for _ in range(2):
            stranger.sendto(b"from a stranger", outside)
        wait_for(lambda: gate64.counters()["nat64.drops.filtered"] >= before + 2, "both drops")
        called.sendto(b"answer", outside)
        assert host.recv(100) == b"answer"
    assert rose["nat64.drops.filtered"] == 2


def test_the_administrators_route_wins_and_stays(lab, gate64):
    """A route of another's to the same prefix is the better one, and is left alone."""
    def routes():
        return lab.gateway.run("ip", "-6", "route", "show", f"{PREF64}/96").stdout
    ours = routes()
    assert "dev lo" in ours
    lab.gateway.run("ip", "-6", "route", "add", f"{PREF64}/96", "dev", "up0", "metric", 50)
    try:
        assert "dev up0" in lab.gateway.run("ip", "-6", "route", "get", f"{PREF64}{WEB4}").stdout
        page = lab.gateway.run("curl", "-sS", "--max-time", "5", f"http://[{PREF64}{WEB4}]/")
        assert page.stdout == f"hello {GATEWAY4}\n"
        gate64.stop()
        assert "dev lo" not in routes() and "dev up0" in routes()
        gate64.start()
    finally:
        lab.gateway.run("ip", "-6", "route", "del", f"{PREF64}/96", "dev", "up0")
    assert routes() == ours
    gate64.stop()
    assert routes() == ""
    gate64.start()
