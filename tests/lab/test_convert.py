# SPDX-License-Identifier: GPL-2.0-or-later
"""Gateways of other programs, moved over: what `gate64 config --from-...` makes of their
configuration, on the same wire."""

import json

import pytest

from gateway import merge, yaml
from topology import GATEWAY4, INSIDE, PREF64, SERVER6, WEB4, WWW
from wire import WhoAmI, client_hello

HANDSHAKE = b"\x16"
SNID = f"snid -listen tcp:443 -mode nat46 -nat46-prefix 64:ff9b:1:: -backend-cidr {INSIDE}"
JOOL = {"instance": "lab", "framework": "netfilter",
        "global": {"pool6": f"{PREF64}/96", "udp-timeout": "5:00"},
        "pool4": [{"protocol": proto, "prefix": GATEWAY4, "port range": "61001-61999"}
                  for proto in ("TCP", "UDP", "ICMP")],
        "bib": [{"protocol": "TCP", "ipv6 address": f"{SERVER6}#443",
                 "ipv4 address": f"{GATEWAY4}#62443"}]}
MAPPED4 = "192.0.2.129"
TAYGA = f"""\
tun-device nat64
ipv4-addr 192.168.255.1
ipv6-addr 2001:db8:0:1::64
prefix 2001:db8:64::/96
dynamic-pool 192.168.255.0/24
map {MAPPED4} {SERVER6}
"""
# What the lab is and those programs do not say
HERE = {"nat64": {"deny4": []}, "inside": [INSIDE]}


@pytest.fixture
def moved(gate64, tmp_path):
    """Go over to what an option makes of a configuration. Return its settings."""
    def move(option, value):
        file = tmp_path / "moved.yaml"
        file.write_text(gate64.command("config", option, value).stdout)
        settings = json.loads(gate64.command("config", "--json", "-c", file).stdout)["settings"]
        own = {key: gate64.settings["ops"][key] for key in ("user", "control")}
        dns = {key: gate64.settings["dns64"][key] for key in ("root_hints", "dnssec")}
        gate64.config.write_text(yaml(merge(merge(settings, HERE), {"ops": own, "dns64": dns})))
        gate64.stop()	# who has NAT64 off gives up what it takes to switch it on
        gate64.start()
        return settings
    return move


def says_hello(lab, port):
    """Does the server of WWW answer at this port of the gateway?"""
    with lab.client4.connect((GATEWAY4, port)) as sock:
        sock.sendall(client_hello(WWW))
        return sock.recv(1) == HANDSHAKE


def seen_by_web(lab, prefix):
    """Address and port that an IPv4 host sees of a connection of server6's."""
    with WhoAmI(lab.internet4, WEB4, 8001), lab.server6.connect((f"{prefix}{WEB4}", 8001)) as sock:
        sock.sendall(b"who\n")
        _, address, port = sock.recv(100).split()
        return address.decode(), int(port)


def test_snid(lab, gate64, moved):
    """Its clients reach their servers; nothing else is switched on."""
    settings = moved("--from-snid", SNID)
    assert settings["snid"]["backends"] == [INSIDE]
    assert says_hello(lab, 443)
    rooms = gate64.status()["rooms"]
    assert [room for room in rooms if rooms[room]["enabled"]] == ["snid"]


def test_jool(lab, gate64, moved, tmp_path):
    """Its clients get ports of its pool; its static binding leads inside."""
    file = tmp_path / "jool.conf"
    file.write_text(json.dumps(JOOL))
    moved("--from-jool", file)
    address, port = seen_by_web(lab, PREF64)
    assert address == GATEWAY4 and 61001 <= port <= 61999
    assert says_hello(lab, 62443)
    rooms = gate64.status()["rooms"]
    assert [room for room in rooms if rooms[room]["enabled"]] == ["nat64"]


def test_tayga(lab, gate64, moved, tmp_path):
    """Its prefix leads to IPv4, by the address of its map."""
    file = tmp_path / "tayga.conf"
    file.write_text(TAYGA)
    settings = moved("--from-tayga", file)
    assert settings["prefixes"]["nat64"] == ["2001:db8:64::/96"]
    lab.internet4.run("ip", "route", "add", MAPPED4, "via", GATEWAY4)
    assert seen_by_web(lab, "2001:db8:64::")[0] == MAPPED4
