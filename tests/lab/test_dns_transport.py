# SPDX-License-Identifier: GPL-2.0-or-later
"""How queries come in and replies go out: UDP, TCP, TLS; cookies, limits, refusals."""

import contextlib
import os
import re
import select
import shutil
import socket
import ssl
import struct
import time

import dns.edns
import dns.flags
import dns.message
import dns.query
import dns.rcode
import pytest

import peers
from gateway import Gate64, service_user
from netns import run, wait_for
from topology import GATEWAY6, SERVER6, STRANGER6
from wire import ask

COOKIE, KEEPALIVE, PADDING = 10, 11, 12
BADVERS, BADCOOKIE = 16, 23
BLOCK = 468			# RFC 8467 4.1
NEIGHBOUR6 = "2001:db8:1::81"	# of SERVER6's /64
LOCAL = "ipv4only.arpa."	# answered without asking anybody
CLIENT_COOKIE = bytes.fromhex("2464c4abcf10c957")


# ---- what the tests stand on ---------------------------------------------------------

class Files:
    """A certificate and its key where gate64 reads them, and others to put in their place."""

    def __init__(self, folder):
        self.folder = folder
        folder.mkdir()
        folder.chmod(0o755)
        self.cert, self.key = folder / "cert.pem", folder / "key.pem"
        self.pairs = {name: peers.certificates(folder / name, [f"{name}.example"])
                      for name in ("first", "second")}
        self.put("first")

    def put(self, cert, key=None):
        """Install the pair, or the certificate of one and the key of another."""
        shutil.copy(self.pairs[cert][1], self.cert)
        shutil.copy(self.pairs[key or cert][2], self.key)
        self.key.chmod(0o640)
        shutil.chown(self.key, group=service_user() if service_user() != "nobody" else "nogroup")
        self.cert.chmod(0o644)


@pytest.fixture(scope="module")
def files(lab):
    return Files(lab.ground.path("dot"))


@pytest.fixture(scope="module")
def gate64(lab, files):
    lab.server6.run("ip", "address", "add", f"{NEIGHBOUR6}/64", "dev", "lan0", "nodad")
    settings = {"dns64": {"listen": ["::", "0.0.0.0"],
                          "tls": {"cert": str(files.cert), "key": str(files.key)}}}
    with Gate64(lab, settings) as gate64:
        yield gate64


@pytest.fixture(scope="module", autouse=True)
def resting(lab, gate64):
    """Connections that do nothing, opened early so that their deadlines pass meanwhile."""
    idle, partial, silent_tls = (lab.server6.connect((GATEWAY6, port)) for port in (53, 53, 853))
    partial.send(b"\0\x20abc")
    yield {"idle": idle, "partial": partial, "silent_tls": silent_tls}
    for sock in (idle, partial, silent_tls):
        sock.close()


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


def tls_context(files, name="first"):
    context = ssl.create_default_context(cafile=files.pairs[name][0])
    context.set_alpn_protocols(["dot"])
    return context


def tls(lab, files, name="first", session=None):
    """A TLS connection that believes one authority alone."""
    sock = lab.server6.connect((GATEWAY6, 853))
    return tls_context(files, name).wrap_socket(sock, server_hostname=f"{name}.example",
                                                session=session)


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
    """RFC 7858 3.1: neither on port 53 nor on 853 is there a word for who is not a client."""
    for port in (53, 853):
        with gate64.counting() as rose, \
                lab.server6.connect((GATEWAY6, port), source=STRANGER6) as sock:
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


# ---- TLS ----------------------------------------------------------------------------------

def test_queries_over_tls(lab, gate64, files):
    """RFC 7858 3.1 to 3.3, RFC 8310 9: TLS 1.3 or 1.2, ALPN, many queries on one connection"""
    with gate64.counting() as rose, tls(lab, files) as sock:
        assert sock.version() == "TLSv1.3" and sock.selected_alpn_protocol() == "dot"
        messages = [query("git.example.net", "AAAA"), query(), query("both.example.net", "AAAA")]
        assert {r.id for r in over_tcp(sock, *messages)} == {m.id for m in messages}
    assert rose["dns64.queries.tls"] == 3 and rose["dns64.tls_handshakes.full"] == 1


def test_kdig_over_tls(lab, gate64, files):
    """RFC 8310 8.1: a client that insists on name and authority"""
    out = lab.server6.run("kdig", f"@{GATEWAY6}", f"+tls-ca={files.pairs['first'][0]}",
                          "+tls-hostname=first.example", "+padding=128", "+cookie",
                          "AAAA", "git.example.net").stdout
    assert "64:ff9b::c000:250" in out and "status: NOERROR" in out


def test_a_session_is_resumed(lab, gate64, files):
    """RFC 7858 3.4, RFC 8446 2.2: by a ticket"""
    context = tls_context(files)

    def connect(session):
        return context.wrap_socket(lab.server6.connect((GATEWAY6, 853)), session=session,
                                   server_hostname="first.example")
    with gate64.counting() as rose:
        with connect(None) as sock:
            over_tcp(sock, query())
            session = sock.session
        with connect(session) as sock:
            assert over_tcp(sock, query())[0].answer and sock.session_reused
    assert rose["dns64.tls_handshakes.resumed"] == 1


def handshake_fails(lab, context, name="first.example"):
    with lab.server6.connect((GATEWAY6, 853)) as sock, pytest.raises((ssl.SSLError, OSError)):
        context.wrap_socket(sock, server_hostname=name).recv(1)


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion")
def test_other_protocols_are_refused(lab, gate64, files):
    """RFC 9325 3.1.1: nothing below TLS 1.2; RFC 7301 3.2: no other protocol by ALPN; RFC 7858 3.1:
    no DNS in the clear"""
    with gate64.counting() as rose:
        old = tls_context(files)
        old.set_ciphers("ALL:@SECLEVEL=0")
        old.minimum_version = ssl.TLSVersion.TLSv1
        old.maximum_version = ssl.TLSVersion.TLSv1_1
        handshake_fails(lab, old)
        web = tls_context(files)
        web.set_alpn_protocols(["h2", "http/1.1"])
        handshake_fails(lab, web)
        with lab.server6.connect((GATEWAY6, 853)) as sock:
            sock.send(framed(query().to_wire()))
            with contextlib.suppress(ConnectionError):
                while sock.recv(100):	# an alert, perhaps
                    pass
    assert rose["dns64.tls_handshakes.failed"] == 3 and rose["dns64.queries.tls"] == 0


def test_without_alpn_it_works_too(lab, gate64, files):
    """RFC 7858 3.2: a handshake, and then DNS; the name came later"""
    context = ssl.create_default_context(cafile=files.pairs["first"][0])
    with context.wrap_socket(lab.server6.connect((GATEWAY6, 853)),
                             server_hostname="first.example") as sock:
        assert over_tcp(sock, query())[0].answer


class TlsEnd:
    """A client's end of TLS with its bytes in hand: when they go out, and come in."""

    def __init__(self, sock, files):
        self.sock, self.incoming, self.outgoing = sock, ssl.MemoryBIO(), ssl.MemoryBIO()
        self.end = tls_context(files).wrap_bio(self.incoming, self.outgoing,
                                               server_hostname="first.example")
        self.until(self.end.do_handshake)
        self.flush()

    def flush(self):
        self.sock.sendall(self.outgoing.read())

    def until(self, step):
        """Take in what comes until the step can be done; its result."""
        while True:
            try:
                return step()
            except ssl.SSLWantReadError:
                self.flush()
                if data := self.sock.recv(1 << 16):
                    self.incoming.write(data)
                else:
                    self.incoming.write_eof()

    def read(self):
        """What the server says next; nothing at its end."""
        try:
            return self.until(lambda: self.end.read(1 << 16))
        except ssl.SSLZeroReturnError:
            return b""


def test_a_tls_client_may_close_its_half(lab, gate64, files):
    """RFC 8446 6.1: close_notify ends one direction; what was asked is answered in the other"""
    messages = [query("text.example.net", "MX"), query()]
    with lab.server6.connect((GATEWAY6, 853)) as sock:
        tls_end = TlsEnd(sock, files)
        tls_end.end.write(framed(*(m.to_wire() for m in messages)))
        with contextlib.suppress(ssl.SSLWantReadError):
            tls_end.end.unwrap()
        tls_end.flush()
        data = b""
        while more := tls_end.read():
            data += more
    assert sorted(struct.unpack_from("!H", data, at)[0] for at in reply_starts(data)) == \
        sorted(m.id for m in messages)


def test_who_reads_late_over_tls_loses_nothing(lab, gate64, files):
    """RFC 7766 10, in TLS: 20,000 padded replies of 9 MB, none of them read before all queries
    are sent or no more are taken"""
    n, wire = 20000, query(options=[(PADDING, b"")]).to_wire()
    with lab.server6.connect((GATEWAY6, 853)) as sock, gate64.counting() as rose:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 16)
        tls_end = TlsEnd(sock, files)
        for _ in range(100):
            tls_end.end.write(framed(*[wire] * (n // 100)))
        rest = memoryview(tls_end.outgoing.read())
        while rest and select.select([], [sock], [], 1.0)[1]:
            rest = rest[sock.send(rest[:1 << 14], socket.MSG_DONTWAIT):]
        left = n * (2 + BLOCK)
        while left > 0:
            readable, writable, _ = select.select([sock], [sock] if rest else [], [], 10.0)
            assert readable or writable, f"nothing moves, {left} bytes are missing"
            if writable:
                rest = rest[sock.send(rest[:1 << 14], socket.MSG_DONTWAIT):]
            if readable:
                tls_end.incoming.write(sock.recv(1 << 16))
            with contextlib.suppress(ssl.SSLWantReadError):
                while left > 0:
                    left -= len(tls_end.end.read(1 << 16))
    assert left == 0 and rose["dns64.drops.send_failed"] == 0


def reply_starts(data):
    """Where the messages begin in a stream of them."""
    at, starts = 0, []
    while at < len(data):
        starts.append(at + 2)
        at += 2 + struct.unpack_from("!H", data, at)[0]
    return starts


def test_padding(lab, gate64, files):
    """RFC 8467 4.1 and RFC 7830 4: over TLS, where the query is padded, in blocks of 468; RFC 7830 6:
    never in the clear"""
    padded = query(options=[(PADDING, bytes(20))])
    with tls(lab, files) as sock:
        for message_ in (padded, query("git.example.net", "AAAA", options=[(PADDING, b"")])):
            sock.sendall(framed(message_.to_wire()))
            (length,) = struct.unpack("!H", read_exactly(sock, 2))
            reply = parse(read_exactly(sock, length))
            assert length % BLOCK == 0 and set(option(reply, PADDING)) <= {0}
        assert option(over_tcp(sock, query())[0], PADDING) is None
    with lab.server6.connect((GATEWAY6, 53)) as sock:
        assert option(over_tcp(sock, padded)[0], PADDING) is None
    with Udp(lab.server6) as udp:
        assert option(udp.ask(padded), PADDING) is None


def test_a_renewed_certificate(lab, gate64, files):
    """RFC 8310 8.1: a reload takes it, and connections of before go on"""
    with tls(lab, files) as before:
        assert over_tcp(before, query())[0].answer
        files.put("second")
        gate64.reload()
        assert over_tcp(before, query())[0].answer
        with tls(lab, files, "second") as after:
            assert over_tcp(after, query())[0].answer
    files.put("first")
    gate64.reload()


@pytest.mark.parametrize("break_, words", [
    (lambda f: f.put("first", key="second"), "dns64.tls.key: .*: key values mismatch"),
    (lambda f: f.cert.write_text("nonsense"), "dns64.tls.cert: .*: no start line"),
    (lambda f: f.key.unlink(), "dns64.tls.key: .*: No such file"),
    (lambda f: (f.key.chmod(0o600), shutil.chown(f.key, "root", "root")),
     "Permission denied(.|\n)*as the user that gate64 runs as"),
], ids=["another key", "no certificate", "no key", "unreadable"])
def test_a_bad_pair_is_refused_and_the_old_one_stays(lab, gate64, files, break_, words):
    """RFC 7858 3.2's server goes on as it was; the log says what is wrong"""
    before = len(gate64.log())
    break_(files)
    gate64.reload()
    assert re.search(words, gate64.log()[before:])
    with tls(lab, files) as sock:
        assert over_tcp(sock, query())[0].answer
    files.put("first")
    gate64.reload()


def test_tls_switched_off_and_on(lab, gate64, files):
    """Port 853 is closed and opened again by a reload; a connection that is open goes on."""
    with tls(lab, files) as sock:
        gate64.reload({"dns64": {"tls": {"cert": "off", "key": "off"}}})
        with pytest.raises(ConnectionRefusedError):
            lab.server6.connect((GATEWAY6, 853))
        assert over_tcp(sock, query())[0].answer
        gate64.reload()
    with tls(lab, files) as sock:
        assert over_tcp(sock, query())[0].answer


# ---- deadlines ------------------------------------------------------------------------------

def test_who_rests_too_long_is_closed(gate64, resting):
    """RFC 7766 6.2.3: an idle connection, one whose message is never whole, and one that never
    begins its handshake; opened when this module began"""
    for sock in resting.values():
        sock.settimeout(20)
        assert sock.recv(1) == b""
    counters = gate64.counters()
    assert counters["dns64.drops.tcp_timeout"] >= 1
    assert counters["dns64.tls_handshakes.timeout"] >= 1
