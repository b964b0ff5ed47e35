# SPDX-License-Identifier: GPL-2.0-or-later
"""Flows that go on, exchange after exchange, while something happens to the gateway: TCP and
UDP through NAT64, HTTPS through snid. And a load of new ones, of which none may fail.
"""

import asyncio
import contextlib
import ssl
import threading

import dns.exception

from netns import wait_for
from topology import GATEWAY4, GATEWAY6, PREF64, WEB4, WWW
from wire import ask, client_hello, tcp_pair, udp_flow

HANDSHAKE = b"\x16"		# of TLS
PATIENCE_S = 20			# of a flow that is interrupted


class Exchanges(threading.Thread):
    """One flow, in a thread of its own: `exchange` (of a number) until it is stopped."""

    def __init__(self, name, exchange, pause):
        super().__init__(name=name)
        self.exchange, self.pause = exchange, pause
        self.lock, self.stopping = threading.Lock(), threading.Event()
        self.count, self.failure = 0, None

    def run(self):
        while not self.stopping.wait(self.pause):
            try:
                with self.lock:
                    self.exchange(self.count)
            except Exception as failure:	# of whatever kind: shown by check()
                self.failure = failure
                return
            self.count += 1

    def check(self):
        assert not self.failure, f"{self.name}, exchange {self.count}: {self.failure!r}"


def tcp_exchange(inside, outside):
    """There and back over a connection."""
    def exchange(number):
        for sender, receiver in ((inside, outside), (outside, inside)):
            wanted = number.to_bytes(8, "big")
            sender.sendall(wanted)
            got = b""
            while len(got) < len(wanted):
                chunk = receiver.recv(len(wanted) - len(got))
                assert chunk, "the connection was closed"
                got += chunk
            assert got == wanted
    return exchange


def udp_exchange(inside, outside):
    """There and back; what is lost is sent again, and what tells of a loss is no failure."""
    def one_way(sender, receiver, wanted):
        for _ in range(PATIENCE_S * 4):
            with contextlib.suppress(OSError):
                sender.send(wanted)
                while receiver.recv(100) != wanted:
                    pass		# a late one of those sent again
                return
        raise AssertionError("datagrams do not arrive")

    def exchange(number):
        for sock in (inside, outside):
            sock.settimeout(0.25)
        one_way(inside, outside, b"out" + number.to_bytes(8, "big"))
        one_way(outside, inside, b"in" + number.to_bytes(8, "big"))
    return exchange


def https_exchange(tls):
    """A request and its answer over one connection."""
    def exchange(_number):
        tls.sendall(f"GET / HTTP/1.1\r\nHost: {WWW}\r\n\r\n".encode())
        answer = b""
        while b"hello " not in answer:
            chunk = tls.recv(65536)
            assert chunk, "the connection was closed"
            answer += chunk
        assert answer.startswith(b"HTTP/1.1 200")
    return exchange


class Traffic:
    """An established flow of each kind for the length of a `with` block."""

    def __init__(self, lab, pause):
        self.lab, self.pause, self.flows = lab, pause, []
        self.stack = contextlib.ExitStack()

    def __enter__(self):
        lab = self.lab
        with contextlib.ExitStack() as stack:
            tcp = stack.enter_context(tcp_pair(lab, lab.internet4, WEB4, PATIENCE_S))
            udp = stack.enter_context(udp_flow(lab, lab.internet4, WEB4))
            context = ssl.create_default_context(cafile=str(lab.ca))
            tls = stack.enter_context(context.wrap_socket(
                lab.client4.connect((GATEWAY4, 443), timeout=PATIENCE_S), server_hostname=WWW))
            self.inside = [tcp[0], udp[0]]
            self.flows = [Exchanges("TCP", tcp_exchange(*tcp), self.pause),
                          Exchanges("UDP", udp_exchange(*udp), self.pause),
                          Exchanges("HTTPS", https_exchange(tls), max(self.pause, 0.1))]
            for flow in self.flows:
                flow.start()
            self.stack = stack.pop_all()
        return self

    def __exit__(self, *_):
        self.end()

    def end(self):
        """No more exchanges; none has failed. May be called again."""
        for flow in self.flows:
            flow.stopping.set()
        for flow in self.flows:
            flow.join()
        self.stack.close()
        for flow in self.flows:
            flow.check()

    def goes_on(self, what, number=3):
        """Wait for that many exchanges more of each."""
        wanted = [flow.count + number for flow in self.flows]

        def done():
            for flow in self.flows:
                flow.check()
            return all(flow.count >= count for flow, count in zip(self.flows, wanted))
        wait_for(done, f"the flows go on: {what}", timeout=PATIENCE_S + 10)

    @contextlib.contextmanager
    def between(self):
        """The block runs between two exchanges: nothing of the flows is on its way."""
        with contextlib.ExitStack() as stack:
            for flow in self.flows:
                stack.enter_context(flow.lock)
            yield


def new_ones_work(lab):
    """A new flow of each kind, and a question of DNS."""
    page = lab.server6.run("curl", "-sS", "--max-time", "10", f"http://[{PREF64}{WEB4}]/").stdout
    assert page.startswith("hello ")
    assert lab.fetch_by_name().stdout.startswith("hello ")
    for _ in range(3):			# as a stub resolver does
        with contextlib.suppress(dns.exception.Timeout):
            return ask(lab.server6, GATEWAY6, "git.example.net", "AAAA", timeout=3)
    raise AssertionError("dns64 did not answer three times")


class NewOnes(threading.Thread):
    """New connections at a steady rate for the length of a `with` block; each says `hello`, and
    is answered with `answer`. `failed` tells of those that failed, `done` is the number of the
    others. None is reset: both sides say that they have done, and read all."""

    def __init__(self, ns, address, per_s, hello, answer):
        super().__init__()
        self.ns, self.address, self.per_s = ns, address, per_s
        self.hello, self.answer = hello, answer
        self.done, self.failed, self.stopping = 0, [], threading.Event()

    def run(self):
        # A thread's namespace is that of the sockets it makes.
        with self.ns.entered():
            asyncio.run(self._all())

    async def _all(self):
        tasks, start = set(), asyncio.get_running_loop().time()
        number = 0
        while not self.stopping.is_set():
            number += 1
            ahead = start + number / self.per_s - asyncio.get_running_loop().time()
            await asyncio.sleep(max(0, ahead))
            task = asyncio.create_task(self._one())
            tasks.add(task)
            task.add_done_callback(tasks.discard)
        await asyncio.gather(*tasks)

    async def _one(self):
        try:
            async with asyncio.timeout(PATIENCE_S):
                reader, writer = await asyncio.open_connection(*self.address)
                writer.write(self.hello)
                said = await reader.read(65536)
                writer.write_eof()
                said += await reader.read()
                writer.close()
            assert said.startswith(self.answer), said
            self.done += 1
        except Exception as failure:	# of whatever kind: it is one that failed
            self.failed.append(repr(failure))

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.stopping.set()
        self.join()


def new_through_nat64(lab, per_s):
    """To internet4's web server."""
    return NewOnes(lab.server6, (f"{PREF64}{WEB4}", 80), per_s, b"GET / HTTP/1.0\r\n\r\n",
                   b"HTTP/1.1 200 ")


def new_through_snid(lab, per_s):
    """To server6's, which begins a handshake of TLS."""
    return NewOnes(lab.client4, (GATEWAY4, 443), per_s, client_hello(WWW), HANDSHAKE)
