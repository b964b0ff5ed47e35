# SPDX-License-Identifier: GPL-2.0-or-later
"""Names that servers of their own know (dns64.zones), beside recursion from the root; and what
makes questions hard to forge answers to."""

import concurrent.futures
import socket
import threading

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.reversename
import dns.rrset
import pytest
from scapy.layers.inet import UDP

from gateway import Gate64
from netns import wait_for
from topology import GATEWAY6, SERVER6
from wire import Capture, ask

HERE = ("127.0.0.1", 5300)	# on the gateway
THERE = (SERVER6, 5300)		# inside
PRIVATE = {
    ("host.lan.example.", "A"): "192.168.1.7",
    ("host.lan.example.", "AAAA"): "2001:db8:1::7",
    ("only4.lan.example.", "A"): "192.0.2.7",
    ("outward.lan.example.", "CNAME"): "git.example.net.",
    ("forged.lan.example.", "A"): "192.0.2.8",
    ("www.home.example.", "AAAA"): "2001:db8:1::77",	# the DNS says otherwise
    ("7.1.168.192.in-addr.arpa.", "PTR"): "host.lan.example.",
}
# What whoever forges an answer of HERE puts beside it: other zones' servers, and their addresses
FORGED = {"forged.lan.example.": [
    ("example.net.", "NS", "ns.forged.lan.example."), (".", "NS", "ns.forged.lan.example."),
    ("ns.forged.lan.example.", "A", HERE[0]), ("ns.lab.example.", "A", HERE[0])]}
FAR = {
    ("host.far.lan.example.", "AAAA"): "2001:db8:1::8",
}


class Forwarder:
    """A server that says what it is told to, and remembers who asked for what."""

    def __init__(self, ns, address, records):
        self.records = records
        self.asked, self.seen = [], []
        self.silent = False
        family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        self.sock = ns.socket(family, socket.SOCK_DGRAM)
        self.sock.bind(address)
        self.thread = threading.Thread(target=self._run, name="forwarder")

    def _reply(self, query):
        question = query.question[0]
        owner = question.name.to_text().lower()
        reply = dns.message.make_response(query)
        reply.flags |= dns.flags.RA
        for kind in (dns.rdatatype.to_text(question.rdtype), "CNAME"):
            if (owner, kind) in self.records:
                reply.answer.append(dns.rrset.from_text(question.name, 60, "IN", kind,
                                                        self.records[owner, kind]))
                break
        for name, kind, data in FORGED.get(owner, ()):
            section = reply.authority if kind == "NS" else reply.additional
            section.append(dns.rrset.from_text(name, 86400, "IN", kind, data))
        return reply

    def _run(self):
        while True:
            wire, peer = self.sock.recvfrom(4096)
            if not wire:
                return
            query = dns.message.from_wire(wire)
            question = query.question[0]
            self.seen.append((query, peer))
            self.asked.append((question.name.to_text().lower(),
                               dns.rdatatype.to_text(question.rdtype),
                               bool(query.flags & dns.flags.RD)))
            if not self.silent:
                self.sock.sendto(self._reply(query).to_wire(), peer)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.sock.sendto(b"", self.sock.getsockname())
        self.thread.join()
        self.sock.close()

    def names(self):
        """Which names it was asked for."""
        return {name for name, _kind, _rd in self.asked}


@pytest.fixture(scope="module")
def here(lab):
    with Forwarder(lab.gateway, HERE, PRIVATE) as server:
        yield server


@pytest.fixture(scope="module")
def there(lab):
    with Forwarder(lab.server6, THERE, FAR) as server:
        yield server


@pytest.fixture(scope="module")
def gate64(lab, here, there):
    address = f"{HERE[0]}:{HERE[1]}"
    zones = [{"name": name, "upstream": [address]}
             for name in ("lan.example", "Home.Example.", "192.in-addr.arpa")]
    zones.append({"name": "far.lan.example", "upstream": [f"[{THERE[0]}]:{THERE[1]}"]})
    # On one address, and not on all: its replies come from there without being told.
    with Gate64(lab, {"dns64": {"zones": zones, "listen": [GATEWAY6]}}) as gate64:
        yield gate64


def records(answer):
    """The answer section: (type, text) of each record."""
    return [(dns.rdatatype.to_text(rr.rdtype), r.to_text()) for rr in answer.answer for r in rr]


def upstreams(gate64):
    """What the status says of servers, by zone."""
    return {entry["zone"]: entry for entry in gate64.status()["rooms"]["dns64"]["upstreams"]}


def question(lab, name, kind):
    return ask(lab.server6, GATEWAY6, name, kind)


def test_a_name_of_a_zone_is_asked_of_its_servers(lab, gate64, here):
    """Recursion is desired of them: they are resolvers, or may be (RFC 1034 4.3.1)."""
    assert records(question(lab, "host.lan.example", "AAAA")) == [("AAAA", "2001:db8:1::7")]
    assert ("host.lan.example.", "AAAA", True) in here.asked


def test_a_zone_hides_what_the_dns_says(lab, gate64):
    assert records(question(lab, "www.home.example", "AAAA")) == [("AAAA", "2001:db8:1::77")]


def test_the_closest_zone_decides(lab, gate64, here, there):
    assert records(question(lab, "host.far.lan.example", "AAAA")) == [("AAAA", "2001:db8:1::8")]
    assert "host.far.lan.example." not in here.names()


def test_other_names_are_not_asked_there(lab, gate64, here, there):
    assert records(question(lab, "git.example.net", "A")) == [("A", "192.0.2.80")]
    assert question(lab, "xlan.example", "A").rcode() == dns.rcode.NXDOMAIN
    known = ("lan.example.", "home.example.", "192.in-addr.arpa.")
    assert all(name.endswith(known) for name in here.names() | there.names())
    assert "xlan.example." not in here.names()


def test_answers_of_a_zone_are_synthesised_too(lab, gate64):
    """RFC 6147 5.1.6"""
    assert records(question(lab, "only4.lan.example", "AAAA")) == [("AAAA", "64:ff9b::c000:207")]


def test_a_chain_that_leaves_the_zone_is_followed_in_the_dns(lab, gate64, here):
    """What the zone's servers say of other names counts for nothing."""
    assert records(question(lab, "outward.lan.example", "A")) == [
        ("CNAME", "git.example.net."), ("A", "192.0.2.80")]
    assert "git.example.net." not in here.names()


def test_who_forges_a_forwarders_answers_gets_no_further(lab, gate64, here):
    """RFC 2181 5.4.1: what its servers say stays with the zone (MaginotDNS). Other names go on being
    asked of their own servers, and what is kept of the zone's is not what those are answered from:
    a chain of theirs that leads there has it asked for anew"""
    wanted = ("forged.lan.example.", "A", True)
    for _ in range(2):
        assert records(question(lab, wanted[0], "A")) == [("A", "192.0.2.8")]
    assert here.asked.count(wanted) == 1, "it is kept"
    assert records(question(lab, "both.example.net", "A")) == [("A", "192.0.2.80")]
    assert records(question(lab, "inward.example.net", "A")) == [
        ("CNAME", wanted[0]), ("A", "192.0.2.8")]
    assert here.asked.count(wanted) == 2
    assert records(question(lab, "alias.example.net", "A"))
    assert not [name for name in here.names() if name.endswith(("example.net.", "lab.example."))]


def test_a_private_reverse_zone_is_forwarded(lab, gate64, here):
    """Not answered with the NXDOMAIN that RFC 6303 3 gives to others."""
    reverse = dns.reversename.from_address("192.168.1.7")
    assert records(question(lab, reverse, "PTR")) == [("PTR", "host.lan.example.")]
    elsewhere = dns.reversename.from_address("10.1.2.3")
    assert question(lab, elsewhere, "PTR").rcode() == dns.rcode.NXDOMAIN


def test_a_zone_whose_servers_are_away_harms_nobody_and_comes_back(lab, gate64, there):
    """Its failures are its own: other zones are answered as before."""
    there.silent = True
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        unanswered = [pool.submit(question, lab, f"n{number}.far.lan.example", "AAAA")
                      for number in range(16)]
        assert records(question(lab, "www.home.example", "AAAA"))
        assert all(asked.result().rcode() == dns.rcode.SERVFAIL for asked in unanswered)
    health = upstreams(gate64)
    assert health["far.lan.example"]["timeouts"] > 0 == health["home.example"]["failed"]
    assert health["far.lan.example"]["workers_deaf"] > 0 == health["."]["workers_deaf"]
    there.silent = False
    wait_for(lambda: question(lab, "host.far.lan.example", "AAAA").answer,
             "the zone to be answered again", timeout=30)
    health = upstreams(gate64)["far.lan.example"]
    assert health["answered"] > 0 and health["answered_ago_ms"] is not None


def test_questions_are_hard_to_guess(lab, gate64, here):
    """RFC 5452 9.2: IDs and ports by chance, the ports out of the host's own range; the letters'
    case by chance too; RFC 9715 3.2: no more than 1232 bytes are asked for"""
    first, last = map(int, lab.gateway.sysctl("net/ipv4/ip_local_port_range").split())
    del here.seen[:]
    for number in range(24):
        question(lab, f"abcdefghijklmnopqrstuvwxyz{number}.lan.example", "TXT")
    ports = [peer[1] for _query, peer in here.seen]
    assert len(set(ports)) >= 20 and all(first <= port <= last for port in ports)
    assert len({query.id for query, _peer in here.seen}) >= 20
    names = {query.question[0].name.to_text()[:26] for query, _peer in here.seen}
    assert len(names) >= 20 and all(name.lower() != name != name.upper() for name in names)
    assert {query.payload for query, _peer in here.seen} == {1232}


def test_the_root_is_not_told_what_is_asked_for(lab, gate64):
    """RFC 9156 2.3: a label more at a time (and all at once where that does not exist)"""
    with Capture(lab.gateway, "up0", "udp dst port 53") as capture:
        question(lab, "one.two.three.example.net", "TXT")
    asked = [dns.message.from_wire(bytes(packet[UDP].payload)).question[0].name.to_text().lower()
             for packet in capture.packets]
    whole = asked.index("one.two.three.example.net.")
    assert "three.example.net." in asked[:whole]


def test_a_reload_brings_zones_and_takes_them(lab, gate64):
    gate64.reload({"dns64": {"zones": []}})
    try:
        assert records(question(lab, "www.home.example", "AAAA")) == [("AAAA", SERVER6)]
        assert question(lab, "host.lan.example", "AAAA").rcode() == dns.rcode.NXDOMAIN
    finally:
        gate64.reload()
    assert records(question(lab, "www.home.example", "AAAA")) == [("AAAA", "2001:db8:1::77")]
