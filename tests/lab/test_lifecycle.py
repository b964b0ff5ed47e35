# SPDX-License-Identifier: GPL-2.0-or-later
"""Start, stop, reload: what gate64 does to its host, and that it undoes it."""

import os
import pathlib
import re
import signal
import socket
import ssl
import struct

import dns.message
import pytest

from gateway import Gate64
from netns import run, wait_for
from topology import GATEWAY4, GATEWAY6, INSIDE, PREF64, STRANGER6, WEB4, WWW
from wire import ask, client_hello

STATE = (("nft", "--stateless", "list", "ruleset"),
         ("ip", "-4", "rule"), ("ip", "-6", "rule"),
         ("ip", "-4", "route", "show", "table", "all"),
         ("ip", "-6", "route", "show", "table", "all"),
         ("ip", "-br", "address"),
         ("tc", "qdisc"), ("ip", "-br", "link"))
SYSCTLS = ("net/ipv4/ip_forward", "net/ipv6/conf/all/forwarding",
           "net/ipv4/ip_local_port_range", "net/ipv4/ip_local_reserved_ports",
           "net/ipv4/ip_nonlocal_bind", "net/ipv6/ip_nonlocal_bind")


def host_state(lab):
    """Everything of the gateway that gate64 could have touched."""
    state = {" ".join(argv): lab.gateway.run(*argv).stdout for argv in STATE}
    state.update((name, lab.gateway.sysctl(name)) for name in SYSCTLS)
    state["namespaces"] = sorted(
        line for line in run("ip", "netns").stdout.splitlines() if lab.ground.name in line)
    state["/run/gate64"] = run("ls", "/run/gate64", check=False).stdout
    return state


def both_journeys_work(lab):
    page = lab.server6.run("curl", "-sS", "--max-time", "10", "http://web.example.net/").stdout
    assert page == f"hello {GATEWAY4}\n"
    assert lab.fetch_by_name().stdout == "hello 64:ff9b:1::cb00:7107\n"


@pytest.fixture
def gate64(lab):
    """Not started: each test here has its own idea of that. What the fast path would keep is
    test_fast_life.py's."""
    gate64 = Gate64(lab, {"nat64": {"keep_flows": False}})
    gate64.log_file.unlink(missing_ok=True)
    yield gate64
    if gate64.process:
        lab.ground.stop(gate64.process, sig=signal.SIGKILL)
        # For the tests after one that failed:
        with Gate64(lab):
            pass


def test_a_clean_stop_leaves_nothing(lab, gate64):
    before = host_state(lab)
    gate64.start()
    both_journeys_work(lab)
    assert host_state(lab) != before, "gate64 works without touching the host?"
    gate64.stop()
    assert host_state(lab) == before
    assert not gate64.control.exists()


def test_it_starts_again(lab, gate64):
    before = host_state(lab)
    for _ in range(2):
        gate64.start()
        both_journeys_work(lab)
        gate64.stop()
    assert host_state(lab) == before


def test_it_starts_again_after_sigkill(lab, gate64):
    before = host_state(lab)
    gate64.start()
    both_journeys_work(lab)
    running = host_state(lab)
    gate64.kill()
    gate64.start()
    assert host_state(lab) == running, "what the killed one left is taken over, not doubled"
    both_journeys_work(lab)
    gate64.stop()
    assert host_state(lab) == before


def children(gate64):
    tasks = pathlib.Path(f"/proc/{gate64.process.pid}/task")
    return [int(pid) for task in tasks.iterdir()
            for pid in (task / "children").read_text().split()]


def test_the_helper_lives_while_it_is_needed(lab, gate64):
    """Where the rules are nftables' there is no process that may start a program; where they are
    not, gate64 does not go on without it, since nobody could mend them."""
    gate64.start()
    helpers = children(gate64)
    if gate64.status()["network"]["rules"] == "nftables":
        assert not helpers
        gate64.stop()
        return
    assert len(helpers) == 1
    os.kill(helpers[0], signal.SIGKILL)
    assert gate64.process.wait(timeout=20) == 1
    assert "the helper has ended or hangs" in gate64.log()
    gate64.start()
    assert len(children(gate64)) == 1
    both_journeys_work(lab)
    gate64.stop()


def test_a_stop_does_not_wait_for_open_connections(lab, gate64):
    gate64.start()
    context = ssl.create_default_context(cafile=lab.ca)
    with lab.client4.connect((GATEWAY4, 443)) as tcp, \
            context.wrap_socket(tcp, server_hostname=WWW), \
            lab.server6.connect((f"{PREF64}{WEB4}", 80)):
        gate64.stop()


def test_a_second_one_is_refused_and_harms_nothing(lab, gate64):
    gate64.start()
    running = host_state(lab)
    second = gate64.command("run", "-c", gate64.config, check=False, timeout=20)
    assert second.returncode == 1
    assert host_state(lab) == running
    both_journeys_work(lab)
    gate64.stop()


def test_a_bad_configuration_is_not_started(lab, gate64):
    before = host_state(lab)
    gate64.configure({"snid": {"listne": [443]}, "nat64": {"lowest_ipv6_mtu": 12}})
    done = gate64.command("run", "-c", gate64.config, check=False, timeout=20)
    assert done.returncode == 1
    errors = [line for line in done.stderr.splitlines()
              if re.match(rf"{re.escape(str(gate64.config))}:\d+:\d+: error: ", line)]
    assert len(errors) == 2 and "listne" in done.stderr
    assert host_state(lab) == before


def test_a_bad_file_at_reload_is_refused_and_said(lab, gate64):
    gate64.start()
    with gate64.counting() as rose:
        gate64.reload({"snid": {"listne": [443]}})
    assert rose["ops.reloads.failed"] == 1 and not rose["ops.reloads.ok"]
    said = gate64.status()["reload"]
    assert not said["ok"] and f"{gate64.config}:" in said["text"] and "listne" in said["text"]
    assert "listne" in gate64.log()
    both_journeys_work(lab)
    gate64.stop()


def test_a_reload_adds_a_port_and_keeps_what_is_open(lab, gate64):
    gate64.start()
    context = ssl.create_default_context(cafile=lab.ca)
    with pytest.raises(ConnectionRefusedError):
        lab.client4.connect((GATEWAY4, 8443))
    with lab.client4.connect((GATEWAY4, 443)) as tcp, \
            context.wrap_socket(tcp, server_hostname=WWW) as tls, \
            lab.server6.connect((f"{PREF64}{WEB4}", 80)) as out:
        with gate64.counting() as rose:
            gate64.reload({"snid": {"listen": [443, 8443]}})
        assert rose["ops.reloads.ok"] == 1
        assert lab.fetch_by_name(port=8443).stdout == "hello 64:ff9b:1::cb00:7107\n"
        tls.sendall(f"GET / HTTP/1.0\r\nHost: {WWW}\r\n\r\n".encode())
        assert b"200 OK" in tls.recv(4096)
        out.sendall(b"GET / HTTP/1.0\r\n\r\n")
        assert b"200 OK" in out.recv(4096)
    both_journeys_work(lab)
    gate64.reload()
    with pytest.raises(ConnectionRefusedError):
        lab.client4.connect((GATEWAY4, 8443))
    gate64.stop()


def test_a_reload_shuts_out_whom_it_names_no_more(lab, gate64):
    """An open connection to dns64 is not a right to go on asking."""
    gate64.start()
    query = dns.message.make_query("git.example.net", "AAAA").to_wire()
    framed = len(query).to_bytes(2, "big") + query
    with lab.server6.connect((GATEWAY6, 53), timeout=5) as sock:
        sock.sendall(framed)
        assert len(sock.recv(65535)) > len(framed)
        gate64.reload({"dns64": {"clients": ["2001:db8:ffff::/64"]}})
        sock.sendall(framed)
        assert sock.recv(65535) == b""
    gate64.stop()


def test_a_reset_after_the_end_of_a_stream_is_passed_on(lab, gate64):
    """The client has said all, then gives up: the server must not go on waiting for it."""
    gate64.configure({"snid": {"listen": [443, 8446]}})
    gate64.start()
    with lab.server6.socket(socket.AF_INET6) as listener:
        listener.bind(("::", 8446))
        listener.listen()
        listener.settimeout(5)
        client = lab.client4.connect((GATEWAY4, 8446))
        client.sendall(client_hello(WWW))
        server, _address = listener.accept()
        with server:
            server.settimeout(5)
            client.shutdown(socket.SHUT_WR)
            while server.recv(65535):
                pass
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            client.close()
            wait_for(lambda: gate64.status()["rooms"]["snid"]["connections"] == 0,
                     "the connection is over", timeout=5)
            with pytest.raises(ConnectionError):
                server.send(b"late")
    gate64.stop()


def test_inside_auto_is_what_is_routed_elsewhere_than_the_uplink(lab):
    with Gate64(lab, {"inside": "auto"}) as gate64:
        assert {INSIDE, "2001:db8:2::/64"} <= set(gate64.status()["network"]["inside"])
        both_journeys_work(lab)
        ask(lab.server6, GATEWAY6, "git.example.net", "AAAA", source=STRANGER6)
        lab.gateway.run("ip", "-6", "route", "del", "2001:db8:2::/64")
        try:
            wait_for(lambda: "2001:db8:2::/64" not in gate64.status()["network"]["inside"],
                     "the route's end is noticed, after a while of grace", timeout=20)
            both_journeys_work(lab)
        finally:
            lab.gateway.run("ip", "-6", "route", "add", "2001:db8:2::/64",
                            "dev", lab.wg_gateway)


def test_the_uplinks_new_address_is_followed(lab):
    """What a provider's DHCP does: another address, the same uplink."""
    new = "198.51.100.77"
    with Gate64(lab) as gate64:
        both_journeys_work(lab)

        def readdress(old, now):
            lab.gateway.run("ip", "address", "add", f"{now}/24", "dev", "up0")
            lab.gateway.run("ip", "address", "del", f"{old}/24", "dev", "up0")
            # With its last address of a subnet a host loses the routes by it.
            lab.gateway.run("ip", "address", "replace", f"{now}/24", "dev", "up0")
            lab.gateway.run("ip", "route", "replace", "default", "via", "198.51.100.254")
            wait_for(lambda: gate64.status()["network"]["ipv4"] == now,
                     f"{now} is noticed")
        readdress(GATEWAY4, new)
        try:
            page = lab.server6.run("curl", "-sS", "--max-time", "10", "http://web.example.net/")
            assert page.stdout == f"hello {new}\n"
        finally:
            readdress(new, GATEWAY4)
        both_journeys_work(lab)
