#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""One client opens 100,000 flows a second, and another goes on working; on the namespaces of
nat64.py.

  flood.py [SECONDS]         20 if not given

Three kinds of flood, each against gate64 with its default limits: SYNs and datagrams, no two
with the same ports, and datagrams that all come from one socket. Meanwhile a client of another
/64 opens connections, at a steady rate, and keeps a transfer going. Printed are the rate of the
flood as gate64 has counted it, what became of the other client's connections and transfer (the
same without flood beside it), and the memory. Exit status 1 where a connection failed or the
transfer broke, where the flood was slower than it has to be, or memory went past its bound.
"""

import contextlib
import json
import multiprocessing
import random
import resource
import socket
import statistics
import struct
import sys
import time

from nat64 import NAT64, Path
from restarts import Short
from gateway import Gate64
from netns import Ground, handle_signals, wait_for

FLOODER, FLOODER_NET = "2001:db8:5::7", "2001:db8:5::/64"
RATE = 100_000			# flows a second
FLOWS = 1 << 17			# different ones, over and over
CONNECTIONS_PER_S = 200
MEMORY_MAX = 200e6		# bytes, resident: of the tables, and of the process around them
SETTINGS = {"nat64": {"fast_path": "required"}, "dns64": {"enabled": False},
            "inside": ["2001:db8:1::/64", FLOODER_NET],
            "snid": {"listen": []}, "ops": {"log": {"level": "error"}}}


def packet(proto, ports):
    """An IPv6 packet of the flooder, whole."""
    src, dst = (socket.inet_pton(socket.AF_INET6, a) for a in (FLOODER, NAT64))
    if proto == socket.IPPROTO_TCP:
        head = struct.pack("!HHIIBBHHH", *ports, 1, 0, 5 << 4, 2, 1024, 0, 0)
        at = 16
    else:
        head = struct.pack("!HHHH", *ports, 8, 0)
        at = 6
    covered = src + dst + struct.pack("!II", len(head), proto) + head
    total = sum(struct.unpack(f"!{len(covered) // 2}H", covered))
    total = (total & 0xffff) + (total >> 16)
    total = 0xffff - ((total & 0xffff) + (total >> 16)) or 0xffff
    head = head[:at] + struct.pack("!H", total) + head[at + 2:]
    return struct.pack("!IHBB", 6 << 28, len(head), proto, 64) + src + dst + head


def flood_of(kind):
    """The packets of one kind of flood."""
    chosen = random.Random(1)
    proto = socket.IPPROTO_TCP if kind == "SYNs" else socket.IPPROTO_UDP
    return [packet(proto, (5000 if kind == "one socket" else chosen.randrange(1024, 65536),
                           chosen.randrange(1, 8080)))
            for _ in range(FLOWS)]


def send_all(ns, packets, done):
    """Packets at RATE, a few each millisecond, until told to end; a process of its own."""
    with ns.entered():
        sock = socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_RAW)
    sock.connect((NAT64, 0))
    sent, start = 0, time.monotonic()
    while not done.is_set():
        due = int((time.monotonic() - start) * RATE)
        if due <= sent:
            time.sleep(0.0005)
        for number in range(sent, due):
            try:
                sock.send(packets[number % FLOWS])
            except OSError:		# the device's queue is full
                pass
        sent = due


@contextlib.contextmanager
def flood(ns, kind):
    """One client opens flows for the length of the block; None: nobody does."""
    if not kind:
        yield
        return
    context = multiprocessing.get_context("fork")
    done = context.Event()
    process = context.Process(target=send_all, args=(ns, flood_of(kind), done))
    process.start()
    try:
        yield
    finally:
        done.set()
        process.join(10)
        process.kill()


def resident(pid):
    """Bytes of memory that a process has now."""
    with open(f"/proc/{pid}/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * resource.getpagesize()


def arrived(gate64):
    """Packets of clients that gate64 has seen."""
    counters = gate64.counters()
    errors = counters["nat64.drops.icmp_rate"]	# of our own that were not sent
    return sum(n for name, n in counters.items() if name.startswith("nat64.drops.") or
               name in ("nat64.packets.out", "nat64.fast_path.packets_out")) - errors


def measure(path, kind, seconds):
    """One kind of flood. Return: whether all was well."""
    with Gate64(path, SETTINGS) as gate64:
        path.passes(NAT64)
        report = path.ground.path(f"bulk-{kind}.json")
        with flood(path.inside, kind):
            time.sleep(2)		# past what it may have at once
            bulk = path.inside.spawn("iperf3", "-J", "-c", NAT64, "-b", "200M", "-t", str(seconds),
                                     log=report)
            short = Short(path.inside, CONNECTIONS_PER_S)
            before, start = arrived(gate64), time.monotonic()
            short.start()
            time.sleep(seconds)
            rate = (arrived(gate64) - before) / (time.monotonic() - start)
            short.done.set()
            short.join()
            memory = resident(gate64.process.pid) + gate64.status()["rooms"]["nat64"]["memory_bytes"]
            wait_for(lambda: bulk.poll() is not None, "the transfer ends", timeout=30)
        sessions = gate64.status()["rooms"]["nat64"]["sessions"]
    moved = json.loads(report.read_text()).get("end", {}).get("sum_received", {}).get("bytes", 0)
    took = sorted(short.took)
    print(f"{kind or 'no flood':12} {rate / 1e3:6.1f} k packets/s at the gateway; {len(took)} "
          f"connections came about, {len(short.failed)} failed, in {statistics.median(took) * 1e3:.1f} "
          f"ms, 99 % in {took[len(took) * 99 // 100] * 1e3:.1f} ms; transfer "
          f"{moved * 8 / seconds / 1e6:.0f} Mbit/s; {sessions} sessions, {memory / 1e6:.0f} MB",
          flush=True)
    return (moved and not short.failed and memory < MEMORY_MAX and
            (not kind or rate >= RATE * 0.95))


def main():
    """Every kind, one after the other."""
    seconds = int(sys.argv[1]) if len(sys.argv) > 1 else 20
    handle_signals()
    with Ground() as ground:
        path = Path(ground)
        path.inside.run("ip", "addr", "add", f"{FLOODER}/128", "dev", ground.interface("b"),
                        "preferred_lft", "0")	# of the flooder alone
        path.gateway.run("ip", "route", "add", FLOODER_NET, "via", "2001:db8:1::7")
        servers = path.start_servers()
        well = [measure(path, kind, seconds) for kind in (None, "SYNs", "datagrams", "one socket")]
        for server in servers:
            ground.stop(server)
    sys.exit(0 if all(well) else 1)


if __name__ == "__main__":
    main()
