#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""dns64 beside Debian's unbound with its dns64 module, one thread each, in one run.

    client --(1500)-- host ----(1500)-- world
    2001:db8:1::7     2001:db8:1::1     192.0.2.53
                      192.0.2.1

  dns64.py [hits|misses]...      both if not given

On host, gate64 and unbound listen on ports of their own, with the same options, held to one
processor and so to one worker; nsd in world is the whole DNS; the client and nsd have the other processors. Each
round measures both, one after the other; what counts are the ratios of a round, since the
machine's speed drifts. Printed are medians.

  hits     AAAA of 10,000 names that have an A record only, all in the cache: CPU time of the
           server per query, over at least 1,000,000 queries; none may be lost
  misses   AAAA of names that nobody has asked for before: how many are answered a second,
           and the CPU time for one

Exit status 1 where a query was lost, or a ratio is worse than HITS_MAX and MISSES_MIN.
"""

import contextlib
import os
import pathlib
import re
import statistics
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lab"))

import peers					# noqa: E402
from gateway import Gate64			# noqa: E402
from netns import Ground, handle_signals, run	# noqa: E402

ROUNDS = 5
NAMES = 10_000
HITS, MISSES = 250_000, 20_000			# queries a round and server
HITS_MAX, MISSES_MIN = 0.9, 0.8			# of unbound's
HOST6, HOST4, WORLD4, CLIENT6 = "2001:db8:1::1", "192.0.2.1", "192.0.2.53", "2001:db8:1::7"
GATE64_PORT, UNBOUND_PORT = 5364, 5365
CPUS = sorted(os.sched_getaffinity(0))

ZONES = {
    ".": f"""\
        @ SOA ns.lab.example. lab.example. 1 3600 600 86400 3600
        @ 3600 NS ns.lab.example.
        ns.lab.example. 3600 A {WORLD4}
        bench.example. 3600 NS ns.lab.example.
        """,
    # 10,000 names and any number of others
    "bench.example.": """\
        @ 3600 SOA ns.lab.example. lab.example. 1 3600 600 86400 3600
        @ 3600 NS ns.lab.example.
        * 3600 A 192.0.2.80
        """,
}
# Both validate, and find nothing to: no key leads to the lab's names.
ANCHOR = "elsewhere.example. IN DS 1 13 2 " + "00" * 32 + "\n"

UNBOUND = """\
server:
    interface: {address}@{port}
    access-control: ::/0 allow
    do-daemonize: no
    username: ""
    chroot: ""
    directory: "{folder}"
    pidfile: ""
    use-syslog: no
    num-threads: 1
    module-config: "dns64 validator iterator"
    dns64-prefix: 64:ff9b::/96
    root-hints: "{hints}"
    trust-anchor-file: "{anchor}"
    msg-cache-size: 64m
    rrset-cache-size: 128m
    num-queries-per-thread: 4096
    outgoing-range: 8192
    edns-buffer-size: 1232
    minimal-responses: yes
    qname-minimisation: yes
    use-caps-for-id: yes
    aggressive-nsec: yes
    harden-glue: yes
    harden-dnssec-stripped: yes
    harden-below-nxdomain: yes
    harden-large-queries: yes
    harden-short-bufsize: yes
remote-control:
    control-enable: no
"""


@contextlib.contextmanager
def on_cpus(cpus):
    """What is started within the block stays on these processors."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cpus)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


class Hosts:
    """The namespaces; looks like a lab to Gate64."""

    def __init__(self, ground):
        self.ground = ground
        self.client, self.gateway, self.world = (
            ground.namespace(role) for role in ("client", "host", "world"))
        self._join(self.client, CLIENT6 + "/64", HOST6 + "/64", "a")
        self._join(self.world, WORLD4 + "/24", HOST4 + "/24", "c")
        self.gateway.run("ip", "route", "add", "default", "via", WORLD4)
        self.root_hints = ground.path("root.hints")
        self.root_hints.write_text(f". 3600 NS ns.lab.example.\nns.lab.example. 3600 A {WORLD4}\n")
        self.anchor = ground.path("anchor")
        self.anchor.write_text(ANCHOR)

    def _join(self, host, far, near, letter):
        ends = self.ground.interface(letter), self.ground.interface(chr(ord(letter) + 1))
        self.gateway.run("ip", "link", "add", ends[0], "type", "veth", "peer", "name", ends[1],
                         "netns", host.name)
        for ns, name, address in ((self.gateway, ends[0], near), (host, ends[1], far)):
            ns.run("ip", "addr", "add", address, "dev", name)
            ns.run("ip", "link", "set", name, "up")

    def start_unbound(self):
        """Debian's unbound."""
        folder = self.ground.path("unbound")
        folder.mkdir()
        config = folder / "unbound.conf"
        config.write_text(UNBOUND.format(address=HOST6, port=UNBOUND_PORT, folder=folder,
                                         hints=self.root_hints, anchor=self.anchor))
        return self.gateway.spawn("unbound", "-d", "-p", "-c", config, log=folder / "log")


def settings(hosts):
    """gate64's, one client being all clients here."""
    return {"inside": ["2001:db8:1::/64"], "uplink": "lo", "nat64": {"enabled": False},
            "dns64": {"dnssec": True, "trust_anchor": str(hosts.anchor),
                      "listen": [f"[{HOST6}]:{GATE64_PORT}"],
                      "limits": {"responses_per_client": 10000000}},
            "snid": {"listen": []}, "ops": {"log": {"level": "error"}}}


def cpu_s(process):
    """CPU time of all threads, in seconds; ended ones do not come."""
    return sum(int(task.joinpath("schedstat").read_text().split()[0])
               for task in pathlib.Path(f"/proc/{process.pid}/task").iterdir()) / 1e9


class Load:
    """dnsperf against one of the servers."""

    def __init__(self, hosts, process, port):
        self.hosts, self.process, self.port = hosts, process, port

    def run(self, names, number, at_once=100):
        """Ask for `number` of the names. Return: CPU microseconds a query, queries a second."""
        file = self.hosts.ground.path("names")
        lines = [f"{name} AAAA\n" for name in names]
        file.write_text("".join(lines))
        before = cpu_s(self.process)
        said = self.hosts.client.run(
            "dnsperf", "-s", HOST6, "-p", self.port, "-d", file, "-n", -(-number // len(lines)),
            "-q", at_once, "-c", "8", "-t", "5", timeout=300).stdout
        took = cpu_s(self.process) - before
        sent, done = (int(re.search(rf"Queries {what}: +(\d+)", said)[1])
                      for what in ("sent", "completed"))
        if done != sent or f"NOERROR {sent} " not in said:
            sys.exit(f"port {self.port}: not every query was answered well:\n"
                     + said[said.find("Statistics:"):])
        return took / done * 1e6, float(re.search(r"Queries per second: +([\d.]+)", said)[1])


def compare(what, unit, rows):
    """One line: rows of (gate64's, unbound's). Return: the median ratio."""
    mine, theirs = (statistics.median(column) for column in zip(*rows))
    ratio = statistics.median(a / b for a, b in rows)
    print(f"{what:32}{ratio:7.2f} of unbound   (gate64 {mine:.2f}, unbound {theirs:.2f} {unit})",
          flush=True)
    return ratio


def hits(loads):
    """All from the cache. Return: whether it is well."""
    names = [f"n{number}.bench.example" for number in range(NAMES)]
    for load in loads:
        load.run(names, NAMES)
    rows = [[load.run(names, HITS) for load in loads] for _ in range(ROUNDS)]
    compare("hits: queries", "/s", [[rate for _cpu, rate in row] for row in rows])
    return compare("hits: CPU time a query", "us", [[cpu for cpu, _rate in row]
                                                    for row in rows]) <= HITS_MAX


def misses(loads):
    """None from the cache. Return: whether it is well."""
    rows = []
    for turn in range(ROUNDS + 1):
        rows.append([load.run([f"r{turn}-{number}.bench.example" for number in range(MISSES)],
                              MISSES) for load in loads])
    rows = rows[1:]			# the first finds the servers
    compare("misses: CPU time a query", "us", [[cpu for cpu, _rate in row] for row in rows])
    return compare("misses: queries", "/s", [[rate for _cpu, rate in row]
                                             for row in rows]) >= MISSES_MIN


def main():
    """Both, unless one is named."""
    wanted = sys.argv[1:] or ["hits", "misses"]
    handle_signals()
    with Ground() as ground:
        hosts = Hosts(ground)
        with on_cpus(CPUS[1:] or CPUS):
            peers.start_nsd(hosts.world, WORLD4, ZONES)
        with on_cpus(CPUS[:1]):
            unbound = hosts.start_unbound()
            gate64 = Gate64(hosts, settings(hosts))
            gate64.start()
        loads = [Load(hosts, gate64.process, GATE64_PORT), Load(hosts, unbound, UNBOUND_PORT)]
        print(run("unbound", "-V").stdout.split("\n", 1)[0].replace("Version", "unbound"), flush=True)
        with on_cpus(CPUS[1:] or CPUS):
            good = [{"hits": hits, "misses": misses}[what](loads) for what in wanted]
        gate64.stop()
    return not all(good)


if __name__ == "__main__":
    sys.exit(main())
