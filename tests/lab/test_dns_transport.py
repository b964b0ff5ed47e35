# SPDX-License-Identifier: GPL-2.0-or-later
"""How queries come in and replies go out: UDP, TCP; cookies, limits, refusals."""

import contextlib
import os
import select
import socket
import struct
import threading
import time

import dns.flags
import dns.query
import dns.rcode
import dns.rrset
import pytest

from dns_wire import (COOKIE, KEEPALIVE, LOCAL, Udp, framed, option, over_tcp, over_tcp_alone,
                      parse, query, read_message)
from gateway import Gate64
from netns import run, wait_for
from topology import GATEWAY6, SERVER6, STRANGER6
from wire import ask

BADVERS, BADCOOKIE = 16, 23
NEIGHBOUR6 = "2001:db8:1::81"	# of SERVER6's /64
CLIENT_COOKIE = bytes.fromhex("2464c4abcf10c957")


@pytest.fixture(scope="module")
def gate64(lab):
    lab.server6.run("ip", "address", "add", f"{NEIGHBOUR6}/64", "dev", "lan0", "nodad")
    with Gate64(lab, {"dns64": {"listen": ["::", "0.0.0.0"]}}) as gate64:
        yield gate64


@pytest.fixture(scope="module", autouse=True)
def resting(lab, gate64):
    """Connections that do nothing, opened early so that their deadlines pass meanwhile."""
    idle, partial = (lab.server6.connect((GATEWAY6, 53)) for _ in range(2))
    partial.send(b"\0\x20abc")
    yield idle, partial
    idle.close()
    partial.close()


# ---- UDP ------------------------------------------------------------------------------

def test_the_reply_comes_from_the_address_that_was_asked(lab, gate64):
    """RFC 2181 4.1, on a socket that is bound to none"""
    assert ask(lab.gateway, "127.0.0.53", LOCAL, "A").answer
    assert ask(lab.gateway, "127.0.0.1", LOCAL, "A").answer
    assert ask(lab.server6, GATEWAY6, LOCAL, "A").answer


def test_edns_of_the_reply(lab, gate64):
    """RFC 6891 6.1.1 and 6.2.3: OPT where it was asked with OPT; our own size is 1232"""
    with Udp(lab.server6) as udp:
        reply = udp.ask(query(payload=4096))
        assert reply.edns == 0 and reply.payload == 1232
        assert udp.ask(query(use_edns=-1)).edns == -1


UDP_SEGMENT = 103		# linux/udp.h


class Flood(threading.Thread):
    """From one port of the gateway itself, so at one worker, more queries than it can answer:
    each call sends 40 of them, which the kernel takes apart only where they are received."""

    def __init__(self, ns, wire):
        super().__init__(name="flood")
        self.sock, self.wires, self.stopped = ns.socket(kind=socket.SOCK_DGRAM), wire * 40, False
        self.sock.setsockopt(socket.SOL_UDP, UDP_SEGMENT, len(wire))
        self.sock.connect(("127.0.0.1", 53))

    def run(self):
        while not self.stopped:
            self.sock.send(self.wires)

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.stopped = True
        self.join()
        self.sock.close()


def test_a_flood_over_udp_starves_nobody(lab, gate64):
    """RFC 7766 6.2.1.1 and 7: while one worker has more over UDP than it can answer, connections
    are accepted, and over them is answered what is known and what must be asked; of 16 none
    belongs to that worker once in 65,536 times"""
    before = gate64.counters()["dns64.queries.udp"]
    with Flood(lab.gateway, query(use_edns=-1).to_wire()), contextlib.ExitStack() as stack:
        wait_for(lambda: gate64.counters()["dns64.queries.udp"] - before > 10000, "the flood")
        for number in range(16):
            sock = stack.enter_context(lab.gateway.connect(("127.0.0.1", 53), timeout=20))
            known, asked = query(), query(f"flood-{number}.example.net", "TXT")
            replies = {reply.id: reply for reply in over_tcp(sock, known, asked)}
            assert replies[known.id].answer
            assert replies[asked.id].rcode() == dns.rcode.NXDOMAIN


# ---- refusals ----------------------------------------------------------------------------

def message(question=True, flags=0x0100, counts=None, kind=1, klass=1, tail=b""):
    """A query by hand: the question "a.", and what is to be wrong with it."""
    counts = counts or (int(question), 0, 0, 0)
    body = b"\1a\0" + struct.pack("!HH", kind, klass) if question else b""
    return struct.pack("!6H", 0x1234, flags, *counts) + body + tail


def record(kind, owner=b"\0", klass=255, ttl=0, data=b""):
    return owner + struct.pack("!HHIH", kind, klass, ttl, len(data)) + data


def opt(data=b"", version=0):
    return record(41, klass=1232, ttl=version << 16, data=data)


def edns_option(code, data):
    return struct.pack("!HH", code, len(data)) + data


TSIG = record(250, owner=b"\1k\0", data=b"\0" * 16)
REFUSALS = {
    "two questions": (message(counts=(2, 0, 0, 0), tail=b"\1b\0\0\1\0\1"), 1, "not_one_question"),
    "no question": (message(question=False), 1, "not_one_question"),
    "an answer in it": (message(counts=(1, 1, 0, 0), tail=record(1, data=b"abcd")), 1,
                        "records_in_query"),
    "authority in it": (message(counts=(1, 0, 1, 0), tail=record(1, data=b"abcd")), 1,
                        "records_in_query"),
    "TSIG": (message(counts=(1, 0, 0, 1), tail=TSIG), 1, "signed"),
    # What ldns leaks 640 bytes of, each time: its issue 317
    "OPT and two TSIG": (message(counts=(1, 0, 0, 3), tail=opt() + TSIG + TSIG), 1, "signed"),
    "SIG(0)": (message(counts=(1, 0, 0, 1), tail=record(24, data=b"\0" * 18)), 1, "signed"),
    "an address beside it": (message(counts=(1, 0, 0, 1), tail=record(1, data=b"abcd")), 1,
                             "additional_record"),
    "two OPT": (message(counts=(1, 0, 0, 2), tail=opt() + opt()), 1, "two_opts"),
    "EDNS 1": (message(counts=(1, 0, 0, 1), tail=opt(version=1)), BADVERS, "edns_version"),
    "an option without end": (message(counts=(1, 0, 0, 1), tail=opt(b"\0\3\0\7a")), 1,
                              "edns_option"),
    "a cookie of 9 bytes": (message(counts=(1, 0, 0, 1), tail=opt(edns_option(COOKIE, b"9" * 9))),
                            1, "edns_option"),
    "a name without end": (message(question=False, counts=(1, 0, 0, 0), tail=b"\77abc"), 1,
                           "malformed"),
    "pointers to pointers": (message(question=False, counts=(1, 0, 0, 0), tail=b"".join(
        struct.pack("!H", 0xc000 | 12 + 2 * i) for i in range(500))), 1, "malformed"),
    "bytes left over": (message(tail=b"x"), 1, "malformed"),
    "NOTIFY": (message(flags=0x2100), 4, "opcode"),
    "UPDATE": (message(flags=0x2900), 4, "opcode"),
    "opcode 15": (message(flags=0x7900), 4, "opcode"),
    "CHAOS": (message(klass=3), 5, "class"),
    "class ANY": (message(klass=255), 5, "class"),
    "no recursion wanted": (message(flags=0), 5, "no_recursion_desired"),
    "AXFR": (message(kind=252), 5, "zone_transfer"),
    "IXFR": (message(kind=251), 5, "zone_transfer"),
    "MAILB": (message(kind=253), 4, "type"),
    "TKEY": (message(kind=249), 4, "type"),
}


@pytest.mark.parametrize("what", REFUSALS)
def test_refused(lab, gate64, what):
    """RFC 1035 4.1.1, RFC 6891 6.1.1 and 6.1.3, RFC 7873 5.2.2, RFC 9619 4: an error, counted by
    its name; the ID and the opcode come back, and nothing is looked up for it"""
    wire, rcode, reason = REFUSALS[what]
    with gate64.counting() as rose, Udp(lab.server6) as udp:
        reply = udp.exchange(wire)
    flags = struct.unpack("!H", reply[2:4])[0]
    assert reply[:2] == wire[:2] and flags & 0x8000
    assert flags & 0x7800 == struct.unpack("!H", wire[2:4])[0] & 0x7800
    if flags & 0x7800 == 0:
        assert parse(reply).rcode() == rcode
    else:
        assert flags & 15 == rcode
    assert rose[f"dns64.refused.{reason}"] == 1
    assert rose["dns64.cache.miss"] == rose["dns64.resolver_queries"] == 0


@pytest.mark.parametrize("over", ["udp", "tcp"])
@pytest.mark.parametrize("kind", ["AXFR", "IXFR"])
def test_no_zone_is_transferred(lab, gate64, kind, over):
    """RFC 5936 4.1 and 4.2, RFC 1995 2 and 3: refused by either transport; IXFR as secondaries
    send it, with the SOA that they have"""
    wanted = query("example.net", kind)
    if kind == "IXFR":
        wanted.authority.append(dns.rrset.from_text("example.net.", 0, "IN", "SOA",
                                                    ". . 7 0 0 0 0"))
    send = {"udp": dns.query.udp, "tcp": dns.query.tcp}[over]
    with lab.server6.entered(), gate64.counting() as rose:
        reply = send(wanted, GATEWAY6, timeout=5)
    assert reply.rcode() == dns.rcode.REFUSED and reply.edns == 0
    assert not reply.answer and rose["dns64.refused.zone_transfer"] == 1


@pytest.mark.parametrize("wire, reason", [
    (b"\x12\x34\1\0\0\1\0\0\0\0\0", "malformed"),
    (message(flags=0x8100), "is_a_response"),
], ids=["11 bytes", "a response"])
def test_met_with_silence(lab, gate64, wire, reason):
    """RFC 1035 4.1.1: what is no query gets no reply, which might come back"""
    with gate64.counting() as rose, Udp(lab.server6) as udp:
        assert udp.exchange(wire, timeout=0.5) is None
        assert udp.ask(query()).answer, "the one after it is answered"
    assert rose[f"dns64.drops.{reason}"] == 1


def test_ldns_reads_no_message():
    """Its parser of packets leaks and follows pointers at length: it is not linked in."""
    binary = os.environ.get("GATE64", "build/release/gate64")
    assert "ldns_wire2pkt" not in run("nm", "--dynamic", "--undefined-only", binary).stdout


def test_a_stranger_meets_a_closed_connection(lab, gate64):
    """RFC 5358 4: there is no word for who is not a client."""
    with gate64.counting() as rose, \
            lab.server6.connect((GATEWAY6, 53), source=STRANGER6) as sock:
        with contextlib.suppress(ConnectionError):
            sock.send(framed(query().to_wire()))
            assert sock.recv(1) == b""
    assert rose["dns64.drops.not_a_client"] == 1


# ---- cookies -----------------------------------------------------------------------------

@pytest.fixture
def cookie(lab, gate64):
    """A cookie that dns64 gave to SERVER6."""
    with Udp(lab.server6, SERVER6) as udp:
        return option(udp.ask(query(options=[(COOKIE, CLIENT_COOKIE)])), COOKIE)


def test_a_cookie_is_given(cookie):
    """RFC 7873 5.2.3, RFC 9018 4: the client's own, version 1, three zeros, the time"""
    assert len(cookie) == 24 and cookie[:8] == CLIENT_COOKIE and cookie[8:12] == b"\1\0\0\0"
    assert abs(struct.unpack("!I", cookie[12:16])[0] - time.time()) < 60


def test_a_cookie_comes_back(lab, gate64, cookie):
    """RFC 7873 5.2.5: the same one, over every transport"""
    for tcp in (False, True):
        with gate64.counting() as rose:
            send = dns.query.tcp if tcp else dns.query.udp
            with lab.server6.entered():
                reply = send(query(options=[(COOKIE, cookie)]), GATEWAY6, timeout=5, source=SERVER6)
        assert option(reply, COOKIE) == cookie and reply.answer
        assert rose["dns64.cookies.good"] == 1


def test_a_bad_cookie_is_replaced(lab, gate64, cookie):
    """RFC 7873 5.2.4: the query is answered all the same"""
    bad = cookie[:-1] + bytes([cookie[-1] ^ 1])
    for wrong in (bad, cookie + b"x" * 16, cookie[:16]):
        with gate64.counting() as rose, Udp(lab.server6, SERVER6) as udp:
            reply = udp.ask(query(options=[(COOKIE, wrong)]))
        assert reply.answer and reply.rcode() == 0
        good = option(reply, COOKIE)
        assert len(good) == 24 and good[:8] == CLIENT_COOKIE and good != wrong
        assert rose["dns64.cookies.bad"] == 1


def test_a_cookie_is_of_one_address(lab, gate64, cookie):
    """RFC 9018 4.4: the client's address is in the hash"""
    with gate64.counting() as rose, Udp(lab.server6, NEIGHBOUR6) as udp:
        assert option(udp.ask(query(options=[(COOKIE, cookie)])), COOKIE) != cookie
    assert rose["dns64.cookies.bad"] == 1


def test_a_query_for_a_cookie_alone(lab, gate64, cookie):
    """RFC 7873 5.4: NOERROR with no or a good server cookie, BADCOOKIE with a bad one"""
    bad = cookie[:-1] + bytes([cookie[-1] ^ 1])
    with Udp(lab.server6, SERVER6) as udp:
        for given, rcode in ((CLIENT_COOKIE, 0), (cookie, 0), (bad, BADCOOKIE)):
            wire = message(question=False, counts=(0, 0, 0, 1), tail=opt(edns_option(COOKIE, given)))
            reply = parse(udp.exchange(wire))
            assert reply.rcode() == rcode and not reply.question and not reply.answer
            assert len(option(reply, COOKIE)) == 24


# ---- limits -----------------------------------------------------------------------------

@pytest.fixture
def rationed(gate64):
    """Five replies a second for who has no cookie."""
    gate64.reload({"dns64": {"limits": {"responses_per_client": "5/s"}}})
    yield
    gate64.reload()


def test_replies_are_rationed(lab, gate64, rationed):
    """Of what is above the rate every other query gets an empty reply with TC, the rest none
    (RRL's "slip"); over TCP, with a cookie and from the host itself there is no limit."""
    with gate64.counting() as rose, Udp(lab.server6, SERVER6) as udp, \
            Udp(lab.server6, NEIGHBOUR6) as same:
        began = time.monotonic()
        replies = udp.burst([query().to_wire()] * 100)
        answered = [reply for reply in replies if reply.answer]
        cut = [reply for reply in replies if reply.flags & dns.flags.TC]
        assert 5 <= len(answered) <= 5 + 5 * (time.monotonic() - began) + 1
        assert len(answered) + len(cut) == len(replies)
        assert abs(len(cut) - (100 - len(answered)) / 2) <= 1
        # The neighbour has the same /64; one in two is all it can hope for.
        assert not [r for r in same.burst([query().to_wire()] * 20, quiet=0.3)[8:] if r.answer]
    assert rose["dns64.slips.truncated"] >= len(cut) and rose["dns64.drops.client_rate"] > 40
    assert ask(lab.server6, GATEWAY6, LOCAL, "A", tcp=True).answer
    for _ in range(20):
        assert ask(lab.gateway, "127.0.0.1", LOCAL, "A").answer


def test_a_cookie_lifts_the_limit(lab, gate64, cookie, rationed):
    """RFC 7873 5.2.3: above the rate a client that has none is told BADCOOKIE with a good one,
    and with that there is no rate"""
    with Udp(lab.server6) as udp:
        replies = udp.burst([query(options=[(COOKIE, CLIENT_COOKIE)]).to_wire()] * 40, quiet=0.3)
        told = [reply for reply in replies if reply.rcode() == BADCOOKIE]
        assert len(told) >= 15 and not any(reply.answer for reply in told)
        good = option(told[0], COOKIE)
        replies = udp.burst([query(options=[(COOKIE, good)]).to_wire()] * 40, quiet=0.3)
        assert len(replies) == 40 and all(reply.answer for reply in replies)


def test_connections_are_counted_by_64(lab, gate64):
    """RFC 7766 6.2.2: a limit for each client, whatever addresses of its /64 it uses; and near
    the limit of all RFC 7828 3.3.2 tells clients to go, by a timeout of zero"""
    gate64.reload({"dns64": {"limits": {"tcp_per_client": 4, "tcp_connections": 5}}})
    with contextlib.ExitStack() as stack, gate64.counting() as rose:
        def connect(source):
            return stack.enter_context(lab.server6.connect((GATEWAY6, 53), source=source))
        wait_for(lambda: gate64.status()["rooms"]["dns64"]["tcp_connections"] == 0,
                 "all earlier connections have ended", timeout=40)
        kept = [connect(source) for source in (SERVER6, NEIGHBOUR6) * 2]
        for sock in kept:
            assert over_tcp(sock, query())[0].answer
        with contextlib.suppress(ConnectionError):
            assert connect(NEIGHBOUR6).recv(1) == b""
        assert option(over_tcp(kept[0], query(options=[(KEEPALIVE, b"")]))[0], KEEPALIVE) == \
            b"\0\0"
        with lab.gateway.connect((GATEWAY6, 53)) as other:
            assert over_tcp(other, query())[0].answer
    assert rose["dns64.drops.tcp_client_limit"] == 1
    gate64.reload()


# ---- TCP ----------------------------------------------------------------------------------

def test_pipelined_queries_are_answered_as_answers_come(lab, gate64):
    """RFC 7766 6.2.1.1 and 7: what is known does not wait for what must be asked"""
    first, second = query("web.example.net", "TXT"), query()
    with lab.server6.connect((GATEWAY6, 53)) as sock:
        replies = over_tcp(sock, first, second)
    assert [reply.id for reply in replies] == [second.id, first.id]


def test_a_client_may_close_its_half(lab, gate64):
    """RFC 7766 6.2.3 and 6.2.4: queries that came are answered, then we close too"""
    queries = [query("git.example.net", "AAAA"), query(), query("both.example.net", "AAAA")]
    with lab.server6.connect((GATEWAY6, 53)) as sock:
        sock.sendall(framed(*(q.to_wire() for q in queries)))
        sock.shutdown(socket.SHUT_WR)
        assert {read_message(sock).id for _ in queries} == {q.id for q in queries}
        assert sock.recv(1) == b""


def test_a_message_may_come_in_pieces(lab, gate64):
    """RFC 7766 8: length and message need not come together"""
    with lab.server6.connect((GATEWAY6, 53)) as sock:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in framed(query().to_wire()):
            sock.send(bytes([byte]))
        assert read_message(sock).answer


@pytest.mark.parametrize("length", [0, 11, 5000, 65535])
def test_a_length_that_no_query_has(lab, gate64, length):
    """RFC 1035 4.2.2: closed before it is read; what ldns needs 54 ms for does not get in"""
    with gate64.counting() as rose, lab.server6.connect((GATEWAY6, 53)) as sock:
        sock.sendall(struct.pack("!H", length))
        with contextlib.suppress(ConnectionError):
            assert sock.recv(1) == b""
    assert rose["dns64.drops.malformed"] == 1


def send_until_full(sock, piece):
    """Send without reading, until the other side takes no more. Return: how many pieces."""
    sock.setblocking(False)
    rest, sent = b"", 0
    while sent < 5000:
        if not select.select([], [sock], [], 2.0)[1]:
            break
        rest = rest or piece
        rest = rest[sock.send(rest):]
        sent += not rest
    sock.setblocking(True)
    sock.settimeout(10)
    return sent, rest


def test_who_does_not_read_is_not_read(lab, gate64):
    """RFC 7766 10: queries are taken in only as long as their replies are
    taken; who reads on after all finds every one of them (CVE-2024-0760)."""
    batch = 500
    piece = framed(*[query(use_edns=-1).to_wire()] * batch)
    with lab.server6.connect((GATEWAY6, 53)) as sock, gate64.counting() as rose:
        for side in (socket.SO_RCVBUF, socket.SO_SNDBUF):
            sock.setsockopt(socket.SOL_SOCKET, side, 1 << 16)
        sent, rest = send_until_full(sock, piece)
        assert sent < 5000, "all of it was taken in"
        whole = sent * batch + (len(piece) - len(rest) if rest else 0) * batch // len(piece)
        one = len(over_tcp_alone(lab, query(use_edns=-1)))
        left = whole * (2 + one)
        while left > 0:
            more = sock.recv(1 << 16)
            assert more, f"the end, {left} bytes too early"
            left -= len(more)
        assert left == 0
    assert rose["dns64.drops.send_failed"] == 0


def open_narrow(lab):
    """A connection by which next to nothing comes as long as nobody reads."""
    sock = lab.server6.socket(socket.AF_INET6)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    sock.connect((GATEWAY6, 53))
    return sock


def test_who_takes_no_replies_leaves_room_for_others(lab, gate64):
    """RFC 7766 10: connections that ask on and on for 30 KB and fetch nothing, more than the
    workers keep; and beside them those who ask and read"""
    gate64.reload({"dns64": {"limits": {"tcp_per_client": 2000}}})
    long = query("long.example.net", "TXT")
    assert len(over_tcp_alone(lab, long)) > 30000
    with contextlib.ExitStack() as stack:
        idlers = [stack.enter_context(open_narrow(lab))
                  for _ in range(200 * len(os.sched_getaffinity(0)))]

        def demand(times):
            for idler in idlers:
                with contextlib.suppress(BlockingIOError):
                    idler.send(framed(*[long.to_wire()] * times), socket.MSG_DONTWAIT)
        before = gate64.counters()["dns64.drops.send_failed"]
        demand(20)
        for _ in range(16):
            demand(1)
            wait_for(lambda: gate64.counters()["dns64.drops.send_failed"] > before, "too much")
            assert over_tcp(stack.enter_context(lab.server6.connect((GATEWAY6, 53))), query())
    wait_for(lambda: gate64.status()["rooms"]["dns64"]["tcp_connections"] < 10, "they are gone",
             timeout=40)
    gate64.reload()


def test_keepalive(lab, gate64):
    """RFC 7828 3.2.1, 3.3.1 and 3.3.2: asked once, each reply of the connection has the time; never over
    UDP; a query that brings a time is malformed"""
    with lab.server6.connect((GATEWAY6, 53)) as sock:
        assert option(over_tcp(sock, query())[0], KEEPALIVE) is None
        assert option(over_tcp(sock, query(options=[(KEEPALIVE, b"")]))[0], KEEPALIVE) == \
            struct.pack("!H", 300)
        assert option(over_tcp(sock, query())[0], KEEPALIVE) == struct.pack("!H", 300)
        assert over_tcp(sock, query(use_edns=-1))[0].edns == -1
        with gate64.counting() as rose:
            reply = over_tcp(sock, query(options=[(KEEPALIVE, b"\0\1")]))[0]
        assert reply.rcode() == dns.rcode.FORMERR and rose["dns64.refused.edns_option"] == 1
    with Udp(lab.server6) as udp:
        for value in (b"", b"\0\1"):
            reply = udp.ask(query(options=[(KEEPALIVE, value)]))
            assert reply.answer and option(reply, KEEPALIVE) is None


# ---- deadlines ------------------------------------------------------------------------------

def test_who_rests_too_long_is_closed(gate64, resting):
    """RFC 7766 6.2.3: an idle connection, and one whose message is never whole; opened when this
    module began"""
    for sock in resting:
        sock.settimeout(20)
        assert sock.recv(1) == b""
    assert gate64.counters()["dns64.drops.tcp_timeout"] >= 1
