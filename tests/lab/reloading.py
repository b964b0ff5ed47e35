# SPDX-License-Identifier: GPL-2.0-or-later
"""Reloads under load of all three rooms at once: test_reloads.py has some of them in `make
test`, tests/bench/reloads.py a thousand.
"""

import collections
import contextlib
import itertools
import re
import signal

from soak import resident
from topology import DNS4, GATEWAY6, PREF64
from traffic import Traffic, new_through_nat64, new_through_snid

# In each, every room has something to change; the first is the usual configuration.
CHANGES = (
    {},
    {"nat64": {"timeouts": {"udp": "6m"}, "mss_clamp": 1300},
     "dns64": {"cache": {"size": "24MiB"}},
     "snid": {"listen": [443, 8443], "limits": {"idle_timeout": "90m"}}},
)
BAD = {"nat64": {"timeouts": {"udp": "soon"}}}
COUNT = re.compile(r"Queries (sent|completed|lost|interrupted): +(\d+)")
# Growth that is none: what the allocator keeps, and what tables take until they are full
WARM_UP, GROWTH_MAX = 40, 2 << 20


class Queries:
    """dnsperf for the length of a `with` block; `counts` at its end."""

    serial = itertools.count()

    def __init__(self, ns, server, mode, at_once):
        self.argv = ("dnsperf", "-s", server, "-m", mode, "-c", "4", "-q", str(at_once), "-Q", "500",
                     "-l", "3600", "-t", "5")
        self.ns = ns
        self.log = ns.ground.path(f"queries-{next(self.serial)}.log")

    def __enter__(self):
        names = self.log.with_suffix(".names")
        names.write_text("git.example.net A\ngit.example.net AAAA\nwww.home.example AAAA\n")
        self.process = self.ns.spawn(*self.argv, "-d", names, log=self.log)
        return self

    def __exit__(self, *_):
        with contextlib.suppress(ProcessLookupError):
            self.process.send_signal(signal.SIGINT)	# it sums up what it has until then
        self.process.wait(20)
        said = self.log.read_text()
        self.counts = collections.Counter({what: int(n) for what, n in COUNT.findall(said)})
        assert self.counts["completed"], said

    @property
    def lost(self):
        return self.counts["sent"] - self.counts["completed"] - self.counts["interrupted"]


def all_rooms(lab, stack, per_s):
    """Load of each kind: {what it is: an object with .done and .failed, or .counts and .lost}."""
    loads = {
        "connections through nat64": new_through_nat64(lab, per_s),
        "connections through snid": new_through_snid(lab, per_s),
        "queries to dns64, UDP": Queries(lab.server6, GATEWAY6, "udp", 8),
        "queries to dns64, TCP": Queries(lab.server6, GATEWAY6, "tcp", 8),
        "datagrams through nat64": Queries(lab.server6, f"{PREF64}{DNS4}", "udp", 8),
    }
    for load in loads.values():
        stack.enter_context(load)
    return loads


def bad_file_is_refused(gate64):
    """It is said where the error is, and the old configuration holds."""
    gate64.reload(BAD)
    said = gate64.status()["reload"]
    assert not said["ok"], said
    assert re.search(rf"{re.escape(str(gate64.config))}:\d+:\d+: error: .*soon", said["text"]), said


def reloads(lab, gate64, number, per_s, bad_every):
    """Reload so often. Return: a line to show for each load, what failed, and how many bytes
    the process grew by after WARM_UP of them."""
    first = last = 0
    with contextlib.ExitStack() as stack:
        traffic = stack.enter_context(Traffic(lab, pause=0.02))
        before = gate64.counters()
        loads = all_rooms(lab, stack, per_s)
        for i, change in zip(range(number), itertools.cycle(CHANGES)):
            if i % bad_every == bad_every - 1:
                bad_file_is_refused(gate64)
            gate64.reload(change)
            if i == WARM_UP:
                first = resident(gate64.process.pid)
        traffic.goes_on("after all reloads")
        exchanged = {flow.name: flow.count for flow in traffic.flows}
        last = resident(gate64.process.pid)
    after = gate64.counters()
    lines, failed = judge(loads)
    lines += [f"{count} exchanges over one {name} flow" for name, count in exchanged.items()]
    for name in after:
        if name.startswith(("snid.refused.", "dns64.drops.", "ops.healed.")) or \
                name in ("snid.ended.reset", "nat64.drops.queue_overrun", "nat64.drops.no_flow"):
            if after[name] != before.get(name, 0):
                failed.append(f"{name} rose by {after[name] - before.get(name, 0)}")
    assert after["ops.reloads.ok"] - before["ops.reloads.ok"] == number
    assert after["ops.reloads.failed"] - before["ops.reloads.failed"] == number // bad_every
    return lines, failed, last - first


def judge(loads):
    """What came of each load: lines to show, and what failed of it."""
    lines, failed = [], []
    for what, load in loads.items():
        if isinstance(load, Queries):
            lines.append(f"{load.counts['completed']} {what}: {load.lost} lost")
            if load.lost:
                failed.append(lines[-1])
        else:
            lines.append(f"{load.done} {what}: {len(load.failed)} failed")
            if load.failed or not load.done:
                failed.append(f"{lines[-1]}: {set(load.failed)}")
    return lines, failed
