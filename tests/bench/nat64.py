#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""NAT64 beside plain IPv6 forwarding, tayga, and masquerading of IPv4, in one run.

    inside --(1500)-- gateway --(1500)-- outside     plain IPv6, and gate64
    2001:db8:1::7     2001:db8:1::1      198.51.100.10, 2001:db8:2::10
                      198.51.100.1, 2001:db8:2::1

    inside --(1500)-- tayga ----(1500)-- outside     TUN, and nft masquerading after it
    2001:db8:3::7     2001:db8:3::1      203.0.113.10
                      203.0.113.1

    inside --(1500)-- nat44 ----(1500)-- outside     nft masquerading of IPv4
    10.4.0.7          10.4.0.1           192.0.2.10
                      192.0.2.1

  nat64.py [slow|fast|many]...    which of gate64's paths; many: what 262,144 flows that go
                                  fast cost while nothing happens; all three if not given

Each round measures all, one after the other; what counts are the ratios of a round, since
the machine's speed drifts. Printed are medians.
"""

import json
import os
import pathlib
import re
import socket
import statistics
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lab"))

from gateway import Gate64, merge		# noqa: E402
from netns import Ground, handle_signals, wait_for	# noqa: E402

ROUNDS = 5
SECONDS = 3
FLOWS, IDLE_SECONDS = 262144, 20
HTTP, SINK, SINKS = 8080, 20000, 500	# ports; the sinks count datagrams
PLAIN, NAT64, TAYGA, NAT44 = ("2001:db8:2::10", "64:ff9b::198.51.100.10",
                              "2001:db8:64::203.0.113.10", "192.0.2.10")
NAMES = {PLAIN: "plain", NAT64: "gate64", TAYGA: "tayga", NAT44: "nat44"}

TAYGA_CONF = """\
tun-device nat64
ipv4-addr 192.168.255.1
ipv6-addr 2001:db8:3::64
prefix 2001:db8:64::/96
dynamic-pool 192.168.255.0/24
"""
MASQUERADE = """\
table ip nat {{
    chain postrouting {{
        type nat hook postrouting priority srcnat;
        ip saddr {} masquerade
    }}
}}
"""
COUNT = f"""\
table inet sinks {{
    counter datagrams {{ }}
    chain prerouting {{
        type filter hook prerouting priority raw;
        udp dport {SINK}-{SINK + SINKS - 1} counter name datagrams drop
    }}
}}
"""
NGINX = """\
daemon off; worker_processes 1; pid {folder}/nginx.pid; error_log {folder}/nginx.log;
events {{ worker_connections 4096; }}
http {{
    access_log off; client_body_temp_path {folder}; proxy_temp_path {folder};
    fastcgi_temp_path {folder}; uwsgi_temp_path {folder}; scgi_temp_path {folder};
    server {{ listen {port}; listen [::]:{port}; location / {{ return 200 "ok"; }} }}
}}
"""


class Path:
    """The namespaces; looks like a lab to Gate64."""

    def __init__(self, ground):
        self.ground = ground
        self.root_hints = "/usr/share/dns/root.hints"
        self.inside, self.gateway, self.tayga, self.nat44, self.outside = (
            ground.namespace(role) for role in ("inside", "gateway", "tayga", "nat44", "outside"))
        self._join(self.gateway, "2001:db8:1::1/64", self.inside, "2001:db8:1::7/64", "a")
        self._join(self.gateway, "2001:db8:2::1/64", self.outside, "2001:db8:2::10/64", "c")
        self._join(self.tayga, "2001:db8:3::1/64", self.inside, "2001:db8:3::7/64", "e")
        self._join(self.tayga, "203.0.113.1/24", self.outside, "203.0.113.10/24", "g")
        self._join(self.nat44, "10.4.0.1/24", self.inside, "10.4.0.7/24", "i")
        self._join(self.nat44, "192.0.2.1/24", self.outside, "192.0.2.10/24", "k")
        self.gateway.sysctl("net/ipv6/conf/all/forwarding", 1)
        self.gateway.run("ip", "addr", "add", "198.51.100.1/24", "dev", ground.interface("c"))
        self.outside.run("ip", "addr", "add", "198.51.100.10/24", "dev", ground.interface("d"))
        self.gateway.run("ip", "route", "add", "default", "via", "198.51.100.10")
        self.inside.run("ip", "route", "add", "default", "via", "2001:db8:1::1")
        self.inside.run("ip", "route", "add", "192.0.2.0/24", "via", "10.4.0.1")
        self.outside.run("ip", "-6", "route", "add", "default", "via", "2001:db8:2::1")
        # A client that opens connections as fast as it can soon meets its own old ones.
        for ns in (self.inside, self.outside):
            ns.sysctl("net/ipv4/ip_local_port_range", "10000 65000")
            ns.sysctl("net/ipv4/tcp_max_syn_backlog", 8192)
            ns.sysctl("net/core/somaxconn", 8192)

    def _join(self, gateway, near, host, far, letter):
        ends = self.ground.interface(letter), self.ground.interface(chr(ord(letter) + 1))
        gateway.run("ip", "link", "add", ends[0], "type", "veth", "peer", "name", ends[1],
                    "netns", host.name)
        for ns, name, address in ((gateway, ends[0], near), (host, ends[1], far)):
            ns.run("ip", "addr", "add", address, "dev", name)
            ns.run("ip", "link", "set", name, "up")

    def start_tayga(self):
        """Debian's tayga, set up as its documentation has it."""
        ns, config = self.tayga, self.ground.path("tayga.conf")
        config.write_text(TAYGA_CONF)
        ns.sysctl("net/ipv6/conf/all/forwarding", 1)
        ns.sysctl("net/ipv4/ip_forward", 1)
        ns.run("tayga", "--config", config, "--mktun")
        ns.run("ip", "link", "set", "nat64", "up")
        ns.run("ip", "route", "add", "192.168.255.0/24", "dev", "nat64")
        ns.run("ip", "route", "add", "2001:db8:64::/96", "dev", "nat64")
        ns.nft(MASQUERADE.format("192.168.255.0/24"))
        self.inside.run("ip", "route", "add", "2001:db8:64::/96", "via", "2001:db8:3::1")
        return ns.spawn("tayga", "--config", config, "--nodetach",
                        log=self.ground.path("tayga.log"))

    def start_nat44(self):
        """The kernel's own NAT."""
        self.nat44.sysctl("net/ipv4/ip_forward", 1)
        self.nat44.nft(MASQUERADE.format("10.4.0.0/24"))

    def start_servers(self):
        """What is measured against."""
        self.outside.nft(COUNT)
        config = self.ground.path("nginx.conf")
        config.write_text(NGINX.format(folder=self.ground.folder, port=HTTP))
        return [self.outside.spawn("iperf3", "-s", log=self.ground.path("iperf3.log")),
                self.outside.spawn("nginx", "-c", config, log=self.ground.path("nginx.out"))]

    def passes(self, target):
        """Wait until a ping comes back."""
        wait_for(lambda: self.inside.run("ping", "-c", "1", "-W", "1", target, check=False)
                 .returncode == 0, f"a ping to {target} comes back")


# ---- what is measured ----------------------------------------------------------------

def report(path, target, arguments):
    """What iperf3 has to say of one run, or None where its server still ends the last."""
    done = path.inside.run("iperf3", "-J", "-c", target, "-t", SECONDS, *arguments,
                           timeout=SECONDS + 30, check=False)
    said = json.loads(done.stdout)
    if "error" not in said:
        return said["end"]
    if "busy" not in said["error"]:
        sys.exit(f"iperf3 -c {target} {' '.join(arguments)}: {said['error']}")
    return None


def transfer(*arguments):
    """TCP, in Gbit/s."""
    def run(path, target):
        end = wait_for(lambda: report(path, target, arguments), "the iperf3 server is free")
        return end["sum_received"]["bits_per_second"] / 1e9
    return run


def datagrams(size):
    """UDP, in thousands of packets a second; what arrived, not what was sent."""
    def run(path, target):
        end = wait_for(lambda: report(path, target, ("-u", "-b", "0", "-l", str(size))),
                       "the iperf3 server is free")
        return (end["sum"]["packets"] - end["sum"]["lost_packets"]) / SECONDS / 1e3
    return run


def connections(path, target):
    """New TCP connections, one HTTP request each, in thousands a second."""
    host = f"[{target}]" if ":" in target else target
    out = path.inside.run("wrk", "-t", "1", "-c", "32", "-d", SECONDS, "-H", "Connection: close",
                          f"http://{host}:{HTTP}/", timeout=SECONDS + 30).stdout
    return float(re.search(r"Requests/sec: +([0-9.]+)", out)[1]) / 1e3


def arrived(path):
    """Datagrams that the sinks have counted."""
    out = json.loads(path.outside.run("nft", "-j", "list", "counter", "inet", "sinks",
                                      "datagrams").stdout)
    return next(o["counter"]["packets"] for o in out["nftables"] if "counter" in o)


def new_flows(path, target):
    """UDP flows of one datagram each, in thousands a second; no port pair comes twice."""
    family = socket.AF_INET6 if ":" in target else socket.AF_INET
    before, sent, start = arrived(path), 0, time.monotonic()
    while time.monotonic() - start < SECONDS:
        with path.inside.socket(family, socket.SOCK_DGRAM) as sock:
            for port in range(SINK, SINK + SINKS):
                sock.sendto(b"new", (target, port))
        sent += SINKS
    took = time.monotonic() - start
    time.sleep(0.3)				# what still waits in a queue
    return (arrived(path) - before) / took / 1e3


# Name, function, unit, whom to compare with
SLOW = (("TCP, inside to outside", transfer(), "Gbit/s", (PLAIN, NAT64, TAYGA)),
        ("TCP, outside to inside", transfer("-R"), "Gbit/s", (PLAIN, NAT64, TAYGA)),
        ("TCP, 8 flows", transfer("-P", "8"), "Gbit/s", (PLAIN, NAT64, TAYGA)),
        ("UDP, 64 bytes", datagrams(64), "kpps", (PLAIN, NAT64, TAYGA)))
FAST = (*((name, what, unit, (PLAIN, NAT64, NAT44, TAYGA)) for name, what, unit, _ in SLOW),
        ("UDP, 1420 bytes", datagrams(1420), "kpps", (PLAIN, NAT64, NAT44, TAYGA)),
        ("new TCP connections", connections, "k/s", (PLAIN, NAT64, NAT44)),
        ("new UDP flows", new_flows, "k/s", (PLAIN, NAT64, NAT44)))


def compare(path, name, function, unit, targets):
    """One line of the table: all of them, round after round."""
    rows = [[function(path, target) for target in targets] for _ in range(ROUNDS)]
    figures = ", ".join(f"{NAMES[target]} {statistics.median(column):.2f}"
                        for target, column in zip(targets, zip(*rows)))
    mine = targets.index(NAT64)
    ratios = "".join(f"{statistics.median(row[mine] / row[i] for row in rows):>7.2f} of "
                     f"{NAMES[target]}" for i, target in enumerate(targets) if i != mine)
    print(f"{name:24}{ratios}   ({figures} {unit})", flush=True)


def settings_of(fast):
    """gate64's, one client being all clients here."""
    return {"nat64": {"fast_path": "required" if fast else "off",
                      "limits": {"sessions_per_client": 262144, "new_per_client": 10000000,
                                 "half_open_per_client": 65536},
                      "timeouts": {"udp": "10s", "tcp_transitory": "10s"}},
            "dns64": {"enabled": False}, "snid": {"listen": []}, "ops": {"log": {"level": "error"}}}


def cpu_seconds(pid):
    """Of a process, user and system."""
    with open(f"/proc/{pid}/stat", encoding="ascii") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def fill(path, gate64, number):
    """Open that many UDP flows, two datagrams each."""
    def sessions():
        return gate64.status()["rooms"]["nat64"]["fast_path"]["sessions"]
    sockets = [path.inside.socket(socket.AF_INET6, socket.SOCK_DGRAM)
               for _ in range(-(-number // SINKS))]
    for sock in sockets:
        for port in range(SINK, SINK + SINKS):
            for _ in range(2):
                sock.sendto(b"new", (NAT64, port))
        time.sleep(0.005)		# the queue of the slow path is not to overflow
    for sock in sockets:
        sock.close()
    return sessions()


def many(path):
    """What flows cost that are there, and do nothing."""
    settings = merge(settings_of(True), {"nat64": {"timeouts": {"udp": "10m"}}})
    with Gate64(path, settings) as gate64:
        path.passes(NAT64)
        empty = gate64.status()["rooms"]["nat64"]["memory_bytes"]
        number = fill(path, gate64, FLOWS)
        full = gate64.status()["rooms"]["nat64"]["memory_bytes"]
        before, start = cpu_seconds(gate64.process.pid), time.monotonic()
        time.sleep(IDLE_SECONDS)
        used = (cpu_seconds(gate64.process.pid) - before) / (time.monotonic() - start)
        print(f"\n{number} UDP flows that go fast: {full / 1e6:.1f} MB for the tables in all "
              f"({empty / 1e6:.1f} without flows); {used * 100:.2f} % of a core for ageing")


def table(path, fast):
    """gate64 with one of its paths, beside the others."""
    print(f"\ngate64, {'fast' if fast else 'slow'} path: medians of {ROUNDS} rounds, {SECONDS} s "
          "each; MTU 1500 on all links")
    with Gate64(path, settings_of(fast)) as gate64:
        for target in NAMES:
            path.passes(target)
        for case in FAST if fast else SLOW:
            compare(path, *case)
        status = gate64.status()["rooms"]["nat64"]
        print("packets: slow path", status["counters"]["packets"], "fast path",
              status["fast_path"])


def main():
    """Both tables, or the one that is asked for."""
    handle_signals()
    with Ground() as ground:
        path = Path(ground)
        servers = [*path.start_servers(), path.start_tayga()]
        path.start_nat44()
        for which in sys.argv[1:] or ("slow", "fast", "many"):
            if which == "many":
                many(path)
            else:
                table(path, which == "fast")
        for server in servers:
            ground.stop(server)


if __name__ == "__main__":
    start = time.monotonic()
    main()
    print(f"took {time.monotonic() - start:.0f} s")
