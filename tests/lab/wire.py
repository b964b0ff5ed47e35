# SPDX-License-Identifier: GPL-2.0-or-later
"""What goes over the wire: captures, single packets, TLS alerts, many connections."""

import asyncio
import contextlib
import itertools
import os
import re
import signal
import socket
import ssl
import threading
import time

import dns.message
import dns.query
from scapy.layers.inet import TCP
from scapy.utils import PcapReader

from netns import wait_for
from topology import GATEWAY4, PREF64


class Capture:
    """tcpdump on one interface for the length of a `with` block.

    Afterwards `packets` holds what it saw, parsed by scapy from the link layer up.
    """

    _serial = itertools.count(1)
    # In its immediate mode tcpdump's ring has a slot of 64 KiB for each packet, however small:
    # with the 2 MiB it takes of itself, 32 that come before its turn are all that it sees.
    BUFFER_KIB = 64 * 1024

    def __init__(self, ns, interface, filter_, longest=262144):
        """longest: no packet has more bytes; where many come, a small one leaves room for all."""
        self.ns, self.interface, self.filter, self.longest = ns, interface, filter_, longest
        self.packets = []

    def __enter__(self):
        name = f"capture-{next(self._serial)}"
        self.file = self.ns.ground.path(f"{name}.pcap")
        self.log = self.ns.ground.path(f"{name}.log")
        self.process = self.ns.spawn("tcpdump", "-i", self.interface, "-w", self.file, "-U",
                                     "--immediate-mode", "-Z", "root", "-p",
                                     "-B", str(self.BUFFER_KIB), "-s", str(self.longest),
                                     self.filter, log=self.log)
        wait_for(lambda: "listening on" in self.log.read_text(), "tcpdump listens")
        return self

    def _counts(self):
        """How many packets are in the file, and how many the kernel has for it: at SIGUSR1 comes
        a line such as: 3 packets captured, 3 packets received by filter, 0 packets dropped..."""
        before = self.log.read_text()
        self.process.send_signal(signal.SIGUSR1)
        line = re.compile(r"(\d+) packets? captured, (\d+) packets? received by filter, (\d+) ")
        said = wait_for(lambda: line.search(self.log.read_text()[len(before):]), "it counts", 30)
        return int(said[1]), int(said[2]) - int(said[3])

    def _read_all(self):
        """Wait until it has all that the kernel has for it; or no more comes, as the kernel
        counts what came before the filter was in place, too."""
        captured, given = self._counts()
        same = 0
        while captured < given and same < 5:
            time.sleep(0.1)
            before, captured = captured, self._counts()[0]
            same = same + 1 if captured == before else 0

    def __exit__(self, *_):
        # At the end it reads nothing more of what is in its ring.
        self._read_all()
        self.ns.ground.stop(self.process, sig=signal.SIGINT)
        with PcapReader(str(self.file)) as reader:
            self.packets = list(reader)
        self.file.unlink()
        assert "\n0 packets dropped by kernel" in (log := self.log.read_text()), log

    def so_far(self):
        """What it has seen up to now, while it still listens."""
        try:
            with PcapReader(str(self.file)) as reader:
                return list(reader)
        except Exception:	# scapy knows no better of a file that is being begun
            return []

    def wait(self, condition, what, timeout=5.0):
        """Wait for a packet that meets `condition`, and return it."""
        return wait_for(lambda: next(filter(condition, self.so_far()), None), what,
                        timeout, step=0.1)


def mss_of(packet):
    """The MSS option of a TCP segment, or None."""
    return dict(o for o in packet[TCP].options if len(o) == 2).get("MSS")


def ask(ns, server, name, kind, tcp=False, timeout=5.0, source=None, **flags):
    """One DNS question from a host of the lab; the whole answer."""
    query = dns.message.make_query(name, kind, **flags)
    send = dns.query.tcp if tcp else dns.query.udp
    with ns.entered():
        return send(query, server, timeout=timeout, source=source)


def client_hello(name, alpn=()):
    """The bytes that OpenSSL sends first to a server called `name`; `alpn`: protocols to offer."""
    context = ssl.create_default_context()
    if alpn:
        context.set_alpn_protocols(alpn)
    context.check_hostname = False	# so that a hello without a name can be made too
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = context.wrap_bio(incoming, outgoing, server_hostname=name)
    with contextlib.suppress(ssl.SSLWantReadError):
        tls.do_handshake()
    return outgoing.read()


def read_all(sock):
    """Everything up to the end of the stream; a reset ends it too."""
    data = b""
    with contextlib.suppress(ConnectionResetError):
        while chunk := sock.recv(65536):
            data += chunk
    return data


def tls_refusal(sock, name, alpn=()):
    """Greet with `name`; what the server says before it closes, as bytes."""
    with sock:
        sock.sendall(client_hello(name, alpn))
        return read_all(sock)


class WhoAmI:
    """A TCP server that answers each line with the line, the peer's address and port.

    It keeps every connection open until the client closes it. Runs in a thread for
    the length of a `with` block.
    """

    def __init__(self, ns, address, port):
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self.listener = ns.socket(family)
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.listener.bind((address, port))
        self.listener.listen(4096)
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self._run, name="whoami")

    @staticmethod
    async def _serve(reader, writer):
        with contextlib.suppress(ConnectionError):
            host, port = writer.get_extra_info("peername")[:2]
            async for line in reader:
                writer.write(line.rstrip(b"\n") + f" {host} {port}\n".encode())
                await writer.drain()
        writer.close()

    def _run(self):
        async def serve():
            self.stopped = asyncio.Event()
            server = await asyncio.start_server(self._serve, sock=self.listener)
            self.ready.set()
            await self.stopped.wait()
            server.close()
        asyncio.set_event_loop(self.loop)
        try:
            self.loop.run_until_complete(serve())
            tasks = asyncio.all_tasks(self.loop)
            for task in tasks:
                task.cancel()
            self.loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
        finally:
            self.loop.close()

    def __enter__(self):
        self.ready = threading.Event()
        self.thread.start()
        assert self.ready.wait(5), "the server's thread did not start"
        return self

    def __exit__(self, *_):
        self.loop.call_soon_threadsafe(self.stopped.set)
        self.thread.join()


async def _ask_one(ns, address, token, limit, streams):
    family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
    async with limit:
        sock = ns.socket(family)
        sock.setblocking(False)
        await asyncio.get_running_loop().sock_connect(sock, address)
        reader, writer = await asyncio.open_connection(sock=sock)
        streams.append(writer)
    writer.write(token.encode() + b"\n")
    answer = (await reader.readline()).decode().split()
    return token, writer.get_extra_info("sockname")[1], answer


async def ask_many(callers, per_caller, at_once=128, timeout=60):
    """Open `per_caller` connections of each caller to a WhoAmI, all callers at the same
    time; hold every one open until the last has its answer.

    callers: (label, namespace, (address, port)); at_once: how many connect at a time.
    Returns (label, token, local port, the answer's words) of every connection.
    """
    limit, streams = asyncio.Semaphore(at_once), []

    async def ask_labelled(label, ns, address, number):
        return label, *await _ask_one(ns, address, f"{label}-{number}", limit, streams)
    questions = [ask_labelled(*caller, i) for i in range(per_caller) for caller in callers]
    try:
        return await asyncio.wait_for(asyncio.gather(*questions), timeout)
    finally:
        for writer in streams:
            writer.close()


@contextlib.contextmanager
def udp_flow(lab, host, address, port=7000):
    """A UDP flow from server6 to `address`, which is on `host`: both ends' sockets."""
    with lab.server6.socket(socket.AF_INET6, socket.SOCK_DGRAM) as inside, \
            host.socket(socket.AF_INET, socket.SOCK_DGRAM) as outside:
        outside.bind((address, port))
        outside.settimeout(5)
        inside.settimeout(5)
        inside.connect((f"{PREF64}{address}", port))
        inside.send(b"first")
        data, peer = outside.recvfrom(65535)
        assert data == b"first" and peer[0] == GATEWAY4
        outside.connect(peer)
        yield inside, outside


@contextlib.contextmanager
def tcp_pair(lab, host, address, timeout=15):
    """A TCP connection from server6 to `address`, which is on `host`: both ends' sockets."""
    with host.socket() as listener:
        listener.bind((address, 0))
        listener.listen()
        listener.settimeout(timeout)
        with lab.server6.connect((f"{PREF64}{address}", listener.getsockname()[1])) as inside:
            outside, _peer = listener.accept()
            with outside:
                for sock in (inside, outside):
                    sock.settimeout(timeout)
                yield inside, outside


def transfer(sender, receiver, size):
    """`size` bytes over a TCP connection, whole and right: the longest time between two
    receptions, in seconds."""
    body = os.urandom(1 << 16)

    def send():
        with contextlib.suppress(OSError):	# what the receiver has tells
            for at in range(0, size, len(body)):
                sender.sendall(body[:size - at])
            sender.shutdown(socket.SHUT_WR)
    thread = threading.Thread(target=send)
    thread.start()
    longest, last, have = 0.0, time.monotonic(), bytearray()
    try:
        while data := receiver.recv(1 << 16):
            now = time.monotonic()
            longest, last = max(longest, now - last), now
            have += data
    finally:
        thread.join()
    assert bytes(have) == (body * (size // len(body) + 1))[:size], f"{len(have)} of {size} bytes"
    return longest
