# SPDX-License-Identifier: GPL-2.0-or-later
"""DNS over TLS: the handshake, padding, deadlines, and certificates that come and go."""

import contextlib
import re
import select
import shutil
import socket
import ssl
import struct

import pytest

import peers
from dns_wire import (PADDING, Udp, framed, option, over_tcp, parse, query, read_exactly)
from gateway import Gate64, service_user
from topology import GATEWAY6, STRANGER6

BLOCK = 468			# RFC 8467 4.1


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
    pair = {"cert": str(files.cert), "key": str(files.key)}
    with Gate64(lab, {"dns64": {"tls": pair}}) as gate64:
        yield gate64


@pytest.fixture(scope="module", autouse=True)
def silent(lab, gate64):
    """A connection that says nothing, opened early so that its deadline passes meanwhile."""
    with lab.server6.connect((GATEWAY6, 853)) as sock:
        yield sock


def tls_context(files, name="first"):
    context = ssl.create_default_context(cafile=files.pairs[name][0])
    context.set_alpn_protocols(["dot"])
    return context


def tls(lab, files, name="first", session=None):
    """A TLS connection that believes one authority alone."""
    sock = lab.server6.connect((GATEWAY6, 853))
    return tls_context(files, name).wrap_socket(sock, server_hostname=f"{name}.example",
                                                session=session)


def test_a_stranger_meets_a_closed_connection(lab, gate64):
    """RFC 7858 3.1: for who is not a client there is not even a handshake."""
    with gate64.counting() as rose, \
            lab.server6.connect((GATEWAY6, 853), source=STRANGER6) as sock:
        with contextlib.suppress(ConnectionError):
            sock.send(b"\x16")
            assert sock.recv(1) == b""
    assert rose["dns64.drops.not_a_client"] == 1


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


def test_who_never_begins_is_closed(gate64, silent):
    """RFC 7766 6.2.3: a handshake that does not come; opened when this module began"""
    silent.settimeout(20)
    assert silent.recv(1) == b""
    assert gate64.counters()["dns64.tls_handshakes.timeout"] >= 1
