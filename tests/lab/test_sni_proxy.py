# SPDX-License-Identifier: GPL-2.0-or-later
"""The PROXY protocol, into snid and out of it. Numbers are those of HAProxy's
proxy-protocol.txt, the specification, from which headers are made and read here."""

import contextlib
import ipaddress
import json
import socket
import struct

import pytest

from gateway import Gate64
from sni_wire import (CLIENT_NAT46, SSL_REQUEST, UNRECOGNIZED_NAME, answered, is_alert, receive,
                      refusing)
from topology import CLIENT4, GATEWAY4, GATEWAY6, INSIDE, SERVER6, WWW
from wire import client_hello, read_all

# Ports of the gateway: from a proxy; from nobody's; from a proxy, to a server that wants headers
# too; the same from clients alone; to a socket; with PostgreSQL.
NAT46_PROXIED, NAT46_PLAIN, TCP_PROXIED, TCP_PLAIN, UNIX, POSTGRES = range(6001, 6007)
SERVER = 4433
TOLD4, TOLD4_NAT46, TOLD6 = "192.0.2.200", "64:ff9b:1::c000:2c8", "2001:db8:f::9"
TOLD_SERVER4, TOLD_SERVER6 = "192.0.2.201", "2001:db8:f::1"
OTHER4 = "203.0.113.8"		# client4's too, no proxy

SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"		# 2.2
LOCAL, PROXY = 0x20, 0x21			# version 2, command
UNSPEC, TCP4, UDP4, TCP6, UNIX_STREAM = 0x00, 0x11, 0x12, 0x21, 0x31
ALPN, AUTHORITY, CRC32C, NOOP = 1, 2, 3, 4	# 2.2: types of TLVs
HELLO = client_hello(WWW, ["http/1.1"])


@pytest.fixture(scope="module")
def server(lab):
    """A listener on server6."""
    with lab.server6.socket(socket.AF_INET6) as sock:
        sock.bind((SERVER6, SERVER))
        sock.listen(64)
        sock.settimeout(10)
        yield sock


@pytest.fixture(scope="module")
def unix_server(lab):
    """A listener of that name in the directory."""
    folder = lab.ground.path("servers")
    folder.mkdir()
    with socket.socket(socket.AF_UNIX) as sock:
        sock.bind(str(folder / WWW))
        (folder / WWW).chmod(0o666)
        sock.listen(64)
        sock.settimeout(10)
        yield sock


@pytest.fixture(scope="module")
def gate64(lab, server, unix_server):
    lab.client4.run("ip", "addr", "add", f"{OTHER4}/24", "dev", "eth0")
    proxied, to = {"proxy_from": [CLIENT4]}, {"server_port": SERVER}
    tcp = {"mode": "tcp", "backends": [INSIDE], **to}
    settings = {"snid": {
        "listen": [{"port": NAT46_PROXIED, **to, **proxied}, {"port": NAT46_PLAIN, **to},
                   {"port": TCP_PROXIED, **tcp, **proxied}, {"port": TCP_PLAIN, **tcp},
                   {"port": UNIX, "mode": "unix"},
                   {"port": POSTGRES, "protocol": "postgres", **tcp}],
        "proxy_to": "v2", "unix_directory": str(lab.ground.path("servers")),
        "limits": {"hello_timeout": "2s"}}}
    with Gate64(lab, settings) as gate64:
        yield gate64


# ---- headers, by the specification -----------------------------------------------------------


def v1(family="TCP4", source=TOLD4, to=TOLD_SERVER4, ports="4711 443"):
    """2.1"""
    return f"PROXY {family} {source} {to} {ports}\r\n".encode()


def v2(body=b"", command=PROXY, family=TCP4, length=None):
    """2.2"""
    return SIGNATURE + struct.pack(">BBH", command, family,
                                   len(body) if length is None else length) + body


def addresses(source=TOLD4, to=TOLD_SERVER4, ports=(4711, 443)):
    """2.2: the connection's ends."""
    return b"".join(ipaddress.ip_address(a).packed for a in (source, to)) + \
        struct.pack(">HH", *ports)


def tlv(kind, value):
    """2.2"""
    return struct.pack(">BH", kind, len(value)) + value


def crc32c(data):
    """2.2.3: RFC 4960 Appendix B."""
    crc = 0xffffffff
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82f63b78 if crc & 1 else 0)
    return crc ^ 0xffffffff


def summed(body, error=0):
    """A header with its checksum, or with another one."""
    header = v2(body + tlv(CRC32C, bytes(4)))
    return header[:-4] + struct.pack(">I", crc32c(header) ^ error)


def read_header(sock):
    """A header of version 2 off the stream: ((source, port), (server, port), {type: value})."""
    assert receive(sock, 12) == SIGNATURE
    command, family, length = struct.unpack(">BBH", receive(sock, 4))
    assert command == PROXY and family in (TCP4, TCP6)
    body, size = receive(sock, length), 4 if family == TCP4 else 16
    assert len(body) == length
    ends = [str(ipaddress.ip_address(body[i * size:(i + 1) * size])) for i in (0, 1)]
    ports = struct.unpack_from(">HH", body, 2 * size)
    rest, tlvs = body[2 * size + 4:], {}
    while rest:
        kind, n = struct.unpack_from(">BH", rest)
        assert len(rest) >= 3 + n and kind not in tlvs
        tlvs[kind], rest = rest[3:3 + n], rest[3 + n:]
    return (ends[0], ports[0]), (ends[1], ports[1]), tlvs


@contextlib.contextmanager
def led(lab, server, port, *pieces, source=None):
    """A client says this: (it, the server's socket, whom the server sees)."""
    with lab.client4.connect((GATEWAY4, port), source=source) as client:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for piece in pieces:
            client.sendall(piece)
        sock, peer = server.accept()
        with sock:
            sock.settimeout(10)
            yield client, sock, peer


# ---- into snid -------------------------------------------------------------------------------


@pytest.mark.parametrize("header", [
    v1(), v2(addresses()), v2(addresses() + tlv(NOOP, bytes(40)) + tlv(0xee, b"own")),
    summed(addresses()), v1("TCP6", f"::ffff:{TOLD4}", TOLD_SERVER6),
    v2(addresses(f"::ffff:{TOLD4}", TOLD_SERVER6), family=TCP6)],
    ids=["v1", "v2", "tlvs", "checksum", "v1-mapped", "v2-mapped"])
def test_the_client_that_is_told(lab, gate64, server, header):
    """Is the one that the server sees, and its connection is that of the hello (2.1, 2.2); also
    where each byte comes alone."""
    for pieces in ([header + HELLO], [bytes([byte]) for byte in header] + [HELLO]):
        with led(lab, server, NAT46_PROXIED, *pieces) as (client, sock, peer):
            assert peer[0] == TOLD4_NAT46
            client.shutdown(socket.SHUT_WR)
            assert read_all(sock) == HELLO


@pytest.mark.parametrize("header", [
    v2(command=LOCAL), v2(addresses(), command=LOCAL), v2(family=UNSPEC), b"PROXY UNKNOWN\r\n",
    b"PROXY UNKNOWN ffff:f...f:ffff ffff:f...f:ffff 65535 65535\r\n",
    v2(bytes(216), family=UNIX_STREAM)],
    ids=["local", "local-addresses", "unspec", "unknown", "unknown-more", "unix"])
def test_no_client_is_told(lab, gate64, server, header):
    """2.1 (UNKNOWN), 2.2 (LOCAL, AF_UNSPEC, AF_UNIX): the connection's own address counts."""
    with led(lab, server, NAT46_PROXIED, header + HELLO) as (client, sock, peer):
        assert peer[0] == CLIENT_NAT46
        client.shutdown(socket.SHUT_WR)
        assert read_all(sock) == HELLO


@pytest.mark.parametrize("header", [
    HELLO, b"GET / HTTP/1.1\r\n\r\n",
    v1(source="192.0.2.300"), v1("TCP6"), v1("TCP4", TOLD6, TOLD_SERVER6), v1("UDP4"),
    v1(ports="4711 65536"), v1(ports="04711 443"), v1(ports="4711"), v1(ports="4711 443 "),
    v1().replace(b"\r\n", b"\n") + HELLO, b"PROXY " + b"x" * 200, v1().replace(b" ", b"  ", 2),
    v2(addresses(), command=0x11), v2(addresses(), command=0x22), v2(addresses(), family=UDP4),
    v2(addresses(), family=0x41), v2(addresses()[:-1]), v2(addresses(), family=TCP6),
    v2(addresses() + b"\4\0\5abc"), v2(addresses() + b"\4"), summed(addresses(), error=1),
    v2(addresses() + tlv(CRC32C, bytes(3))), v2(length=65535)],
    ids=["tls", "http", "no-address", "ipv4-as-6", "ipv6-as-4", "udp", "port-too-big",
         "port-with-zero", "one-port", "space-behind", "no-cr", "endless", "two-spaces",
         "version-1", "command-2", "datagrams", "family-4", "cut", "too-short", "tlv-too-long",
         "tlv-cut", "sum-wrong", "sum-short", "too-long"])
def test_a_broken_header(lab, gate64, header):
    """2.1, 2.2 and 2.2.3: or none; closed without a word (2: the connection is aborted)."""
    with refusing(gate64, "bad_proxy_header"):
        assert answered(lab, NAT46_PROXIED, header) == b""


def test_a_header_too_slow(lab, gate64):
    """Its time is that of the hello, whatever of it has come."""
    begun = (b"P", v1()[:-1], v2()[:13], v2(addresses())[:-1], v1() + HELLO[:-1])
    with gate64.counting() as rose, contextlib.ExitStack() as stack:
        socks = [stack.enter_context(lab.client4.connect((GATEWAY4, NAT46_PROXIED)))
                 for _ in begun]
        for sock, said in zip(socks, begun):
            sock.sendall(said)
        assert [read_all(sock) for sock in socks] == [b""] * len(begun)
    assert rose["snid.refused.hello_timeout"] == len(begun) and not rose["snid.relayed"]


@pytest.mark.parametrize("header", [
    v1("TCP6", TOLD6, TOLD_SERVER6), v2(addresses(TOLD6, TOLD_SERVER6), family=TCP6)],
    ids=["v1", "v2"])
def test_an_ipv6_client_has_no_nat46_address(lab, gate64, header):
    """It is refused before it is read what it speaks, so without a word."""
    with refusing(gate64, "ipv6_client"):
        assert answered(lab, NAT46_PROXIED, header + HELLO) == b""


@pytest.mark.parametrize("header", [v1(), v2(addresses())], ids=["v1", "v2"])
@pytest.mark.parametrize("port, source", [(NAT46_PLAIN, CLIENT4), (NAT46_PROXIED, OTHER4)])
def test_nobody_else_is_believed(lab, gate64, port, source, header):
    """2: a listener without proxies, and somebody who is none of them."""
    with refusing(gate64, "not_tls"), lab.client4.connect((GATEWAY4, port), source=source) as sock:
        sock.sendall(header + HELLO)
        assert read_all(sock) == b""


def test_others_need_no_header(lab, gate64, server):
    """On a listener with proxies those that are none just greet."""
    with led(lab, server, NAT46_PROXIED, HELLO, source=OTHER4) as (_, sock, peer):
        assert peer[0] == "64:ff9b:1::cb00:7108"
        assert receive(sock, len(HELLO)) == HELLO


def test_a_refusal_behind_a_header(lab, gate64):
    """In the client's own words."""
    with refusing(gate64, "unknown_name"):
        answer = answered(lab, NAT46_PROXIED, v1() + client_hello("only4.home.example"))
    assert is_alert(answer, UNRECOGNIZED_NAME)


def test_the_list_has_the_client(lab, gate64, server):
    """The one that was told, with its port."""
    with led(lab, server, NAT46_PROXIED, v1() + HELLO):
        done = gate64.command("connections", "--json", "-s", gate64.control, "--client", TOLD4)
        (row,) = json.loads(done.stdout)["connections"]
        assert (row["client"], row["client_port"], row["name"]) == (TOLD4, 4711, WWW)


# ---- out of it -------------------------------------------------------------------------------


TLVS = {ALPN: b"http/1.1", AUTHORITY: WWW.encode()}


def test_mode_tcp_tells_the_client(lab, gate64, server):
    """2.2: who has called whom, the protocol, the name; then the hello as it came."""
    with led(lab, server, TCP_PLAIN, HELLO) as (client, sock, peer):
        assert peer[0] == GATEWAY6
        assert read_header(sock) == (client.getsockname(), (GATEWAY4, TCP_PLAIN), TLVS)
        client.shutdown(socket.SHUT_WR)
        assert read_all(sock) == HELLO


def test_without_alpn_none_is_told(lab, gate64, server):
    """Nor where there are several."""
    for alpn in ((), ("h2", "http/1.1")):
        with led(lab, server, TCP_PLAIN, client_hello(WWW, alpn)) as (_, sock, _peer):
            assert read_header(sock)[2] == {AUTHORITY: WWW.encode()}


def test_mode_unix_tells_the_client(lab, gate64, unix_server):
    with led(lab, unix_server, UNIX, HELLO) as (client, sock, _):
        assert read_header(sock) == (client.getsockname(), (GATEWAY4, UNIX), TLVS)
        client.shutdown(socket.SHUT_WR)
        assert read_all(sock) == HELLO


@pytest.mark.parametrize("header, source, to", [
    (v1(), TOLD4, TOLD_SERVER4), (v2(addresses()), TOLD4, TOLD_SERVER4),
    (v2(addresses(TOLD6, TOLD_SERVER6), family=TCP6), TOLD6, TOLD_SERVER6)],
    ids=["v1", "v2", "ipv6"])
def test_what_was_told_is_told_on(lab, gate64, server, header, source, to):
    """From one proxy to the next; in mode tcp clients may have IPv6."""
    with led(lab, server, TCP_PROXIED, header + HELLO) as (client, sock, _):
        assert read_header(sock) == ((source, 4711), (to, 443), TLVS)
        client.shutdown(socket.SHUT_WR)
        assert read_all(sock) == HELLO


def test_local_is_the_proxys_own(lab, gate64, server):
    """2.2: it is told on as what it is, a connection of the proxy."""
    with led(lab, server, TCP_PROXIED, v2(command=LOCAL) + HELLO) as (client, sock, _):
        assert read_header(sock) == (client.getsockname(), (GATEWAY4, TCP_PROXIED), TLVS)


def test_nat46_tells_no_header(lab, gate64, server):
    """The address is the client's already."""
    with led(lab, server, NAT46_PLAIN, HELLO) as (_, sock, peer):
        assert peer[0] == CLIENT_NAT46
        assert receive(sock, len(HELLO)) == HELLO


def test_postgres_gets_the_header_first(lab, gate64, server):
    """2: before all else, so before the request for TLS; the hello after the server's yes."""
    with lab.client4.connect((GATEWAY4, POSTGRES)) as client:
        client.sendall(SSL_REQUEST)
        assert receive(client, 1) == b"S"
        client.sendall(HELLO)
        sock, _ = server.accept()
        with sock:
            sock.settimeout(10)
            assert read_header(sock) == (client.getsockname(), (GATEWAY4, POSTGRES), TLVS)
            assert receive(sock, 8) == SSL_REQUEST
            sock.sendall(b"S")
            client.shutdown(socket.SHUT_WR)
            assert read_all(sock) == HELLO
