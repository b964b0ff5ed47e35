# SPDX-License-Identifier: GPL-2.0-or-later
"""A VLAN as uplink: its packets come by its own interface and leave by it, with a tag on the
Ethernet that carries it."""

import pytest

from crossing import mostly_fast, need_fast, programs
from netns import Ground
from test_bulk import Stream, both_ways
from topology import DNS4, GATEWAY4, INTERNET4, Lab
from wire import Capture

SETTINGS = {"dns64": {"upstream": [DNS4]}, "nat64": {"fast_path": "auto"}}


@pytest.fixture(scope="module")
def lab(repository):
    with Ground() as ground:
        lab = Lab(ground, repository)
        for ns, carrier, address in ((lab.gateway, "up0", GATEWAY4),
                                     (lab.internet4, "gw0", INTERNET4)):
            made = ns.run("ip", "link", "add", "link", carrier, "name", f"{carrier}.5", "type",
                          "vlan", "id", 5, check=False)
            if made.returncode:
                pytest.skip(f"no VLANs here: {made.stderr.strip()}")
            ns.run("ip", "address", "del", f"{address}/24", "dev", carrier)
            ns.run("ip", "address", "add", f"{address}/24", "dev", f"{carrier}.5")
            ns.run("ip", "link", "set", f"{carrier}.5", "up")
        lab.gateway.run("ip", "route", "replace", "default", "via", INTERNET4)
        yield lab


@both_ways
def test_a_vlan_as_uplink(lab, gate64, outwards):
    """IEEE 802.1Q 9, RFC 7915 4.1, RFC 7915 5.1: fast and intact, and all with the tag"""
    need_fast(gate64)
    assert programs(lab.gateway) == {"up0.5", lab.wg_gateway}
    with Capture(lab.internet4, "gw0", "ip and not vlan") as untagged, \
            gate64.counting() as rose, Stream(lab, outwards) as stream:
        stream.goes_on("fast", 16)
    mostly_fast(rose, outwards)
    assert not untagged.packets
