# SPDX-License-Identifier: GPL-2.0-or-later
"""Where snid goes: routes, the modes tcp and unix, several servers, the source port.

The names are those of a zone with a DNS server of its own, which can go away. Servers keep
what they were sent first and from where. 2001:db8:1::81 swallows all that comes.
"""

import contextlib
import os
import signal
import socket
import threading

import pytest

import peers
from gateway import Gate64
from netns import wait_for
from topology import GATEWAY4, GATEWAY6, INSIDE, NAT46, SERVER6, WEB4
from wire import Capture, client_hello, read_all, tls_refusal

ALERT, FATAL, INTERNAL_ERROR, UNRECOGNIZED_NAME = 21, 2, 80, 112	# RFC 8446 6
SILENT6, DNS_OF_ZONE = "2001:db8:1::81", "192.0.2.54"
PORT, OTHER_PORT, XMPP_PORT = 4433, 4434, 5223		# of the servers
NAT46_PORT, TCP_PORT, UNIX_PORT, NAT46_TOO_PORT, CLOSED_PORT, WIDE_PORT = range(5001, 5007)
# client4's too, for tests that choose their ports: those of CLIENT4 may be in TIME_WAIT.
OTHER4, THIRD4 = "203.0.113.8", "203.0.113.9"
AS_NAT46 = f"{NAT46}cb00:7108"		# OTHER4, to the servers
LOOKUPS = 32				# snid.limits.lookups_per_client
WORKERS = len(os.sched_getaffinity(0))

# What connect() of Linux before 6.3 cannot be told (IP_LOCAL_PORT_RANGE)
KEEPS_ALL_PORTS = tuple(map(int, os.uname().release.split(".")[:2])) >= (6, 3)

ZONE = f"""\
    @ SOA ns host 1 3600 600 86400 1
    @ NS ns
    ns A {DNS_OF_ZONE}
    www AAAA {SERVER6}
    www4 A {WEB4}
    both AAAA {SERVER6}
    both A {WEB4}
    first-is-dead AAAA {SILENT6}
    first-is-dead A {WEB4}
    silent AAAA {SILENT6}
    flushed 300 AAAA {SERVER6}
    loopback4 A 127.0.0.1
    any4 A 0.0.0.0
    linklocal4 A 169.254.169.254
    multicast4 A 224.0.0.1
    broadcast4 A 255.255.255.255
    own4 A {GATEWAY4}
    private4 A 10.64.0.2
    loopback AAAA ::1
    mapped AAAA ::ffff:{WEB4}
    own AAAA {GATEWAY6}
    pref64 AAAA 64:ff9b::192.0.2.80
    nat46 AAAA 64:ff9b:1::203.0.113.7
    _xmpps-client._tcp.xmpp SRV 20 0 {XMPP_PORT} www
    _xmpps-client._tcp.xmpp SRV 10 0 22 www
    _xmpps-client._tcp.xmpp SRV 10 0 {XMPP_PORT} silent
    _xmpps-server._tcp.xmpp SRV 10 0 {PORT} www
    _xmpps-client._tcp.ssh SRV 10 0 22 www
    ssh AAAA {SERVER6}
    _xmpps-client._tcp.nowhere SRV 0 0 0 .
    nowhere AAAA {SERVER6}
    _xmpps-client._tcp.inward SRV 0 0 {XMPP_PORT} pref64
    inward AAAA {SERVER6}
    """


class Server:
    """Keeps of each connection the peer and what came first, and answers with its own name."""

    def __init__(self, listener, name):
        self.listener, self.name, self.seen = listener, name, []
        listener.listen(64)
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                sock, peer = self.listener.accept()
                threading.Thread(target=self._serve, args=(sock, peer), daemon=True).start()

    def _serve(self, sock, peer):
        with sock, contextlib.suppress(OSError):
            self.seen.append((peer, sock.recv(65536)))
            sock.sendall(self.name.encode())
            read_all(sock)

    def close(self):
        """Take no more; those that are there stay."""
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()


def tcp_server(ns, address, port, name):
    listener = ns.socket(socket.AF_INET6 if ":" in address else socket.AF_INET)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((address, port))
    return Server(listener, name)


def unix_server(path, name):
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    path.chmod(0o666)
    return Server(listener, name)


@pytest.fixture(scope="module")
def servers(lab):
    """By name: on server6 three ports, on internet4 one."""
    lab.server6.run("ip", "addr", "add", f"{SILENT6}/64", "dev", "lan0", "preferred_lft", "0")
    lab.server6.nft(f"table ip6 silent {{ chain input {{ type filter hook input priority 0;"
                    f" ip6 daddr {SILENT6} drop; }}; }}")
    for address in (OTHER4, THIRD4):
        lab.client4.run("ip", "addr", "add", f"{address}/24", "dev", "eth0")
    lab.internet4.run("ip", "addr", "add", f"{DNS_OF_ZONE}/32", "dev", "lo")
    return {"six": tcp_server(lab.server6, SERVER6, PORT, "six"),
            "six-too": tcp_server(lab.server6, SERVER6, OTHER_PORT, "six-too"),
            "xmpp": tcp_server(lab.server6, SERVER6, XMPP_PORT, "xmpp"),
            "four": tcp_server(lab.internet4, WEB4, PORT, "four")}


@pytest.fixture(scope="module")
def dns(lab, servers):
    """The zone's server, a process that can be stopped."""
    return peers.start_nsd(lab.internet4, DNS_OF_ZONE, {"routes.example.": ZONE}, "routes")


@pytest.fixture(scope="module")
def directory(lab):
    folder = lab.ground.path("servers")
    folder.mkdir()
    return folder


@pytest.fixture(scope="module")
def gate64(lab, dns, directory):
    tcp = {"mode": "tcp", "server_port": PORT}
    settings = {
        "dns64": {"zones": [{"name": "routes.example", "upstream": [DNS_OF_ZONE]}]},
        "snid": {
            "listen": [{"port": NAT46_PORT, "server_port": PORT},
                       {"port": TCP_PORT, "backends": [INSIDE, "192.0.2.0/24"], **tcp},
                       {"port": UNIX_PORT, "mode": "unix"},
                       {"port": NAT46_TOO_PORT, "server_port": PORT},
                       {"port": CLOSED_PORT, "server_port": 9},
                       {"port": WIDE_PORT, "backends": ["::/0", "0.0.0.0/0"], **tcp}],
            "routes": [
                {"name": "*.static.example", "backend": SERVER6, "port": OTHER_PORT},
                {"name": "exact.static.example", "backend": SERVER6},
                {"name": "*.deep.static.example", "backend": SERVER6},
                {"name": "outside.static.example", "backend": "2001:db8:1::1:1"}],
            "unix_directory": str(directory),
            "limits": {"connect_timeout": "1s"}}}
    with Gate64(lab, settings) as gate64:
        yield gate64


def connect(lab, port, source=None):
    """From client4; `source`: address and port that it is to come from."""
    sock = lab.client4.socket()
    sock.settimeout(20)
    if source:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind(source)
    sock.connect((GATEWAY4, port))
    return sock


@contextlib.contextmanager
def greeted(lab, name, port, source=None, alpn=()):
    """A connection to the server of `name`, which has answered: (socket, its answer)."""
    with connect(lab, port, source) as sock:
        sock.sendall(client_hello(name, alpn))
        yield sock, sock.recv(100).decode(errors="replace")


def reached(lab, name, port, alpn=()):
    """Which server is it?"""
    with greeted(lab, name, port, alpn=alpn) as (_, answer):
        return answer


def refused(lab, gate64, name, port, reason, alert=UNRECOGNIZED_NAME, alpn=()):
    """The alert comes, and `reason` is counted."""
    with gate64.counting() as rose:
        answer = tls_refusal(connect(lab, port), name, alpn)
    assert [*answer[:2], *answer[3:]] == [ALERT, 3, 0, 2, FATAL, alert]
    assert rose[f"snid.refused.{reason}"] == 1 and not rose["snid.relayed"]


# ---- snid.routes --------------------------------------------------------------------------


@pytest.mark.parametrize("name, server", [
    ("exact.static.example", "six"), ("other.static.example", "six-too"),
    ("a.b.static.example", "six-too"), ("x.deep.static.example", "six"),
    ("deep.static.example", "six-too")])
def test_a_static_route(lab, gate64, name, server):
    """Exact before wildcard, the longest wildcard, every name below it; none is in the DNS."""
    assert reached(lab, name, NAT46_PORT) == server
    assert reached(lab, name, TCP_PORT) == server


def test_a_wildcard_is_not_for_its_own_name(lab, gate64):
    refused(lab, gate64, "static.example", NAT46_PORT, "unknown_name")


def test_a_static_route_is_judged_like_any_other(lab, gate64):
    """Nothing is connected to beyond `backends`: they are narrower than the routes here."""
    with gate64.counting() as rose:
        gate64.reload({"snid": {"listen": [
            {"port": NAT46_PORT, "server_port": PORT, "backends": ["2001:db8:1::1:0/112"]}]}})
        try:
            answer = tls_refusal(connect(lab, NAT46_PORT), "exact.static.example")
        finally:
            gate64.reload()
    assert answer[-1] == UNRECOGNIZED_NAME
    assert rose["snid.refused.backend_not_allowed"] == 1


# ---- modes ----------------------------------------------------------------------------------


def test_mode_tcp_goes_to_either_family(lab, gate64, servers):
    """By A or AAAA, IPv6 first (RFC 6724 2.1, RFC 8305 4), from an address of the gateway."""
    assert reached(lab, "www.routes.example", TCP_PORT) == "six"
    assert servers["six"].seen[-1][0][0] == GATEWAY6
    assert reached(lab, "www4.routes.example", TCP_PORT) == "four"
    assert servers["four"].seen[-1][0][0] == GATEWAY4
    assert reached(lab, "both.routes.example", TCP_PORT) == "six"


def test_mode_nat46_has_no_ipv4_servers(lab, gate64):
    refused(lab, gate64, "www4.routes.example", NAT46_PORT, "unknown_name")
    assert reached(lab, "both.routes.example", NAT46_PORT) == "six"


def test_mode_unix(lab, gate64, directory):
    """A socket named after the host; else that of its domain, else `_`; nothing but sockets, and
    none that a link leads to."""
    for name in ("a.unix.example", "_.unix.example"):
        unix_server(directory / name, name)
    (directory / "file.example").write_text("no socket")
    (directory / "folder.example").mkdir()
    elsewhere = lab.ground.path("elsewhere.sock")
    unix_server(elsewhere, "elsewhere")
    (directory / "link.example").symlink_to(elsewhere)

    assert reached(lab, "A.unix.example", UNIX_PORT) == "a.unix.example"
    assert reached(lab, "b.unix.example", UNIX_PORT) == "_.unix.example"
    for name in ("file.example", "folder.example", "link.example", "a.b.unix.example", "example"):
        refused(lab, gate64, name, UNIX_PORT, "unknown_name")
    long = ".".join(["x" * 60] * 4)	# longer than the path of a socket may be
    unix_server(directory / "_", "wildcard")
    os.rename(directory / "_", directory / long)
    assert reached(lab, long, UNIX_PORT) == "wildcard"
    os.rename(directory / long, directory / "_")
    assert reached(lab, "file.example", UNIX_PORT) == "wildcard"


def test_mode_unix_with_nobody_behind_the_socket(lab, gate64, directory):
    """The server has gone and left its socket."""
    server = unix_server(directory / "gone.example", "gone")
    server.close()
    refused(lab, gate64, "gone.example", UNIX_PORT, "connect_failed", INTERNAL_ERROR)


# ---- several servers --------------------------------------------------------------------------


def test_a_dead_server_is_raced_and_remembered(lab, gate64):
    """RFC 8305 5: the next one after 250 ms; then the dead one is not first any more: each worker
    tries it once while it is remembered."""
    with Capture(lab.gateway, "any", f"ip6 dst {SILENT6} and ip6[53] & 2 != 0") as capture:
        for _ in range(30):
            assert reached(lab, "first-is-dead.routes.example", TCP_PORT) == "four"
    tries = {packet["TCP"].sport for packet in capture.packets}
    assert 1 <= len(tries) <= WORKERS


def test_a_server_that_does_not_answer(lab, gate64):
    """connect_timeout is over all of it; no SYN follows."""
    refused(lab, gate64, "silent.routes.example", NAT46_PORT, "connect_timeout", INTERNAL_ERROR)
    state = lab.gateway.run("ss", "-Htn", "state", "syn-sent", "dst", f"[{SILENT6}]").stdout
    assert not state


def test_a_server_that_is_not_there(lab, gate64):
    """Its host resets the connection."""
    refused(lab, gate64, "www.routes.example", CLOSED_PORT, "connect_failed", INTERNAL_ERROR)


# ---- services ---------------------------------------------------------------------------------


@pytest.mark.parametrize("port", [NAT46_PORT, TCP_PORT])
def test_xmpp_goes_by_services(lab, gate64, port):
    """RFC 2782, XEP-0368: the lowest priority first; port 22 is no port of XMPP and passed over;
    the next one where a target does not answer."""
    assert reached(lab, "xmpp.routes.example", port, ["xmpp-client"]) == "xmpp"
    assert reached(lab, "xmpp.routes.example", port, ["xmpp-server"]) == "six"


def test_hosts_without_services(lab, gate64):
    """RFC 2782: no such records: the host's addresses. Clients of others, or of several protocols,
    do not ask for them."""
    assert reached(lab, "www.routes.example", NAT46_PORT, ["xmpp-client"]) == "six"
    for alpn in (["h2"], ["xmpp-client", "h2"], ["xmpp-client", "xmpp-server"]):
        refused(lab, gate64, "xmpp.routes.example", NAT46_PORT, "unknown_name", alpn=alpn)


@pytest.mark.parametrize("name, reason", [("ssh", "unknown_name"), ("nowhere", "unknown_name"),
                                          ("inward", "backend_not_allowed")])
def test_services_that_are_not_for_us(lab, gate64, name, reason):
    """A port that is not allowed; the target "." (RFC 2782); a target in a NAT64 prefix. The host's
    own addresses do not stand in."""
    refused(lab, gate64, f"{name}.routes.example", NAT46_PORT, reason, alpn=["xmpp-client"])


# ---- the source port ----------------------------------------------------------------------------


@contextlib.contextmanager
def ephemeral(lab, gate64, first, last):
    """The gateway's own range of ports is this one."""
    before = lab.gateway.sysctl("net/ipv4/ip_local_port_range")
    lab.gateway.sysctl("net/ipv4/ip_local_port_range", f"{first} {last}")
    gate64.reload()
    try:
        yield
    finally:
        lab.gateway.sysctl("net/ipv4/ip_local_port_range", before)
        gate64.reload()


def seen_from(lab, servers, source, port=NAT46_PORT):
    """Whom the server saw, where the client came from `source`."""
    with greeted(lab, "www.routes.example", port, source) as (_, answer):
        assert answer == "six"
        return servers["six"].seen[-1][0][:2]


@pytest.mark.parametrize("port", [1500, 30000, 40000, 50000, 60999, 61000, 65535])
def test_the_source_port_is_kept(lab, gate64, servers, port):
    """Within the kernel's own range and outside of it."""
    address, kept = seen_from(lab, servers, (OTHER4, port))
    assert address == AS_NAT46
    if KEEPS_ALL_PORTS or not 32768 <= port <= 60999:
        assert kept == port


def test_a_port_that_another_socket_has(lab, gate64, servers):
    """Another port then (EADDRINUSE)."""
    with lab.gateway.socket(socket.AF_INET6) as other:
        other.bind(("::", 61003))
        other.listen()
        assert seen_from(lab, servers, (OTHER4, 61003))[1] != 61003
    assert seen_from(lab, servers, (THIRD4, 61003))[1] == 61003


@pytest.mark.parametrize("port", [45678, 61004])
def test_a_connection_that_there_is_already(lab, gate64, servers, port):
    """From one port of a client to one server by two listeners: the second has another
    (EADDRNOTAVAIL)."""
    with greeted(lab, "www.routes.example", NAT46_PORT, (OTHER4, port)) as (_, answer):
        assert answer == "six"
        assert seen_from(lab, servers, (OTHER4, port), NAT46_TOO_PORT)[1] != port


@pytest.mark.skipif(not KEEPS_ALL_PORTS, reason="this kernel keeps no port of its own range")
def test_kept_ports_take_none_away(lab, gate64, servers):
    """24 ports, all of them with a client: the same ports are still there for other clients, for
    those whose own port is none of them, and for the gateway itself."""
    first = 41000
    with ephemeral(lab, gate64, first, first + 23), contextlib.ExitStack() as stack:
        for port in range(first, first + 24):
            _, answer = stack.enter_context(
                greeted(lab, "www.routes.example", NAT46_PORT, (OTHER4, port)))
            assert answer == "six" and servers["six"].seen[-1][0][1] == port
        assert seen_from(lab, servers, (THIRD4, first + 5))[1] == first + 5
        assert reached(lab, "www.routes.example", TCP_PORT) == "six"
        with lab.gateway.socket(socket.AF_INET6) as taker:	# so that its own is not free
            taker.bind(("::", 61005))
            taker.listen()
            assert first <= seen_from(lab, servers, (THIRD4, 61005))[1] < first + 24
        lab.gateway.connect((SERVER6, PORT)).close()


def test_nothing_comes_back_to_the_prefix(lab, gate64):
    """A filter in the way of what is sent to clients' addresses is noticed, and its end."""
    told, again = "no server can be reached", "can be reached from the addresses of clients again"
    assert told not in gate64.log()
    lab.gateway.nft("table ip6 in_the_way { chain input { type filter hook input priority 0;"
                    " ip6 daddr 64:ff9b:1::/96 drop; }; }")
    gate64.reload()
    assert gate64.log().count(told) == 1
    gate64.reload()
    lab.gateway.run("nft", "delete", "table", "ip6", "in_the_way")
    assert gate64.log().count(told) == 1 and again not in gate64.log()
    gate64.reload()
    assert again in gate64.log()
    assert reached(lab, "www.routes.example", NAT46_PORT) == "six"


# ---- where it does not go ---------------------------------------------------------------------


@pytest.mark.parametrize("name", ["loopback4", "any4", "linklocal4", "multicast4", "broadcast4",
                                  "own4", "private4", "loopback", "mapped", "own", "pref64",
                                  "nat46"])
def test_mode_tcp_does_not_go_everywhere(lab, gate64, name):
    """Even with ::/0 and 0.0.0.0/0 as backends; private networks have to be named."""
    refused(lab, gate64, f"{name}.routes.example", WIDE_PORT, "backend_not_allowed")


def test_mode_tcp_keeps_to_its_backends(lab, gate64):
    refused(lab, gate64, "private4.routes.example", TCP_PORT, "backend_not_allowed")


# ---- the DNS --------------------------------------------------------------------------------------


def test_a_name_is_asked_for_once(lab, gate64):
    """Until it is flushed; each worker knows for itself."""
    gate64.command("dns", "flush", "-s", gate64.control)
    with gate64.counting() as rose:
        for _ in range(20):
            assert reached(lab, "flushed.routes.example", NAT46_PORT) == "six"
    assert 1 <= rose["snid.lookups.asked"] <= WORKERS
    assert rose["snid.lookups.known"] == 20 - rose["snid.lookups.asked"]
    gate64.command("dns", "flush", "-s", gate64.control, "flushed.routes.example")
    with gate64.counting() as rose:
        assert reached(lab, "flushed.routes.example", NAT46_PORT) == "six"
    assert rose["snid.lookups.asked"] == 1


def test_made_up_names(lab, gate64, dns):
    """Of one client only so many are asked for at a time, also of all workers together; known names
    are reached meanwhile, by that client too."""
    names = 40
    for _ in range(20):		# in every worker, most likely
        assert reached(lab, "flushed.routes.example", NAT46_PORT) == "six"
    os.killpg(dns.pid, signal.SIGSTOP)
    try:
        with gate64.counting() as rose, contextlib.ExitStack() as stack:
            for i in range(names):
                sock = stack.enter_context(connect(lab, NAT46_PORT))
                sock.sendall(client_hello(f"made-up-{i}.routes.example"))
            wait_for(lambda: gate64.counters()["snid.refused.lookup_failed"] >= names - LOOKUPS,
                     "those that are too many are refused")
            assert reached(lab, "flushed.routes.example", NAT46_PORT) == "six"
        assert rose["snid.lookups.asked"] == LOOKUPS
        assert rose["snid.lookups.refused"] == names - LOOKUPS
    finally:
        os.killpg(dns.pid, signal.SIGCONT)
    wait_for(lambda: reached(lab, "both.routes.example", NAT46_PORT) == "six",
             "names are found again", timeout=60)


def test_the_dns_is_dead(lab, gate64, dns):
    """What is not known is refused; servers that were known stay reachable beyond their TTL
    (RFC 8767 4), and new names are there again soon after it is back (RFC 9520 3.2)."""
    gate64.command("dns", "flush", "-s", gate64.control)
    for _ in range(20):		# in every worker, most likely
        assert reached(lab, "www.routes.example", NAT46_PORT) == "six"
    lab.ground.stop(dns)
    try:
        refused(lab, gate64, "never-asked.routes.example", NAT46_PORT, "lookup_failed",
                INTERNAL_ERROR)
        assert reached(lab, "www.routes.example", NAT46_PORT) == "six"
    finally:
        peers.start_nsd(lab.internet4, DNS_OF_ZONE, {"routes.example.": ZONE}, "routes-again")
    wait_for(lambda: reached(lab, "both.routes.example", NAT46_PORT) == "six",
             "names are found again", timeout=60)
