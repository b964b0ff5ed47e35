# SPDX-License-Identifier: GPL-2.0-or-later
"""IPv4 to IPv6, to the byte: what internet4 sends, and what arrives at server6.

Between them are the gateway and router6, which each take one from the hop limit.
"""

import os
import struct

import pytest

from exact import (DF, FRAGMENT, ICMP, ICMP6, MF, UDP, Tap, add_to, checksum, fragment_header,
                   icmp, icmp6, ipv4, ipv6, is_icmp, pseudo, same, send, tcp, udp,
                   with_identification)
from topology import (CLIENT4_ROUTER, DNS4, GATEWAY4, INTERNET4, PREF64, SERVER6, WEB4)
from wire import udp_flow

SETTINGS = {"dns64": {"upstream": [DNS4]}}
WEB6 = f"{PREF64}{WEB4}"
PORT = 7000
HOPS = 2			# the gateway and router6
TUNNEL_MTU, LOWEST_MTU = 1420, 1280
NOP, END, RECORD_ROUTE, LSRR, TIMESTAMP, SSRR, ROUTER_ALERT = 1, 0, 7, 131, 68, 137, 148


# RFC 4884 7: version 2 and a checksum, then an object: RFC 4950's, one MPLS label
EXTENSIONS = b"\x20\0" + struct.pack("!H", checksum(
    bytes.fromhex("20000000 00080101 00019140"))) + bytes.fromhex("00080101 00019140")


class Flow:
    """A UDP flow that stays open on both sides, and the taps."""

    def __init__(self, inside, outside, server, internet):
        self.inside_port = inside.getsockname()[1]
        self.outside_port = outside.getpeername()[1]
        self.server, self.internet = server, internet

    def udp4(self, data, **fields):
        """What internet4 sends."""
        return udp(WEB4, GATEWAY4, PORT, self.outside_port, data, **fields)

    def udp6(self, data, **fields):
        """What arrives of it."""
        return udp(WEB6, SERVER6, PORT, self.inside_port, data, **fields)


@pytest.fixture(scope="module")
def flow(lab, gate64):
    with udp_flow(lab, lab.internet4, WEB4, PORT) as (inside, outside), \
            Tap(lab.server6, "lan0") as server, Tap(lab.internet4, "gw0") as internet:
        yield Flow(inside, outside, server, internet)


def carrying(data):
    """For Tap.take(): an IPv6 packet with these bytes in it."""
    return lambda p: p[0] >> 4 == 6 and data in p


def nothing_before_the_last(lab, flow, *packets):
    """None of the packets arrives at server6: only the one sent after them does.

    All have the same addresses, so that they keep their order on the way."""
    mark = os.urandom(16)
    send(lab.internet4, *packets, ipv4(WEB4, GATEWAY4, UDP, flow.udp4(mark)))
    came = flow.server.take(lambda p: p[0] >> 4 == 6 and (p[6] == UDP or is_icmp(p)))
    assert mark in came, came.hex(" ", 2)


@pytest.mark.parametrize("tos, ttl, fragment, id", [
    (0, 64, 0, 1), (0xb8, 255, DF, 0), (0x03, 3, DF, 7), (0xff, 128, 0, 0xffff)])
@pytest.mark.parametrize("size", [1, 100, 1232])
def test_the_header(lab, flow, tos, ttl, fragment, id, size):
    """RFC 7915 4.1, 4.5 and RFC 6146 3.7, 3.5.4: type of service to traffic class, flow label
    zero, TTL less one a hop, no Fragment header for what is none, lengths and checksums are
    IPv6's, the source is the pref64's."""
    data = os.urandom(size)
    send(lab.internet4, ipv4(WEB4, GATEWAY4, UDP, flow.udp4(data), tos=tos, id=id,
                             fragment=fragment, ttl=ttl))
    got = flow.server.take(lambda p: p[0] >> 4 == 6 and p[48:] == data)
    same(got, ipv6(WEB6, SERVER6, UDP, flow.udp6(data), tc=tos, hlim=ttl - HOPS))


@pytest.mark.parametrize("options", [
    bytes((NOP, NOP, NOP, END)),
    bytes((RECORD_ROUTE, 7, 4, 0, 0, 0, 0, END)),
    bytes((TIMESTAMP, 8, 5, 0, 0, 0, 0, 0)),
    bytes((ROUTER_ALERT, 4, 0, 0)),
    # Source routes whose pointer is beyond their end: there is nowhere left to go.
    bytes((LSRR, 7, 8, 192, 0, 2, 1, END)),
    bytes((SSRR, 7, 8, 192, 0, 2, 1, END)),
    bytes((NOP,)) * 40,
], ids=["nothing", "record route", "timestamp", "router alert", "expired loose route",
        "expired strict route", "40 bytes"])
def test_options_are_ignored(lab, flow, options):
    """RFC 7915 4.1: translated as if they were not there"""
    data = os.urandom(40)
    send(lab.internet4, ipv4(WEB4, GATEWAY4, UDP, flow.udp4(data), options=options))
    same(flow.server.take(carrying(data)),
         ipv6(WEB6, SERVER6, UDP, flow.udp6(data), hlim=64 - HOPS))


@pytest.mark.parametrize("options", [
    bytes((LSRR, 7, 4, 192, 0, 2, 1, END)), bytes((SSRR, 7, 4, 192, 0, 2, 1, END)),
    bytes((NOP, LSRR, 11, 8, 192, 0, 2, 1, 192, 0, 2, 2)),
], ids=["loose", "strict", "behind another, half way"])
def test_a_source_route(lab, flow, options):
    """RFC 7915 4.1 source route, RFC 7915 4.4: not followed; 3/5 to its sender, with the packet
    as the gateway got it."""
    packet = ipv4(WEB4, GATEWAY4, UDP, flow.udp4(b"a way"), options=options, id=5)
    nothing_before_the_last(lab, flow, packet)
    got = flow.internet.take(is_icmp)
    same(got, with_identification(
        ipv4(GATEWAY4, WEB4, ICMP, icmp(3, 5, 0, packet), tos=got[1], ttl=64), got))


def test_ttl(lab, flow):
    """RFC 7915 4.1, 4.4: at the end of its TTL the sender is told by ICMPv4."""
    packet = ipv4(WEB4, GATEWAY4, UDP, flow.udp4(b"hops"), ttl=1, id=5)
    nothing_before_the_last(lab, flow, packet)
    got = flow.internet.take(is_icmp)
    same(got, with_identification(
        ipv4(GATEWAY4, WEB4, ICMP, icmp(11, 0, 0, packet), tos=got[1], ttl=64), got))


def test_too_big_with_df(lab, gate64, flow):
    """RFC 7915 4, 4.4: Fragmentation Needed, with the tunnel's MTU less 20; at most 576 bytes
    in all (RFC 1812 4.3.2.3)."""
    packet = ipv4(WEB4, GATEWAY4, UDP, flow.udp4(bytes(1401 - 28)), id=5, fragment=DF)
    nothing_before_the_last(lab, flow, packet)
    got = flow.internet.take(is_icmp)
    message = icmp(3, 4, TUNNEL_MTU - 20, packet[:576 - 28])
    same(got, with_identification(ipv4(GATEWAY4, WEB4, ICMP, message, tos=got[1], ttl=64), got))


def fragments6(datagram, id, mtu, **fields):
    """The IPv6 fragments of a datagram from WEB6 to server6 (RFC 8200 4.5)."""
    room = mtu - 48 & ~7
    return [ipv6(WEB6, SERVER6, FRAGMENT,
                 fragment_header(UDP, at, at + room < len(datagram), id) + datagram[at:at + room],
                 hlim=64 - HOPS, **fields) for at in range(0, len(datagram), room)]


def is_fragment(packet):
    """For Tap.take(): with a Fragment header."""
    return packet[0] >> 4 == 6 and packet[6] == FRAGMENT


@pytest.mark.parametrize("size, number", [(1260, 1), (1261, 2), (1400, 2), (1500, 2)])
def test_larger_than_the_lowest_mtu_without_df(lab, flow, size, number):
    """RFC 7915 4, RFC 7915 4.1 fragment: with DF clear, what would become larger than 1280
    bytes leaves in fragments, whose identification is the packet's 16 bits; what would not
    leaves without a Fragment header."""
    data = os.urandom(size - 28)
    send(lab.internet4, ipv4(WEB4, GATEWAY4, UDP, flow.udp4(data), id=0xfedc, tos=3))
    if number == 1:
        same(flow.server.take(carrying(data)),
             ipv6(WEB6, SERVER6, UDP, flow.udp6(data), hlim=64 - HOPS, tc=3))
        return
    for got, wanted in zip(flow.server.take(is_fragment, number),
                           fragments6(flow.udp6(data), 0xfedc, LOWEST_MTU, tc=3), strict=True):
        same(got, wanted)


@pytest.mark.parametrize("csum", [None, 0], ids=["summed", "without a checksum"])
@pytest.mark.parametrize("order", [(0, 1, 2), (2, 0, 1)], ids=["in order", "out of order"])
def test_fragments(lab, flow, order, csum):
    """RFC 7915 4.1 fragment, RFC 6146 3.4 fragment, RFC 7915 4.5 zero, RFC 6146 3.4 zero: a
    datagram in fragments leaves in fragments of at most 1280 bytes, with its identification."""
    data = os.urandom(2500)
    datagram = flow.udp4(data, csum=csum)
    packets = [ipv4(WEB4, GATEWAY4, UDP, datagram[at:at + 1000], id=0x1234,
                    fragment=at // 8 | (MF if at + 1000 < len(datagram) else 0))
               for at in range(0, len(datagram), 1000)]
    send(lab.internet4, *[packets[i] for i in order])
    wanted = fragments6(flow.udp6(data), 0x1234, LOWEST_MTU)
    for got, piece in zip(flow.server.take(is_fragment, len(wanted)), wanted, strict=True):
        same(got, piece)


@pytest.mark.parametrize("size", [0, 1, 100, 1232])
def test_a_udp_checksum_of_zero(lab, flow, size):
    """RFC 7915 4.5 zero, RFC 6146 3.4 zero: IPv6 has none without, so it is computed."""
    data = os.urandom(size)
    send(lab.internet4, ipv4(WEB4, GATEWAY4, UDP, flow.udp4(data, csum=0), tos=size % 251))
    got = flow.server.take(lambda p: p[0] >> 4 == 6 and p[6] == UDP and p[48:] == data)
    same(got, ipv6(WEB6, SERVER6, UDP, flow.udp6(data), tc=size % 251, hlim=64 - HOPS))


def test_a_sum_of_zero_is_sent_as_ffff(lab, flow):
    """RFC 7915 4.5 (and RFC 768): where the sum comes out as zero, UDP over IPv6 has 0xffff."""
    data = os.urandom(16)
    head = struct.pack("!HHHH", PORT, flow.inside_port, 8 + 18, 0)
    data += struct.pack("!H", checksum(pseudo(WEB6, SERVER6, UDP, 26) + head + data + b"\0\0"))
    send(lab.internet4, ipv4(WEB4, GATEWAY4, UDP, flow.udp4(data)))
    got = flow.server.take(carrying(data))
    same(got, ipv6(WEB6, SERVER6, UDP, flow.udp6(data), hlim=64 - HOPS))
    assert got[46:48] == b"\xff\xff"


@pytest.mark.parametrize("kind4, kind6", [(0, 129), (8, 128)])
@pytest.mark.parametrize("df", [0, DF], ids=["DF clear", "DF set"])
def test_echo(lab, flow, kind4, kind6, df):
    """RFC 7915 4.2 echo, 4.5 and RFC 6146 3.5.3, 3.6.2: the identifier becomes the server's,
    and the checksum covers a pseudo-header. A request from who has been asked comes in too."""
    data = os.urandom(33)
    send(lab.server6, ipv6(SERVER6, WEB6, ICMP6, icmp6(SERVER6, WEB6, 128, 0, 0x4242 << 16 | 1,
                                                       data)))
    request = flow.internet.take(lambda p: is_icmp(p) and data in p)
    flow.server.take(carrying(data))		# internet4's own answer
    identifier = struct.unpack("!H", request[24:26])[0]
    data = os.urandom(33)
    send(lab.internet4, ipv4(WEB4, GATEWAY4, ICMP, icmp(kind4, 0, identifier << 16 | 9, data),
                             fragment=df, id=3))
    got = flow.server.take(carrying(data))
    same(got, ipv6(WEB6, SERVER6, ICMP6, icmp6(WEB6, SERVER6, kind6, 0, 0x4242 << 16 | 9, data),
                   hlim=64 - HOPS))


def test_echo_in_fragments(lab, flow):
    """RFC 7915 4.1 fragment, 4.2: the checksum of ICMPv6 covers the whole message, so that it
    is put together first."""
    data = os.urandom(33)
    send(lab.server6, ipv6(SERVER6, WEB6, ICMP6, icmp6(SERVER6, WEB6, 128, 0, 0x4243 << 16 | 1,
                                                       data)))
    request = flow.internet.take(lambda p: is_icmp(p) and data in p)
    data = os.urandom(1992)
    message = icmp(0, 0, struct.unpack("!H", request[24:26])[0] << 16 | 2, data)
    send(lab.internet4,
         ipv4(WEB4, GATEWAY4, ICMP, message[1000:], id=77, fragment=1000 // 8),
         ipv4(WEB4, GATEWAY4, ICMP, message[:1000], id=77, fragment=MF))
    arrives = icmp6(WEB6, SERVER6, 129, 0, 0x4243 << 16 | 2, data)
    for at, got in zip((0, 1232), flow.server.take(is_fragment, 2)):
        same(got, ipv6(WEB6, SERVER6, FRAGMENT,
                       fragment_header(ICMP6, at, at == 0, 77) + arrives[at:at + 1232],
                       hlim=64 - HOPS))


# ICMPv4 types that are no errors about a packet, or are translated into nothing
SILENT = [4, 5, 6, 9, 10, 13, 14, 15, 16, 17, 18, 1, 30, 40, 255]


@pytest.mark.parametrize("kind", SILENT)
def test_icmpv4_types_without_a_counterpart(lab, gate64, flow, kind):
    """RFC 7915 4.2 query, RFC 7915 4.2 router, RFC 7915 4.2 unknown, RFC 7915 4.2 type 4,
    RFC 7915 4.2 type 5, RFC 7915 4.2 type 6; RFC 7915 4.6: nothing of it comes in; the host
    may make of it what it likes."""
    inner = ipv4(GATEWAY4, WEB4, UDP, udp(GATEWAY4, WEB4, flow.outside_port, PORT, bytes(48)))
    nothing_before_the_last(lab, flow, ipv4(WEB4, GATEWAY4, ICMP, icmp(kind, 0, 0, inner)))


def test_igmp(lab, flow):
    """RFC 7915 4.2 igmp: and other protocols than TCP, UDP and ICMP do not come in either."""
    nothing_before_the_last(lab, flow, *[ipv4(WEB4, GATEWAY4, proto, bytes(40))
                                         for proto in (2, 132, 50, 33, 253)])


# ---- errors -----------------------------------------------------------------------

DATA = bytes(range(48))


def tell(lab, flow, kind, code, word, inner=None, src=INTERNET4, **fields):
    """A router tells the gateway of a fault with a packet that server6 had sent."""
    if inner is None:
        inner = ipv4(GATEWAY4, WEB4, UDP, udp(GATEWAY4, WEB4, flow.outside_port, PORT, DATA),
                     tos=0x11, ttl=60, id=99)
    send(lab.internet4, ipv4(src, GATEWAY4, ICMP, icmp(kind, code, word, inner, **fields),
                             tos=7, ttl=50))


def error6(flow, kind, code, word, payload=None, proto=UDP, src=INTERNET4, length=None):
    """What server6 hears of it."""
    if payload is None:
        payload = udp(SERVER6, WEB6, flow.inside_port, PORT, DATA)
    inner = ipv6(SERVER6, WEB6, proto, payload, tc=0x11, hlim=60, length=length)
    source = f"{PREF64}{src}"
    return ipv6(source, SERVER6, ICMP6, icmp6(source, SERVER6, kind, code, word, inner), tc=7,
                hlim=50 - HOPS)


def is_error(packet):
    """For Tap.take(): an ICMPv6 error."""
    return packet[0] >> 4 == 6 and packet[6] == ICMP6 and packet[40] < 128


ERRORS = [
    # ICMPv4 type, code, word -> ICMPv6 type, code, word
    *(((3, code, 0), (1, 0, 0)) for code in (0, 1, 5, 6, 7, 8, 11, 12)),
    ((3, 2, 0), (4, 1, 6)), ((3, 3, 0), (1, 4, 0)),
    *(((3, code, 0), (1, 1, 0)) for code in (9, 10, 13, 15)),
    ((11, 0, 0), (3, 0, 0)), ((11, 1, 0), (3, 1, 0)),
]
MTUS = [(1500, 1420), (1400, 1420), (1380, 1400), (1300, 1320), (1261, 1281), (1260, 1280),
        (1259, 1280), (576, 1280), (68, 1280), (65535, 1420), (1401, 1420)]
POINTERS = [(0, 0), (1, 1), (2, 4), (3, 4), (8, 7), (9, 6), *((n, 8) for n in range(12, 16)),
            *((n, 24) for n in range(16, 20))]


def names(rows):
    """Readable identifiers of parameters."""
    return ["-".join(map(str, row[0] if isinstance(row[0], tuple) else row)) for row in rows]


@pytest.mark.parametrize("told, hears", ERRORS, ids=names(ERRORS))
def test_errors(lab, flow, told, hears):
    """RFC 7915 4.2 type 3 code 0, 1; RFC 7915 4.2 type 3 code 2; RFC 7915 4.2 type 3 code 3;
    RFC 7915 4.2 type 3 code 5; RFC 7915 4.2 type 3 code 6, 7, 8;
    RFC 7915 4.2 type 3 code 9, 10; RFC 7915 4.2 type 3 code 11, 12;
    RFC 7915 4.2 type 3 code 13; RFC 7915 4.2 type 3 code 15; RFC 7915 4.2 type 11;
    RFC 7915 4.3, RFC 6146 3.6.1: and all of the packet inside, whose TTL is as it was; the
    source is the router's own address."""
    tell(lab, flow, *told)
    same(flow.server.take(is_error), error6(flow, *hears))


@pytest.mark.parametrize("told, hears", MTUS, ids=names(MTUS))
def test_mtus(lab, flow, told, hears):
    """RFC 7915 4.2 type 3 code 4, RFC 7915 4.2 mtu: 20 more, no more than our own links take
    (the tunnel 1420, the uplink 1500), and never below 1280."""
    tell(lab, flow, 3, 4, told)
    same(flow.server.take(is_error), error6(flow, 2, 0, hears))


@pytest.mark.parametrize("length, hears", [(1500, 1420), (1492, 1280), (1300, 1280)])
def test_no_mtu(lab, flow, length, hears):
    """RFC 7915 4.2 plateau: an old router tells none: the next plateau of RFC 1191 7.1 (1492,
    1006) below the length of the packet that it quotes, here 28 bytes of it."""
    payload4 = udp(GATEWAY4, WEB4, flow.outside_port, PORT, bytes(length - 28))[:8]
    payload6 = udp(SERVER6, WEB6, flow.inside_port, PORT, bytes(length - 28))[:8]
    tell(lab, flow, 3, 4, 0, ipv4(GATEWAY4, WEB4, UDP, payload4, tos=0x11, ttl=60, id=9,
                                  length=length))
    same(flow.server.take(is_error), error6(flow, 2, 0, hears, payload6, length=length - 20))


@pytest.mark.parametrize("code", [0, 2])
@pytest.mark.parametrize("told, hears", POINTERS, ids=names(POINTERS))
def test_pointers(lab, flow, code, told, hears):
    """RFC 7915 4.2 type 12 code 0, 2; RFC 7915 4.2 pointer: figure 3"""
    tell(lab, flow, 12, code, told << 24)
    same(flow.server.take(is_error), error6(flow, 4, 0, hears))


UNTRANSLATABLE = [(3, 14, 0), (3, 16, 0), (3, 255, 0), (12, 1, 0), (12, 3, 0),
                  *((12, 0, n << 24) for n in (4, 5, 6, 7, 10, 11, 20, 255))]


@pytest.mark.parametrize("told", UNTRANSLATABLE, ids=lambda row: "-".join(map(str, row)))
def test_errors_without_a_counterpart(lab, gate64, flow, told):
    """RFC 7915 4.2 type 3 code 14, RFC 7915 4.2 type 3 other, RFC 7915 4.2 type 12 code 1,
    RFC 7915 4.2 pointer: dropped"""
    with gate64.counting() as rose:
        tell(lab, flow, *told, src=WEB4)
        nothing_before_the_last(lab, flow)
    assert rose["nat64.drops.icmp_type"] == 1


@pytest.mark.parametrize("src", [CLIENT4_ROUTER, "10.1.2.3", "192.168.77.1"])
def test_the_router_that_tells(lab, flow, src):
    """RFC 7915 4.3 and RFC 6146 3.5.4: each router's address by the prefix that the server had
    used; those within a provider's network too, so that it shows in a traceroute."""
    tell(lab, flow, 11, 0, 0, src=src)
    same(flow.server.take(is_error), error6(flow, 3, 0, 0, src=src))


@pytest.mark.parametrize("proto", ["udp", "tcp"])
def test_an_error_about_eight_bytes(lab, flow, proto):
    """RFC 7915 4.3: RFC 792 asks for no more; the length that is quoted stays the whole's."""
    if proto == "udp":
        whole4 = udp(GATEWAY4, WEB4, flow.outside_port, PORT, DATA)
        whole6 = udp(SERVER6, WEB6, flow.inside_port, PORT, DATA)
    else:
        send(lab.server6, ipv6(SERVER6, WEB6, 6, tcp(SERVER6, WEB6, 3333, 9, seq=0x98765432)))
        syn = flow.internet.take(lambda p: p[0] >> 4 == 4 and p[9] == 6)
        whole4 = syn[20:]
        whole6 = tcp(SERVER6, WEB6, 3333, 9, seq=0x98765432)
    number = 17 if proto == "udp" else 6
    tell(lab, flow, 3, 3, 0, ipv4(GATEWAY4, WEB4, number, whole4[:8], tos=0x11, ttl=60, id=4,
                                  length=20 + len(whole4)))
    same(flow.server.take(is_error),
         error6(flow, 1, 4, 0, whole6[:8], proto=number, length=len(whole6)))


def test_an_error_about_a_wrong_checksum(lab, flow):
    """RFC 7915 4.3: the checksum that is quoted is adjusted, right or wrong: it may be why."""
    wrong4 = add_to(udp(GATEWAY4, WEB4, flow.outside_port, PORT, DATA), 6, 0x0101)
    wrong6 = add_to(udp(SERVER6, WEB6, flow.inside_port, PORT, DATA), 6, 0x0101)
    tell(lab, flow, 3, 3, 0, ipv4(GATEWAY4, WEB4, UDP, wrong4, tos=0x11, ttl=60))
    same(flow.server.take(is_error), error6(flow, 1, 4, 0, wrong6))


def test_an_error_with_options_inside(lab, flow):
    """RFC 7915 4.3, 4.1: options of the packet that is quoted are left out, its length tells."""
    payload = udp(GATEWAY4, WEB4, flow.outside_port, PORT, DATA)
    tell(lab, flow, 3, 1, 0, ipv4(GATEWAY4, WEB4, UDP, payload, tos=0x11, ttl=60,
                                  options=bytes((NOP,)) * 8))
    same(flow.server.take(is_error), error6(flow, 1, 0, 0))


def test_a_long_error_is_cut(lab, flow):
    """RFC 7915 4.3 (and RFC 4443 2.4 c): to 1280 bytes, lengths and checksums right."""
    data = os.urandom(1300)
    payload = udp(GATEWAY4, WEB4, flow.outside_port, PORT, data)
    tell(lab, flow, 3, 1, 0, ipv4(GATEWAY4, WEB4, UDP, payload, tos=0x11, ttl=60))
    whole = udp(SERVER6, WEB6, flow.inside_port, PORT, data)
    got = flow.server.take(is_error)
    assert len(got) == 1280
    same(got, error6(flow, 1, 0, 0, whole[:1280 - 88], length=len(whole)))


def test_an_error_about_an_echo(lab, flow):
    """RFC 7915 4.3, RFC 6146 3.6.2: inside is an echo request; its identifier is translated
    back, and its checksum has a pseudo-header again."""
    data = os.urandom(20)
    sent = icmp6(SERVER6, WEB6, 128, 0, 0x778 << 16 | 5, data)
    send(lab.server6, ipv6(SERVER6, WEB6, ICMP6, sent))
    request = flow.internet.take(lambda p: is_icmp(p) and data in p)
    tell(lab, flow, 11, 0, 0, ipv4(GATEWAY4, WEB4, ICMP, request[20:], tos=0x11, ttl=60))
    same(flow.server.take(is_error), error6(flow, 3, 0, 0, sent, proto=ICMP6))


def test_no_error_about_an_error(lab, flow):
    """RFC 7915 4.3: only one packet is inside; RFC 1122 3.2.2."""
    inner = ipv4(GATEWAY4, WEB4, UDP, udp(GATEWAY4, WEB4, flow.outside_port, PORT, DATA))
    error = ipv4(GATEWAY4, WEB4, ICMP, icmp(3, 3, 0, inner))
    tell(lab, flow, 3, 1, 0, error, src=WEB4)
    nothing_before_the_last(lab, flow)


def test_an_error_whose_own_checksum_is_wrong(lab, flow):
    """RFC 7915 4.2: it is a damaged packet, and dropped"""
    tell(lab, flow, 3, 1, 0, csum=0x1234, src=WEB4)
    nothing_before_the_last(lab, flow)


def test_an_error_about_nobodys_packet(lab, flow):
    """RFC 7915 4.6, RFC 6146 3.6.1: no session, no translation; neither port nor remote may
    differ."""
    for inner in (udp(GATEWAY4, WEB4, flow.outside_port ^ 2, PORT, DATA),
                  udp(GATEWAY4, WEB4, flow.outside_port, PORT + 1, DATA)):
        tell(lab, flow, 3, 1, 0, ipv4(GATEWAY4, WEB4, UDP, inner), src=WEB4)
    # From another than it was sent from, which has no such session either
    tell(lab, flow, 3, 1, 0, ipv4(WEB4, GATEWAY4, UDP, flow.udp4(DATA)), src=WEB4)
    nothing_before_the_last(lab, flow)


@pytest.mark.parametrize("quoted, becomes", [(128, 152), (132, 152), (180, 200)])
def test_extensions_of_an_error(lab, flow, quoted, becomes):
    """RFC 7915 4.3 extension (and RFC 4884 4): the extensions stay behind the packet that is
    quoted: 20 bytes longer, then zeros up to a multiple of 8; its length is told in words of 8
    bytes, not 4."""
    data = os.urandom(300)
    whole = udp(GATEWAY4, WEB4, flow.outside_port, PORT, data)
    inner = ipv4(GATEWAY4, WEB4, UDP, whole, tos=0x11, ttl=60)[:quoted]
    tell(lab, flow, 11, 0, quoted // 4 << 16, inner + EXTENSIONS)
    whole6 = udp(SERVER6, WEB6, flow.inside_port, PORT, data)
    payload = whole6[:quoted - 20].ljust(becomes - 40, b"\0") + EXTENSIONS
    same(flow.server.take(is_error),
         error6(flow, 3, 0, becomes // 8 << 24, payload, length=len(whole6)))
