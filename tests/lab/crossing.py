# SPDX-License-Identifier: GPL-2.0-or-later
"""Flows whose every packet is built by hand, and the same packets as RFC 7915 has them on the
other side: between server6 and internet4, two routers apart.
"""

import contextlib
import dataclasses
import random
import socket
import struct

import pytest

from exact import (DF, UDP, Tap, add_to, checksum, explain, ipv4, ipv6, send, tcp, udp,
                   with_identification)
from netns import wait_for
from topology import GATEWAY4, PREF64, SERVER6, WEB4

WEB6 = f"{PREF64}{WEB4}"
HOPS = 2			# router6 and the gateway
FIN, SYN, RST, ACK = 1, 2, 4, 16

REMOTE_PORT, INSIDE_PORT = 48000, 20300

# The hosts' own TCP and UDP do not see what comes to these ports.
QUIET = """\
table inet quiet {
    chain input {
        type filter hook input priority filter;
        tcp dport { 48000, 20300-20399 } drop
        udp dport { 48000, 20300-20399 } drop
    }
}
"""


@dataclasses.dataclass(frozen=True)
class Sample:
    """One packet of a flow, before and after. size: of the IPv4 packet; damage: added to the
    checksum; ones: let the checksum on the other side be all ones, or 0."""
    size: int = 128
    tos: int = 0
    label: int = 0
    ttl: int = 64
    df: bool = True			# of what is sent as IPv4
    damage: int = 0
    ones: bool = False
    options: bytes = b""		# of TCP
    flags: int = ACK			# of TCP
    lie: int = 0			# added to the length field of UDP


class Crossing:
    """A flow of one protocol between fixed ports of server6 and internet4."""

    def __init__(self, lab, proto, inside_port, remote_port, inside=SERVER6, host=None,
                 interface="lan0", hops=HOPS):
        self.lab, self.proto, self.inside, self.hops = lab, proto, inside, hops
        self.host = host or lab.server6
        self.inside_port, self.remote_port, self.outside_port = inside_port, remote_port, None
        self.server, self.internet = Tap(self.host, interface), Tap(lab.internet4, "gw0")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.server.sock.close()
        self.internet.sock.close()

    # ---- packets -----------------------------------------------------------

    def _segment(self, src, dst, sport, dport, data, sample, seq):
        if self.proto == UDP:
            return udp(src, dst, sport, dport, data, length=8 + len(data) + sample.lie)
        return tcp(src, dst, sport, dport, data, sample.flags, seq, options=sample.options)

    def _damaged(self, segment, sample):
        return add_to(segment, 6 if self.proto == UDP else 16, sample.damage) \
            if sample.damage else segment

    def _ends(self, outwards):
        """The addresses and ports of both packets: (IPv6, IPv4)."""
        six = (self.inside, WEB6, self.inside_port, self.remote_port)
        four = (GATEWAY4, WEB4, self.outside_port, self.remote_port)
        if outwards:
            return six, four
        return tuple((b, a, q, p) for a, b, p, q in (six, four))

    def _data(self, ends, sample, seq):
        """Random, but for what makes the checksum between these ends come out as ones."""
        room = sample.size - 20 - (8 if self.proto == UDP else 20 + len(sample.options))
        data = random.Random(repr(sample)).randbytes(room)	# the same each time
        if not sample.ones:
            return data
        data = b"\0\0" + data[2:]
        at = 6 if self.proto == UDP else 16
        segment = self._segment(*ends, data, sample, seq)
        return segment[at:at + 2] + data[2:]

    def _packet6(self, ends, data, sample, seq, hlim, label=0):
        segment = self._damaged(self._segment(*ends, data, sample, seq), sample)
        return ipv6(*ends[:2], self.proto, segment, tc=sample.tos, hlim=hlim, label=label)

    def _packet4(self, ends, data, sample, seq, ttl, df, **fields):
        segment = self._damaged(self._segment(*ends, data, sample, seq), sample)
        return ipv4(*ends[:2], self.proto, segment, tos=sample.tos, ttl=ttl,
                    fragment=DF if df else 0, **fields)

    def out(self, sample, seq=1000):
        """(as it leaves server6, as RFC 7915 5.1 has it arrive at internet4)"""
        six, four = self._ends(True)
        data = self._data(four if self.outside_port else six, sample, seq)
        return (self._packet6(six, data, sample, seq, sample.ttl, sample.label),
                self._packet4(four, data, sample, seq, max(sample.ttl - self.hops, 0),
                              sample.size > 1260) if self.outside_port else None)

    def back(self, sample, seq=1000, **fields):
        """(as it leaves internet4, as RFC 7915 4.1 has it arrive at server6)"""
        six, four = self._ends(False)
        data = self._data(six, sample, seq)
        return (self._packet4(four, data, sample, seq, sample.ttl, sample.df, id=4711, **fields),
                self._packet6(six, data, sample, seq, max(sample.ttl - self.hops, 0)))

    # ---- on the wire ---------------------------------------------------------

    def is_ours4(self, packet):
        return packet[0] >> 4 == 4 and packet[9] == self.proto and \
            packet[12:20] == socket.inet_aton(GATEWAY4) + socket.inet_aton(WEB4) and \
            packet[22:24] == struct.pack("!H", self.remote_port)

    def is_ours6(self, packet):
        return packet[0] >> 4 == 6 and packet[6] == self.proto and \
            packet[40:44] == struct.pack("!HH", self.remote_port, self.inside_port)

    def send(self, packet):
        """A packet from the host of its family."""
        send(self.host if packet[0] >> 4 == 6 else self.lab.internet4, packet)

    def crosses(self, packet, timeout=5.0):
        """Send it; what arrives of the flow next on the other side."""
        self.send(packet)
        if packet[0] >> 4 == 6:
            return self.internet.take(self.is_ours4, timeout=timeout)
        return self.server.take(self.is_ours6, timeout=timeout)

    def forget(self):
        """What has arrived until now."""
        for tap in (self.server, self.internet):
            tap.sock.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                while tap.sock.recv(65536):
                    pass

    def establish(self):
        """Until it goes on: a datagram each way, or a handshake."""
        first, *others = [Sample()] * 3 if self.proto == UDP else \
            [Sample(size=40, flags=flags) for flags in (SYN, SYN | ACK, ACK)]
        got = self.crosses(self.out(first)[0])
        self.outside_port = struct.unpack("!H", got[20:22])[0]
        self.crosses(self.back(others[0])[0])
        self.crosses(self.out(others[1])[0])
        return self


def arrived_right(got, wanted):
    """Byte for byte, but for the identification of IPv4, which its sender chooses; the header
    checksum that goes with it is right."""
    if wanted[0] >> 4 == 4:
        assert checksum(got[:20]) == 0
        wanted = with_identification(wanted, got)
    return got == wanted


def wait_fast(gate64, number=1):
    """Wait until that many sessions go fast."""
    wait_for(lambda: gate64.fast_path()["sessions"] >= number, "the flow goes fast")


def need_fast(gate64):
    """Skip what needs a fast path, where the kernel cannot have one."""
    said = gate64.fast_path()
    if not said["enabled"]:
        pytest.skip(f"no fast path here: {said['because']}")


def assert_goes_fast(gate64, flow):
    """A packet each way arrives as it should, and was translated in the kernel."""
    flow.forget()
    with gate64.counting() as rose:
        for sent, wanted in (flow.out(Sample()), flow.back(Sample())):
            got = flow.crosses(sent)
            assert arrived_right(got, wanted), explain(got, wanted)
    assert rose["nat64.fast_path.packets_out"] == rose["nat64.fast_path.packets_in"] == 1
    assert not rose["nat64.packets.out"] and not rose["nat64.packets.in"]


def mostly_fast(rose, outwards):
    """At least nine in ten of the packets of that direction took the fast path."""
    way = "out" if outwards else "in"
    fast, slow = rose[f"nat64.fast_path.packets_{way}"], rose[f"nat64.packets.{way}"]
    assert fast > 0 and fast >= 9 * slow, f"{fast} fast, {slow} slow"


def programs(ns):
    """The interfaces of a host that have the program, as tc shows it."""
    links = [line.split()[0].split("@")[0]
             for line in ns.run("ip", "-br", "link").stdout.splitlines()]
    return {link for link in links if "gate64" in
            ns.run("tc", "filter", "show", "dev", link, "ingress", check=False).stdout}


def mac(ns, interface):
    link = ns.run("ip", "-br", "link", "show", "dev", interface).stdout.split()
    return bytes.fromhex(link[2].replace(":", ""))


# Without IPv4 forwarding the kernel does not say where IPv4 packets have to go.
either_router = pytest.fixture(scope="module", autouse=True, params=[0, 1],
                               ids=["forwards_no_ipv4", "forwards_ipv4"])


def forward_ipv4(lab, yes):
    lab.gateway.sysctl("net/ipv4/ip_forward", yes)
