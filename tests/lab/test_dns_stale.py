# SPDX-License-Identifier: GPL-2.0-or-later
"""What dns64 says while its servers do not: old answers, failures, and who waits for them."""

import contextlib
import random
import signal
import socket
import threading
import time

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.rrset
import pytest

from dns_asking import resolve
from dns_wire import Udp, framed, read_message
from gateway import Gate64
from netns import wait_for
from topology import GATEWAY6

UPSTREAM4 = "192.0.2.5"
LATE_S = 0.3
NATIVE6, WEB4, SYNTHESISED = "2001:db8:ff::80", "192.0.2.80", "64:ff9b::c000:250"
STALE, CACHED_ERROR, STALE_NXDOMAIN, UNREACHABLE, IS_SYNTHESISED = 3, 13, 19, 22, 29	# RFC 8914 4


class Upstream:
    """A server for every name, that does as it is told.

    The first label of a name says what there is: "a", "aaaa", "both", "none" (NXDOMAIN), "late"
    (an A record, after LATE_S), "lame" (SERVFAIL); the second one for how many seconds. `instead`
    gives single names other contents, `silent` has the questions (name, type) that get no answer,
    and `rcode` an error for all of them.
    """

    def __init__(self, ns):
        ns.run("ip", "address", "add", f"{UPSTREAM4}/32", "dev", "lo")
        self.socket = ns.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((UPSTREAM4, 53))
        self.socket.settimeout(0.1)
        self.thread = threading.Thread(target=self._run, name="upstream")
        self.dead, self.stopped, self.rcode = threading.Event(), threading.Event(), None
        self.instead, self.silent, self.asked = {}, set(), []

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.stopped.set()
        self.thread.join()
        self.socket.close()

    def _run(self):
        while not self.stopped.is_set():
            with contextlib.suppress(TimeoutError):
                self._take(*self.socket.recvfrom(65535))

    def _take(self, wire, peer):
        query = dns.message.from_wire(wire)
        name = query.question[0].name.to_text().lower()
        kind = dns.rdatatype.to_text(query.question[0].rdtype)
        self.asked.append((name, kind))
        if not self.dead.is_set() and (name, kind) not in self.silent:
            reply = self._reply(query, name, kind).to_wire()
            if name.startswith("late."):
                threading.Timer(LATE_S, self._send_late, (reply, peer)).start()
            else:
                self.socket.sendto(reply, peer)

    def _send_late(self, reply, peer):
        with contextlib.suppress(OSError):		# closed meanwhile
            self.socket.sendto(reply, peer)

    def _reply(self, query, name, kind):
        reply = dns.message.make_response(query)
        reply.flags |= dns.flags.AA | dns.flags.RA
        what, ttl = name.split(".")[:2]
        what = self.instead.get(name, what)
        if self.rcode or what == "lame":
            reply.set_rcode(self.rcode or dns.rcode.SERVFAIL)
        elif kind == "A" and what in ("a", "both", "late"):
            reply.answer = [dns.rrset.from_text(query.question[0].name, int(ttl), "IN", kind, WEB4)]
        elif kind == "AAAA" and what in ("aaaa", "both"):
            reply.answer = [dns.rrset.from_text(query.question[0].name, int(ttl), "IN", kind,
                                                NATIVE6)]
        else:
            reply.authority = [dns.rrset.from_text(name.split(".")[-2] + ".", int(ttl), "IN", "SOA",
                                                   f"ns. host. 1 3600 600 86400 {ttl}")]
            if what == "none":
                reply.set_rcode(dns.rcode.NXDOMAIN)
        return reply

    @contextlib.contextmanager
    def gone(self):
        """It answers nobody."""
        self.dead.set()
        try:
            yield
        finally:
            self.dead.clear()

    @contextlib.contextmanager
    def failing(self, rcode):
        """It answers everybody with an error."""
        self.rcode = rcode
        try:
            yield
        finally:
            self.rcode = None


@pytest.fixture(scope="module")
def upstream(lab):
    with Upstream(lab.internet4) as upstream:
        yield upstream


@pytest.fixture(scope="module")
def gate64(lab, upstream):
    with Gate64(lab, {"dns64": {"upstream": [UPSTREAM4], "dnssec": False}}) as gate64:
        yield gate64


@pytest.fixture
def get(lab, gate64):
    """Ask, as a stub resolver that waits for 5 s and no longer."""
    return lambda name, kind="AAAA", flags="", **options: resolve(
        lab, name, kind, flags, **{"timeout": 5} | options)


def expired(get, *names):
    """Have these names in the cache, with a TTL of a second, and let that pass. (libunbound
    counts whole seconds, of which one has begun, and keeps what has 0 left.)"""
    for name in names:
        get(name)
    time.sleep(2.1)


# ---- while servers of others fail: before any of ours has ------------------------------------

@contextlib.contextmanager
def flood(lab, upstream, name):
    """Somebody asks for one name after another, name(0), name(1) ..., fifty a second."""
    def is_quiet():
        before = len(upstream.asked)
        time.sleep(0.2)
        return len(upstream.asked) == before

    stop = threading.Event()

    def run():
        with lab.server6.socket(socket.AF_INET6, socket.SOCK_DGRAM) as sock:
            number = 0
            while not stop.wait(0.02):
                sock.sendto(dns.message.make_query(name(number), "AAAA").to_wire(),
                            (GATEWAY6, 53))
                number += 1
    thread = threading.Thread(target=run, name="flood")
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
        wait_for(is_quiet, "the last of them is answered")


def renewals(gate64):
    """How often a resolver has started afresh."""
    return sum(server["renewals"] for server in gate64.status()["rooms"]["dns64"]["upstreams"])


def test_who_asks_for_lame_names_harms_nobody_else(lab, upstream, gate64, get):
    """RFC 8767 5, RFC 9520 2.2: a server that answers with a failure is there. No resolver starts
    afresh for its sake, and what others ask for is answered."""
    before, log = renewals(gate64), len(gate64.log())
    with flood(lab, upstream, lambda number: f"lame.1.flood{number}.elsewhere."):
        for turn in range(8):
            reply = get(f"late.1.turn{turn}.elsewhere.")
            assert reply.rcode == "NOERROR" and reply.addresses() == [SYNTHESISED]
    assert upstream.asked.count(("lame.1.flood9.elsewhere.", "AAAA")) >= 1
    assert renewals(gate64) == before and "starts afresh" not in gate64.log()[log:]


# ---- old answers ---------------------------------------------------------------------------

def test_stale_answers_while_nobody_answers(upstream, gate64, get):
    """RFC 8767 4, 5: the old answer with a TTL of 30 s, before the client gives up, then at once;
    RFC 8914 4: marked as stale"""
    expired(get, "a.1.example.", "aaaa.1.example.", "none.1.example.")
    with upstream.gone(), gate64.counting() as rose:
        for _again in range(2):
            reply = get("a.1.example.", flags="a")
            assert reply.addresses() == [SYNTHESISED] and reply.ttls() == {30}
            assert reply.errors == {STALE, IS_SYNTHESISED} and "AD" not in reply.flags
            reply = get("aaaa.1.example.")
            assert reply.addresses() == [NATIVE6] and reply.ttls() == {30}
            assert reply.errors == {STALE}
            reply = get("none.1.example.")
            assert reply.rcode == "NXDOMAIN" and reply.errors == {STALE_NXDOMAIN}
    assert rose["dns64.cache.stale"] == 6


def test_stale_answers_while_servers_fail(upstream, get):
    """RFC 8767 4: any rcode but NoError and NXDomain is no answer"""
    expired(get, "a.1.fail.example.")
    for rcode in (dns.rcode.SERVFAIL, dns.rcode.REFUSED):
        with upstream.failing(rcode):
            reply = get("a.1.fail.example.")
            assert reply.addresses() == [SYNTHESISED] and STALE in reply.errors


def test_a_fresh_aaaa_is_given_for_a_stale_absence_of_one(upstream, get):
    """RFC 8767 4 and RFC 6147 5.1.1: A and AAAA age apart; while A does not answer, a name that
    had no AAAA has got one"""
    expired(get, "a.1.new.example.")
    upstream.instead["a.1.new.example."] = "aaaa"
    upstream.silent.add(("a.1.new.example.", "A"))
    reply = get("a.1.new.example.")
    assert reply.addresses() == [NATIVE6] and not reply.errors


def test_a_fresh_a_is_enough_where_aaaa_does_not_answer(upstream, get):
    """RFC 6147 5.1.3: synthesis from what was said now, rather than an old answer"""
    expired(get, "both.1.old.example.")
    upstream.silent.add(("both.1.old.example.", "AAAA"))
    reply = get("both.1.old.example.")
    assert reply.addresses() == [SYNTHESISED] and reply.errors == {IS_SYNTHESISED}


def test_who_finds_no_place_to_wait_has_the_old_answer_at_once(lab, upstream, gate64):
    """RFC 8767 5: while no more may wait for the same; nobody goes without an answer"""
    name = "a.1.full.example."
    assert crowd(lab, [name])[0].rcode() == dns.rcode.NOERROR
    time.sleep(2.1)
    with upstream.gone(), gate64.counting() as rose:
        for reply in crowd(lab, [name] * 300):
            assert reply.rcode() == dns.rcode.NOERROR and reply.answer[0][0].address == SYNTHESISED
    assert rose["dns64.drops.too_many_wait_for_one"] > 0
    assert rose["dns64.cache.stale"] == 300


# ---- failures -----------------------------------------------------------------------------

def back(get, *names):
    """Are all these answered by who was asked just now?"""
    replies = [get(name) for name in names]
    return all(reply.rcode == "NOERROR" and STALE not in reply.errors for reply in replies)


def crowd(lab, names, kind="AAAA"):
    """Ask for all of these at once, from one socket. Return the replies in the same order."""
    replies = {}
    with lab.server6.socket(socket.AF_INET6, socket.SOCK_DGRAM) as sock:
        sock.settimeout(20)
        for number, name in enumerate(names):
            sock.sendto(dns.message.make_query(name, kind, id=number).to_wire(), (GATEWAY6, 53))
        while len(replies) < len(names):
            reply = dns.message.from_wire(sock.recv(4096))
            replies[reply.id] = reply
    return [replies[number] for number in range(len(names))]


def die(lab):
    """Ask until it is plain: nobody answers anything."""
    for turn in range(2):
        for reply in crowd(lab, [f"a.1.dead{turn}-{i}.example." for i in range(12)]):
            assert reply.rcode() == dns.rcode.SERVFAIL


def test_failures_are_told_and_end_when_servers_are_back(lab, upstream, get):
    """RFC 8914 4: no reachable authority; once more, out of the cache (RFC 9520 3.2). Once it is
    plain that nobody is there clients learn it before they give up. RFC 8767 5: what has failed is
    not asked for again for long, but for what finds out that all is well."""
    expired(get, "a.1.back.example.")
    names = ["a.1.back.example.", "a.1.unseen.example."]
    with upstream.gone():
        die(lab)
        reply = get("a.1.unknown.example.")
        assert reply.rcode == "SERVFAIL" and UNREACHABLE in reply.errors
        wait_for(lambda: CACHED_ERROR in get("a.1.unknown.example.").errors, "a failure kept")
        assert not any(back(get, name) for name in names)
    wait_for(lambda: back(get, *names), "answers from a server that is back", timeout=10)


# ---- who waits ------------------------------------------------------------------------------

def test_the_same_question_is_asked_once(lab, upstream, gate64):
    """RFC 5452 5: no matter how many ask; RFC 1035 4.1.1: each gets his own ID, RFC 4343 3.1 and
    his own letter case"""
    names = ["".join(random.choice((c.upper(), c)) for c in "a.1.crowd.example.")
             for _ in range(100)]
    with upstream.gone(), gate64.counting() as rose:
        for name, reply in zip(names, crowd(lab, names)):
            assert reply.question[0].name.labels == dns.name.from_text(name).labels
    assert rose["dns64.cache.coalesced"] == 99 and rose["dns64.cache.miss"] == 1
    assert rose["dns64.resolver_queries"] == 2


def test_what_was_held_for_too_long_is_not_sent(lab, upstream, gate64):
    """RFC 5358 4: a reply that is due over 5 s after its query goes to nobody who waits for it, but
    perhaps, with many others at once, to him whose address was forged (DNSBomb); TCP is proof"""
    name = "a.60.held.example."
    wanted = dns.message.make_query(name, "AAAA")
    upstream.silent |= {(name, "A"), (name, "AAAA")}
    with gate64.counting() as rose, Udp(lab.server6) as udp, \
            lab.server6.connect((GATEWAY6, 53)) as tcp:
        udp.sock.send(wanted.to_wire())
        tcp.send(framed(wanted.to_wire()))
        wait_for(lambda: (name, "AAAA") in upstream.asked, "it is looked up")
        gate64.process.send_signal(signal.SIGSTOP)
        upstream.silent -= {(name, "A"), (name, "AAAA")}
        time.sleep(5.5)
        gate64.process.send_signal(signal.SIGCONT)
        assert read_message(tcp).id == wanted.id
        udp.sock.settimeout(0.3)
        with pytest.raises(TimeoutError):
            udp.sock.recv(4096)
    assert rose["dns64.drops.held_too_long"] == 1


# ---- in demand ---------------------------------------------------------------------------------

def test_what_is_in_demand_is_asked_for_before_it_expires(upstream, gate64, get):
    """RFC 8767 6: answers in demand are refreshed ahead, and nobody waits"""
    upstream.asked.clear()
    with gate64.counting() as rose:
        get("a.4.demand.example.")
        end = time.monotonic() + 9
        while time.monotonic() < end:
            assert get("a.4.demand.example.").addresses() == [SYNTHESISED]
            time.sleep(0.05)
    assert rose["dns64.cache.miss"] == 1 and rose["dns64.cache.prefetch"] >= 2
    assert upstream.asked.count(("a.4.demand.example.", "A")) >= 3


# ---- changes -----------------------------------------------------------------------------------

def test_a_reload_that_changes_no_answer_keeps_them(upstream, gate64, get):
    get("a.300.example.")
    gate64.reload({"ops": {"log": {"level": "debug"}}, "dns64": {"clients": ["::/0"]}})
    with upstream.gone():
        reply = get("a.300.example.")
        assert reply.addresses() == [SYNTHESISED] and reply.errors == {IS_SYNTHESISED}


def test_with_another_prefix_all_are_forgotten(upstream, gate64, get):
    """RFC 6147 5.2: no address in a prefix that is no more, not even a stale one. What the
    resolver still knows is synthesised anew."""
    get("a.300.example.")
    expired(get, "a.1.prefix.example.")
    gate64.reload({"prefixes": {"nat64": ["2001:db8:64::/96"]}})
    with upstream.gone():
        assert get("a.1.prefix.example.", timeout=20).rcode == "SERVFAIL"
    assert get("a.300.example.").addresses() == ["2001:db8:64::c000:250"]


# ---- from the root down -------------------------------------------------------------------------

DEAD = """\
    table inet dead {
        chain input {
            type filter hook input priority 0;
            udp dport 53 drop
            tcp dport 53 drop
        }
    }
    """


def test_recursion_finds_servers_again(lab, gate64, get):
    """RFC 8767 5, RFC 9520 3.2: the same when it is libunbound that finds no server"""
    gate64.reload({"dns64": {"upstream": "recursive"}})
    expired(get, "short.example.net.")
    names = ["short.example.net.", "web.example.net."]
    lab.internet4.nft(DEAD)
    try:
        assert STALE in get("short.example.net.").errors
        assert get("web.example.net.", timeout=20).rcode == "SERVFAIL"
        die(lab)
        assert not any(back(get, name) for name in names)
    finally:
        lab.internet4.run("nft", "delete", "table", "inet", "dead")
    wait_for(lambda: back(get, *names), "answers from servers that are back", timeout=10)
