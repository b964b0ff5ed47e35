#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""dns64 under a flood of random names, as of a random-subdomain attack.

The hosts are those of dns64.py. 100,000 names are put into a cache of 64 MiB; then somebody asks
for FLOOD names that do not exist, RATE a second, while somebody else goes on asking for those in
the cache. Printed are how long his answers take, what the memory comes to, and how many of the
100,000 names are still in the cache when it is over.

Exit status 1 where the 99th percentile is over P99_MAX_MS, memory over the bound, or names in
demand were pushed out.
"""

import pathlib
import random
import re
import socket
import sys
import threading
import time

sys.path[:0] = [str(pathlib.Path(__file__).resolve().parent),
                str(pathlib.Path(__file__).resolve().parents[1] / "lab")]

import dns.message				# noqa: E402

import dns64					# noqa: E402
import peers					# noqa: E402
from dns64 import CPUS, GATE64_PORT, HOST6, WORLD4, Hosts, on_cpus, settings	# noqa: E402
from gateway import Gate64			# noqa: E402
from netns import Ground, handle_signals	# noqa: E402

NAMES, FLOOD, RATE = 100_000, 300_000, 5_000
SIZE = 64 << 20
PROBES_PER_S, PROBE_TIMEOUT_S = 500, 1.0
P99_MAX_MS, KEPT_MIN = 1.0, 0.999
GROWTH_MAX = 8 << 20		# in the second half of the flood, when all that fills up has done so

ZONES = dns64.ZONES | {
    ".": dns64.ZONES["."] + "attack.example. 3600 NS ns.lab.example.\n",
    "attack.example.": """\
        @ 3600 SOA ns.lab.example. lab.example. 1 3600 600 86400 3600
        @ 3600 NS ns.lab.example.
        """,
}


class Prober(threading.Thread):
    """Asks for names in the cache, one after the other, until stopped."""

    def __init__(self, hosts):
        super().__init__(name="prober")
        self.socket = hosts.client.socket(socket.AF_INET6, socket.SOCK_DGRAM)
        self.socket.connect((HOST6, GATE64_PORT))
        self.socket.settimeout(PROBE_TIMEOUT_S)
        self.stopped, self.took_ms, self.lost = threading.Event(), [], 0

    def run(self):
        queries = [dns.message.make_query(f"n{random.randrange(NAMES)}.bench.example", "AAAA")
                   .to_wire() for _ in range(2000)]
        while not self.stopped.wait(1 / PROBES_PER_S):
            query = random.choice(queries)
            began = time.perf_counter()
            self.socket.send(query)
            try:
                while self.socket.recv(4096)[:2] != query[:2]:
                    pass
            except TimeoutError:
                self.lost += 1
            self.took_ms.append((time.perf_counter() - began) * 1000)

    def percentile(self, percent):
        """In milliseconds."""
        return sorted(self.took_ms)[int(len(self.took_ms) * percent / 100)]


def ask_for(hosts, names, *options):
    """dnsperf, once for each name. Return: how many were answered."""
    file = hosts.ground.path("names")
    file.write_text("".join(f"{name} AAAA\n" for name in names))
    said = hosts.client.run("dnsperf", "-s", HOST6, "-p", GATE64_PORT, "-d", file, "-n", "1",
                            "-c", "8", *options, timeout=600).stdout
    return int(re.search(r"Queries completed: +(\d+)", said)[1])


def resident(process):
    """Bytes."""
    return int(re.search(r"VmRSS:\s+(\d+)", pathlib.Path(
        f"/proc/{process.pid}/status").read_text())[1]) << 10


def kept(hosts, gate64, names):
    """Which part of the names is answered from the cache."""
    def hits():
        return gate64.status()["rooms"]["dns64"]["counters"]["cache"]["hit"]

    before = hits()
    ask_for(hosts, names)
    return (hits() - before) / len(names)


def measure(hosts, gate64):
    """Return: whether all is well."""
    names = [f"n{number}.bench.example" for number in range(NAMES)]
    before = resident(gate64.process)
    ask_for(hosts, names)
    warm = kept(hosts, gate64, names)
    print(f"{NAMES} names in a cache of {SIZE >> 20} MiB: {warm:.2%} are there", flush=True)

    prober = Prober(hosts)
    prober.start()
    began = time.monotonic()
    answered, memory = 0, []
    for _half in range(2):
        answered += ask_for(
            hosts, (f"{random.getrandbits(64):x}.attack.example" for _ in range(FLOOD // 2)),
            "-Q", RATE, "-q", "1000")
        memory.append(resident(gate64.process))
    took = time.monotonic() - began
    prober.stopped.set()
    prober.join()
    gauges = gate64.status()["rooms"]["dns64"]
    still = kept(hosts, gate64, names)

    print(f"flood of {FLOOD} random names, {FLOOD / took:.0f}/s, {answered / FLOOD:.1%} answered\n"
          f"hits beside it: median {prober.percentile(50):.3f} ms, p99 "
          f"{prober.percentile(99):.3f} ms, of {len(prober.took_ms)}, {prober.lost} lost\n"
          f"cache: {gauges['cache_bytes'] / 2**20:.1f} of {gauges['cache_bytes_max'] / 2**20:.0f} "
          f"MiB in {gauges['cache_entries']} entries\n"
          f"the whole process, resident: {before / 2**20:.1f} MiB empty, {memory[0] / 2**20:.1f} "
          f"after half of it, {memory[1] / 2**20:.1f} at the end\n"
          f"names in demand still there: {still:.2%}", flush=True)
    return (prober.percentile(99) <= P99_MAX_MS and not prober.lost and
            gauges["cache_bytes"] <= gauges["cache_bytes_max"] == SIZE and
            memory[1] - memory[0] <= GROWTH_MAX and min(warm, still) >= KEPT_MIN)


def main():
    """The servers, then the flood."""
    handle_signals()
    with Ground() as ground:
        hosts = Hosts(ground)
        with on_cpus(CPUS[1:] or CPUS):
            peers.start_nsd(hosts.world, WORLD4, ZONES)
        with on_cpus(CPUS[:1]):
            gate64 = Gate64(hosts, settings(hosts))
            gate64.start()
        with on_cpus(CPUS[1:] or CPUS):
            good = measure(hosts, gate64)
        gate64.stop()
    return not good


if __name__ == "__main__":
    sys.exit(main())
