# SPDX-License-Identifier: GPL-2.0-or-later
"""`gate64 trace`: its verdict is what then really happens to a packet sent.

198.51.100.9 is an address that only an explicit mapping has.
"""

import json
import socket

import pytest

from netns import wait_for
from topology import CLIENT4, GATEWAY4, INSIDE, PREF64, SERVER6, STRANGER6, WEB4
from wire import Capture, WhoAmI, udp_flow

DENIED4 = "192.0.2.99"
MAPPED4 = "198.51.100.9"
SETTINGS = {"prefixes": {"eam": [{"ipv4": MAPPED4, "ipv6": "2001:db8:1::9"}]}}
UNREACHABLE6 = "icmp6 and ip6[40] == 1"


def trace(gate64, *argv):
    """The document of `gate64 trace --json`; the text says the same verdict last."""
    argv = (*map(str, argv), "-s", gate64.control)
    document = json.loads(gate64.command("trace", *argv, "--json").stdout)
    assert document["schema"] == 1
    lines = gate64.command("trace", *argv).stdout.splitlines()
    assert lines[-1] == document["verdict"]
    assert [line[:3] for line in lines[:-1]] == [f"{n:2}." for n in range(1, len(lines))]
    assert len(lines) - 1 == len(document["steps"])
    stops = [step["stops"] for step in document["steps"]]
    assert stops == [False] * len(stops) or (stops[-1] and not any(stops[:-1])), "ends at the end"
    return document


def by(document):
    """Who has decided, step by step."""
    return [step["by"] for step in document["steps"]]


def send_udp(lab, source, to, port=7000):
    """One datagram from server6, from this address of its."""
    with lab.server6.socket(socket.AF_INET6, socket.SOCK_DGRAM) as sock:
        sock.bind((source, 0))
        sock.connect((to, port))
        sock.send(b"traced")
        sock.settimeout(0.5)
        try:
            sock.recv(1)
        except OSError:
            pass


def test_a_new_flow(lab, gate64):
    """Translated, with what is said of it: address, MSS (RFC 7915 4, 5), way out."""
    said = trace(gate64, WEB4, "--port", 8000, "--from", SERVER6)
    assert said["outcome"] == "translated"
    assert said["verdict"] == f"would be translated: {GATEWAY4}:(a free port) -> {WEB4}:8000"
    assert said["verdict"] == trace(gate64, f"{PREF64}{WEB4}", "--port", 8000)["verdict"]
    text = " ".join(step["text"] for step in said["steps"])
    assert INSIDE in text and "1500 towards the IPv4 host, 1420 towards the IPv6 host" in text
    assert "an MSS above 1360 becomes 1360" in text
    assert "the way to the IPv4 host 192.0.2.80 is up0 by 198.51.100.254" in text
    with WhoAmI(lab.internet4, WEB4, 8000), \
            lab.server6.connect((f"{PREF64}{WEB4}", 8000)) as sock:
        sock.sendall(b"who\n")
        assert sock.recv(100).split()[1].decode() == GATEWAY4


def test_a_flow_that_is_there(lab, gate64):
    """RFC 6146 3.5: by its session, both ways; and by its binding from anybody (RFC 4787 REQ-8)."""
    with udp_flow(lab, lab.internet4, WEB4, 7001) as (inside, outside):
        port, inside_port = outside.getpeername()[1], inside.getsockname()[1]
        out = trace(gate64, f"{PREF64}{WEB4}", "--proto", "udp", "--port", 7001,
                    "--from", f"[{SERVER6}]:{inside_port}")
        assert out["verdict"] == f"would be translated: {GATEWAY4}:{port} -> {WEB4}:7001"
        back = trace(gate64, f"{GATEWAY4}:{port}", "--proto", "udp", "--from", f"{WEB4}:7001")
        assert back["verdict"] == (f"would be translated: [64:ff9b::c000:250]:7001 -> "
                                   f"[{SERVER6}]:{inside_port}")
        assert any("a session is there" in step["text"] for step in back["steps"])
        other = trace(gate64, f"{GATEWAY4}:{port}", "--proto", "udp", "--from", f"{CLIENT4}:7")
        assert other["outcome"] == "translated"
        own = trace(gate64, SERVER6, "--proto", "udp", "--port", inside_port)
        assert own["verdict"].endswith(f"-> [{SERVER6}]:{inside_port}")
        outside.send(b"back")
        assert inside.recv(10) == b"back"


def test_nothing_comes_of_a_trace(lab, gate64):
    """No session, no port, no packet."""
    before = gate64.status()["rooms"]["nat64"]
    # An earlier test's connection to port 8000 may still be ending.
    with Capture(lab.gateway, "up0", f"host {WEB4} and not port 8000") as capture, \
            gate64.counting() as rose:
        for proto in ("tcp", "udp", "icmp"):
            assert trace(gate64, WEB4, "--proto", proto)["outcome"] == "translated"
    after = gate64.status()["rooms"]["nat64"]
    assert not capture.packets
    assert all(after[key] == before[key] for key in ("sessions", "bindings", "ports_used"))
    assert not [name for name, n in rose.items() if n and name.startswith("nat64.")]


@pytest.mark.parametrize("deny4, remote, decides", [
    ([f"{DENIED4}/32"], DENIED4, "nat64.deny4"),
    ("special-purpose", "10.0.0.1", "nat64.deny4"),
    ([f"{DENIED4}/32"], WEB4, "RFC 6052 3.1"),	# behind the well-known prefix
    ([], "127.0.0.1", "RFC 1122 3.2.1.3"),
])
def test_an_address_that_is_denied(lab, gate64, deny4, remote, decides):
    """Refused with ICMPv6 1/1, and so it is."""
    gate64.reload({"nat64": {"deny4": deny4}})
    try:
        said = trace(gate64, remote, "--proto", "udp", "--from", SERVER6)
        with Capture(lab.server6, "lan0", UNREACHABLE6) as capture:
            send_udp(lab, SERVER6, f"{PREF64}{remote}")
            packet = capture.wait(lambda p: "IPv6" in p, "the refusal")
    finally:
        gate64.reload()
    assert said["outcome"] == "refused" and "ICMPv6 1/1" in said["verdict"]
    assert by(said)[-1] == decides
    assert bytes(packet["IPv6"].payload)[:2] == bytes([1, 1])


def test_the_gateways_own_address(lab, gate64):
    """RFC 6146 3.8: without a binding there, refused."""
    said = trace(gate64, f"{PREF64}{GATEWAY4}", "--proto", "udp", "--port", 7000,
                 "--from", SERVER6)
    assert said["outcome"] == "refused" and "ICMPv6 1/1" in said["verdict"]
    with Capture(lab.server6, "lan0", UNREACHABLE6) as capture:
        send_udp(lab, SERVER6, f"{PREF64}{GATEWAY4}")
        packet = capture.wait(lambda p: "IPv6" in p, "the refusal")
    assert bytes(packet["IPv6"].payload)[:2] == bytes([1, 1])


def test_a_source_that_is_no_client(lab, gate64):
    """Dropped, and nobody is told."""
    said = trace(gate64, WEB4, "--proto", "udp", "--from", STRANGER6)
    assert said["outcome"] == "dropped" and "nat64.clients" in by(said)[-1]
    with Capture(lab.server6, "lan0", UNREACHABLE6) as capture, gate64.counting() as rose:
        send_udp(lab, STRANGER6, f"{PREF64}{WEB4}")
    assert not capture.packets and rose["nat64.drops.not_a_client"] == 1


def test_a_source_in_a_pref64(gate64):
    """RFC 6146 3.5."""
    said = trace(gate64, WEB4, "--from", f"{PREF64}{CLIENT4}")
    assert said["outcome"] == "dropped" and "loop" in said["verdict"]


def test_a_port_that_nobody_has(lab, gate64):
    """UDP goes on to the host; a SYN to one of the pool's own ports is stored, and then
    refused (RFC 6146 3.5.2.2)."""
    said = trace(gate64, f"{GATEWAY4}:22222", "--proto", "udp", "--from", CLIENT4)
    assert said["outcome"] == "not-ours"
    with gate64.counting() as rose, \
            lab.client4.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.settimeout(3)
        sock.connect((GATEWAY4, 22222))
        sock.send(b"x")
        with pytest.raises(ConnectionRefusedError):	# by the host itself
            sock.recv(1)
    assert rose["nat64.not_ours"] == 1
    said = trace(gate64, f"{GATEWAY4}:22223", "--from", CLIENT4)
    assert said["outcome"] == "refused" and "ICMPv4 3/3" in said["verdict"]
    with gate64.counting() as rose, pytest.raises(OSError):
        lab.client4.connect((GATEWAY4, 22223), timeout=0.5)
    assert rose["nat64.stored_syns.stored"] == 1


def test_a_mapped_address(lab, gate64):
    """RFC 7757 3.3.1, 3.3.2: no state, ports stay."""
    said = trace(gate64, f"{MAPPED4}:80", "--from", f"{CLIENT4}:4000")
    assert said["verdict"] == "would be translated: [64:ff9b::cb00:7107]:4000 -> [2001:db8:1::9]:80"
    said = trace(gate64, f"{WEB4}:80", "--from", "[2001:db8:1::9]:5000")
    assert said["verdict"] == f"would be translated: {MAPPED4}:5000 -> {WEB4}:80"
    said = trace(gate64, "2001:db8:1::9", "--port", 80, "--from", f"{CLIENT4}:4000")
    assert said["outcome"] == "translated" and MAPPED4 in said["steps"][1]["text"]


def test_hairpinning(lab, gate64):
    """RFC 6146 3.8: to an address and port that another client has; it comes back in."""
    with udp_flow(lab, lab.internet4, WEB4, 7002) as (inside, outside), \
            lab.server6.socket(socket.AF_INET6, socket.SOCK_DGRAM) as other:
        port = outside.getpeername()[1]
        said = trace(gate64, f"{PREF64}{GATEWAY4}", "--proto", "udp", "--port", port,
                     "--from", SERVER6)
        assert said["outcome"] == "translated" and "RFC 6146 3.8" in by(said)
        assert said["verdict"].endswith(f"-> [{SERVER6}]:{inside.getsockname()[1]}")
        inside.connect((f"{PREF64}{GATEWAY4}", 1))	# that it takes from others too
        with Capture(lab.server6, "lan0", f"ip6 src host {PREF64}{GATEWAY4}") as capture:
            other.sendto(b"around", (f"{PREF64}{GATEWAY4}", port))
            capture.wait(lambda p: "IPv6" in p and b"around" in bytes(p), "it comes around")


def test_a_limit(lab, gate64):
    """RFC 6888 REQ-4: a client with as many sessions as it may have is told ICMPv6 1/3."""
    gate64.reload({"nat64": {"limits": {"sessions_per_client": 1}, "timeouts": {"udp": "2m"}}})
    try:
        send_udp(lab, SERVER6, f"{PREF64}{WEB4}", 7003)
        said = trace(gate64, WEB4, "--proto", "udp", "--port", 7004, "--from", SERVER6)
        with Capture(lab.server6, "lan0", UNREACHABLE6) as capture:
            send_udp(lab, SERVER6, f"{PREF64}{WEB4}", 7004)
            packet = capture.wait(lambda p: "IPv6" in p, "the refusal")
    finally:
        gate64.reload()
    assert said["outcome"] == "refused" and "ICMPv6 1/3" in said["verdict"]
    assert by(said)[-1] == "nat64.limits.sessions_per_client"
    assert bytes(packet["IPv6"].payload)[:2] == bytes([1, 3])


def test_filtering(lab, gate64):
    """RFC 6146 3.5.1 with address-dependent filtering: a stranger's datagram is dropped."""
    gate64.reload({"nat64": {"filtering": "address-dependent"}})
    try:
        with udp_flow(lab, lab.internet4, WEB4, 7005) as (_inside, outside):
            port = outside.getpeername()[1]
            known = trace(gate64, f"{GATEWAY4}:{port}", "--proto", "udp", "--from", f"{WEB4}:1")
            strange = trace(gate64, f"{GATEWAY4}:{port}", "--proto", "udp", "--from", CLIENT4)
            with gate64.counting() as rose, \
                    lab.client4.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
                sock.sendto(b"x", (GATEWAY4, port))
                wait_for(lambda: gate64.counters()["nat64.drops.filtered"], "it is dropped")
    finally:
        gate64.reload()
    assert known["outcome"] == "translated"
    assert strange["outcome"] == "dropped" and by(strange)[-1] == "nat64.filtering"
    assert rose["nat64.drops.filtered"] == 1


def test_what_never_comes_to_nat64(gate64):
    """Neither to a pref64 nor to a client that IPv4 hosts can send to."""
    assert trace(gate64, "2001:db8:ff::1")["outcome"] == "not-ours"
    said = trace(gate64, SERVER6, "--port", 1)
    assert said["outcome"] == "not-ours" and "no IPv4 host can send" in said["verdict"]
    assert trace(gate64, f"{PREF64}{WEB4}", "--from", CLIENT4)["outcome"] == "not-ours"


@pytest.mark.parametrize("argv, said", [
    (("trace",), "missing: ADDR[:PORT]|NAME"),
    (("trace", "web..example.net"), "neither an address nor a host name"),
    (("trace", "web.example.net:80", "--port", "81"), "the port is given twice"),
    (("trace", "web.example.net:http"), "a port is a number"),
    (("trace", WEB4, "--from", "server"), "the sender is not an address"),
    (("trace", f"{WEB4}:80", "--port", "81"), "the port is given twice"),
    (("trace", WEB4, "--proto", "sctp"), "a protocol is tcp, udp or icmp"),
])
def test_wrong_usage(gate64, argv, said):
    """It is told before anybody is asked."""
    done = gate64.command(*argv, "-s", "/nowhere", check=False)
    assert done.returncode == 2 and said in done.stderr and not done.stdout
