# SPDX-License-Identifier: GPL-2.0-or-later
"""Name servers as they should not be: a zone `X.odd.` for each way X to misbehave.

All of them are one server. Each zone has v4 (A), v6 (AAAA), both and text; what is odd is how
they are answered.
"""

import contextlib
import selectors
import socket
import struct
import threading

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.rrset

ODD4 = "192.0.2.4"		# where all of them are
AWAY6 = "2001:db8:ffff::35"	# nowhere
LIE4 = "192.0.2.66"		# what only a lie says
TTL, NEGATIVE_TTL, DAY = 300, 30, 86400
HOSTS = {	# a TTL of TTL, but for "day"
    "ns": {"A": [ODD4]},
    "day": {"A": ["192.0.2.80"]},
    "v4": {"A": ["192.0.2.80"]},
    "v6": {"AAAA": ["2001:db8:ff::80"]},
    "both": {"A": ["192.0.2.80"], "AAAA": ["2001:db8:ff::80"]},
    "text": {"TXT": ['"odd"']},
}


def zone_of(qname):
    """The zone of a name, "X.odd.", and what stands before it."""
    return dns.name.Name(qname.labels[-3:]), qname.relativize(dns.name.Name(qname.labels[-3:]))


def rrset(owner, kind, *data, ttl=TTL):
    """Records of one name and type."""
    return dns.rrset.from_text(owner, ttl, "IN", kind, *data)


def response(query):
    """An empty answer of who has the zone."""
    reply = dns.message.make_response(query)
    reply.flags |= dns.flags.AA
    return reply


def negative(reply, rcode=dns.rcode.NOERROR):
    """Make a reply say that there is nothing."""
    zone, _host = zone_of(reply.question[0].name)
    reply.set_rcode(rcode)
    reply.authority = [rrset(zone, "SOA", f"ns.{zone} hostmaster.{zone} 1 3600 600 86400 "
                             f"{NEGATIVE_TTL}")]
    return reply


def regular(query):
    """What a good server would say."""
    reply = response(query)
    question = query.question[0]
    zone, host = zone_of(question.name)
    kind = dns.rdatatype.to_text(question.rdtype)
    if host == dns.name.empty:
        records = {"NS": [f"ns.{zone}"]}
    else:
        records = HOSTS.get(host.to_text().lower())
    if records is None:
        return negative(reply, dns.rcode.NXDOMAIN)
    if not records.get(kind):
        return negative(reply)
    ttl = DAY if host.to_text().lower() == "day" else TTL
    reply.answer = [rrset(question.name, kind, *records[kind], ttl=ttl)]
    return reply


def is_aaaa(query):
    """Does it ask for AAAA?"""
    return query.question[0].rdtype == dns.rdatatype.AAAA


def lie(query):
    """The answer that a forger would like to be believed."""
    reply = regular(query)
    question = query.question[0]
    if question.rdtype == dns.rdatatype.A and reply.answer:
        reply.answer = [rrset(question.name, "A", LIE4)]
    return reply


# Each behaviour: (query, over TCP?) -> the messages to send, one after the other.

def only_aaaa(rcode):
    """An error for AAAA, all else is right."""
    def behave(query, _tcp):
        reply = regular(query)
        if is_aaaa(query):
            reply.answer = reply.authority = []
            reply.set_rcode(rcode)
        return [reply]
    return behave


def nxdomain(query, _tcp):
    """The violation of RFC 6147 5.1.2: there is an A record."""
    return [negative(response(query), dns.rcode.NXDOMAIN)
            if is_aaaa(query) else regular(query)]


def drop(query, _tcp):
    """No answer to AAAA at all."""
    return [] if is_aaaa(query) else [regular(query)]


def broken(query, _tcp):
    """Names are there, addresses are not to be had."""
    reply = regular(query)
    if reply.answer or is_aaaa(query):
        reply.answer = reply.authority = []
        reply.set_rcode(dns.rcode.SERVFAIL)
    return [reply]


def huge_ttl(query, _tcp):
    """TTLs of over 31 bits."""
    reply = regular(query)
    for records in reply.answer:
        records.ttl = 0x80000000 | TTL
    return [reply]


def truncate(query, tcp):
    """Over UDP nothing but TC."""
    reply = regular(query)
    if not tcp:
        reply.flags |= dns.flags.TC
        reply.answer = reply.authority = []
    return [reply]


def lie_id(query, _tcp):
    """First a wrong answer with a wrong ID."""
    first = lie(query)
    first.id ^= 0x5555
    return [first, regular(query)]


def lie_question(query, _tcp):
    """First the answer to another question."""
    first = lie(query)
    first.question = [dns.rrset.RRset(dns.name.from_text("other.odd."), 1, 1)]
    return [first, regular(query)]


def no_soa(query, _tcp):
    """Negative answers without an SOA."""
    reply = regular(query)
    reply.authority = []
    return [reply]


def lower_case(query, _tcp):
    """The question in lower case, whatever it was."""
    query.question = [dns.rrset.RRset(dns.name.from_text(q.name.to_text().lower()), q.rdclass,
                                      q.rdtype) for q in query.question]
    return [regular(query)]


def poison(query, _tcp):
    """Records of other people's zones beside the answer."""
    reply = regular(query)
    reply.authority += [rrset("plain.", "NS", "ns.poison.odd.", ttl=86400)]
    reply.additional += [rrset("ns.poison.odd.", "A", LIE4), rrset("ns.plain.", "A", LIE4),
                         rrset("text.shapes.plain.", "A", LIE4)]
    return [reply]


def differ(query, _tcp):
    """A chain for A, and another one for AAAA."""
    question, reply = query.question[0], regular(query)
    zone, host = zone_of(question.name)
    targets = {dns.rdatatype.A: "v4", dns.rdatatype.AAAA: "text"}
    if host.to_text().lower() == "alias" and question.rdtype in targets:
        reply = negative(response(query))
        reply.answer = [rrset(question.name, "CNAME", f"{targets[question.rdtype]}.{zone}")]
        if question.rdtype == dns.rdatatype.A:
            reply.authority = []
            reply.answer.append(rrset(f"v4.{zone}", "A", "192.0.2.80"))
    return [reply]


def no_edns(query, _tcp):
    """A server from before EDNS."""
    if query.edns < 0:
        return [regular(query)]
    query.use_edns(False)
    reply = dns.message.make_response(query)
    reply.set_rcode(dns.rcode.FORMERR)
    return [reply]


def late(query, _tcp):
    """name0, name1 and so on have an address, which is never kept; see LATE_S."""
    question, reply = query.question[0], response(query)
    _zone, host = zone_of(question.name)
    if not host.to_text().lower().startswith("name"):
        return [regular(query)]
    if question.rdtype != dns.rdatatype.A:
        return [negative(reply)]
    reply.answer = [rrset(question.name, "A", "192.0.2.80", ttl=0)]
    return [reply]


def nxns(query, _tcp):
    """Whatever is below the zone is said to have 40 servers, whose addresses are to be asked for
    in another zone; there they do not exist (the NXNSAttack)."""
    zone, host = zone_of(query.question[0].name)
    if host in (dns.name.empty, dns.name.from_text("ns", None)):
        return [regular(query)]
    reply = dns.message.make_response(query)
    reply.authority = [rrset(dns.name.Name(host.labels[-1:]) + zone, "NS",
                             *(f"none{number}.regular.odd." for number in range(40)))]
    return [reply]


def twofold(query, _tcp):
    """A server with two addresses, of which the gateway has no way to one."""
    question, reply = query.question[0], regular(query)
    if question.name.labels[0].lower() == b"ns" and is_aaaa(query):
        reply = response(query)
        reply.answer = [rrset(question.name, "AAAA", AWAY6)]
    return [reply]


TWOFOLD = [f"twofold{i}" for i in range(6)]
LATE_S = 0.2			# until "late" answers over UDP
BEHAVIOURS = {
    "regular": lambda query, _tcp: [regular(query)],
    "broken": broken, "ttl": huge_ttl, "drop": drop, "nxdomain": nxdomain,
    "truncate": truncate, "lie-id": lie_id, "lie-question": lie_question, "no-soa": no_soa,
    "lower-case": lower_case, "poison": poison, "differ": differ, "no-edns": no_edns,
    "late": late, "nxns": nxns,
} | dict.fromkeys(TWOFOLD, twofold) | {dns.rcode.to_text(code).lower(): only_aaaa(code) for code in (
    dns.rcode.SERVFAIL, dns.rcode.REFUSED, dns.rcode.NOTIMP, dns.rcode.FORMERR)}


class OddServer:
    """All of them on ODD4, in a thread for the length of a `with` block.

    seen: of each query over UDP its name, as it was written, its source port and its ID.
    """

    def __init__(self, ns):
        self.udp = ns.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.udp.bind((ODD4, 53))
        self.tcp = ns.socket()
        self.tcp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.tcp.bind((ODD4, 53))
        self.tcp.listen()
        self.seen = []
        self.stop, self.stopped = socket.socketpair()
        self.thread = threading.Thread(target=self._run, name="odd servers")

    @staticmethod
    def _answers(query, tcp):
        zone, _host = zone_of(query.question[0].name)
        behave = BEHAVIOURS[zone.labels[0].decode().lower()]
        return [reply.to_wire() for reply in behave(query, tcp)]

    def _take_datagram(self):
        wire, peer = self.udp.recvfrom(65535)
        query = dns.message.from_wire(wire)
        self.seen.append((query.question[0].name.to_text(), peer[1], query.id))
        for reply in self._answers(query, tcp=False):
            if zone_of(query.question[0].name)[0].labels[0].lower() == b"late":
                threading.Timer(LATE_S, self._send_late, (reply, peer)).start()
            else:
                self.udp.sendto(reply, peer)

    def _send_late(self, reply, peer):
        with contextlib.suppress(OSError):		# closed meanwhile
            self.udp.sendto(reply, peer)

    def _take_connection(self):
        connection, _peer = self.tcp.accept()
        with connection, contextlib.suppress(OSError, struct.error):
            connection.settimeout(2)
            with connection.makefile("rb") as stream:
                (length,) = struct.unpack("!H", stream.read(2))
                query = dns.message.from_wire(stream.read(length))
            for reply in self._answers(query, tcp=True):
                connection.sendall(struct.pack("!H", len(reply)) + reply)

    def _run(self):
        with selectors.DefaultSelector() as selector:
            for sock in (self.udp, self.tcp, self.stopped):
                selector.register(sock, selectors.EVENT_READ)
            while True:
                ready = {key.fileobj for key, _events in selector.select()}
                if self.stopped in ready:
                    return
                if self.udp in ready:
                    self._take_datagram()
                if self.tcp in ready:
                    self._take_connection()

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.stop.close()
        self.thread.join()
        for sock in (self.udp, self.tcp, self.stopped):
            sock.close()
