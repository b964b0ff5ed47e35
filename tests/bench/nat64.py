#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""NAT64 beside plain IPv6 forwarding and beside tayga, in one run.

    inside --(1500)-- gateway --(1500)-- outside     plain IPv6, and gate64
    2001:db8:1::7     2001:db8:1::1      198.51.100.10, 2001:db8:2::10
                      198.51.100.1, 2001:db8:2::1

    inside --(1500)-- tayga ----(1500)-- outside     TUN, and nft masquerading after it
    2001:db8:3::7     2001:db8:3::1      203.0.113.10
                      203.0.113.1

Each round measures all three, one after the other; what counts are the ratios of a
round, since the machine's speed drifts. Printed are medians.
"""

import json
import pathlib
import statistics
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lab"))

from gateway import Gate64			# noqa: E402
from netns import Ground, handle_signals, wait_for	# noqa: E402

ROUNDS = 5
SECONDS = 3
PLAIN, NAT64, TAYGA = "2001:db8:2::10", "64:ff9b::198.51.100.10", "2001:db8:64::203.0.113.10"

# What is measured: the name, iperf3's arguments, the figure in its report, its unit
CASES = (
    ("TCP, inside to outside", (), ("sum_received", "bits_per_second"), 1e9, "Gbit/s"),
    ("TCP, outside to inside", ("-R",), ("sum_received", "bits_per_second"), 1e9, "Gbit/s"),
    ("TCP, 8 flows", ("-P", "8"), ("sum_received", "bits_per_second"), 1e9, "Gbit/s"),
    ("UDP, 64 bytes", ("-u", "-b", "0", "-l", "64"), ("sum", "packets"), SECONDS * 1e3, "kpps"),
)

TAYGA_CONF = """\
tun-device nat64
ipv4-addr 192.168.255.1
ipv6-addr 2001:db8:3::64
prefix 2001:db8:64::/96
dynamic-pool 192.168.255.0/24
"""
MASQUERADE = """\
table ip nat {
    chain postrouting {
        type nat hook postrouting priority srcnat;
        ip saddr 192.168.255.0/24 masquerade
    }
}
"""


class Path:
    """The namespaces; looks like a lab to Gate64."""

    def __init__(self, ground):
        self.ground = ground
        self.root_hints = "/usr/share/dns/root.hints"
        self.inside, self.gateway, self.tayga, self.outside = (
            ground.namespace(role) for role in ("inside", "gateway", "tayga", "outside"))
        self._join(self.gateway, "2001:db8:1::1/64", self.inside, "2001:db8:1::7/64", "a")
        self._join(self.gateway, "2001:db8:2::1/64", self.outside, "2001:db8:2::10/64", "c")
        self._join(self.tayga, "2001:db8:3::1/64", self.inside, "2001:db8:3::7/64", "e")
        self._join(self.tayga, "203.0.113.1/24", self.outside, "203.0.113.10/24", "g")
        self.gateway.sysctl("net/ipv6/conf/all/forwarding", 1)
        self.gateway.run("ip", "addr", "add", "198.51.100.1/24", "dev", ground.interface("c"))
        self.outside.run("ip", "addr", "add", "198.51.100.10/24", "dev", ground.interface("d"))
        self.gateway.run("ip", "route", "add", "default", "via", "198.51.100.10")
        self.inside.run("ip", "route", "add", "default", "via", "2001:db8:1::1")
        self.outside.run("ip", "-6", "route", "add", "default", "via", "2001:db8:2::1")

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
        ns.nft(MASQUERADE)
        self.inside.run("ip", "route", "add", "2001:db8:64::/96", "via", "2001:db8:3::1")
        return ns.spawn("tayga", "--config", config, "--nodetach",
                        log=self.ground.path("tayga.log"))

    def passes(self, target):
        """Wait until a ping comes back."""
        wait_for(lambda: self.inside.run("ping", "-c", "1", "-W", "1", target, check=False)
                 .returncode == 0, f"a ping to {target} comes back")


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


def measure(path, target, arguments, figure):
    """One run of iperf3: the figure of its report, less what got lost."""
    end = wait_for(lambda: report(path, target, arguments), "the iperf3 server is free")
    value = end[figure[0]][figure[1]]
    if figure[0] == "sum":			# UDP: what arrived, not what was sent
        value -= end["sum"]["lost_packets"]
    return value


def compare(path, name, arguments, figure, scale, unit):
    """One line of the table: all three, round after round."""
    rows = [[measure(path, target, arguments, figure) / scale for target in (PLAIN, NAT64, TAYGA)]
            for _ in range(ROUNDS)]
    plain, nat64, tayga = (statistics.median(column) for column in zip(*rows))
    to_plain = statistics.median(row[1] / row[0] for row in rows)
    to_tayga = statistics.median(row[1] / row[2] for row in rows)
    print(f"{name:24}{plain:10.2f}{nat64:10.2f}{tayga:10.2f} {unit:8}"
          f"{to_plain:8.2f}{to_tayga:10.2f}", flush=True)


def packets(gate64):
    """gate64's own counters of packets, by path."""
    counters = gate64.counters()
    return {key: n for key, n in counters.items() if ".packets." in key or ".unsegmented" in key}


def main():
    handle_signals()
    with Ground() as ground:
        path = Path(ground)
        servers = [path.outside.spawn("iperf3", "-s", log=ground.path("iperf3.log")),
                   path.start_tayga()]
        settings = {"dns64": {"enabled": False}, "snid": {"listen": []}}
        with Gate64(path, settings) as gate64:
            for target in (PLAIN, NAT64, TAYGA):
                path.passes(target)
            print(f"median of {ROUNDS} rounds, {SECONDS} s each; MTU 1500 on all links\n")
            print(f"{'':24}{'plain':>10}{'gate64':>10}{'tayga':>10}{'':9}"
                  f"{'to plain':>8}{'to tayga':>10}")
            for case in CASES:
                compare(path, *case)
            print("\ngate64: " + ", ".join(f"{key} {n}" for key, n in
                                           sorted(packets(gate64).items())))
        for server in servers:
            ground.stop(server)


if __name__ == "__main__":
    start = time.monotonic()
    main()
    print(f"took {time.monotonic() - start:.0f} s")
