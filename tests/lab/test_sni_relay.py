# SPDX-License-Identifier: GPL-2.0-or-later
"""What passes between clients and servers that snid has joined, and how it ends."""

import contextlib
import hashlib
import os
import pathlib
import select
import socket
import ssl
import struct
import threading
import time

import pytest

from gateway import flatten
from netns import wait_for
from peers import start_nginx
from sni_wire import CLIENT_NAT46, IDLE_S, receive
from topology import GATEWAY4, SERVER6, WWW
from wire import client_hello, read_all

H2, RAW = 4430, 4431			# ports of nginx; of the scripted server
SPEAKS_FIRST = {465: b"220 mail ESMTP\r\n", 993: b"* OK IMAP4rev1 ready\r\n", 8006: b"PVE\r\n"}
SETTINGS = {"snid": {"listen": [80, 443, H2, RAW, *SPEAKS_FIRST],
                     "limits": {"hello_timeout": "1s", "connect_timeout": "2s"}}}
MIB = 1 << 20
BIG = int(os.environ.get("RELAY_MIB", "32")) * MIB
LINGER_NONE = struct.pack("ii", 1, 0)	# closing sends a reset
PIPE, SCRATCH = 1024 * 1024, 64 * 1024	# what a direction may keep


@pytest.fixture(scope="module")
def listener(lab):
    """The scripted server's."""
    with lab.server6.socket(socket.AF_INET6) as sock:
        sock.bind((SERVER6, RAW))
        sock.listen(64)
        sock.settimeout(10)
        yield sock


@contextlib.contextmanager
def joined(lab, listener, early=b""):
    """A client and its server; the hello has been read. `early` comes with it, as 0-RTT does."""
    hello = client_hello(WWW)
    with lab.client4.connect((GATEWAY4, RAW)) as client:
        client.sendall(hello + early)
        server, _peer = listener.accept()
        with server:
            server.settimeout(10)
            assert receive(server, len(hello)) == hello
            yield client, server


def silent(sock, seconds=0.3):
    """Nothing comes, no end either."""
    return not select.select([sock], [], [], seconds)[0]


def stuff(sock):
    """Send until nobody takes any more. Return the number of bytes."""
    number, chunk = 0, bytes(range(256)) * 256
    sock.setblocking(False)
    while select.select([], [sock], [], 1)[1]:
        with contextlib.suppress(BlockingIOError):
            number += sock.send(chunk[number % 256:])
    sock.settimeout(10)
    return number


def is_stuffing(data):
    """Is it what stuff() sends?"""
    return data == (bytes(range(256)) * (len(data) // 256 + 1))[:len(data)]


def pairs(client, server):
    """(from, to) for either direction."""
    return {"up": (client, server), "down": (server, client)}


def snid(gate64):
    """The room's status."""
    return gate64.status()["rooms"]["snid"]


def nothing_kept(gate64):
    wait_for(lambda: snid(gate64)["buffered_bytes"] == 0, "nothing is kept any more")


# ---- bytes ---------------------------------------------------------------------------

def test_http2_in_bulk_both_ways(lab, gate64):
    """curl by HTTP/2, down and up at once; most of it is never copied."""
    tls, root = lab.ground.path("tls"), lab.ground.path("h2")
    root.mkdir()
    (root / "down").write_bytes(os.urandom(BIG))
    up = lab.ground.path("up")
    up.write_bytes(os.urandom(BIG))
    log = start_nginx(lab.server6, f"""\
        server {{
            listen [::]:{H2} ssl http2;
            ssl_certificate {lab.certificate};
            ssl_certificate_key {tls}/server.key;
            root {root};
            dav_methods PUT;
            client_max_body_size 0;
        }}
        """, name="h2")
    curl = ["curl", "-sS", "--fail", "--http2", "--cacert", lab.ca, "-w", "%{http_version} %{http_code}",
            "--resolve", f"{WWW}:{H2}:{GATEWAY4}"]
    with gate64.counting() as rose:
        sender = lab.client4.spawn(*curl, "-T", up, f"https://{WWW}:{H2}/up",
                                   log=lab.ground.path("curl.log"))
        got = lab.ground.path("got")
        done = lab.client4.run(*curl, "-o", got, f"https://{WWW}:{H2}/down", timeout=120)
        assert done.stdout == "2 200"
        assert sender.wait(120) == 0 and lab.ground.path("curl.log").read_text() == "2 201"
    for one, other in ((got, root / "down"), (root / "up", up)):
        assert digest(one) == digest(other)
    assert rose["snid.bytes.in"] > BIG and rose["snid.bytes.out"] > BIG
    assert rose["snid.spliced_bytes"] > BIG / 2
    assert log.read_text().count(CLIENT_NAT46) == 2
    nothing_kept(gate64)


def digest(path):
    return hashlib.sha256(pathlib.Path(path).read_bytes()).digest()


@pytest.mark.parametrize("port", SPEAKS_FIRST)
def test_tls_on_other_ports(lab, gate64, port):
    """SMTP and IMAP over TLS (RFC 8314 3), and a web interface on 8006: the server may well
    speak first, once TLS is there; it sees who called."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(lab.certificate, lab.ground.path("tls", "server.key"))
    seen = []

    def serve(sock):
        plain, peer = sock.accept()
        seen.append(peer[0])
        with context.wrap_socket(plain, server_side=True) as tls:
            tls.sendall(SPEAKS_FIRST[port])
            tls.sendall(b"heard " + tls.recv(100))

    with lab.server6.socket(socket.AF_INET6) as sock:
        sock.bind((SERVER6, port))
        sock.listen()
        sock.settimeout(10)
        thread = threading.Thread(target=serve, args=(sock,))
        thread.start()
        trust = ssl.create_default_context(cafile=str(lab.ca))
        with trust.wrap_socket(lab.client4.connect((GATEWAY4, port)), server_hostname=WWW) as tls:
            assert receive(tls, len(SPEAKS_FIRST[port])) == SPEAKS_FIRST[port]
            tls.sendall(b"QUIT\r\n")
            assert read_all(tls) == b"heard QUIT\r\n"
        thread.join()
    assert seen == [CLIENT_NAT46]


def test_bytes_with_the_hello_pass_once(lab, gate64, listener):
    """What comes in one segment with the hello (0-RTT) is not lost, nor sent twice."""
    early = os.urandom(9000)
    with joined(lab, listener, early) as (client, server):
        assert receive(server, len(early)) == early
        client.sendall(b"more")
        assert receive(server, 4) == b"more"
        assert silent(server)


def fast_opened(lab):
    """Connections that the gateway took with bytes in their SYN."""
    text = lab.gateway.run("nstat", "-asz", "TcpExtTCPFastOpenPassive").stdout
    return int(text.split()[-2])


def test_bytes_in_the_syn_pass_once(lab, gate64, listener):
    """TCP Fast Open (RFC 7413 4.2): the second connection brings its bytes with the SYN."""
    hello, early = client_hello(WWW), os.urandom(300)
    lab.client4.sysctl("net/ipv4/tcp_fastopen", 1)
    lab.gateway.sysctl("net/ipv4/tcp_fastopen", 3)
    already = fast_opened(lab)
    for _ in range(2):			# the first gets the cookie
        with lab.client4.socket() as client:
            client.sendto(hello + early, socket.MSG_FASTOPEN, (GATEWAY4, RAW))
            server, _peer = listener.accept()
            with server:
                server.settimeout(10)
                assert receive(server, len(hello + early)) == hello + early
                assert silent(server)
    assert fast_opened(lab) == already + 1


def test_a_request_in_the_syn_is_not_taken(lab, gate64):
    """It may come twice (RFC 7413 6.1): so not where HTTP is taken, on port 80 by default."""
    lab.client4.sysctl("net/ipv4/tcp_fastopen", 1)
    lab.gateway.sysctl("net/ipv4/tcp_fastopen", 3)
    already = fast_opened(lab)
    for _ in range(2):
        with lab.client4.socket() as client:
            client.settimeout(10)
            client.sendto(b"GET / HTTP/1.1\r\nHost: 192.0.2.1\r\n\r\n", socket.MSG_FASTOPEN,
                          (GATEWAY4, 80))
            assert client.recv(9) == b"HTTP/1.1 "
    assert fast_opened(lab) == already


def test_idle_outlives_the_opening(lab, gate64, listener):
    """A connection that is joined may be idle for longer than its opening may take; both ends
    of it send small messages at any time."""
    with joined(lab, listener) as (client, server):
        for sender, receiver in pairs(client, server).values():
            time.sleep(IDLE_S)
            sender.sendall(b"ping")
            assert receive(receiver, 4) == b"ping"
        sockets = lab.gateway.run("ss", "-Htno", "state", "established", "sport", "=", f":{RAW}")
        assert "timer:(keepalive," in sockets.stdout


# ---- ends ----------------------------------------------------------------------------

@pytest.mark.parametrize("way", ("up", "down"))
def test_half_close(lab, gate64, listener, way):
    """RFC 9293 3.6: who has closed may still receive."""
    with joined(lab, listener) as (client, server):
        sender, receiver = pairs(client, server)[way]
        sender.sendall(b"last words")
        sender.shutdown(socket.SHUT_WR)
        assert read_all(receiver) == b"last words"
        data = os.urandom(MIB)
        thread = threading.Thread(target=receiver.sendall, args=(data,))
        thread.start()
        assert receive(sender, len(data)) == data
        thread.join()
        assert silent(sender)
        with gate64.counting() as rose:
            receiver.close()
            assert read_all(sender) == b""
            wait_for(lambda: dict(flatten(snid(gate64)["counters"]))["ended.closed"] > 0, "end")
    assert not rose["snid.ended.reset"]


@pytest.mark.parametrize("way", ("up", "down"))
def test_reset(lab, gate64, listener, way):
    """A reset is one at the other end too (RFC 9293 3.10.7.4): no end of the stream."""
    with gate64.counting() as rose, joined(lab, listener) as (client, server):
        sender, receiver = pairs(client, server)[way]
        sender.sendall(b"and")
        assert receive(receiver, 3) == b"and"
        sender.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_NONE)
        sender.close()
        with pytest.raises(ConnectionResetError):
            receiver.recv(1)
        wait_for(lambda: snid(gate64)["connections"] == 0, "it has ended")
    assert rose["snid.ended.reset"] == 1


@pytest.mark.parametrize("way", ("up", "down"))
def test_last_words(lab, gate64, listener, way):
    """What was said before a reset arrives before it, such as a fatal alert (RFC 8446 6.2) of who
    closes with input unread (RFC 2525 2.17)."""
    for number in range(20):
        words = f"the {number}th last words".encode()
        with joined(lab, listener) as (client, server):
            sender, receiver = pairs(client, server)[way]
            receiver.sendall(b"unread")
            assert select.select([sender], [], [], 10)[0]
            sender.sendall(words)
            sender.close()
            assert read_all(receiver) == words


@pytest.mark.parametrize("way", ("up", "down"))
def test_an_answer_before_the_question_is_over(lab, gate64, listener, way):
    """RFC 9112 9.3 and 9.6: an upload that is refused, its rest unread, is told so."""
    for number in range(10):
        answer = f"HTTP/1.1 413 {number}\r\n\r\n".encode()
        with joined(lab, listener) as (client, server):
            answers, asks = pairs(client, server)[way]
            asks.settimeout(20)
            thread = threading.Thread(target=upload, args=(asks,))
            thread.start()
            assert answers.recv(65536)
            answers.sendall(answer)
            answers.close()
            thread.join()
            assert read_all(asks) == answer


def upload(sock):
    """Send until that fails."""
    with contextlib.suppress(ConnectionResetError, BrokenPipeError):
        while True:
            sock.sendall(bytes(65536))


@pytest.mark.parametrize("way", ("up", "down"))
def test_urgent_bytes_are_part_of_the_stream(lab, gate64, listener, way):
    """RFC 6093 3.4, 6: no byte is lost, and what follows is not waited for."""
    with joined(lab, listener) as (client, server):
        sender, receiver = pairs(client, server)[way]
        for number in range(10):
            sender.sendall(b"before")
            sender.send(b"!", socket.MSG_OOB)
            sender.sendall(b"after")
            assert receive(receiver, 12) == b"before!after"


@pytest.mark.parametrize("who", ("sender", "receiver"))
@pytest.mark.parametrize("way", ("up", "down"))
def test_reset_while_bytes_wait(lab, gate64, listener, way, who):
    """Also while a pipe is full of bytes that the receiver does not take: the sender is told
    of the receiver's reset, and the receiver of the sender's, behind what it has got."""
    with joined(lab, listener) as (client, server):
        sender, receiver = pairs(client, server)[way]
        stuff(sender)
        wait_for(lambda: snid(gate64)["buffered_bytes"] > 0, "bytes are kept")
        gone, other = (sender, receiver) if who == "sender" else (receiver, sender)
        gone.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_NONE)
        gone.close()
        nothing_kept(gate64)
        with pytest.raises((ConnectionResetError, BrokenPipeError)):
            while other.recv(MIB):
                pass
            pytest.fail("an end, not a reset")


@pytest.mark.parametrize("way", ("up", "down"))
def test_slow_receiver(lab, gate64, listener, way):
    """Who reads nothing stops the sender, keeps one pipe's worth and gets all of it later."""
    with joined(lab, listener) as (client, server):
        sender, receiver = pairs(client, server)[way]
        number = stuff(sender)
        kept = wait_for(lambda: snid(gate64)["buffered_bytes"], "bytes are kept")
        assert kept <= PIPE + SCRATCH
        sender.shutdown(socket.SHUT_WR)
        data = read_all(receiver)
        assert len(data) == number and is_stuffing(data)
    nothing_kept(gate64)
