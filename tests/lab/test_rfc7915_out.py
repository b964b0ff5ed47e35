# SPDX-License-Identifier: GPL-2.0-or-later
"""IPv6 to IPv4, to the byte: what server6 sends, and what arrives at internet4.

Between them are router6 and the gateway, which each take one from the hop limit.
"""

import os
import struct

import pytest

from exact import (DESTINATION, DF, FRAGMENT, HOP_BY_HOP, ICMP, ICMP6, MF, ROUTING, TCP, UDP, Tap,
                   add_to, checksum, fragment_header, icmp, icmp6, ipv4, ipv6, is_icmp, pseudo,
                   same, send, tcp, udp, with_identification)
from test_bulk import cut_in_software
from topology import DNS4, GATEWAY4, GATEWAY6, PREF64, SERVER6, WEB4
from wire import udp_flow

SETTINGS = {"dns64": {"upstream": [DNS4]}}
WEB6 = f"{PREF64}{WEB4}"
PORT = 7000
HOPS = 2			# router6 and the gateway


# RFC 4884 7: version 2 and a checksum, then an object: RFC 4950's, one MPLS label
EXTENSIONS_OF_ERRORS = b"\x20\0" + struct.pack("!H", checksum(
    bytes.fromhex("20000000 00080101 00019140"))) + bytes.fromhex("00080101 00019140")


class Flow:
    """A UDP flow that stays open on both sides, and the taps."""

    def __init__(self, inside, outside, server, internet):
        self.inside_port = inside.getsockname()[1]
        self.outside_port = outside.getpeername()[1]
        self.inside, self.outside = inside, outside
        self.server, self.internet = server, internet

    def udp6(self, data, **fields):
        """What server6 sends."""
        return udp(SERVER6, WEB6, self.inside_port, PORT, data, **fields)

    def udp4(self, data, **fields):
        """What arrives of it."""
        return udp(GATEWAY4, WEB4, self.outside_port, PORT, data, **fields)


@pytest.fixture(scope="module")
def flow(lab, gate64):
    with udp_flow(lab, lab.internet4, WEB4, PORT) as (inside, outside), \
            Tap(lab.server6, "lan0") as server, Tap(lab.internet4, "gw0") as internet:
        yield Flow(inside, outside, server, internet)


def from_gateway(proto, data=b""):
    """For Tap.take(): a packet of this protocol from the gateway, with these bytes in it."""
    return lambda p: p[0] >> 4 == 4 and p[9] == proto and data in p and \
        p[12:16] == bytes(map(int, GATEWAY4.split(".")))


def nothing_before_the_last(lab, flow, *packets):
    """None of the packets arrives at internet4: only the one sent after them does.

    All have the same addresses, so that they keep their order on the way."""
    mark = os.urandom(16)
    send(lab.server6, *packets, ipv6(SERVER6, WEB6, UDP, flow.udp6(mark)))
    came = flow.internet.take(lambda p: p[0] >> 4 == 4 and p[9] in (UDP, ICMP, TCP, 132, 50))
    assert mark in came, came.hex(" ", 2)


@pytest.mark.parametrize("tc, label, hlim", [(0, 0, 64), (0xb8, 0xfffff, 255), (0x03, 1, 3),
                                             (0xff, 0x12345, 128)])
def test_the_header(lab, flow, tc, label, hlim):
    """RFC 7915 5.1, 5.5 and RFC 6146 3.7: traffic class to type of service, hop limit less
    one a hop, the flow label is left out, lengths and checksums are IPv4's."""
    data = os.urandom(100)
    send(lab.server6, ipv6(SERVER6, WEB6, UDP, flow.udp6(data), tc=tc, label=label, hlim=hlim))
    got = flow.internet.take(from_gateway(UDP, data))
    wanted = ipv4(GATEWAY4, WEB4, UDP, flow.udp4(data), tos=tc, ttl=hlim - HOPS)
    same(got, with_identification(wanted, got))


@pytest.mark.parametrize("total, fragment", [(29, 0), (576, 0), (1259, 0), (1260, 0), (1261, DF),
                                             (1380, DF), (1400, DF)])
@pytest.mark.parametrize("proto", [UDP, TCP, ICMP], ids=["udp", "tcp", "icmp"])
def test_df_by_size(lab, flow, proto, total, fragment):
    """RFC 7915 5.1 df, RFC 7915 5.1 id, RFC 7915 5: up to 1260 bytes of IPv4 packet DF is
    clear and there is an identification, above it DF is set; what fits is not cut."""
    data = os.urandom(max(total - 20 - (20 if proto == TCP else 8), 1))
    if proto == UDP:
        sent, arrives = flow.udp6(data), flow.udp4(data)
    elif proto == TCP:
        sport = 30000 + total
        sent = tcp(SERVER6, WEB6, sport, 9, data)
        arrives = None		# the port is not known yet
    else:
        sent = icmp6(SERVER6, WEB6, 128, 0, total << 16 | 7, data)
        arrives = None
    send(lab.server6, ipv6(SERVER6, WEB6, ICMP6 if proto == ICMP else proto, sent))
    got = flow.internet.take(from_gateway(proto, data))
    if proto == TCP:
        arrives = tcp(GATEWAY4, WEB4, struct.unpack("!H", got[20:22])[0], 9, data)
    elif proto == ICMP:
        arrives = icmp(8, 0, struct.unpack("!H", got[24:26])[0] << 16 | 7, data)
    wanted = ipv4(GATEWAY4, WEB4, proto, arrives, fragment=fragment, ttl=64 - HOPS)
    same(got, with_identification(wanted, got))
    assert got[4:6] != b"\0\0" or fragment == DF


def test_identifications(lab, flow):
    """RFC 7915 5.1 id: of packets that may be cut, none is that of another on its way."""
    mark = os.urandom(16)
    with cut_in_software(lab):
        send(lab.server6, *[ipv6(SERVER6, WEB6, UDP, flow.udp6(mark + bytes([i])))
                            for i in range(200)])
        packets = flow.internet.take(from_gateway(UDP, mark), 200)
    assert len({p[4:6] for p in packets}) == 200
    assert all(p[4:6] != b"\0\0" for p in packets)


EXTENSIONS = {
    "hop by hop": (HOP_BY_HOP,),
    "destination": (DESTINATION,),
    "all three": (HOP_BY_HOP, ROUTING, DESTINATION),
    "twice": (DESTINATION, ROUTING, DESTINATION),
}


def with_extensions(kinds, proto, payload, segments_left=0):
    """Extension headers of these kinds before a payload: the first next header, and all."""
    for kind in reversed(kinds):
        # A routing header of type 253 (an experiment's) with nothing in it; else a PadN.
        body = bytes((0, 253, segments_left, 0, 0, 0, 0)) if kind == ROUTING \
            else b"\0\1\4\0\0\0\0"
        proto, payload = kind, bytes((proto,)) + body + payload
    return proto, payload


@pytest.mark.parametrize("kinds", EXTENSIONS.values(), ids=EXTENSIONS.keys())
def test_extension_headers(lab, flow, kinds):
    """RFC 7915 5.1 extension: skipped, and not counted in the length."""
    data = os.urandom(64)
    proto, payload = with_extensions(kinds, UDP, flow.udp6(data))
    send(lab.server6, ipv6(SERVER6, WEB6, proto, payload))
    got = flow.internet.take(from_gateway(UDP, data))
    wanted = ipv4(GATEWAY4, WEB4, UDP, flow.udp4(data), ttl=64 - HOPS)
    same(got, with_identification(wanted, got))


@pytest.mark.parametrize("before", [(), (HOP_BY_HOP,), (DESTINATION,), (HOP_BY_HOP, DESTINATION)],
                         ids=["first", "second", "second too", "third"])
def test_segments_left(lab, flow, before):
    """RFC 7915 5.1 routing, RFC 7915 5.4: parameter problem, code 0, which points at the
    segments left field, and quotes the packet as the gateway got it."""
    proto, payload = with_extensions((*before, ROUTING), UDP, flow.udp6(b"x" * 40), 1)
    send(lab.server6, ipv6(SERVER6, WEB6, proto, payload, hlim=9))
    got = flow.server.take(lambda p: is_icmp(p) and p[40] == 4)
    quoted = ipv6(SERVER6, WEB6, proto, payload, hlim=8)
    pointer = 40 + 8 * len(before) + 3
    message = icmp6(GATEWAY6, SERVER6, 4, 0, pointer, quoted)
    wanted = ipv6(GATEWAY6, SERVER6, ICMP6, message, hlim=63, label=label_of(got))
    same(got, wanted)


def label_of(packet):
    """The flow label, which a sender of its own packets is free to choose (RFC 6437)."""
    return struct.unpack("!I", packet[:4])[0] & 0xfffff


@pytest.mark.parametrize("hlim", [2, 64])
def test_hop_limit(lab, flow, hlim):
    """RFC 7915 5.1, 5.4: at the end of its hop limit the sender is told by ICMPv6, with the
    packet as the gateway got it; a packet with hops left goes on."""
    packet = ipv6(SERVER6, WEB6, UDP, flow.udp6(b"hops"), hlim=hlim)
    send(lab.server6, packet)
    if hlim > HOPS:
        assert flow.internet.take(from_gateway(UDP, b"hops"))[8] == hlim - HOPS
        return
    got = flow.server.take(lambda p: is_icmp(p) and p[40] == 3)
    quoted = packet[:7] + b"\1" + packet[8:]
    message = icmp6(GATEWAY6, SERVER6, 3, 0, 0, quoted)
    same(got, ipv6(GATEWAY6, SERVER6, ICMP6, message, hlim=63, label=label_of(got)))


def test_an_atomic_fragment(lab, flow):
    """RFC 7915 5.1.1: a Fragment header with nothing to put together: DF is clear at any
    size, offset and M are zero."""
    for size in (16, 1300):
        data = os.urandom(size)
        payload = fragment_header(UDP, 0, 0, 0x12345678) + flow.udp6(data)
        send(lab.server6, ipv6(SERVER6, WEB6, FRAGMENT, payload))
        got = flow.internet.take(from_gateway(UDP, data))
        wanted = ipv4(GATEWAY4, WEB4, UDP, flow.udp4(data), ttl=64 - HOPS)
        same(got, with_identification(wanted, got))
        assert got[4:6] != b"\0\0"


def in_fragments(proto, whole, before=(), **fields):
    """A datagram of server6's in fragments, with extension headers before each."""
    for at in range(0, len(whole), 1232):
        payload = fragment_header(proto, at, at + 1232 < len(whole), 0xabcd0001) + \
            whole[at:at + 1232]
        first, payload = with_extensions(before, FRAGMENT, payload)
        yield ipv6(SERVER6, WEB6, first, payload, **fields)


def test_an_extension_header_behind_a_fragment_header(lab, flow):
    """RFC 7915 5.1.1: dropped, since what is behind it may be in another fragment."""
    proto, whole = with_extensions((DESTINATION,), UDP, flow.udp6(bytes(3000)))
    nothing_before_the_last(lab, flow, *in_fragments(proto, whole))


@pytest.mark.parametrize("before", [(), (HOP_BY_HOP,), (DESTINATION, ROUTING)],
                         ids=["bare", "behind an extension header", "behind two"])
def test_fragments(lab, flow, before):
    """RFC 7915 5.1.1: a datagram in fragments leaves in fragments: one identification, DF
    clear, M and offsets right, extension headers gone."""
    data = os.urandom(3000)
    send(lab.server6, *in_fragments(UDP, flow.udp6(data), before, tc=0x20))
    arrives, pieces, got = flow.udp4(data), {}, None
    while sum(len(p) - 20 for p in pieces.values()) < len(arrives):
        got = flow.internet.take(lambda p: p[0] >> 4 == 4 and p[9] == UDP and
                                 p[12:16] == bytes(map(int, GATEWAY4.split("."))) and
                                 struct.unpack("!H", p[6:8])[0] & 0x3fff)
        pieces[(struct.unpack("!H", got[6:8])[0] & 0x1fff) * 8] = got
    assert len({p[4:6] for p in pieces.values()}) == 1
    for at, piece in pieces.items():
        part = arrives[at:at + len(piece) - 20]
        more = at + len(part) < len(arrives)
        wanted = ipv4(GATEWAY4, WEB4, UDP, part, tos=0x20, ttl=64 - HOPS,
                      fragment=at // 8 | (MF if more else 0))
        same(piece, with_identification(wanted, piece))


@pytest.mark.parametrize("family_sum", ["zero inside", "zero outside"])
def test_a_checksum_of_zero_is_sent_as_ffff(lab, flow, family_sum):
    """RFC 7915 5.5 (and RFC 768): where the sum comes out as zero, UDP has 0xffff, TCP zero."""
    near = (SERVER6, WEB6) if family_sum == "zero inside" else (GATEWAY4, WEB4)
    ports = (flow.inside_port, PORT) if family_sum == "zero inside" else (flow.outside_port, PORT)
    data = sums_to_zero(*near, UDP, struct.pack("!HHHH", *ports, 8 + 18, 0), 18)
    sent = flow.udp6(data)
    if family_sum == "zero inside":
        assert sent[6:8] == b"\xff\xff"
    send(lab.server6, ipv6(SERVER6, WEB6, UDP, sent))
    got = flow.internet.take(from_gateway(UDP, data))
    wanted = ipv4(GATEWAY4, WEB4, UDP, flow.udp4(data), ttl=64 - HOPS)
    same(got, with_identification(wanted, got))
    if family_sum == "zero outside":
        assert got[26:28] == b"\xff\xff"


def sums_to_zero(src, dst, proto, head, size):
    """`size` random bytes that give the checksum zero behind this head."""
    data = os.urandom(size - 2)
    return data + struct.pack("!H", checksum(pseudo(src, dst, proto, len(head) + size) + head +
                                             data + b"\0\0"))


def test_other_protocols_are_dropped(lab, gate64, flow):
    """RFC 6146 3.4 protocol: SCTP, ESP, DCCP, no next header, and what is unknown."""
    protocols = (132, 50, 33, 59, 253)
    with gate64.counting() as rose:
        nothing_before_the_last(lab, flow, *[ipv6(SERVER6, WEB6, proto, bytes(40))
                                             for proto in protocols])
    assert rose["nat64.drops.protocol"] == len(protocols)


def test_a_source_within_the_prefix_is_dropped(lab, gate64, flow):
    """RFC 6146 3.5: it would come back, and go round."""
    source = f"{PREF64}198.51.100.77"
    # WireGuard would drop it before us.
    peer = lab.gateway.run("wg", "show", lab.wg_gateway, "peers").stdout.strip()
    allowed = lab.gateway.run("wg", "show", lab.wg_gateway, "allowed-ips").stdout.split()[1:]
    lab.gateway.run("wg", "set", lab.wg_gateway, "peer", peer, "allowed-ips",
                    ",".join([*allowed, f"{source}/128"]))
    with gate64.counting() as rose:
        nothing_before_the_last(lab, flow, ipv6(
            source, WEB6, UDP, udp(source, WEB6, flow.inside_port, PORT, b"loop")))
    assert rose["nat64.drops.source_in_pref64"] == 1


ONE_HOP = {
    "130": "multicast listener query", "131": "multicast listener report",
    "132": "multicast listener done", "133": "router solicitation",
    "134": "router advertisement", "135": "neighbor solicitation",
    "136": "neighbor advertisement", "137": "redirect", "141": "inverse neighbor discovery",
    "143": "multicast listener report 2", "160": "unknown, informational",
    "200": "private experiment", "5": "an unknown error", "100": "private experiment, an error",
    "0": "reserved",
}


@pytest.mark.parametrize("kind", ONE_HOP.keys())
def test_icmpv6_types_without_a_counterpart(lab, gate64, flow, kind):
    """RFC 7915 5.2 mld, RFC 7915 5.2 nd, RFC 7915 5.2 unknown, RFC 7915 5.2 error: silently
    dropped."""
    packet = ipv6(SERVER6, WEB6, ICMP6, icmp6(SERVER6, WEB6, int(kind), 0, 0, bytes(48)), hlim=255)
    with gate64.counting() as rose:
        nothing_before_the_last(lab, flow, packet)
    assert rose["nat64.drops.icmp_type"] == 1


@pytest.mark.parametrize("kind6, kind4", [(128, 8), (129, 0)])
def test_echo(lab, flow, kind6, kind4):
    """RFC 7915 5.2 echo, 5.5 and RFC 6146 3.5.3, 3.6.2: the identifier is the binding's, the
    sequence number and the data stay, and the checksum has no pseudo-header."""
    data, seq = os.urandom(33), 0x1234
    # The request makes the session that an odd reply may go through.
    for kind in dict.fromkeys((128, kind6)):
        message = icmp6(SERVER6, WEB6, kind, 0, 0x4242 << 16 | seq, data)
        send(lab.server6, ipv6(SERVER6, WEB6, ICMP6, message, tc=5))
        got = flow.internet.take(from_gateway(ICMP, data))
    identifier = struct.unpack("!H", got[24:26])[0]
    wanted = ipv4(GATEWAY4, WEB4, ICMP, icmp(kind4, 0, identifier << 16 | seq, data), tos=5,
                  ttl=64 - HOPS)
    same(got, with_identification(wanted, got))
    assert identifier != 0


# ---- errors ----------------------------------------------------------------------

def tell(lab, flow, kind, code, word, inner=None, **fields):
    """server6 tells WEB4 of a fault with a packet that it got from there."""
    data = bytes(range(48))
    if inner is None:
        inner = ipv6(WEB6, SERVER6, UDP,
                     udp(WEB6, SERVER6, PORT, flow.inside_port, data), tc=0x11, hlim=60)
    send(lab.server6, ipv6(SERVER6, WEB6, ICMP6,
                           icmp6(SERVER6, WEB6, kind, code, word, inner, **fields), tc=7, hlim=50))


def error4(flow, kind, code, word, got, inner_payload=None, proto=UDP, inner_length=None):
    """What WEB4 hears of it. The packet that is quoted has no identification and no DF that
    could be known here: they, and the checksum over them, are as they came."""
    if inner_payload is None:
        inner_payload = udp(WEB4, GATEWAY4, PORT, flow.outside_port, bytes(range(48)))
    fragment = struct.unpack("!H", got[34:36])[0]
    assert fragment in (0, DF)
    inner = ipv4(WEB4, GATEWAY4, proto, inner_payload, tos=0x11, ttl=60, fragment=fragment,
                 length=inner_length)
    inner = with_identification(inner, got[28:])
    outer = ipv4(GATEWAY4, WEB4, ICMP, icmp(kind, code, word, inner), tos=7, ttl=50 - HOPS)
    return with_identification(outer, got)


ERRORS = [
    # ICMPv6 type, code, word -> ICMPv4 type, code, word
    ((1, 0, 0), (3, 1, 0)), ((1, 1, 0), (3, 10, 0)), ((1, 2, 0), (3, 1, 0)),
    ((1, 3, 0), (3, 1, 0)), ((1, 4, 0), (3, 3, 0)),
    ((3, 0, 0), (11, 0, 0)), ((3, 1, 0), (11, 1, 0)), ((4, 1, 6), (3, 2, 0)),
]
MTUS = [(1280, 1260), (1300, 1280), (1400, 1380), (1420, 1400),
        # Not above what our own tunnel takes, 1420; and IPv6 knows no less than 1280.
        (1421, 1400), (1500, 1400), (9000, 1400), (0xffffffff, 1400), (1279, 1260), (0, 1260)]
POINTERS = [(0, 0), (1, 1), (4, 2), (5, 2), (6, 9), (7, 8),
            *((n, 12) for n in range(8, 24)), *((n, 16) for n in range(24, 40))]


def names(rows):
    """Readable identifiers of parameters."""
    return ["-".join(map(str, row[0] if isinstance(row[0], tuple) else row)) for row in rows]


@pytest.mark.parametrize("told, hears", ERRORS, ids=names(ERRORS))
def test_errors(lab, flow, told, hears):
    """RFC 7915 5.2 type 1 code 0, RFC 7915 5.2 type 1 code 1, RFC 7915 5.2 type 1 code 2,
    RFC 7915 5.2 type 1 code 3, RFC 7915 5.2 type 1 code 4, RFC 7915 5.2 type 3,
    RFC 7915 5.2 type 4 code 1; RFC 7915 5.3, RFC 6146 3.6.1: and all of the packet inside."""
    tell(lab, flow, *told)
    got = flow.internet.take(from_gateway(ICMP))
    same(got, error4(flow, *hears, got))


@pytest.mark.parametrize("told, hears", MTUS, ids=names(MTUS))
def test_mtus(lab, flow, told, hears):
    """RFC 7915 5.2 type 2, RFC 7915 5.2 mtu: 20 less, and no more than our own links take."""
    tell(lab, flow, 2, 0, told)
    got = flow.internet.take(from_gateway(ICMP))
    same(got, error4(flow, 3, 4, hears, got))


@pytest.mark.parametrize("told, hears", POINTERS, ids=names(POINTERS))
def test_pointers(lab, flow, told, hears):
    """RFC 7915 5.2 type 4 code 0, RFC 7915 5.2 pointer: figure 6"""
    tell(lab, flow, 4, 0, told)
    got = flow.internet.take(from_gateway(ICMP))
    same(got, error4(flow, 12, 0, hears << 24, got))


UNTRANSLATABLE = [(1, 5, 0), (1, 6, 0), (1, 255, 0), (4, 2, 0), (4, 3, 0), (4, 0, 2), (4, 0, 3),
                  (4, 0, 40), (4, 0, 1000)]


@pytest.mark.parametrize("told", UNTRANSLATABLE, ids=lambda row: "-".join(map(str, row)))
def test_errors_without_a_counterpart(lab, gate64, flow, told):
    """RFC 7915 5.2 type 1 other, RFC 7915 5.2 type 4 code 2, RFC 7915 5.2 pointer: dropped"""
    with gate64.counting() as rose:
        tell(lab, flow, *told)
        nothing_before_the_last(lab, flow)
    assert rose["nat64.drops.icmp_type"] == 1


def test_an_error_about_eight_bytes(lab, flow):
    """RFC 7915 5.3: 8 bytes of the transport header are enough; the length that is quoted
    stays the whole packet's."""
    whole = udp(WEB6, SERVER6, PORT, flow.inside_port, bytes(range(48)))
    tell(lab, flow, 1, 4, 0, ipv6(WEB6, SERVER6, UDP, whole[:8], tc=0x11, hlim=60,
                                  length=len(whole)))
    got = flow.internet.take(from_gateway(ICMP))
    whole4 = udp(WEB4, GATEWAY4, PORT, flow.outside_port, bytes(range(48)))
    same(got, error4(flow, 3, 3, 0, got, whole4[:8], inner_length=20 + len(whole4)))


def test_an_error_about_a_wrong_checksum(lab, flow):
    """RFC 7915 5.3: the checksum that is quoted is adjusted, right or wrong: it may be why."""
    data = bytes(range(48))
    right6 = udp(WEB6, SERVER6, PORT, flow.inside_port, data)
    right4 = udp(WEB4, GATEWAY4, PORT, flow.outside_port, data)
    wrong6, wrong4 = (add_to(right, 6, 0x0101) for right in (right6, right4))
    tell(lab, flow, 1, 4, 0, ipv6(WEB6, SERVER6, UDP, wrong6, tc=0x11, hlim=60))
    got = flow.internet.take(from_gateway(ICMP))
    same(got, error4(flow, 3, 3, 0, got, wrong4))


def test_a_long_error_is_cut(lab, flow):
    """RFC 7915 5.3 (and RFC 1812 4.3.2.3): to 576 bytes, lengths and checksums right; the
    length that is quoted stays the whole packet's."""
    data = os.urandom(1100)
    whole = udp(WEB6, SERVER6, PORT, flow.inside_port, data)
    tell(lab, flow, 1, 4, 0, ipv6(WEB6, SERVER6, UDP, whole, tc=0x11, hlim=60))
    got = flow.internet.take(from_gateway(ICMP))
    whole4 = udp(WEB4, GATEWAY4, PORT, flow.outside_port, data)
    assert len(got) == 576
    same(got, error4(flow, 3, 3, 0, got, whole4[:576 - 48], inner_length=20 + len(whole4)))


def test_no_error_about_an_error(lab, gate64, flow):
    """RFC 7915 5.3: only one packet is inside; RFC 4443 2.4 e."""
    inner = ipv6(WEB6, SERVER6, UDP, udp(WEB6, SERVER6, PORT, flow.inside_port, b"x"))
    error = ipv6(WEB6, SERVER6, ICMP6, icmp6(WEB6, SERVER6, 1, 4, 0, inner))
    with gate64.counting() as rose:
        tell(lab, flow, 1, 4, 0, error)
        nothing_before_the_last(lab, flow)
    assert rose["nat64.drops.icmp_inner"] == 1


def test_an_error_whose_own_checksum_is_wrong(lab, gate64, flow):
    """RFC 7915 5.2: it is a damaged packet, and dropped"""
    with gate64.counting() as rose:
        tell(lab, flow, 1, 4, 0, csum=0x1234)
        nothing_before_the_last(lab, flow)
    assert rose["nat64.drops.checksum"] == 1


def test_an_error_about_an_echo(lab, flow):
    """RFC 7915 5.3, RFC 6146 3.6.2: inside is an echo reply; its identifier is translated back."""
    data = os.urandom(20)
    send(lab.server6, ipv6(SERVER6, WEB6, ICMP6, icmp6(SERVER6, WEB6, 128, 0, 0x777 << 16 | 5,
                                                       data)))
    request = flow.internet.take(from_gateway(ICMP, data))
    identifier = struct.unpack("!H", request[24:26])[0]
    reply = icmp6(WEB6, SERVER6, 129, 0, 0x777 << 16 | 5, data)
    tell(lab, flow, 1, 3, 0, ipv6(WEB6, SERVER6, ICMP6, reply, tc=0x11, hlim=60))
    got = flow.internet.take(from_gateway(ICMP, data))
    same(got, error4(flow, 3, 1, 0, got, icmp(0, 0, identifier << 16 | 5, data), proto=ICMP))


@pytest.mark.parametrize("quoted, becomes", [(136, 128), (152, 132), (200, 180)])
def test_extensions_of_an_error(lab, flow, quoted, becomes):
    """RFC 7915 5.3 extension (and RFC 4884 4): the extensions stay behind the packet that is
    quoted: 20 bytes shorter, but with zeros to 128 at least; its length is told in words of 4
    bytes, not 8."""
    data = os.urandom(300)
    whole = udp(WEB6, SERVER6, PORT, flow.inside_port, data)
    inner = ipv6(WEB6, SERVER6, UDP, whole, tc=0x11, hlim=60)[:quoted]
    tell(lab, flow, 3, 0, quoted // 8 << 24, inner + EXTENSIONS_OF_ERRORS)
    got = flow.internet.take(from_gateway(ICMP))
    whole4 = udp(WEB4, GATEWAY4, PORT, flow.outside_port, data)
    payload = whole4[:quoted - 40].ljust(becomes - 20, b"\0") + EXTENSIONS_OF_ERRORS
    same(got, error4(flow, 11, 0, becomes // 4 << 16, got, payload,
                     inner_length=20 + len(whole4)))
