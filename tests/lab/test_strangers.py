# SPDX-License-Identifier: GPL-2.0-or-later
"""Who is not inside gets nothing; what belongs to no flow is the host's."""

import socket
import time

import dns.exception
import pytest

from topology import (CLIENT4, GATEWAY4, GATEWAY6, NAT46, PREF64, SERVER6, STRANGER6, WEB4)
from wire import Capture, ask

# Of SYNs to ports that are the pool's, test_syn.py says more: here none waits.
SETTINGS = {"dns64": {"listen": ["::", "0.0.0.0"]}, "nat64": {"limits": {"stored_syns": 0}}}

CLOSED = 12345		# a port that NAT64 could use and nobody does


# ---- IPv6 from outside `inside` ------------------------------------------

def test_the_stranger_is_routed(lab, gate64):
    """Without this the tests below would prove nothing."""
    assert " 0% packet loss" in lab.server6.run(
        "ping", "-c", "1", "-W", "2", "-I", STRANGER6, GATEWAY6).stdout


def test_dns64_does_not_answer_a_stranger_over_udp(lab, gate64):
    with gate64.counting() as rose, pytest.raises(dns.exception.Timeout):
        ask(lab.server6, GATEWAY6, "git.example.net", "AAAA", source=STRANGER6, timeout=1)
    assert rose["dns64.drops.not_a_client"] == 1


def test_dns64_does_not_answer_a_stranger_over_tcp(lab, gate64):
    with gate64.counting() as rose, pytest.raises((EOFError, ConnectionError)):
        ask(lab.server6, GATEWAY6, "git.example.net", "AAAA", tcp=True, source=STRANGER6)
    assert rose["dns64.drops.not_a_client"] == 1


def test_dns64_does_not_answer_the_ipv4_internet(lab, gate64):
    with gate64.counting() as rose:
        with pytest.raises(dns.exception.Timeout):
            ask(lab.client4, GATEWAY4, "git.example.net", "A", timeout=1)
        with pytest.raises((EOFError, ConnectionError)):
            ask(lab.client4, GATEWAY4, "git.example.net", "A", tcp=True)
    assert rose["dns64.drops.not_a_client"] == 2


def send_tcp_udp_and_echo(lab, source):
    """Knock at WEB4 by NAT64 with every protocol that it translates."""
    with lab.server6.socket(socket.AF_INET6, socket.SOCK_DGRAM) as udp:
        udp.bind((source, 0))
        udp.sendto(b"knock", (f"{PREF64}{WEB4}", 9))
    try:
        lab.server6.connect((f"{PREF64}{WEB4}", 80), timeout=1, source=source).close()
    except OSError:
        pass
    lab.server6.run("ping", "-c", "1", "-W", "1", "-I", source, f"{PREF64}{WEB4}", check=False)


def test_nat64_translates_nothing_of_a_stranger(lab, gate64):
    with Capture(lab.gateway, "up0", f"host {WEB4}") as capture, gate64.counting() as rose:
        send_tcp_udp_and_echo(lab, STRANGER6)
    assert not capture.packets
    assert rose["nat64.drops.not_a_client"] >= 3
    with Capture(lab.gateway, "up0", f"host {WEB4} and src {GATEWAY4}") as capture:
        send_tcp_udp_and_echo(lab, SERVER6)
    assert {"TCP", "UDP", "ICMP"} <= {layer.__name__ for p in capture.packets
                                      for layer in p.layers()}, "the same from inside is"


@pytest.mark.parametrize("source,to", [
    (STRANGER6, GATEWAY6), (STRANGER6, f"{NAT46}{CLIENT4}"), (STRANGER6, f"{PREF64}{GATEWAY4}"),
    (SERVER6, GATEWAY6), (SERVER6, f"{NAT46}{CLIENT4}")])
def test_snid_is_not_reached_over_ipv6(lab, gate64, source, to):
    """It listens on IPv4 only; and the NAT46 addresses that it dials from are no way in."""
    with gate64.counting() as rose, pytest.raises(OSError):
        lab.server6.connect((to, 443), timeout=1, source=source)
    assert not rose["snid.accepted"]


# ---- IPv4 that belongs to no flow ----------------------------------------

def knock(lab, kind):
    """Send one packet of no flow to the gateway from client4; all that comes back."""
    with Capture(lab.client4, "eth0", f"src {GATEWAY4} and not arp") as capture:
        if kind == "tcp":
            with pytest.raises(ConnectionRefusedError):
                lab.client4.connect((GATEWAY4, CLOSED), timeout=2)
        elif kind == "udp":
            with lab.client4.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
                sock.settimeout(2)
                sock.connect((GATEWAY4, CLOSED))
                sock.send(b"anyone there?")
                with pytest.raises(ConnectionRefusedError):
                    sock.recv(1)
        else:
            lab.client4.run("ping", "-c", "1", "-W", "2", GATEWAY4)
        capture.wait(lambda packet: True, "the host's answer")
        time.sleep(0.2)		# for an answer too many, which nothing announces
    return [shape(packet) for packet in capture.packets]


def shape(packet):
    """What two answers of one host to two packets of one kind have in common."""
    ip = packet["IP"]
    layers = [layer.__name__ for layer in packet.layers()]
    if "TCP" in layers:
        tcp = packet["TCP"]
        return layers, ip.ttl, ip.flags, ip.tos, str(tcp.flags), tcp.sport, tcp.window, tcp.seq
    if "ICMP" in layers:
        return layers, ip.ttl, ip.flags, ip.tos, packet["ICMP"].type, packet["ICMP"].code
    return layers, ip.ttl


def test_a_packet_of_no_flow_is_answered_by_the_host(lab, gate64):
    kinds = ("tcp", "udp", "echo")
    with gate64.counting() as rose:
        beside = {kind: knock(lab, kind) for kind in kinds}
    assert rose["nat64.not_ours"] >= 3
    gate64.stop()
    try:
        alone = {kind: knock(lab, kind) for kind in kinds}
    finally:
        gate64.start()
    assert beside == alone
    assert all(len(answers) == 1 for answers in alone.values())
