#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""snid in hard times, on the hosts of snid.py.

  snid_hard.py [slow|reload|leak]...    all if not given

  slow    10,000 connections from 100 addresses say their hello a byte now and then, and
          come again when they are refused; how long does a client wait that calls meanwhile?
  reload  1,000 reloads, while connections come faster than 1,000 a second: how many fail?
  leak    100,000 connections of all kinds, good ones, refused ones and such as vanish: what
          is left of them in descriptors and memory?

Exit status 1 where a bound (below) is missed.
"""

import contextlib
import json
import os
import pathlib
import random
import re
import select
import socket
import statistics
import struct
import sys
import threading
import time

import snid
from snid import GATEWAY4, LOAD, NAME, SOURCES, Hosts, Target, Verdicts
import peers
from gateway import Gate64
from netns import Ground, handle_signals, wait_for
from wire import client_hello

SLOW, SLOW_SOURCES, CALLS = 10000, [f"203.0.113.{n}" for n in range(100, 200)], 200
SLOWER_MAX_MS = 50		# of the slowest call but one in a hundred
RELOADS, RATE_MIN = 1000, 1000	# connections a second ...
RELOAD_SECONDS = 60		# ... for so long
CONNECTIONS, WARM_UP, AT_ONCE = 100000, 10000, 300
GROWTH_MAX = 2 << 20		# bytes: what the allocator keeps, whatever the number
PORT = 443
MODE_AT = 11		# see snid_load.c: a short answer


def hello(name):
    """Bytes of a client that wants a short answer."""
    wire = bytearray(client_hello(name))
    wire[MODE_AT] = ord("s")
    return bytes(wire)


HELLOS = {"good": hello(NAME), "unknown": hello("nothing.bench.example"), "nameless": hello(None)}
KINDS = ["good"] * 4 + ["unknown", "nameless", "plain", "gone", "partial", "reset early",
                        "reset late"]


def usual(**limits):
    """gate64's settings, but limits as a user has them where they matter here."""
    settings = snid.settings()
    settings["snid"]["limits"].update(limits)
    return settings


def call(ns):
    """One connection; milliseconds until the server's first byte."""
    begun = time.perf_counter()
    with ns.connect((GATEWAY4, PORT)) as sock:
        sock.sendall(HELLOS["good"])
        assert sock.recv(1), "no answer"
    return (time.perf_counter() - begun) * 1e3


def calls(ns):
    """Many of them: the median, and what 99 of 100 do not exceed."""
    times = []
    for _ in range(CALLS):
        times.append(call(ns))
        time.sleep(0.02)
    times.sort()
    return statistics.median(times), times[CALLS * 99 // 100 - 1]


# ---- slow hellos ---------------------------------------------------------------------

class SlowClients:
    """They hold connections open, in a thread of their own."""

    def __init__(self, ns):
        self.ns, self.socks, self.said = ns, [], []
        self.over = threading.Event()
        self.thread = threading.Thread(target=self._run)

    def __enter__(self):
        self.thread.start()
        wait_for(lambda: len(self.socks) == SLOW, "all have come", 120)
        return self

    def __exit__(self, *_):
        self.over.set()
        self.thread.join()
        for sock in self.socks:
            sock.close()

    def _come(self, i):
        sock = self.ns.socket()
        sock.bind((SLOW_SOURCES[i % len(SLOW_SOURCES)], 0))
        sock.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            sock.connect((GATEWAY4, PORT))
        return sock

    def _run(self):
        for i in range(SLOW):
            self.socks.append(self._come(i))
            self.said.append(0)
            if i % 50 == 0:
                time.sleep(0.005)
        while not self.over.is_set():
            for i in range(SLOW):
                self._say(i)
                if i % 100 == 0 and self.over.wait(0.005):
                    return

    def _say(self, i):
        at = self.said[i]
        try:
            self.socks[i].send(HELLOS["good"][at:at + 1])
            self.said[i] = (at + 1) % (len(HELLOS["good"]) - 1)
        except BlockingIOError:
            pass
        except OSError:
            self.socks[i].close()
            self.socks[i], self.said[i] = self._come(i), 0


def slow(hosts, verdicts):
    """A client among slow ones."""
    for source in SLOW_SOURCES:
        hosts.client.run("ip", "addr", "add", f"{source}/24", "dev", hosts.ground.interface("b"))
    limits = {"opening": 8192, "opening_per_client": 128, "hello_timeout": "60s"}
    with Gate64(hosts, usual(**limits)) as gate64:
        alone = calls(hosts.client)
        with SlowClients(hosts.client):
            among = calls(hosts.client)
            opening = gate64.status()["rooms"]["snid"]["opening"]
    print(verdicts.check(
        f"a call among {SLOW} slow hellos ({opening} opening): median {among[0]:.1f} ms, 99 % "
        f"within {among[1]:.1f} ms; alone {alone[0]:.1f} and {alone[1]:.1f} ms",
        among[1] - alone[1] <= SLOWER_MAX_MS), flush=True)


# ---- reloads -------------------------------------------------------------------------

def reload(hosts, verdicts):
    """Reloads among connections."""
    log = hosts.ground.path("reload.out")
    with Gate64(hosts, usual()) as gate64:
        target = Target(hosts, "gate64", gate64.process, PORT)
        load = hosts.client.spawn(*target.arguments("short", 16, RELOAD_SECONDS), log=log)
        begun = time.monotonic()
        for i in range(RELOADS):
            gate64.reload({"snid": {"limits": {"idle_timeout": f"{60 + i % 50}m"}}})
        took = time.monotonic() - begun
        wait_for(lambda: load.poll() is not None, "the load is over", RELOAD_SECONDS)
        counters = gate64.counters()
    report = json.loads(log.read_text())
    refused = sum(n for name, n in counters.items() if name.startswith("snid.refused."))
    rate = report["connections"] / report["seconds"]
    print(verdicts.check(
        f"{RELOADS} reloads in {took:.0f} s, {rate:.0f} connections a second for "
        f"{report['seconds']:.0f} s: {report['failed']} of {report['connections']} failed, "
        f"{refused} refused, {counters['snid.ended.reset']} reset",
        took <= report["seconds"] and rate >= RATE_MIN and
        not (report["failed"] or refused or counters["snid.ended.reset"])), flush=True)


# ---- leaks ---------------------------------------------------------------------------

def footprint(gate64):
    """Descriptors and resident bytes."""
    pid = gate64.process.pid
    status = pathlib.Path(f"/proc/{pid}/status").read_text()
    return (len(os.listdir(f"/proc/{pid}/fd")),
            int(re.search(r"VmRSS:\s+(\d+)", status)[1]) * 1024)


class Crowd:
    """Connections of all kinds, so many at once."""

    def __init__(self, ns):
        self.ns, self.epoll, self.conns = ns, select.epoll(), {}
        self.random = random.Random(1)

    def _begin(self):
        sock = self.ns.socket()
        sock.setblocking(False)
        sock.connect_ex((GATEWAY4, PORT))
        self.conns[sock.fileno()] = [sock, self.random.choice(KINDS), False]
        self.epoll.register(sock, select.EPOLLOUT)

    def _end(self, fd, reset=False):
        sock = self.conns.pop(fd)[0]
        self.epoll.unregister(fd)
        if reset:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        sock.close()

    def _say(self, fd, sock, kind):
        if kind in ("partial", "reset early"):
            sock.send(HELLOS["good"][:100])
        if kind in ("gone", "partial", "reset early"):
            self._end(fd, kind == "reset early")
            return
        sock.send(b"GET / HTTP/1.0\r\n\r\n" if kind == "plain" else
                  HELLOS.get(kind, HELLOS["good"]))
        self.conns[fd][2] = True
        self.epoll.modify(fd, select.EPOLLIN)

    def _event(self, fd):
        sock, kind, said = self.conns[fd]
        try:
            if not said:
                self._say(fd, sock, kind)
            else:
                sock.recv(4096)
                self._end(fd, kind == "reset late")
        except OSError:
            self._end(fd)

    def run(self, total):
        """So many, one after another as places are free."""
        begun = 0
        while begun < total or self.conns:
            while begun < total and len(self.conns) < AT_ONCE:
                self._begin()
                begun += 1
            for fd, _what in self.epoll.poll(0.1):
                self._event(fd)


def leak(hosts, verdicts):
    """What connections leave behind."""
    def rest():
        wait_for(lambda: gate64.status()["rooms"]["snid"]["connections"] == 0, "all ended", 30)
        return footprint(gate64)

    with Gate64(hosts, usual(hello_timeout="2s")) as gate64:
        crowd = Crowd(hosts.client)
        crowd.run(WARM_UP)
        before = rest()
        crowd.run(CONNECTIONS)
        after = rest()
        counters = gate64.counters()
    refused = sum(n for name, n in counters.items() if name.startswith("snid.refused."))
    ended = sum(n for name, n in counters.items() if name.startswith("snid.ended."))
    adds_up = counters["snid.accepted"] == counters["snid.relayed"] + refused and \
        counters["snid.relayed"] == ended
    print(verdicts.check(
        f"{CONNECTIONS} connections: {before[0]} descriptors before, {after[0]} after, "
        f"{(after[1] - before[1]) / 1024:+.0f} KiB resident; {counters['snid.relayed']} relayed, "
        f"{refused} refused, {ended} ended",
        adds_up and before[0] == after[0] and after[1] - before[1] <= GROWTH_MAX), flush=True)


def main():
    """All, unless some are named."""
    handle_signals()
    snid.raise_limits()
    verdicts = Verdicts()
    with Ground() as ground:
        hosts = Hosts(ground)
        peers.start_nsd(hosts.client, SOURCES[0], snid.ZONES)
        hosts.server.spawn(LOAD, "server", 443, log=hosts.ground.path("server.out"))
        for what in sys.argv[1:] or ["slow", "reload", "leak"]:
            {"slow": slow, "reload": reload, "leak": leak}[what](hosts, verdicts)
    return not verdicts.good


if __name__ == "__main__":
    sys.exit(main())
