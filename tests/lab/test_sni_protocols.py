# SPDX-License-Identifier: GPL-2.0-or-later
"""What clients of snid speak: PostgreSQL, HTTP and TLS, with real programs and byte by byte.

Where it says "the manual", PostgreSQL's is meant: "Frontend/Backend Protocol". The scripted
server, on port SCRIPTED of server6, does what each test makes it do.
"""

import asyncio
import contextlib
import hashlib
import os
import select
import socket
import ssl
import struct
import subprocess
import threading

import pytest
import websockets

import peers
from gateway import Gate64
from sni_wire import (CLIENT_NAT46, DECODE_ERROR, HANDSHAKE_FAILURE, IDLE_S, INTERNAL_ERROR,
                      SSL_REQUEST, UNRECOGNIZED_NAME, answered, is_alert, receive, refusing)
from topology import GATEWAY4, SERVER6, WWW
from wire import client_hello, read_all

DB, ACME, OTHER_CURVE = "db.home.example", "acme.home.example", "curve.home.example"
# Ports of the gateway; then of servers that have another one.
HTTPS, HTTP, POSTGRES, RAW, DEFAULT, ODD_POSTGRES = 443, 80, 5432, 5001, 5002, 5003
SCRIPTED, TLS_SERVER = 4433, 4434

# The manual, "Message Formats": a length that counts itself, a code, and what belongs to it.
GSSENC_REQUEST = struct.pack(">II", 8, 1234 << 16 | 5680)
CANCEL_REQUEST = struct.pack(">IIII", 16, 1234 << 16 | 5678, 4711, 0x01020304)
PARAMETERS = b"user\0lab\0database\0postgres\0\0"
STARTUP = struct.pack(">II", 8 + len(PARAMETERS), 3 << 16) + PARAMETERS


# ---- the servers ---------------------------------------------------------------------------


@pytest.fixture(scope="module")
def ca(lab):
    """The authority of all names but www.home.example; next to it server.pem and server.key."""
    folder = lab.ground.path("names")
    return peers.certificates(folder, [DB, ACME, OTHER_CURVE])[0]


@pytest.fixture(scope="module")
def postgres_log(lab, ca):
    return peers.start_postgres(lab.server6, SERVER6, ca.with_name("server.pem"),
                                ca.with_name("server.key"))


@pytest.fixture(scope="module")
def http_log(lab):
    """nginx on server6's port 80: an ACME challenge, and all else redirected."""
    return peers.start_nginx(lab.server6, """\
        server {
            listen [::]:80;
            location = /.well-known/acme-challenge/token { return 200 "token.print\\n"; }
            location / { return 301 https://$host$request_uri; }
        }
        """, name="plain")


@pytest.fixture(scope="module")
def server(lab):
    """The scripted server's listener."""
    with lab.server6.socket(socket.AF_INET6) as sock:
        sock.bind((SERVER6, SCRIPTED))
        sock.listen(64)
        sock.settimeout(10)
        yield sock


@pytest.fixture(scope="module")
def gate64(lab, postgres_log, http_log, server):
    settings = {"snid": {
        "listen": [HTTPS, HTTP, {"port": POSTGRES, "protocol": "auto"},
                   {"port": RAW, "server_port": SCRIPTED},
                   {"port": DEFAULT, "server_port": SCRIPTED, "default_name": WWW},
                   {"port": ODD_POSTGRES, "server_port": SCRIPTED, "protocol": "postgres"}],
        "routes": [{"name": DB, "backend": SERVER6},
                   {"name": ACME, "backend": SERVER6, "port": TLS_SERVER},
                   {"name": OTHER_CURVE, "backend": SERVER6, "port": TLS_SERVER}],
        "limits": {"hello_timeout": "2s", "connect_timeout": "2s"}}}
    with Gate64(lab, settings) as gate64:
        yield gate64


# ---- what tests do all the time ------------------------------------------------------------


@contextlib.contextmanager
def accepted(server):
    """The next connection of the scripted server, which is client4's."""
    sock, peer = server.accept()
    with sock:
        sock.settimeout(10)
        assert peer[0] == CLIENT_NAT46
        yield sock


# ---- PostgreSQL ----------------------------------------------------------------------------


def psql(lab, ca, sslmode, **more):
    """libpq 14 and later sends the name as SNI (sslsni)."""
    return lab.client4.run(
        "psql", "-XAtq", "-c", "select inet_client_addr(), ssl from pg_stat_ssl"
        " where pid = pg_backend_pid()",
        f"host={DB} hostaddr={GATEWAY4} port={POSTGRES} user=lab dbname=postgres"
        f" sslmode={sslmode} sslrootcert={ca} connect_timeout=20",
        env={"PATH": os.environ["PATH"], "HOME": str(lab.ground.folder), "LC_ALL": "C"},
        cwd="/", **more)


@pytest.mark.parametrize("sslmode", ["allow", "prefer", "require", "verify-full"])
def test_psql(lab, gate64, ca, postgres_log, sslmode):
    """The server sees who has called; the certificate is the server's own. With `allow' psql
    begins without TLS, is told that it must not, and does."""
    assert psql(lab, ca, sslmode).stdout == f"{CLIENT_NAT46}|t\n"
    assert f"{CLIENT_NAT46} LOG:  connection authorized" in postgres_log.read_text()


def test_psql_without_tls(lab, gate64, ca):
    """An ErrorResponse, which psql understands, at once."""
    with refusing(gate64, "postgres_without_tls"):
        done = psql(lab, ca, "disable", check=False)
    assert done.returncode == 2 and "FATAL:  this server requires TLS" in done.stderr


def error_response(answer):
    """The fields of an ErrorResponse that is all of `answer` (the manual, "Message Formats")."""
    kind, length = struct.unpack(">cI", answer[:5])
    assert kind == b"E" and length == len(answer) - 1 and answer.endswith(b"\0\0")
    return {chr(field[0]): field[1:].decode() for field in answer[5:-2].split(b"\0")}


@pytest.mark.parametrize("requests", [(SSL_REQUEST,), (GSSENC_REQUEST, SSL_REQUEST)],
                         ids=["tls", "gss-then-tls"])
def test_requests_then_tls(lab, gate64, ca, requests):
    """As libpq with GSSAPI asks: that is declined, TLS is not; each answer is one byte."""
    trust = ssl.create_default_context(cafile=str(ca))
    with lab.client4.connect((GATEWAY4, POSTGRES)) as sock:
        for request in requests:
            for byte in request:
                sock.sendall(bytes([byte]))
            assert sock.recv(100) == (b"N" if request == GSSENC_REQUEST else b"S")
        with trust.wrap_socket(sock, server_hostname=DB) as tls:
            tls.sendall(STARTUP)
            assert receive(tls, 9) == struct.pack(">cII", b"R", 8, 0)	# AuthenticationOk


def test_gss_is_asked_for_once(lab, gate64):
    with refusing(gate64, "bad_postgres"):
        answer = answered(lab, POSTGRES, GSSENC_REQUEST, GSSENC_REQUEST)
    assert answer[:1] == b"N" and error_response(answer[1:])["C"] == "08P01"


def test_nothing_may_follow_the_request_for_tls(lab, gate64):
    """What was sent in clear must not be taken for what came by TLS."""
    with refusing(gate64, "bad_postgres"):
        answer = answered(lab, POSTGRES, SSL_REQUEST + client_hello(DB))
    fields = error_response(answer)
    assert (fields["S"], fields["V"], fields["C"]) == ("FATAL", "FATAL", "08P01")


def test_cancel_without_tls(lab, gate64):
    """It names no server; the manual: no answer comes to it."""
    with refusing(gate64, "postgres_cancel"):
        assert answered(lab, POSTGRES, CANCEL_REQUEST) == b""


@pytest.mark.parametrize("request_", [
    struct.pack(">II", 7, 1234 << 16 | 5679), struct.pack(">II", 10001, 3 << 16),
    struct.pack(">II", 8, 2 << 16), struct.pack(">II", 9, 1234 << 16 | 5679) + b"\0"])
def test_no_request_of_postgres(lab, gate64, request_):
    """Too short, too long, of another version, of another length."""
    with refusing(gate64, "bad_postgres"):
        assert error_response(answered(lab, POSTGRES, request_))["C"] == "08P01"


def test_the_time_is_for_all_steps(lab, gate64):
    """Who has asked for TLS and then says nothing."""
    with refusing(gate64, "hello_timeout"):
        assert answered(lab, POSTGRES, GSSENC_REQUEST, SSL_REQUEST) == b"NS"


@pytest.mark.parametrize("port", [RAW, ODD_POSTGRES])
def test_direct_tls(lab, gate64, server, port):
    """As PostgreSQL 17 has it (sslnegotiation=direct), with protocol auto and postgres: the
    server gets the hello, and is asked for nothing."""
    hello = client_hello(WWW, ["postgresql"])
    with lab.client4.connect((GATEWAY4, port)) as client:
        client.sendall(hello)
        client.shutdown(socket.SHUT_WR)
        with accepted(server) as sock:
            assert read_all(sock) == hello


@contextlib.contextmanager
def asked(lab, server):
    """A client that was promised TLS and greets: (it, the server, which was asked for TLS)."""
    with lab.client4.connect((GATEWAY4, ODD_POSTGRES)) as client:
        client.sendall(SSL_REQUEST)
        assert receive(client, 1) == b"S"
        client.sendall(client_hello(WWW))
        with accepted(server) as sock:
            assert receive(sock, 8) == SSL_REQUEST
            yield client, sock


def test_a_server_that_agrees(lab, gate64, server):
    """Only then does it get the hello."""
    with asked(lab, server) as (client, sock):
        assert not select.select([sock], [], [], 0.2)[0]
        sock.sendall(b"S")
        hello = receive(sock, 5)
        hello += receive(sock, int.from_bytes(hello[3:], "big"))
        assert hello[0] == 22
        sock.sendall(b"ServerHello")
        assert receive(client, 11) == b"ServerHello"


@pytest.mark.parametrize("answer", [b"N", b"E\0\0\0\x08S\0\0\0", b"S\x16\x03\x03", b"G", b"",
                                    None])
def test_a_server_that_does_not_agree(lab, gate64, server, answer):
    """No; an error, as servers before 7.0 say; bytes that were to be under TLS; none of these;
    its end; nothing. The client gets an alert, nothing of it in clear, and the server no hello."""
    with refusing(gate64, "greeting_timeout" if answer is None else "server_without_tls"):
        with asked(lab, server) as (client, sock):
            if answer:
                sock.sendall(answer)
            elif answer is not None:
                sock.shutdown(socket.SHUT_WR)
            assert is_alert(read_all(client), INTERNAL_ERROR)
            assert read_all(sock) == b""


# ---- HTTP ----------------------------------------------------------------------------------


def curl(lab, path, *options):
    return lab.client4.run("curl", "-sS", "--max-time", "20", "--resolve",
                           f"{WWW}:{HTTP}:{GATEWAY4}", *options, f"http://{WWW}{path}")


def test_http_01(lab, gate64, http_log):
    """RFC 8555 8.3: the challenge is fetched from port 80 of the name."""
    done = curl(lab, "/.well-known/acme-challenge/token")
    assert done.stdout == "token.print\n"
    assert f'{CLIENT_NAT46} "GET /.well-known/acme-challenge/token HTTP/1.1" 200' in \
        http_log.read_text()


def test_redirect(lab, gate64):
    done = curl(lab, "/a?b", "-o", "/dev/null", "-w", "%{http_code} %{redirect_url}")
    assert done.stdout == f"301 https://{WWW}/a?b"


def test_further_requests_go_where_the_first_went(lab, gate64, http_log):
    """RFC 9112 9.3: on one connection; whatever their host."""
    with gate64.counting() as rose:
        done = curl(lab, "/1", f"http://{WWW}/2", "-w", "%{num_connects}", "-o", "/dev/null",
                    "-o", "/dev/null")
    assert done.stdout == "10" and rose["snid.relayed"] == 1
    other = b"GET /%s HTTP/1.1\r\nHost: %s\r\nConnection: %s\r\n\r\n"
    answer = answered(lab, HTTP, other % (b"3", WWW.encode(), b"keep-alive") +
                      other % (b"4", b"nothing.example", b"close"))
    assert answer.count(b"HTTP/1.1 301") == 2 and b"https://nothing.example/4" in answer


GET = b"GET / HTTP/1.1\r\n"


@pytest.mark.parametrize("head, status, reason", [
    (GET + b"Host: nothing.home.example\r\n\r\n", 421, "unknown_name"),
    (GET + b"Host: outside.home.example\r\n\r\n", 421, "backend_not_allowed"),
    (GET + b"Host: 198.51.100.1\r\n\r\n", 421, "bad_name"),
    (GET + b"Host: [2001:db8::1]:80\r\n\r\n", 421, "bad_name"),
    (GET + b"\r\n", 400, "bad_http"),
    (GET + b"Host:\r\n\r\n", 400, "no_name"),
    (b"GET / HTTP/1.0\r\n\r\n", 400, "no_name"),
    (GET + b"Host: www.home.example\r\nHost: db.home.example\r\n\r\n", 400, "bad_http"),
    (GET + b"Host : www.home.example\r\n\r\n", 400, "bad_http"),
    (GET + b"X: y\r\n Host: www.home.example\r\n\r\n", 400, "bad_http"),
    (b"SSH-2.0-OpenSSH_9.2\r\n", 400, "bad_http"),
    (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505, "http_version"),
    (GET + b"X: " + b"x" * 40000, 431, "http_head_too_big"),
    (GET + b"Host: www.home.example\r\n", 408, "hello_timeout"),
    (GET + b"Host: only4.home.example:80\r\n\r\n", 421, "unknown_name")],
    ids=["unknown", "outside", "ipv4", "ipv6", "no-host", "empty-host", "http-1.0", "two-hosts",
         "space", "folded", "ssh", "http-2", "big", "slow", "ipv4-only"])
def test_http_that_is_refused(lab, gate64, head, status, reason):
    """RFC 9110 15.5.20 (a misdirected request), RFC 9112 3.2 (no Host, or two), 5.1, 5.2,
    RFC 9113 3.4 (HTTP/2's preface), RFC 6585 5 (a head too big), RFC 9110 15.5.9 (too slow).
    RFC 9112 9.6: the connection is closed."""
    with refusing(gate64, reason):
        answer = answered(lab, HTTP, head)
    assert answer.startswith(b"HTTP/1.1 %d " % status) and b"\r\nConnection: close\r\n" in answer


def test_head_is_answered_without_content(lab, gate64):
    """RFC 9110 9.3.2."""
    answer = answered(lab, HTTP, b"HEAD / HTTP/1.1\r\nHost: nothing.home.example\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 421 ") and answer.endswith(b"\r\n\r\n")


@pytest.mark.parametrize("port", [HTTPS, DEFAULT])
def test_http_where_tls_is_spoken(lab, gate64, port):
    """Told in its own words; never led to default_name."""
    with refusing(gate64, "not_tls"):
        answer = answered(lab, port, GET + f"Host: {WWW}\r\n\r\n".encode())
    assert answer.startswith(b"HTTP/1.1 400 ") and b"https" in answer


# ---- TLS -----------------------------------------------------------------------------------


def test_curl_by_openssl(lab, gate64):
    done = lab.fetch_by_name()
    assert done.stdout == f"hello {CLIENT_NAT46}\n"
    assert "OpenSSL" in lab.client4.run("curl", "--version").stdout


def test_gnutls(lab, gate64):
    """Another library's hello; it ends when the server has closed."""
    with subprocess.Popen(
            ["ip", "netns", "exec", lab.client4.name, "gnutls-cli", "--x509cafile", lab.ca,
             "--sni-hostname", WWW, "--verify-hostname", WWW, "-p", str(HTTPS), GATEWAY4],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as client:
        client.stdin.write("GET / HTTP/1.0\r\n\r\n")
        client.stdin.flush()
        said = client.stdout.read()
    assert "Handshake was completed" in said and f"hello {CLIENT_NAT46}" in said


CURL_BY_GNUTLS = """\
import pycurl, sys
ca, name, address, port = sys.argv[1:]
curl = pycurl.Curl()
curl.setopt(curl.URL, f"https://{name}:{port}/")
curl.setopt(curl.RESOLVE, [f"{name}:{port}:{address}"])
curl.setopt(curl.CAINFO, ca)
curl.setopt(curl.TIMEOUT, 20)
curl.perform()
print(pycurl.version)
"""


def test_curl_by_gnutls(lab, gate64):
    """Debian's other libcurl, which git has too."""
    done = lab.client4.run("/usr/bin/python3", "-c", CURL_BY_GNUTLS, lab.ca, WWW, GATEWAY4, HTTPS)
    answer, version = done.stdout.splitlines()
    assert answer == f"hello {CLIENT_NAT46}" and "GnuTLS" in version


async def call_by_websocket(listener, sock, contexts):
    """What comes back for a message at once, and for one after a time without any."""
    async def echo(websocket):
        async for message in websocket:
            await websocket.send(f"{message} {websocket.remote_address[0]}")
    server_tls, client_tls = contexts
    answers = []
    async with websockets.serve(echo, sock=listener, ssl=server_tls, ping_interval=None), \
            websockets.connect(f"wss://{ACME}/", sock=sock, ssl=client_tls, server_hostname=ACME,
                               ping_interval=None) as websocket:
        for pause in (0, IDLE_S):
            await asyncio.sleep(pause)
            await websocket.send("hello")
            answers.append(await asyncio.wait_for(websocket.recv(), 20))
    return answers


def test_a_websocket(lab, gate64, ca):
    """RFC 6455 over TLS; idle in between for RELAY_IDLE_S seconds."""
    with lab.server6.socket(socket.AF_INET6) as listener, \
            lab.client4.connect((GATEWAY4, HTTPS)) as sock:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((SERVER6, TLS_SERVER))
        sock.setblocking(False)
        answers = asyncio.run(call_by_websocket(listener, sock, contexts(ca)))
    assert answers == [f"hello {CLIENT_NAT46}"] * 2


def in_records(hello, size):
    """The hello in records of so many bytes (RFC 8446 5.1)."""
    body = hello[5:]
    return b"".join(hello[:3] + struct.pack(">H", len(part)) + part for part in
                    (body[i:i + size] for i in range(0, len(body), size)))


@pytest.mark.parametrize("record, piece", [(16384, 1), (1, 7), (37, 37), (1, 100000)])
def test_a_hello_in_pieces(lab, gate64, server, record, piece):
    """RFC 8446 5.1: over many records, and over many segments; the server gets it as it came."""
    hello = in_records(client_hello(WWW), record)
    with lab.client4.connect((GATEWAY4, RAW)) as client:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for i in range(0, len(hello), piece):
            client.sendall(hello[i:i + piece])
        with accepted(server) as sock:
            assert receive(sock, len(hello)) == hello


def test_what_follows_the_hello_goes_through_once(lab, gate64, server):
    """RFC 8446 2.3: 0-RTT data come with it."""
    hello, early = client_hello(WWW), os.urandom(20000)
    with lab.client4.connect((GATEWAY4, RAW)) as client:
        client.sendall(hello + early)
        client.shutdown(socket.SHUT_WR)
        with accepted(server) as sock:
            assert read_all(sock) == hello + early


@contextlib.contextmanager
def tls_server(lab, context):
    """A server for one connection, which sends back what comes."""
    errors = []

    def serve(listener):
        try:
            sock, peer = listener.accept()
            with context.wrap_socket(sock, server_side=True) as tls:
                assert peer[0] == CLIENT_NAT46
                tls.sendall(tls.recv(100))
        except (OSError, AssertionError) as error:
            errors.append(error)

    with lab.server6.socket(socket.AF_INET6) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((SERVER6, TLS_SERVER))
        listener.listen()
        listener.settimeout(10)
        thread = threading.Thread(target=serve, args=(listener,))
        thread.start()
        yield
        thread.join()
    assert not errors


def contexts(ca):
    """The server's, and its client's."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(ca.with_name("server.pem"), ca.with_name("server.key"))
    return context, ssl.create_default_context(cafile=str(ca))


def test_tls_alpn_01(lab, gate64, ca):
    """RFC 8737 3: acme-tls/1 is all that is offered, and the name is in the SNI."""
    context, client = contexts(ca)
    context.set_alpn_protocols(["acme-tls/1"])
    client.set_alpn_protocols(["acme-tls/1"])
    with tls_server(lab, context):
        with client.wrap_socket(lab.client4.connect((GATEWAY4, HTTPS)),
                                server_hostname=ACME) as tls:
            assert tls.selected_alpn_protocol() == "acme-tls/1"
            tls.sendall(b"validated")
            assert tls.recv(100) == b"validated"


def test_hello_retry_request(lab, gate64, ca):
    """RFC 8446 4.1.4: the second hello passes. 4.1.3: such a request is known by its random."""
    context, client = contexts(ca)
    context.set_ecdh_curve("secp384r1")
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    incoming, outgoing, seen = ssl.MemoryBIO(), ssl.MemoryBIO(), b""
    tls = client.wrap_bio(incoming, outgoing, server_hostname=OTHER_CURVE)
    steps = [tls.do_handshake, lambda: tls.write(b"here"), lambda: tls.read(100)]
    with tls_server(lab, context), lab.client4.connect((GATEWAY4, HTTPS)) as sock:
        while steps:
            try:
                result = steps[0]()
                steps.pop(0)
                sock.sendall(outgoing.read())
            except ssl.SSLWantReadError:
                sock.sendall(outgoing.read())
                chunk = sock.recv(65536)
                assert chunk, "the server has closed"
                incoming.write(chunk)
                seen += chunk
    assert result == b"here"
    assert hashlib.sha256(b"HelloRetryRequest").digest() in seen


# ---- hellos that name nobody, or not properly ------------------------------------------------


def u16(body):
    """`body` behind its length."""
    return struct.pack(">H", len(body)) + body


def host_name(name):
    """RFC 6066 3: of a ServerNameList."""
    return b"\0" + u16(name)


def sni(*names):
    return b"\0\0" + u16(u16(b"".join(host_name(name) for name in names)))


def raw_hello(*extensions):
    """RFC 8446 4.1.2, 5.1: a ClientHello with these extensions."""
    body = (b"\3\3" + bytes(32) + b"\0" + b"\0\2\x13\1" + b"\1\0" +
            u16(b"".join(extensions)))
    message = b"\1" + len(body).to_bytes(3, "big") + body
    return b"\x16\3\1" + u16(message)


def test_a_hello_without_a_name_goes_to_the_default(lab, gate64, server):
    """RFC 5246 7.4.1.2: nor with any extension. One with a name goes to that."""
    bare = b"\x16\3\1" + u16(b"\1\0\0\x29\3\3" + bytes(32) + b"\0\0\2\x13\1\1\0")
    for hello in (client_hello(None), raw_hello(), bare, client_hello(WWW)):
        with lab.client4.connect((GATEWAY4, DEFAULT)) as client:
            client.sendall(hello)
            with accepted(server) as sock:
                assert receive(sock, len(hello)) == hello
    with refusing(gate64, "unknown_name"):
        answered(lab, DEFAULT, client_hello("nothing.home.example"))


WHOLE = raw_hello(sni(WWW.encode()))


@pytest.mark.parametrize("hello", [
    raw_hello(sni(WWW.encode()), sni(WWW.encode())),
    raw_hello(sni(WWW.encode(), b"db.home.example")),
    raw_hello(b"\0\0" + u16(b"")),
    raw_hello(b"\0\0" + u16(u16(b""))),
    raw_hello(sni(b"")),
    raw_hello(sni(WWW.encode())[:-1]),
    raw_hello(b"\0\0" + u16(u16(host_name(b"a")) + b"\0")),
    raw_hello(b"\0\x10" + u16(u16(b""))),
    b"\x16\3\1" + u16(b"\2" + WHOLE[6:]),
    b"\x16\3\1\0\0",
    WHOLE[:3] + u16(WHOLE[5:40]) + b"\x15\3\1" + u16(WHOLE[40:])],
    ids=["sni-twice", "two-names", "empty-extension", "empty-list", "empty-name", "cut",
         "more-behind", "empty-alpn", "other-message", "empty-record", "other-record"])
def test_a_broken_hello_never_goes_to_the_default(lab, gate64, hello):
    """RFC 6066 3, RFC 8446 4.2 (no extension twice), 5.1 (no empty record, nothing between a
    message's records), RFC 7301 3.1: not taken for a hello without a name."""
    with refusing(gate64, "bad_hello"):
        assert is_alert(answered(lab, DEFAULT, hello), DECODE_ERROR)


@pytest.mark.parametrize("name", [b"192.0.2.80", b"2001:db8:1::80", b"a..b", b"-.example",
                                  b"www.home.example\0", b"x" * 64 + b".example", b"a b"])
def test_what_is_no_name(lab, gate64, name):
    """RFC 6066 3: no addresses; RFC 1123 2.1: letters, digits and hyphens."""
    with refusing(gate64, "bad_name"):
        assert is_alert(answered(lab, DEFAULT, raw_hello(sni(name))), UNRECOGNIZED_NAME)


GREASE = b"\x0a\x0a" + u16(b"") + b"\x1a\x1a" + u16(b"\0")
ECH = b"\xfe\x0d" + u16(bytes(200))


@pytest.mark.parametrize("extensions", [
    (sni(b"WWW.Home.EXAMPLE"),), (sni(b"www.home.example."),),
    (GREASE, sni(WWW.encode()), ECH), (ECH, ECH, sni(WWW.encode()))],
    ids=["capitals", "root", "grease-ech", "ech-twice"])
def test_a_hello_that_is_odd(lab, gate64, server, extensions):
    """Capitals, the root's dot; RFC 8701 3.1 (extensions that nobody knows); of encrypted hellos
    the outer name counts, and what else is wrong with them is the server's to judge."""
    hello = raw_hello(*extensions)
    with lab.client4.connect((GATEWAY4, RAW)) as client:
        client.sendall(hello)
        with accepted(server) as sock:
            assert receive(sock, len(hello)) == hello


def big_hello(padding):
    """RFC 7685 4: with so many bytes of padding, in as many records as it needs."""
    body = (b"\3\3" + bytes(32) + b"\0" + b"\0\2\x13\1" + b"\1\0" +
            u16(sni(WWW.encode()) + b"\0\x15" + u16(bytes(padding))))
    message = b"\1" + len(body).to_bytes(3, "big") + body
    return in_records(b"\x16\3\1\0\0" + message, 16384)


def test_a_big_hello(lab, gate64, server):
    """60 KiB pass."""
    hello = big_hello(60 << 10)
    with lab.client4.connect((GATEWAY4, RAW)) as client:
        client.sendall(hello)
        with accepted(server) as sock:
            assert receive(sock, len(hello)) == hello


def test_a_hello_too_big(lab, gate64):
    """Over 64 KiB; known from its length."""
    with refusing(gate64, "hello_too_big"):
        answer = answered(lab, DEFAULT, b"\x16\3\1\0\x05\1\1\0\1\0")
    assert is_alert(answer, HANDSHAKE_FAILURE)


def test_a_hello_too_slow(lab, gate64):
    """Nor is that one without a name."""
    with gate64.counting() as rose, contextlib.ExitStack() as stack:
        socks = [stack.enter_context(lab.client4.connect((GATEWAY4, DEFAULT))) for _ in range(3)]
        for sock, said in zip(socks, (b"", b"\x16", WHOLE[:-1])):
            sock.sendall(said)
        assert [read_all(sock) for sock in socks] == [b""] * 3
    assert rose["snid.refused.hello_timeout"] == 3 and not rose["snid.relayed"]


def test_a_client_that_leaves(lab, gate64):
    """In the middle of its hello."""
    with refusing(gate64, "closed_before_hello"):
        with lab.client4.connect((GATEWAY4, DEFAULT)) as client:
            client.sendall(WHOLE[:-1])
            client.shutdown(socket.SHUT_WR)
            assert read_all(client) == b""
