# SPDX-License-Identifier: GPL-2.0-or-later
"""The life of sessions that go fast: states and lifetimes as RFC 6146 has them, though user
space does not see their packets; ends, reloads, and a gate64 that is killed or stopped.
"""

import itertools
import json
import time

import pytest

from crossing import (ACK, FIN, INSIDE_PORT, QUIET, REMOTE_PORT, RST, SYN, Crossing, Sample,
                      arrived_right, assert_goes_fast, need_fast, programs, wait_fast)
from exact import TCP, UDP, explain, is_icmp
from gateway import Gate64, binary, merge, yaml
from netns import wait_for
from test_bulk import Stream, both_ways
from test_lifecycle import host_state
from topology import DNS4, GATEWAY4, WEB4

SETTINGS = {"dns64": {"upstream": [DNS4]}, "nat64": {"fast_path": "auto"}}
TCP_EST, TCP_TRANS, UDP_DEFAULT = 7440, 240, 300	# RFC 6146 4, in s
SHORT = {"nat64": {"timeouts": {"udp": "2s", "tcp_established": "2s", "tcp_transitory": "2s"}}}
SHORT_S = 2
ports = itertools.count(INSIDE_PORT)
both = pytest.mark.parametrize("proto", [UDP, TCP], ids=["udp", "tcp"])


@pytest.fixture(scope="module", autouse=True)
def quiet(lab):
    for ns in (lab.server6, lab.internet4):
        ns.nft(QUIET)


@pytest.fixture
def gate64(lab):
    """A new one for each test, and at its end nothing is left of it."""
    with Gate64(lab, SETTINGS) as gate64:
        need_fast(gate64)
        try:
            yield gate64
        finally:
            if not gate64.process:
                gate64.start()
            gate64.reload({"nat64": {"keep_flows": False}})


def fast_flow(lab, gate64, proto):
    """A flow that goes fast; nothing else does."""
    flow = Crossing(lab, proto, next(ports), REMOTE_PORT).establish()
    wait_fast(gate64)
    return flow


def says(flow, side, flags=ACK):
    """A packet from one side of a flow arrives at the other."""
    flow.crosses((flow.out if side == "V6" else flow.back)(Sample(flags=flags))[0])


def session(gate64, flow):
    """Of `gate64 flows`: its row, or None."""
    rows = gate64.flows("--port", str(flow.inside_port))
    return rows[0] if rows else None


# ---- states ------------------------------------------------------------------------------

CASES = {
    "data": ([("V6", ACK), ("V4", ACK)], "established", TCP_EST),
    "fin6": ([("V6", FIN | ACK)], "v6-fin", TCP_EST),
    "fin4": ([("V4", FIN | ACK)], "v4-fin", TCP_EST),
    "fin6_fin4": ([("V6", FIN | ACK), ("V4", FIN | ACK)], "v4-fin-v6-fin", TCP_TRANS),
    "fin4_fin6": ([("V4", FIN | ACK), ("V6", FIN | ACK), ("V4", ACK)], "v4-fin-v6-fin", TCP_TRANS),
    "rst6": ([("V6", RST)], "trans", TCP_TRANS),
    "rst4": ([("V4", RST | ACK)], "trans", TCP_TRANS),
    "rst4_forged": ([("V4", RST | ACK), ("V6", ACK)], "established", TCP_EST),
    "fin6_rst4": ([("V6", FIN | ACK), ("V4", RST)], "v6-fin", TCP_TRANS),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_states(lab, gate64, case):
    """RFC 6146 3.5.2.2 ESTABLISHED, V4 FIN RCV, V6 FIN RCV, TRANS; RFC 7857 2.2: each segment
    steps the state, though user space sees none of them."""
    segments, state, lifetime = case
    with fast_flow(lab, gate64, TCP) as flow, gate64.counting() as rose:
        for side, flags in segments:
            says(flow, side, flags)
        row = session(gate64, flow)
    assert row["state"] == state
    assert lifetime - 15 <= row["expires_s"] <= lifetime
    assert not rose["nat64.packets.out"] and not rose["nat64.packets.in"]


# ---- lifetimes -----------------------------------------------------------------------------


@both
@pytest.mark.parametrize("side", ["V4", "V6"])
def test_what_goes_fast_keeps_a_session_alive(lab, gate64, proto, side):
    """RFC 6146 3.5.1, 3.5.2.2: packets that the fast path alone sees begin the lifetime anew,
    from either side."""
    gate64.reload(SHORT)
    with fast_flow(lab, gate64, proto) as flow, gate64.counting() as rose:
        outside_port = session(gate64, flow)["outside_port"]
        until = time.monotonic() + 3 * SHORT_S
        while time.monotonic() < until:
            says(flow, side)
            time.sleep(SHORT_S / 4)
        row = session(gate64, flow)
        assert row["outside_port"] == outside_port
        assert row["state"] == ("established" if proto == TCP else None)
    assert not rose["nat64.packets.out"] and not rose["nat64.packets.in"]
    assert not rose["nat64.sessions_created"]


@both
def test_idle_sessions_end(lab, gate64, proto):
    """RFC 6146 3.5.1, 3.5.2.2: a session that nobody uses ends, for TCP after a probe to its
    inside; its slot is free again."""
    gate64.reload(SHORT)
    with fast_flow(lab, gate64, proto) as flow, gate64.counting() as rose:
        wait_for(lambda: not session(gate64, flow), "it ends", timeout=20)
        assert gate64.fast_path()["sessions"] == 0
    assert rose["nat64.sessions_ended"] == 1


@pytest.mark.parametrize("segments", [[("V6", FIN | ACK), ("V4", FIN | ACK)], [("V6", RST)]],
                         ids=["fin", "rst"])
def test_ended_connections_end(lab, gate64, segments):
    """RFC 6146 3.5.2.2, RFC 7857 2.2: TCP_TRANS after the end"""
    gate64.reload({"nat64": {"timeouts": {"tcp_transitory": "2s"}}})
    with fast_flow(lab, gate64, TCP) as flow:
        for side, flags in segments:
            says(flow, side, flags)
        wait_for(lambda: gate64.fast_path()["sessions"] == 0, "its slot is free", timeout=20)
        assert not session(gate64, flow)


def test_a_reload_changes_lifetimes(lab, gate64):
    """RFC 6146 4: of sessions that go fast, too"""
    with fast_flow(lab, gate64, UDP) as flow:
        assert UDP_DEFAULT - 15 <= session(gate64, flow)["expires_s"] <= UDP_DEFAULT
        gate64.reload({"nat64": {"timeouts": {"udp": "20m"}}})
        assert 1200 - 15 <= session(gate64, flow)["expires_s"] <= 1200
        gate64.reload(SHORT)
        wait_for(lambda: not session(gate64, flow), "it ends", timeout=15)
        assert gate64.fast_path()["sessions"] == 0


# ---- policy ----------------------------------------------------------------------------------


def does_not_cross(flow, packet):
    flow.forget()
    with pytest.raises(AssertionError, match="only 0 of 1 packets came"):
        flow.crosses(packet, timeout=0.5)


@both
def test_a_reload_denies_the_remote_host(lab, gate64, proto):
    """RFC 6146 3.5, nat64.deny4: from then on nothing passes; and once allowed again, it goes
    on, fast."""
    with fast_flow(lab, gate64, proto) as flow:
        gate64.reload({"nat64": {"deny4": [f"{WEB4}/32"]}})
        with gate64.counting() as rose:
            for packet, _ in (flow.out(Sample()), flow.back(Sample())):
                does_not_cross(flow, packet)
        assert not rose["nat64.fast_path.packets_out"] and not rose["nat64.fast_path.packets_in"]
        assert rose["nat64.drops.destination_denied"] == 1
        assert gate64.fast_path()["sessions"] == 0
        gate64.reload()
        says(flow, "V6")
        assert_goes_fast(gate64, flow)


@both
@pytest.mark.parametrize("changes", [{"inside": ["2001:db8:9::/64"]},
                                     {"nat64": {"clients": ["2001:db8:9::/64"]}},
                                     {"prefixes": {"nat64": ["2001:db8:64::/96"]}},
                                     {"nat64": {"pool4": [{"address": "198.51.100.200",
                                                           "ports": "20000-20999"}]}}],
                         ids=["inside", "clients", "pref64", "pool4"])
def test_a_reload_takes_away_what_it_stood_on(lab, gate64, proto, changes):
    """RFC 6146 3: who is no client any more has no sessions; nor has who came by another
    prefix, or left by another address."""
    with fast_flow(lab, gate64, proto) as flow:
        gate64.reload(changes)
        assert gate64.status()["reload"]["ok"]
        with gate64.counting() as rose:
            for packet, _ in (flow.out(Sample()), flow.back(Sample())):
                does_not_cross(flow, packet)
        assert not rose["nat64.fast_path.packets_out"] and not rose["nat64.fast_path.packets_in"]
        assert gate64.fast_path()["sessions"] == 0
        rows = gate64.flows("--port", str(flow.inside_port))
        assert not [row for row in rows if row["outside"] == GATEWAY4]


@both
def test_a_reload_maps_the_remote_host(lab, gate64, proto):
    """RFC 7757 4.2.2: the remote address is another inside host's from now on; nothing for it
    leaves any more, and nothing from it comes in."""
    with fast_flow(lab, gate64, proto) as flow:
        gate64.reload({"prefixes": {"eam": [{"ipv4": WEB4, "ipv6": "2001:db8:1::e:1"}]}})
        for packet, _ in (flow.out(Sample()), flow.back(Sample())):
            does_not_cross(flow, packet)
        assert gate64.fast_path()["sessions"] == 0


# ---- nobody at home ------------------------------------------------------------------------------


def goes_away(gate64, how):
    if how == "killed":
        gate64.kill()
    else:
        gate64.stop()


@both_ways
@pytest.mark.parametrize("how", ["killed", "stopped"])
def test_a_transfer_outlives_the_process(lab, gate64, how, outwards):
    """Issue 4, restart: an established flow goes on while no process runs, under bulk; the next
    process takes it over, and sees its end (RFC 6146 3.5.2.2)."""
    with Stream(lab, outwards) as stream:
        stream.goes_on("before", 16)
        goes_away(gate64, how)
        stream.goes_on("while no process runs", 64)
        gate64.start()
        assert "flows of the last run go on" in gate64.log()
        assert [row["state"] for row in gate64.flows("--proto", "tcp")] == ["established"]
        with gate64.counting() as rose:
            stream.goes_on("with the next process", 16)
        way = "out" if outwards else "in"
        assert rose[f"nat64.fast_path.packets_{way}"] > 10 * rose[f"nat64.packets.{way}"]
    wait_for(lambda: [row["state"] for row in gate64.flows("--proto", "tcp")] ==
             ["v4-fin-v6-fin"], "both ends have closed")


@both
@pytest.mark.parametrize("how", ["killed", "stopped"])
def test_a_flow_outlives_the_process(lab, gate64, how, proto):
    """Issue 4, restart: clock and state go on too, and what happened meanwhile is known."""
    with fast_flow(lab, gate64, proto) as flow:
        before = session(gate64, flow)
        goes_away(gate64, how)
        says(flow, "V6")
        says(flow, "V4", FIN | ACK)
        time.sleep(3)
        gate64.start()
        after = session(gate64, flow)
        assert {**before, "state": None, "expires_s": None} == \
            {**after, "state": None, "expires_s": None}
        assert after["state"] == ("v4-fin" if proto == TCP else None)
        lifetime = TCP_EST if proto == TCP else UDP_DEFAULT
        assert lifetime - 15 <= after["expires_s"] <= lifetime - 3
        says(flow, "V6", FIN | ACK)
        assert gate64.fast_path()["sessions"] == 1


def test_the_log_knows_what_goes_on(lab, gate64):
    """RFC 6888 REQ-12, RFC 8158 5.2: what ended with one process, in its log, begins with the
    next."""
    def events():
        return [json.loads(line[line.index("{"):])["event"] for line in gate64.log().splitlines()
                if f'"inside_port":{flow.inside_port},' in line]
    gate64.reload({"nat64": {"log": "sessions"}})
    with fast_flow(lab, gate64, UDP) as flow:
        gate64.stop()
        gate64.start()
        wait_for(lambda: len(events()) >= 3, "it is logged")
        assert events() == ["session-create", "session-delete", "session-create"]


@both
@pytest.mark.parametrize("how", ["killed", "stopped"])
def test_undo_ends_flows_that_outlived_the_process(lab, gate64, how, proto):
    """Issue 7, setup: `gate64 setup --undo` leaves nothing that translates. On a host whose
    /var/lib says nothing of a setup."""
    with fast_flow(lab, gate64, proto) as flow:
        goes_away(gate64, how)
        says(flow, "V6")
        says(flow, "V4")
        lab.gateway.run("unshare", "--mount", "sh", "-c", 'mount --bind "$0" /sys/fs/bpf && '
                        'mount -t tmpfs none /var/lib && exec "$@"', gate64.bpffs, binary(),
                        "setup", "--undo", "--yes")
        assert not programs(lab.gateway) and not (gate64.bpffs / "gate64").exists()
        for packet, _ in (flow.out(Sample()), flow.back(Sample())):
            does_not_cross(flow, packet)


@both
@pytest.mark.parametrize("how", ["killed", "stopped"])
def test_what_needs_user_space_is_lost_meanwhile(lab, gate64, how, proto):
    """Issue 4, restart: what the fast path does not translate itself must not come to the host's
    own TCP and UDP, which would reset the flow (RFC 9293 3.10.7.1, RFC 1122 4.1.3.1)."""
    with fast_flow(lab, gate64, proto) as flow:
        goes_away(gate64, how)
        too_big, _ = flow.back(Sample(size=1401))
        last_hop, _ = flow.back(Sample(ttl=1))
        syn, _ = flow.back(Sample(flags=SYN | ACK))
        for packet in (too_big, last_hop, flow.out(Sample(ttl=2))[0]) + (syn,) * (proto == TCP):
            flow.send(packet)
        last, wanted = flow.out(Sample(size=99))
        flow.send(last)
        got = flow.internet.take(lambda p: flow.is_ours4(p) or is_icmp(p))
        assert arrived_right(got, wanted), explain(got, wanted)
        gate64.start()
        assert_goes_fast(gate64, flow)


@both
def test_what_is_over_at_the_next_start_ends(lab, gate64, proto):
    """RFC 6146 3.5: a lifetime that ran out while no process was there"""
    with fast_flow(lab, gate64, proto) as flow:
        gate64.kill()
        gate64.configure(SHORT)
        time.sleep(SHORT_S)
        gate64.start()
        wait_for(lambda: not session(gate64, flow), "it ends", timeout=15)
        assert gate64.fast_path()["sessions"] == 0


@pytest.mark.parametrize("changes", [{"nat64": {"deny4": [f"{WEB4}/32"]}},
                                     {"nat64": {"clients": ["2001:db8:9::/64"]}}],
                         ids=["deny4", "clients"])
def test_what_may_not_be_at_the_next_start_ends(lab, gate64, changes):
    """RFC 6146 3: a configuration that changed while no process was there"""
    with fast_flow(lab, gate64, UDP) as flow:
        gate64.kill()
        gate64.configure(changes)
        gate64.start()
        assert gate64.fast_path()["sessions"] == 0
        with gate64.counting() as rose:
            for packet, _ in (flow.out(Sample()), flow.back(Sample())):
                does_not_cross(flow, packet)
        assert not rose["nat64.fast_path.packets_out"] and not rose["nat64.fast_path.packets_in"]


def pinned(lab):
    """What is pinned in the lab's file system for BPF objects."""
    return list(lab.ground.path("bpf").glob("gate64/*"))


def test_without_keep_flows_nothing_is_left(lab):
    """Issue 4, attachment: removed on stop unless keep_flows, with the qdisc that it hung on and
    the maps; a qdisc that was there before, with somebody's filter, stays."""
    lab.gateway.run("tc", "qdisc", "add", "dev", "ul0", "clsact")
    lab.gateway.run("tc", "qdisc", "add", "dev", "up0", "clsact")
    lab.gateway.run("tc", "filter", "add", "dev", "up0", "egress", "protocol", "ip", "prio", 10,
                    "u32", "match", "u32", 0, 0, "classid", "1:1")
    try:
        before = host_state(lab)
        with Gate64(lab, merge(SETTINGS, {"nat64": {"keep_flows": False}})) as gate64:
            need_fast(gate64)
            with fast_flow(lab, gate64, UDP) as flow:
                assert pinned(lab) and programs(lab.gateway) == {"up0", lab.wg_gateway}
        assert host_state(lab) == before
        assert "u32" in lab.gateway.run("tc", "filter", "show", "dev", "up0", "egress").stdout
        assert not pinned(lab) and not programs(lab.gateway)
    finally:
        for interface in ("ul0", "up0"):
            lab.gateway.run("tc", "qdisc", "del", "dev", interface, "clsact")


def test_maps_that_do_not_belong_together(lab, gate64):
    """Issue 4, layout: who is killed while he pins maps in the place of an earlier run's leaves
    some of each; the next one reads none of them, and starts."""
    config = lab.ground.path("bpf") / "gate64" / "fast_config"
    with fast_flow(lab, gate64, UDP):
        gate64.kill()
        config.rename(config.with_name("aside"))
        gate64.configure({"nat64": {"limits": {"sessions": 1024}}})
        gate64.start()
        gate64.kill()
        config.with_name("aside").rename(config)
        gate64.start()
        assert "are given up" in gate64.log()
        assert gate64.fast_path()["sessions"] == 0
    with fast_flow(lab, gate64, UDP) as flow:
        assert_goes_fast(gate64, flow)


def test_off_takes_away_what_a_killed_one_left(lab):
    """Issue 4: fast_path: off, after a run with one"""
    before = host_state(lab)
    gate64 = Gate64(lab, SETTINGS)
    gate64.start()
    need_fast(gate64)
    gate64.kill()
    assert pinned(lab) and programs(lab.gateway)
    with Gate64(lab, merge(SETTINGS, {"nat64": {"fast_path": "off"}})) as gate64:
        assert gate64.fast_path() == {"enabled": False, "because": "nat64.fast_path is off"}
        assert not pinned(lab) and not programs(lab.gateway)
    assert host_state(lab) == before


OFF = {"nat64": {"enabled": False}}


@pytest.mark.parametrize("how", ["reload", "start"])
def test_nat64_is_switched_off(lab, gate64, how):
    """Issue 4, attachment: nothing translates where the operator wants no NAT64, whether flows
    are to be kept or not."""
    with fast_flow(lab, gate64, UDP) as flow:
        if how == "reload":
            gate64.reload(OFF)
        else:
            gate64.kill()
            gate64.configure(OFF)
            gate64.start()
        assert not pinned(lab) and not programs(lab.gateway)
        does_not_cross(flow, flow.back(Sample())[0])


def test_a_start_without_bpf(lab, gate64, monkeypatch):
    """Issue 4: where the next start may not load the program (fast_path: auto), what a killed
    one has left goes, as user space would give its ports to others."""
    spawn = lab.gateway.spawn

    def spawn_without(*argv, **kwargs):
        at = argv.index("run") - 1
        less = ("setpriv", "--bounding-set", "-bpf,-perfmon,-sys_admin")
        return spawn(*argv[:at], *less, *argv[at:], **kwargs)
    with fast_flow(lab, gate64, UDP):
        gate64.kill()
        monkeypatch.setattr(lab.gateway, "spawn", spawn_without)
        gate64.start()
        assert not gate64.fast_path()["enabled"]
        assert not pinned(lab) and not programs(lab.gateway)


@pytest.mark.parametrize("changes", [{"keep_flows": False}, {"fast_path": "off"},
                                     {"enabled": False}], ids=lambda c: next(iter(c)))
def test_a_second_gate64(lab, gate64, changes):
    """Issue 4, restart: with another control socket it comes as far as the queues or sockets,
    which the first has; it takes over nothing of the first's flows, and takes nothing away."""
    with fast_flow(lab, gate64, UDP) as flow:
        other = gate64.folder / "other.yaml"
        other.write_text(yaml(merge(gate64.settings, {
            "nat64": changes, "ops": {"control": str(gate64.run_folder / "other.sock")}})))
        second = lab.gateway.run("sh", "-c", 'mount --bind "$0" /sys/fs/bpf && exec "$@"',
                                 gate64.bpffs, binary(), "run", "-c", other, check=False)
        assert second.returncode == 1
        assert pinned(lab) and programs(lab.gateway) == {"up0", lab.wg_gateway}
        assert_goes_fast(gate64, flow)
