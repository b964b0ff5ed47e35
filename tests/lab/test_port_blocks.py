# SPDX-License-Identifier: GPL-2.0-or-later
"""nat64.log: port-blocks. One line says who has 512 ports (RFC 6888 REQ-14, RFC 7422), and
the packets on the wire keep to it."""

import collections
import contextlib
import socket

import pytest

from netns import wait_for
from test_flow_log import is_recent, lines_of, wait_for_line
from topology import DNS4, GATEWAY4, INSIDE, PREF64, SERVER6, STRANGER6, WEB4
from wire import Capture

OTHER = "2001:db8:2::/64"
FIRST, LAST = 20480, 22527	# four blocks
SETTINGS = {"inside": [INSIDE, OTHER],
            "nat64": {"log": "port-blocks", "timeouts": {"udp": "1s", "icmp": "1s"},
                      "pool4": [{"address": "auto", "ports": f"{FIRST}-{LAST}"}],
                      "limits": {"sessions_per_client": 1024}},
            "dns64": {"upstream": [DNS4]}}


@pytest.fixture
def far(lab):
    with lab.internet4.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind((WEB4, 7000))
        sock.settimeout(5)
        yield sock


@contextlib.contextmanager
def flows(lab, far, source, count):
    """UDP flows from one inside address; yields their outside ports."""
    with contextlib.ExitStack() as stack:
        ports = []
        for _ in range(count):
            sock = stack.enter_context(lab.server6.socket(socket.AF_INET6, socket.SOCK_DGRAM))
            sock.bind((source, 0))
            sock.sendto(b"out", (f"{PREF64}{WEB4}", 7000))
            address, port = far.recvfrom(100)[1]
            assert address == GATEWAY4
            # As inside (RFC 4787 REQ-4 a), while a block of 512 has enough of both.
            assert count > 256 or port % 2 == sock.getsockname()[1] % 2
            ports.append(port)
        yield ports


def held(gate64):
    """By the log: the blocks that each client has, as (first, last)."""
    blocks = collections.defaultdict(set)
    for line in lines_of(gate64):
        if line["event"].startswith("binding"):
            continue
        block = (line["first_port"], line["last_port"])
        if line["event"] == "block-allocate":
            assert block not in set().union(*blocks.values()), "one client at a time"
            blocks[line["client"]].add(block)
        else:
            blocks[line["client"]].remove(block)
    return blocks


def test_each_client_has_its_block(lab, gate64, far):
    """RFC 8158 5.6 (port block allocation): client, address, range; UDP, TCP and ICMP of the
    client stay within it, and it goes back when it has been unused for a while."""
    with flows(lab, far, SERVER6, 40) as mine, flows(lab, far, STRANGER6, 40) as theirs:
        blocks = wait_for(lambda: len(b := held(gate64)) == 2 and b, "two lines")
        for client, ports in ((INSIDE, mine), (OTHER, theirs)):
            ((first, last),) = blocks[client]
            assert (first % 512, last) == (0, first + 511)
            assert FIRST <= first and last <= LAST
            assert all(first <= port <= last for port in ports)
        line = wait_for_line(gate64, event="block-allocate", client=INSIDE)
        assert is_recent(line)
        ((first, last),) = blocks[INSIDE]
        with Capture(lab.internet4, "gw0", "icmp[0] == 8 or tcp[tcpflags] & tcp-syn != 0") as seen:
            lab.server6.run("ping", "-c", "1", "-I", SERVER6, f"{PREF64}{DNS4}")
            lab.server6.connect((f"{PREF64}{WEB4}", 80), source=SERVER6).close()
        ids = [p["ICMP"].id for p in seen.packets if "ICMP" in p]
        ids += [p["TCP"].sport for p in seen.packets if "TCP" in p and p["TCP"].dport == 80]
        assert len(ids) >= 2 and all(first <= n <= last for n in ids)
    del line["time"]
    assert line == {"event": "block-allocate", "natEvent": 16, "client": INSIDE,
                    "outside": GATEWAY4, "first_port": first, "last_port": last}
    # UDP 1 s and the hold of 5 s; the TCP connection keeps its client's block.
    wait_for(lambda: not held(gate64)[OTHER], "the block goes back", timeout=20)
    wait_for_line(gate64, event="block-deallocate", client=OTHER)
    assert held(gate64)[INSIDE] == {(first, last)}


def test_another_block_and_no_more(lab, gate64, far):
    """A full block gives its client another one; 1,024 sessions may fill two, and the third is
    refused, while another client still gets its own."""
    gate64.reload({"nat64": {"timeouts": {"udp": "20s"}, "limits": {"new_per_client": 5000}}})
    with flows(lab, far, STRANGER6, 600) as ports:
        blocks = wait_for(lambda: len(b := held(gate64)[OTHER]) == 2 and b, "two blocks")
        assert all(any(first <= port <= last for first, last in blocks) for port in ports)
        assert len(set(ports)) == len(ports)
        with flows(lab, far, SERVER6, 1):
            pass
    gate64.reload({"nat64": {"timeouts": {"udp": "1s"}}})
    wait_for(lambda: not held(gate64)[OTHER], "the blocks go back", timeout=30)


def test_modes_change(lab, gate64, far):
    """Off: blocks go back, flows go on. On again: these flows have lines of their own, and
    while there are others, nobody gets a block that they are in."""
    with lab.server6.socket(socket.AF_INET6, socket.SOCK_DGRAM) as inside:
        inside.bind((SERVER6, 0))
        inside.sendto(b"one", (f"{PREF64}{WEB4}", 7000))
        port = far.recvfrom(100)[1][1]
        wait_for(lambda: any(f <= port <= l for f, l in held(gate64)[INSIDE]), "a block")
        gate64.reload({"nat64": {"log": "off", "timeouts": {"udp": "60s"}}})
        wait_for(lambda: not any(held(gate64).values()), "all blocks go back")
        inside.sendto(b"two", (f"{PREF64}{WEB4}", 7000))
        assert far.recvfrom(100)[1][1] == port
        gate64.reload({"nat64": {"timeouts": {"udp": "60s"}}})
        line = wait_for_line(gate64, event="binding-create", outside_port=port)
        assert (line["inside"], line["inside_port"]) == inside.getsockname()[:2]
        with flows(lab, far, STRANGER6, 3) as ports:
            ((first, last),) = wait_for(lambda: held(gate64)[OTHER], "a block")
            assert not first <= port <= last
            assert all(first <= p <= last for p in ports)
        inside.sendto(b"three", (f"{PREF64}{WEB4}", 7000))
        assert far.recvfrom(100)[1][1] == port
