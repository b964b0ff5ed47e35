#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""NAT64 beside plain IPv6 forwarding, in one run over the same namespaces.

    inside --(1500)-- gateway --(1500)-- outside
    2001:db8:1::7     2001:db8:1::1      198.51.100.10, 2001:db8:2::10
                      198.51.100.1, 2001:db8:2::1

Each round measures both, one after the other; what counts is the ratio of a round,
since the machine's speed drifts. Printed are medians.
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
PLAIN, NAT64 = "2001:db8:2::10", "64:ff9b::198.51.100.10"

# What is measured: the name, iperf3's arguments, the figure in its report, its unit
CASES = (
    ("TCP, inside to outside", (), ("sum_received", "bits_per_second"), 1e9, "Gbit/s"),
    ("TCP, outside to inside", ("-R",), ("sum_received", "bits_per_second"), 1e9, "Gbit/s"),
    ("TCP, 8 flows", ("-P", "8"), ("sum_received", "bits_per_second"), 1e9, "Gbit/s"),
    ("UDP, 64 bytes", ("-u", "-b", "0", "-l", "64"), ("sum", "packets"), SECONDS * 1e3, "kpps"),
)


class Path:
    """The three namespaces; looks like a lab to Gate64."""

    def __init__(self, ground):
        self.ground = ground
        self.root_hints = "/usr/share/dns/root.hints"
        self.inside, self.gateway, self.outside = (
            ground.namespace(role) for role in ("inside", "gateway", "outside"))
        self._join(self.inside, "i", "2001:db8:1::7/64", "2001:db8:1::1/64")
        self._join(self.outside, "o", "2001:db8:2::10/64", "2001:db8:2::1/64")
        self.gateway.sysctl("net/ipv6/conf/all/forwarding", 1)
        self.gateway.run("ip", "addr", "add", "198.51.100.1/24", "dev", ground.interface("o"))
        self.outside.run("ip", "addr", "add", "198.51.100.10/24", "dev", ground.interface("p"))
        self.gateway.run("ip", "route", "add", "default", "via", "198.51.100.10")
        self.inside.run("ip", "route", "add", "default", "via", "2001:db8:1::1")
        self.outside.run("ip", "-6", "route", "add", "default", "via", "2001:db8:2::1")

    def _join(self, host, letter, far, near):
        gw, end = self.ground.interface(letter), self.ground.interface(chr(ord(letter) + 1))
        self.gateway.run("ip", "link", "add", gw, "type", "veth", "peer", "name", end,
                         "netns", host.name)
        for ns, name, address in ((self.gateway, gw, near), (host, end, far)):
            ns.run("ip", "addr", "add", address, "dev", name)
            ns.run("ip", "link", "set", name, "up")


def measure(path, target, arguments, figure):
    """One run of iperf3: the figure of its report, and the share that got lost."""
    done = path.inside.run("iperf3", "-J", "-c", target, "-t", SECONDS, *arguments,
                           timeout=SECONDS + 30)
    end = json.loads(done.stdout)["end"]
    value = end[figure[0]][figure[1]]
    if figure[0] == "sum":			# UDP: what arrived, not what was sent
        value -= end["sum"]["lost_packets"]
    return value


def main():
    handle_signals()
    with Ground() as ground:
        path = Path(ground)
        server = path.outside.spawn("iperf3", "-s", log=ground.path("iperf3.log"))
        settings = {"dns64": {"enabled": False}, "snid": {"listen": []}}
        with Gate64(path, settings) as gate64:
            wait_for(lambda: path.inside.run("ping", "-c", "1", NAT64, check=False)
                     .returncode == 0, "NAT64 to pass a ping")
            print(f"median of {ROUNDS} rounds, {SECONDS} s each; MTU 1500 both sides\n")
            print(f"{'':26}{'plain IPv6':>12}{'NAT64':>12}{'':10}{'ratio':>6}")
            for name, arguments, figure, scale, unit in CASES:
                rows = [(measure(path, PLAIN, arguments, figure) / scale,
                         measure(path, NAT64, arguments, figure) / scale)
                        for _ in range(ROUNDS)]
                plain, nat64 = (statistics.median(column) for column in zip(*rows))
                ratio = statistics.median(b / a for a, b in rows)
                print(f"{name:26}{plain:12.2f}{nat64:12.2f} {unit:9}{ratio:6.2f}", flush=True)
            packets = gate64.counters()
            print("\nslow path: " + ", ".join(f"{key} {packets[key]}" for key in sorted(packets)
                                              if ".packets." in key))
        ground.stop(server)


if __name__ == "__main__":
    start = time.monotonic()
    main()
    print(f"took {time.monotonic() - start:.0f} s")
