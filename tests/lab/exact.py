# SPDX-License-Identifier: GPL-2.0-or-later
"""Packets to the byte: built field by field, sent as they are, taken off the wire as they are.

Nothing here comes from gate64 or from a packet library: headers are those of RFC 791, 8200,
768, 9293, 792 and 4443, the checksum that of RFC 1071.
"""

import contextlib
import socket
import struct
import time

ETH_P_ALL = 3
PACKET_OUTGOING = 4				# <linux/if_packet.h>
ICMP, TCP, UDP, ICMP6 = 1, 6, 17, 58		# protocols
HOP_BY_HOP, ROUTING, FRAGMENT, DESTINATION = 0, 43, 44, 60
DF, MF = 0x4000, 0x2000


def checksum(data):
    """RFC 1071"""
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def pack_address(text):
    """4 or 16 bytes."""
    return socket.inet_pton(socket.AF_INET6 if ":" in text else socket.AF_INET, text)


# ---- headers -----------------------------------------------------------------

def ipv4(src, dst, proto, payload, tos=0, id=0, fragment=0, ttl=64, options=b"", length=None):
    """An IPv4 packet. fragment: flags and offset (in 8 bytes); length: if it is not true."""
    head_len = 20 + len(options)
    head = struct.pack("!BBHHHBBH4s4s", 0x40 | head_len // 4, tos,
                       head_len + len(payload) if length is None else length, id, fragment,
                       ttl, proto, 0, pack_address(src), pack_address(dst)) + options
    return head[:10] + struct.pack("!H", checksum(head)) + head[12:] + payload


def ipv6(src, dst, proto, payload, tc=0, label=0, hlim=64, length=None):
    """An IPv6 packet. proto: the next header; length: of the payload, if it is not true."""
    return struct.pack("!IHBB16s16s", 6 << 28 | tc << 20 | label,
                       len(payload) if length is None else length, proto, hlim,
                       pack_address(src), pack_address(dst)) + payload


def fragment_header(proto, offset, more, id):
    """IPv6's; offset in bytes."""
    return struct.pack("!BBHI", proto, 0, offset | more, id)


def pseudo(src, dst, proto, length):
    """What a transport checksum covers besides (RFC 9293 3.1, RFC 8200 8.1)."""
    if ":" in src:
        return pack_address(src) + pack_address(dst) + struct.pack("!II", length, proto)
    return pack_address(src) + pack_address(dst) + struct.pack("!HH", proto, length)


def udp(src, dst, sport, dport, data, csum=None, length=None):
    """A UDP datagram between two addresses of either family."""
    length = 8 + len(data) if length is None else length
    head = struct.pack("!HHH", sport, dport, length)
    if csum is None:
        csum = checksum(pseudo(src, dst, UDP, length) + head + b"\0\0" + data) or 0xffff
    return head + struct.pack("!H", csum) + data


def tcp(src, dst, sport, dport, data=b"", flags=2, seq=1000, ack=0, window=1024, options=b"",
        csum=None):
    """A TCP segment between two addresses of either family. flags: 2 is SYN."""
    head = struct.pack("!HHIIBBH", sport, dport, seq, ack, (20 + len(options)) // 4 << 4, flags,
                       window)
    tail = b"\0\0" + options + data		# the urgent pointer, and the rest
    if csum is None:
        csum = checksum(pseudo(src, dst, TCP, len(head) + 2 + len(tail)) + head + b"\0\0" + tail)
    return head + struct.pack("!H", csum) + tail


def icmp(kind, code, word, data, csum=None):
    """An ICMPv4 message. word: what stands behind the checksum."""
    rest = struct.pack("!I", word) + data
    csum = checksum(bytes((kind, code, 0, 0)) + rest) if csum is None else csum
    return struct.pack("!BBH", kind, code, csum) + rest


def icmp6(src, dst, kind, code, word, data, csum=None):
    """An ICMPv6 message, whose checksum covers its addresses."""
    rest = struct.pack("!I", word) + data
    if csum is None:
        csum = checksum(pseudo(src, dst, ICMP6, 4 + len(rest)) + bytes((kind, code, 0, 0)) + rest)
    return struct.pack("!BBH", kind, code, csum) + rest


def add_to(data, at, number):
    """`data` with `number` added to its 16 bits at `at`, in one's complement (RFC 1071): what
    an adjusted checksum keeps of a wrong one."""
    total = struct.unpack("!H", data[at:at + 2])[0] + number
    return data[:at] + struct.pack("!H", (total & 0xffff) + (total >> 16)) + data[at + 2:]


def with_identification(packet, like, at=0):
    """`packet` with the identification of the IPv4 header at `at` of the packet `like`, which
    its sender is free to choose, and the header checksum that goes with it."""
    head = packet[at:at + 4] + like[at + 4:at + 6] + packet[at + 6:at + 10] + b"\0\0" + \
        packet[at + 12:at + 20]
    return packet[:at] + head[:10] + struct.pack("!H", checksum(head)) + head[12:] + \
        packet[at + 20:]


# ---- the wire -------------------------------------------------------------------

def send(ns, *packets):
    """Send IP packets from a host, headers and all."""
    for packet in packets:
        v6 = packet[0] >> 4 == 6
        family = socket.AF_INET6 if v6 else socket.AF_INET
        to = socket.inet_ntop(family, packet[24:40] if v6 else packet[16:20])
        with ns.socket(family, socket.SOCK_RAW, socket.IPPROTO_RAW) as raw:
            raw.sendto(packet, (to, 0))


class Tap:
    """Every IP packet that arrives at an interface of a host, as bytes from the IP header on."""

    def __init__(self, ns, interface):
        # Bound by its protocol only once it has its interface: nothing of another one gets in.
        self.sock = ns.socket(socket.AF_PACKET, socket.SOCK_DGRAM, 0)
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 << 20)
        self.sock.bind((interface, ETH_P_ALL))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.sock.close()

    def take(self, wanted, number=1, timeout=5.0):
        """The next `number` packets for which `wanted(packet)` is true."""
        found, deadline = [], time.monotonic() + timeout
        while len(found) < number:
            left = deadline - time.monotonic()
            assert left > 0, f"only {len(found)} of {number} packets came: {found}"
            self.sock.settimeout(left)
            with contextlib.suppress(TimeoutError):
                packet, (_if, _proto, kind, *_) = self.sock.recvfrom(65536)
                if kind != PACKET_OUTGOING and packet[0] >> 4 in (4, 6):
                    packet = trimmed(packet)
                    if wanted(packet):
                        found.append(packet)
        return found if number > 1 else found[0]


def trimmed(packet):
    """Without what Ethernet may have padded it with."""
    if packet[0] >> 4 == 6:
        return packet[:40 + struct.unpack("!H", packet[4:6])[0]]
    return packet[:struct.unpack("!H", packet[2:4])[0]]


def is_icmp(packet):
    """An ICMP error or query of either family, straight behind its header; but neither
    neighbour discovery nor multicast listeners."""
    if packet[0] >> 4 == 4:
        return packet[9] == ICMP
    return packet[6] == ICMP6 and not 130 <= packet[40] <= 143


def explain(got, wanted):
    """For the message of an assertion: where two packets differ."""
    at = [i for i in range(max(len(got), len(wanted))) if got[i:i + 1] != wanted[i:i + 1]]
    return (f"{len(got)} bytes, wanted {len(wanted)}; they differ at {at[:20]}\n"
            f"got    {got[:160].hex(' ', 2)}\nwanted {wanted[:160].hex(' ', 2)}")


def same(got, wanted):
    """Byte for byte."""
    assert got == wanted, explain(got, wanted)
