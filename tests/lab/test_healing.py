# SPDX-License-Identifier: GPL-2.0-or-later
"""Somebody takes away what gate64 has put on the host, or the network changes under it: it is
mended within seconds, said once and counted, and established flows go on.

With the fast path all is planted in the midst of traffic. Without it, rules are taken away and
come back between two exchanges: what comes in meanwhile is taken for the host's own, whose TCP
resets it, and nobody is there to keep it from doing so.
"""

import contextlib
import os
import time

import pytest

from crossing import need_fast, programs
from gateway import Gate64
from netns import wait_for
from test_host import ports_of
from topology import GATEWAY4, INTERNET4, NAT46, PREF64
from traffic import Traffic, new_ones_work

WITHIN_S = 5
PROTO = "164"			# of our routes
OTHER4 = "198.51.100.99"
# FAST_PATH narrows it down, as in a VM.
PATHS = ["off", "auto"] if "FAST_PATH" not in os.environ else [os.environ["FAST_PATH"]]


@pytest.fixture(scope="module", params=PATHS, ids=lambda path: f"fast_path_{path}")
def gate64(request, lab):
    with Gate64(lab, {"inside": "auto",
                      "nat64": {"fast_path": request.param, "keep_flows": False}}) as gate64:
        if request.param != "off":
            need_fast(gate64)
        yield gate64


@pytest.fixture(scope="module")
def traffic(lab, gate64):
    """One set of flows for all of it; a gate64 with sanitizers gets less to do."""
    with Traffic(lab, pause=0.01 if goes_fast(gate64) else 0.05) as traffic:
        if goes_fast(gate64):
            wait_for(lambda: gate64.fast_path()["sessions"] >= 2, "the flows go fast")
        yield traffic


def goes_fast(gate64):
    return gate64.fast_path()["enabled"]


def healed_lines(gate64):
    return [line for line in gate64.log().splitlines() if "healed: " in line]


@contextlib.contextmanager
def undisturbed(gate64, traffic, until_mended):
    """Without the fast path: no segment is on its way when the block begins, the last ones'
    acknowledgements included (RFC 9293 3.8.6.3), nor until it ends."""
    if goes_fast(gate64) or not until_mended:
        yield
        return
    with traffic.between():
        time.sleep(0.2)
        yield


@contextlib.contextmanager
def healing(gate64, traffic, *whats, quietly=False):
    """What happens in the block is mended in time: each of `whats` once, and told once."""
    traffic.goes_on("before")
    counters, lines = gate64.counters(), healed_lines(gate64)

    def mended():
        now = gate64.counters()
        return all(now[f"ops.healed.{what}"] > counters[f"ops.healed.{what}"] for what in whats)
    with undisturbed(gate64, traffic, quietly):
        yield
        wait_for(mended, f"mended: {whats}", timeout=WITHIN_S, step=0.1)
    traffic.goes_on("after")
    new_ones_work(traffic.lab)
    now = gate64.counters()
    rose = {what: now[f"ops.healed.{what}"] - counters[f"ops.healed.{what}"]
            for what in ("rules", "guard", "routes", "filters", "sysctls")}
    assert {what: n for what, n in rose.items() if n} == dict.fromkeys(whats, 1)
    assert len(healed_lines(gate64)) == len(lines) + len(whats)


# ---- the packet filter -------------------------------------------------------------------


def test_all_rules_are_flushed(lab, gate64, traffic):
    """Issue 7, self-healing: `nft flush ruleset`"""
    with healing(gate64, traffic, "rules", "guard", quietly=True):
        lab.gateway.run("nft", "flush", "ruleset")


def test_our_rules_are_flushed(lab, gate64, traffic):
    """Issue 7, self-healing: `iptables -t raw -F`, or what comes to the same"""
    xtables = gate64.status()["network"]["rules"] == "xtables"
    with healing(gate64, traffic, "rules", quietly=True):
        if xtables:
            lab.gateway.run("iptables-nft", "-t", "raw", "-F")
        else:
            lab.gateway.run("nft", "flush", "table", "inet", "gate64")


def test_the_guard_is_deleted(lab, gate64, traffic):
    """Issue 7, self-healing: the guard's table alone"""
    with healing(gate64, traffic, "guard"):
        lab.gateway.run("nft", "delete", "table", "ip6", "gate64-nat46")


FENCE = """\
table inet fence {
    chain input {
        type filter hook input priority filter;
        tcp dport 9 drop
    }
}
"""


def test_rules_of_others_are_no_concern(lab, gate64, traffic):
    """Issue 7, self-healing: a host's firewall comes, changes and goes; nothing is mended."""
    before = gate64.counters()
    for _ in range(3):
        lab.gateway.nft(FENCE)
        lab.gateway.run("nft", "delete", "table", "inet", "fence")
    lab.gateway.run("iptables-nft", "-t", "raw", "-A", "PREROUTING", "-p", "tcp", "--dport", "9",
                    "-j", "ACCEPT")
    lab.gateway.run("iptables-nft", "-t", "raw", "-D", "PREROUTING", "-p", "tcp", "--dport", "9",
                    "-j", "ACCEPT")
    traffic.goes_on("with rules of others")
    time.sleep(1.5)		# a look may come late: two a second in the long run
    assert [n for n, v in gate64.counters().items()
            if n.startswith("ops.healed.") and v != before[n]] == []


# ---- routes, qdiscs, settings ------------------------------------------------------------


ROUTES = {
    "nat46": ["del", "local", f"{NAT46}/96", "dev", "lo", "table", "local"],
    "pref64": ["del", f"{PREF64}/96", "dev", "lo"],
    "all": ["flush", "table", "all", "proto", PROTO],
}


@pytest.mark.parametrize("command", ROUTES.values(), ids=ROUTES.keys())
def test_routes_are_deleted(lab, gate64, traffic, command):
    """Issue 7, self-healing: a route of ours, or all of them"""
    def routes():
        return lab.gateway.run("ip", "-6", "route", "show", "table", "all", "proto", PROTO).stdout
    before = routes()
    assert f"{NAT46}/96" in before and f"{PREF64}/96" in before
    with healing(gate64, traffic, "routes"):
        lab.gateway.run("ip", "-6", "route", *command)
    assert routes() == before


@pytest.mark.parametrize("what", ["qdisc", "filter", "another"])
def test_the_program_is_taken_away(lab, gate64, traffic, what):
    """Issue 7, self-healing: the qdisc that the fast path hangs on, or its filter; then packets
    would go slowly, and all of them at once."""
    if not goes_fast(gate64):
        pytest.skip("no fast path")
    before = programs(lab.gateway)
    assert before == {"up0", lab.wg_gateway}
    with healing(gate64, traffic, "filters"):
        if what == "qdisc":
            lab.gateway.run("tc", "qdisc", "del", "dev", "up0", "clsact")
        else:
            lab.gateway.run("tc", "filter", "del", "dev", lab.wg_gateway, "ingress")
        if what == "another":
            lab.gateway.run("tc", "filter", "add", "dev", lab.wg_gateway, "ingress", "protocol",
                            "ip", "prio", 65, "u32", "match", "u32", 0, 0, "classid", "1:1")
    assert programs(lab.gateway) == before


def test_the_hosts_ports_change(lab, gate64, traffic):
    """Issue 7, self-healing: sysctls that we go by. New flows keep off the host's own ports."""
    def pool():
        return ports_of(gate64.status()["rooms"]["nat64"]["pool4"][0]["tcp"])
    before, was = lab.gateway.sysctl("net/ipv4/ip_local_port_range"), pool()
    with healing(gate64, traffic, "sysctls"):
        lab.gateway.sysctl("net/ipv4/ip_local_port_range", "40000 60999")
    assert len(pool()) > len(was) + 5000
    with healing(gate64, traffic, "sysctls"):
        lab.gateway.sysctl("net/ipv4/ip_local_port_range", before)
    # But for those few that flows have taken meanwhile.
    assert was <= pool() and len(pool()) < len(was) + 100


# ---- the network -------------------------------------------------------------------------


def uplink_comes_back(lab, address=GATEWAY4):
    lab.gateway.run("ip", "address", "add", f"{address}/24", "dev", "up0")
    lab.gateway.run("ip", "route", "replace", "default", "via", INTERNET4)


@contextlib.contextmanager
def survived(gate64, traffic):
    """The flows that are there go on, at the ports that they had."""
    def flows():
        ports = {str(sock.getsockname()[1]) for sock in traffic.inside}
        return {(port, row["outside"], row["outside_port"])
                for port in ports for row in gate64.flows("--port", port)}
    traffic.goes_on("before")
    before = flows()
    assert len(before) == len(traffic.inside)
    yield
    traffic.goes_on("after")
    assert flows() == before
    new_ones_work(traffic.lab)


def problem(gate64):
    return gate64.status()["network"]["problem"]


def test_a_lease_is_renewed(lab, gate64, traffic):
    """Issue 7, self-healing: the uplink's address is taken away, and given again."""
    with survived(gate64, traffic):
        lab.gateway.run("ip", "address", "del", f"{GATEWAY4}/24", "dev", "up0")
        wait_for(lambda: problem(gate64), "it is noticed", timeout=WITHIN_S)
        gate64.reload()			# which is no reason to give flows up
        uplink_comes_back(lab)
        wait_for(lambda: not problem(gate64), "it is back", timeout=WITHIN_S)


def test_the_uplink_goes_down_and_up(lab, gate64, traffic):
    """Issue 7, self-healing: and takes its routes along"""
    with survived(gate64, traffic):
        lab.gateway.run("ip", "link", "set", "up0", "down")
        wait_for(lambda: problem(gate64), "it is noticed", timeout=WITHIN_S)
        lab.gateway.run("ip", "link", "set", "up0", "up")
        lab.gateway.run("ip", "route", "replace", "default", "via", INTERNET4)
        wait_for(lambda: not problem(gate64), "it is back", timeout=WITHIN_S)


def test_the_tunnel_is_restarted(lab, gate64, traffic):
    """Issue 7, self-healing: WireGuard's interface vanishes, and another one of the same name
    comes in its place; with "inside: auto" the clients behind it are clients all the while."""
    with survived(gate64, traffic):
        changes = gate64.counters()["ops.network_changes"]
        lab.tunnel_goes()
        wait_for(lambda: gate64.counters()["ops.network_changes"] > changes, "it is noticed",
                 timeout=WITHIN_S)
        lab.tunnel_comes_back()
    said = gate64.log()
    assert "is routed nowhere any more" in said
    wait_for(lambda: not goes_fast(gate64) or
             programs(lab.gateway) == {"up0", lab.wg_gateway}, "the fast path is on it")


def test_the_uplink_gets_another_address(lab, gate64, traffic):
    """RFC 6146 3: flows by the old one cannot go on; new ones have the new one, within 5 s."""
    traffic.end()
    lab.server6.run("curl", "-sS", "--max-time", "10", f"http://[{PREF64}192.0.2.80]/")
    before = gate64.counters()["nat64.sessions_ended"]
    lab.gateway.run("ip", "address", "del", f"{GATEWAY4}/24", "dev", "up0")
    try:
        uplink_comes_back(lab, OTHER4)
        wait_for(lambda: gate64.status()["network"]["ipv4"] == OTHER4, "it is followed",
                 timeout=WITHIN_S)
        page = lab.server6.run("curl", "-sS", "--max-time", "10", f"http://[{PREF64}192.0.2.80]/")
        assert page.stdout == f"hello {OTHER4}\n"
        assert gate64.counters()["nat64.sessions_ended"] > before
        assert not [row for row in gate64.flows() if row["outside"] == GATEWAY4]
    finally:
        lab.gateway.run("ip", "address", "del", f"{OTHER4}/24", "dev", "up0")
        uplink_comes_back(lab)


def test_somebody_fights_us(lab, gate64):
    """Issue 7, self-healing: no storm. Whoever takes away a route ever again is let have his
    way for longer and longer, and the log stays short."""
    lines = len(healed_lines(gate64))

    def fought():
        """Take it away once more. Return: what was said of it all."""
        lab.gateway.run("ip", "-6", "route", "del", f"{PREF64}/96", "dev", "lo", check=False)
        return healed_lines(gate64)[lines:]

    def rests():
        told = fought()
        return told if told and "next time it waits" in told[-1] else None
    told = wait_for(rests, "it takes its time", timeout=60, step=0.05)
    assert len(told) <= 5
    until = time.monotonic() + 4
    while time.monotonic() < until:
        told = fought()
        time.sleep(0.05)
    assert len(told) <= 5 + 3		# after 1 s, after 2 s, and it may be late
