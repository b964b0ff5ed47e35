# SPDX-License-Identifier: GPL-2.0-or-later
"""dns64 answers every query while it is reloaded and while the gateway's addresses change.

server6 asks over UDP and over TCP through the tunnel, whose cost a packet is the bound; the
gateway asks itself, as fast as it can.
"""

import collections
import itertools
import re
import signal

import pytest

from gateway import Gate64
from netns import wait_for
from topology import GATEWAY6

QUERIES = 100_000
RELOADS = 20
NAMES = ("v4.shapes.plain", "v4.shapes.secure", "both.shapes.plain", "v6.shapes.secure",
         "text.shapes.plain", "nothing.shapes.secure", "chain2.shapes.plain", "many.shapes.secure")
# None of them is in a cache, and each takes a while.
LATE = [f"name{i}.late.odd" for i in range(1000)]
COUNT = re.compile(r"Queries (sent|completed|lost|interrupted): +(\d+)")
RCODE = re.compile(r"\b([A-Z]+) \d+ \(")

# One after the other: in each, one thing differs from the usual configuration.
CHANGES = (
    {},						# nothing but the signal
    {"dns64": {"cache": {"size": "16MiB"}}},
    {"dns64": {"listen": ["::", "0.0.0.0", "[::]:5353"]}},
    {"dns64": {"exclude_aaaa": []}},
    {"dns64": {"dnssec": False}},		# another resolver behind it
    {"prefixes": {"nat64": ["fd00:64::/96"]}},	# other answers
)


@pytest.fixture(scope="module")
def gate64(lab, internet):
    settings = internet.settings
    settings["dns64"]["listen"] = ["::", "0.0.0.0"]
    settings["dns64"]["limits"] = {"responses_per_client": "1000000/s"}
    with Gate64(lab, settings) as gate64:
        yield gate64


class Load:
    """dnsperf for the length of a `with` block; afterwards it has `counts` and `rcodes`."""

    def __init__(self, ns, server, mode, at_once, names=NAMES):
        self.ns, self.server, self.mode, self.at_once, self.names = ns, server, mode, at_once, names
        self.log = ns.ground.path(f"dnsperf-{ns.role}-{mode}-{len(names)}.log")

    def __enter__(self):
        names = self.log.with_suffix(".names")
        names.write_text("".join(f"{name} {kind}\n" for name in self.names for kind in ("AAAA", "A")))
        self.process = self.ns.spawn(
            "dnsperf", "-s", self.server, "-m", self.mode, "-d", names, "-c", 8,
            "-q", self.at_once, "-l", 300, "-t", 5, log=self.log)
        return self

    def __exit__(self, *_):
        assert self.process.poll() is None, self.log.read_text()
        self.process.send_signal(signal.SIGINT)		# it sums up what it has until then
        self.process.wait(20)
        said = self.log.read_text()
        self.counts = collections.Counter({what: int(n) for what, n in COUNT.findall(said)})
        self.rcodes = set(RCODE.findall(said))

    def check(self):
        """No query without its answer, no answer that says failure."""
        assert self.counts["lost"] == 0
        assert self.counts["completed"] + self.counts["interrupted"] == self.counts["sent"] > 0
        assert self.rcodes <= {"NOERROR", "NXDOMAIN"}


def addresses_change(lab, present):
    """The gateway has further addresses, or no longer."""
    for interface, address in (("up0", "198.51.100.9/24"), (lab.wg_gateway, "2001:db8:0:1::9/64")):
        lab.gateway.run("ip", "address", "add" if present else "del", address, "dev", interface)


def test_no_query_is_lost(lab, gate64):
    """100,000 queries during 20 reloads, half of them with something changed, and as many
    changes of addresses. Of those that wait for an upstream, there are some at each moment."""
    def asked():
        counters = gate64.counters()
        return sum(n for name, n in counters.items() if name.startswith("dns64.queries."))
    before = asked()
    # Fewer at once than a socket's buffer holds: what the kernel drops is no matter here.
    with (Load(lab.gateway, "127.0.0.1", "udp", 64) as own,
          Load(lab.server6, GATEWAY6, "tcp", 64) as tcp,
          Load(lab.server6, GATEWAY6, "udp", 8) as udp,
          Load(lab.server6, GATEWAY6, "udp", 32, LATE) as late):
        for i, change in zip(range(RELOADS), itertools.cycle(CHANGES)):
            share = QUERIES * (i + 1) // RELOADS
            gate64.reload(change)
            addresses_change(lab, i % 2 == 0)
            wait_for(lambda: asked() - before >= share, f"{share} queries", timeout=60, step=0.05)
    loads = (own, udp, tcp, late)
    for load in loads:
        load.check()
    assert sum(load.counts["completed"] for load in loads) >= QUERIES
