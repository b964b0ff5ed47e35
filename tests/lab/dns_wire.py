# SPDX-License-Identifier: GPL-2.0-or-later
"""DNS messages as bytes, and how a host of the lab sends them to dns64 over UDP and TCP."""

import contextlib
import socket
import struct

import dns.edns
import dns.message

from topology import GATEWAY6

COOKIE, KEEPALIVE, PADDING = 10, 11, 12
LOCAL = "ipv4only.arpa."	# answered without asking anybody


def query(name=LOCAL, kind="A", options=None, **more):
    """A query with EDNS, and these options: (code, bytes)."""
    more.setdefault("use_edns", 0)
    return dns.message.make_query(
        name, kind, options=[dns.edns.GenericOption(*o) for o in options or []], **more)


def option(reply, code):
    """The bytes of a reply's option, or None."""
    for o in reply.options:
        if int(o.otype) == code:
            return o.to_wire()
    return None


def parse(wire):
    """A reply, and its extended rcode."""
    return dns.message.from_wire(wire, ignore_trailing=False)


class Udp:
    """A UDP socket of a host of the lab, towards dns64."""

    def __init__(self, ns, source=None, server=GATEWAY6):
        family = socket.AF_INET6 if ":" in server else socket.AF_INET
        self.sock = ns.socket(family, socket.SOCK_DGRAM)
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        if source:
            self.sock.bind((source, 0))
        self.sock.connect((server, 53))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.sock.close()

    def exchange(self, wire, timeout=5.0):
        """Send bytes; the reply, or None where none comes."""
        self.sock.send(wire)
        self.sock.settimeout(timeout)
        try:
            return self.sock.recv(4096)
        except TimeoutError:
            return None

    def ask(self, message):
        """Send a query; the reply parsed."""
        return parse(self.exchange(message.to_wire()))

    def burst(self, wires, quiet=1.0):
        """Send them all at once; every reply until none comes for a while."""
        for wire in wires:
            self.sock.send(wire)
        self.sock.settimeout(quiet)
        replies = []
        with contextlib.suppress(TimeoutError):
            while True:
                replies.append(parse(self.sock.recv(4096)))
        return replies


def framed(*wires):
    """Messages as they go over TCP (RFC 1035 4.2.2)."""
    return b"".join(struct.pack("!H", len(wire)) + wire for wire in wires)


def read_exactly(sock, n):
    data = b""
    while len(data) < n:
        more = sock.recv(n - len(data))
        if not more:
            raise EOFError(f"the end after {len(data)} of {n} bytes")
        data += more
    return data


def read_message(sock):
    """One message from a TCP or TLS connection."""
    (length,) = struct.unpack("!H", read_exactly(sock, 2))
    return parse(read_exactly(sock, length))


def over_tcp(sock, *messages):
    """Send queries in one piece; as many replies, in the order they come."""
    sock.sendall(framed(*(message.to_wire() for message in messages)))
    return [read_message(sock) for _ in messages]


def over_tcp_alone(lab, message):
    """The bytes of the reply to one query on a connection of its own."""
    with lab.server6.connect((GATEWAY6, 53)) as sock:
        sock.sendall(framed(message.to_wire()))
        (length,) = struct.unpack("!H", read_exactly(sock, 2))
        return read_exactly(sock, length)
