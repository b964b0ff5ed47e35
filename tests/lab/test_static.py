# SPDX-License-Identifier: GPL-2.0-or-later
"""nat64.static: doors into the IPv6-only server that are always there (RFC 6146 3.1).

client4 comes in by an address that is the gateway's own and by one that is only routed to
it; neither port is one that pool4 could give out."""

import contextlib
import socket

import pytest
from scapy.layers.inet import ICMP, IP
from scapy.packet import Raw

from netns import wait_for
from topology import CLIENT4, GATEWAY4, INTERNET4, PREF64, SERVER6, WEB4
from wire import Capture, WhoAmI

POOL = (20000, 20063)
ROUTED4 = "198.51.100.77"	# on no interface: internet4 has a route for it
TCP = {"proto": "tcp", "outside": "2222", "inside": f"[{SERVER6}]:22"}
UDP = {"proto": "udp", "outside": f"{ROUTED4}:53", "inside": f"[{SERVER6}]:5353"}
PING = {"proto": "icmp", "outside": f"{ROUTED4}:4711", "inside": f"[{SERVER6}]:99"}
SETTINGS = {"nat64": {"pool4": [{"address": "auto", "ports": f"{POOL[0]}-{POOL[1]}"}],
                      "static": [TCP, UDP, PING]}}


@pytest.fixture(autouse=True, scope="module")
def route(lab):
    lab.internet4.run("ip", "route", "add", ROUTED4, "via", GATEWAY4)


def static(*entries):
    return {"nat64": {"static": list(entries)}}


def udp_server(lab, port):
    sock = lab.server6.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    sock.bind((SERVER6, port))
    sock.settimeout(5)
    return sock


def test_tcp_comes_in(lab, gate64):
    """RFC 6146 3.5.2.2: a SYN from outside to an entry of the BIB opens a session, though
    nothing went out before; the server sees the caller in the pref64 (RFC 6052 2.2)."""
    with WhoAmI(lab.server6, SERVER6, 22), \
            lab.client4.connect((GATEWAY4, 2222), timeout=5) as client:
        client.sendall(b"hello\n")
        answer = client.makefile().readline().split()
        assert answer[:2] == ["hello", "64:ff9b::cb00:7107"], "203.0.113.7"
        assert int(answer[2]) == client.getsockname()[1]


def test_udp_comes_in_by_a_routed_address(lab, gate64):
    """RFC 6146 3.5.1.2: a datagram to a BIB entry, at an address that pool4 has not."""
    with udp_server(lab, 5353) as server, \
            lab.client4.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(5)
        client.sendto(b"question", (ROUTED4, 53))
        question, caller = server.recvfrom(100)
        assert (question, caller[0]) == (b"question", f"{PREF64}cb00:7107")
        assert caller[1] == client.getsockname()[1]
        server.sendto(b"answer", caller[:2])
        assert client.recvfrom(100) == (b"answer", (ROUTED4, 53))


def test_udp_in_fragments_comes_in(lab, gate64):
    """RFC 6146 3.4: fragments to an address that only a static binding has."""
    with udp_server(lab, 5353) as server, \
            lab.client4.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.sendto(b"x" * 4000, (ROUTED4, 53))
        assert server.recv(5000) == b"x" * 4000


def test_ping_comes_in(lab, gate64):
    """RFC 6146 3.5.3: an echo request by the identifier of a BIB entry; both identifiers are
    the binding's own (RFC 7915 4.2, 5.2 leave the rest of the message as it is)."""
    with lab.client4.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP) as client, \
            Capture(lab.server6, "lan0", "icmp6") as seen:
        client.settimeout(5)
        request = IP(src=CLIENT4, dst=ROUTED4) / ICMP(id=4711, seq=7) / Raw(b"are you there?")
        client.sendto(bytes(request[ICMP]), (ROUTED4, 0))
        while True:
            answer = IP(client.recv(1000))
            if answer[ICMP].type == 0:
                break
        assert (answer.src, answer[ICMP].id, answer[ICMP].seq) == (ROUTED4, 4711, 7)
        assert answer[Raw].load == b"are you there?"
        seen.wait(lambda p: "ICMPv6EchoRequest" in p and p["ICMPv6EchoRequest"].id == 99,
                  "the inside identifier")


def test_another_identifier_is_the_hosts(lab, gate64):
    """An echo request with any other identifier does not go inside."""
    with lab.client4.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP) as client, \
            Capture(lab.router6, "lan0", "icmp6[0] == 128") as seen:
        client.settimeout(5)
        client.sendto(bytes(ICMP(id=4712, seq=1) / Raw(b"host")), (GATEWAY4, 0))
        while IP(client.recv(1000))[ICMP].type != 0:
            pass		# the gateway's own answer
    assert not seen.packets


def test_what_goes_out_uses_it(lab, gate64):
    """RFC 4787 REQ-1, RFC 6146 3.5.1.1: from the inside address and port to anybody, the
    binding's outside address and port."""
    with udp_server(lab, 5353) as server, \
            lab.internet4.socket(socket.AF_INET, socket.SOCK_DGRAM) as far, \
            lab.client4.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        far.bind((WEB4, 7000))
        client.bind((CLIENT4, 7001))
        for host, sock, port in ((WEB4, far, 7000), (CLIENT4, client, 7001)):
            sock.settimeout(5)
            server.sendto(b"out", (f"{PREF64}{host}", port))
            assert sock.recvfrom(100) == (b"out", (ROUTED4, 53))


def test_reloads(lab, gate64):
    """A binding that stays carries its connections over; one that leaves ends them."""
    with WhoAmI(lab.server6, SERVER6, 22), WhoAmI(lab.server6, SERVER6, 23), \
            lab.client4.connect((GATEWAY4, 2222), timeout=5) as client:
        stream = client.makefile("rw")

        def ask():
            stream.write("hello\n")
            stream.flush()
            return stream.readline()
        assert ask()
        other = dict(TCP, outside="2223", inside=f"[{SERVER6}]:23")
        gate64.reload(static(TCP, other))
        assert ask()
        with lab.client4.connect((GATEWAY4, 2223), timeout=5):
            pass
        before = gate64.status()["rooms"]["nat64"]["sessions"]
        gate64.reload(static(other))
        assert gate64.status()["rooms"]["nat64"]["sessions"] < before
        client.settimeout(3)
        with pytest.raises(OSError):
            ask()
    gate64.reload()


def test_a_dynamic_binding_gives_way(lab, gate64):
    """A port that a reload makes static may be somebody's: his sessions end, and the log says
    so; the pool never gives out the port afterwards."""
    with lab.server6.socket(socket.AF_INET6, socket.SOCK_DGRAM) as inside, \
            lab.internet4.socket(socket.AF_INET, socket.SOCK_DGRAM) as far:
        far.bind((WEB4, 7000))
        far.settimeout(5)
        inside.connect((f"{PREF64}{WEB4}", 7000))
        inside.send(b"one")
        port = far.recvfrom(100)[1][1]
        mine = inside.getsockname()[1]
        taken = {"proto": "udp", "outside": f"{GATEWAY4}:{port}", "inside": f"[{SERVER6}]:7"}
        gate64.reload(static(taken))
        assert (f"udp {GATEWAY4}:{port} had been given to [{SERVER6}]:{mine}, whose sessions "
                "there end") in gate64.log()
        inside.send(b"two")
        assert far.recvfrom(100)[1][1] != port
    gate64.reload()


@contextlib.contextmanager
def listener(ns, address, port):
    with ns.socket() as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((address, port))
        sock.listen()
        yield sock


def test_the_hosts_own_service_is_not_cut_off(lab, gate64):
    """A reload that would take the port of a listener is refused and says what to do; the old
    configuration goes on. A listener at another address is in nobody's way."""
    new = dict(TCP, outside=f"{GATEWAY4}:2022", inside=f"[{SERVER6}]:2022")
    with listener(lab.gateway, "0.0.0.0", 2022):
        gate64.reload(static(TCP, new))
        assert (f"nat64.static: port 2022 tcp of {GATEWAY4} is in use by the host; stop that "
                "service, let it listen elsewhere, or choose another port") in gate64.log()
        assert "reload refused" in gate64.log()
        with WhoAmI(lab.server6, SERVER6, 22), \
                lab.client4.connect((GATEWAY4, 2222), timeout=5):
            pass
    with listener(lab.gateway, "127.0.0.1", 2022), WhoAmI(lab.server6, SERVER6, 2022):
        gate64.reload(static(TCP, new))
        with lab.client4.connect((GATEWAY4, 2022), timeout=5):
            pass
    gate64.reload()


def test_who_is_no_client_waits(lab, gate64):
    """An inside address that may not use NAT64 could not answer: a warning, and the port
    stays the host's."""
    stranger = dict(TCP, outside="2224", inside="[2001:db8:2::66]:22")
    gate64.reload(static(TCP, stranger))
    assert f"nat64.static: tcp {GATEWAY4}:2224 waits: 2001:db8:2::66 is no client" in gate64.log()
    with pytest.raises(ConnectionRefusedError):
        lab.client4.connect((GATEWAY4, 2224), timeout=5)
    gate64.reload()


def test_the_uplinks_address_changes(lab, gate64):
    """A binding of the uplink's address follows it."""
    new = "198.51.100.2"

    def move(old, to):
        lab.gateway.run("ip", "address", "del", f"{old}/24", "dev", "up0")
        lab.gateway.run("ip", "address", "add", f"{to}/24", "dev", "up0")
        lab.gateway.run("ip", "route", "replace", "default", "via", INTERNET4)
        wait_for(lambda: reached(to), f"the binding at {to}", step=0.2)

    def reached(address):
        try:
            lab.client4.connect((address, 2222), timeout=2).close()
            return True
        except OSError:
            return False

    with WhoAmI(lab.server6, SERVER6, 22):
        move(GATEWAY4, new)
        move(new, GATEWAY4)


def test_hairpin(lab, gate64):
    """RFC 6146 3.8: the server reaches its own binding by the outside address."""
    with WhoAmI(lab.server6, SERVER6, 22), \
            lab.server6.connect((f"{PREF64}{GATEWAY4}", 2222), timeout=5) as client:
        client.sendall(b"me\n")
        answer = client.makefile().readline().split()
        assert answer[1].startswith(PREF64.rstrip(":")), "by the gateway, not directly"
