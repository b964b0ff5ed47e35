# SPDX-License-Identifier: GPL-2.0-or-later
"""The flow log: JSON lines that say who had which outside address and port, and when
(RFC 6888 REQ-12, RFC 8158 5.6), as the packets on the wire show it."""

import datetime
import fcntl
import json
import os
import socket

import pytest

from gateway import Gate64
from netns import wait_for
from topology import DNS4, GATEWAY4, PREF64, SERVER6, WEB4
from wire import WhoAmI, udp_flow

SETTINGS = {"dns64": {"upstream": [DNS4]},
            "nat64": {"log": "bindings", "timeouts": {"udp": "1s", "icmp": "1s"}}}
F_SETPIPE_SZ = 1031		# <linux/fcntl.h>
PIPE = 4096


def lines_of(gate64):
    """All lines of the flow log so far."""
    return [json.loads(line) for line in gate64.log().splitlines() if line.startswith("{")]


def wait_for_line(gate64, **wanted):
    """The line that has all these values; it must come only once."""
    def found():
        return [line for line in lines_of(gate64) if wanted.items() <= line.items()]
    lines = wait_for(found, f"a line with {wanted}")
    assert len(lines) == 1
    return lines[0]


def is_recent(line):
    """RFC 3339 in UTC, and not long ago."""
    at = datetime.datetime.strptime(line["time"], "%Y-%m-%dT%H:%M:%S.%fZ")
    return abs((datetime.datetime.utcnow() - at).total_seconds()) < 60


def test_bindings(lab, gate64):
    """RFC 6888 REQ-12: protocol, both addresses and ports, begin and end; no destination.
    RFC 8158 5.6.3 (NAT64 BIB create) and its end."""
    with udp_flow(lab, lab.internet4, WEB4) as (inside, outside):
        port, seen = inside.getsockname()[1], outside.getpeername()
        begin = wait_for_line(gate64, event="binding-create", inside_port=port)
    assert is_recent(begin)
    del begin["time"]
    assert begin == {"event": "binding-create", "natEvent": 10, "proto": "udp",
                     "inside": SERVER6, "inside_port": port,
                     "outside": GATEWAY4, "outside_port": seen[1]} and seen[0] == GATEWAY4
    end = wait_for_line(gate64, event="binding-delete", inside_port=port)
    assert (end["natEvent"], end["outside_port"]) == (11, seen[1])


def test_sessions(lab, gate64):
    """Every session with its remote host, TCP and ICMP; a reload switches over."""
    gate64.reload({"nat64": {"log": "sessions"}})
    try:
        with WhoAmI(lab.internet4, WEB4, 7500), \
                lab.server6.connect((f"{PREF64}{WEB4}", 7500)) as sock:
            sock.sendall(b"hello\n")
            _hello, _peer, outside_port = sock.makefile().readline().split()
            line = wait_for_line(gate64, event="session-create", remote_port=7500)
            inside_port = sock.getsockname()[1]
        assert is_recent(line)
        del line["time"]
        assert line == {"event": "session-create", "natEvent": 6, "proto": "tcp",
                        "inside": SERVER6, "inside_port": inside_port,
                        "outside": GATEWAY4, "outside_port": int(outside_port),
                        "remote6": socket.inet_ntop(socket.AF_INET6, socket.inet_pton(
                            socket.AF_INET6, f"{PREF64}{WEB4}")),
                        "remote": WEB4, "remote_port": 7500}
        lab.server6.run("ping", "-c", "1", f"{PREF64}{DNS4}")
        begin = wait_for_line(gate64, event="session-create", proto="icmp", remote=DNS4)
        assert "remote_port" not in begin
        wait_for_line(gate64, event="session-delete", proto="icmp", remote=DNS4,
                      outside_port=begin["outside_port"])
    finally:
        gate64.reload()


def test_off(lab, gate64):
    """Nothing at all."""
    gate64.reload({"nat64": {"log": "off"}})
    try:
        before = len(lines_of(gate64))
        with udp_flow(lab, lab.internet4, WEB4, 7501):
            pass
        with gate64.counting():		# two requests later
            pass
        assert len(lines_of(gate64)) == before
    finally:
        gate64.reload()


@pytest.mark.parametrize("mode", ["bindings", "port-blocks"])
def test_a_static_binding_with_the_mode(lab, gate64, mode):
    """What one reload brings and switches on the log for is in the log, and only once."""
    outside_port = {"bindings": 2222, "port-blocks": 2223}[mode]
    gate64.reload({"nat64": {"log": "off"}})
    gate64.reload({"nat64": {"log": mode, "static": [
        {"proto": "tcp", "outside": outside_port, "inside": f"[{SERVER6}]:22"}]}})
    try:
        line = wait_for_line(gate64, event="binding-create", outside_port=outside_port)
        assert (line["proto"], line["inside_port"], line["outside"]) == ("tcp", 22, GATEWAY4)
    finally:
        gate64.reload()


@pytest.fixture
def stuck(lab, gate64):
    """A gate64 whose stderr nobody reads: a pipe of one page."""
    gate64.stop()
    fifo = lab.ground.path("stuck")
    os.mkfifo(fifo)
    reader = os.open(fifo, os.O_RDWR)
    fcntl.fcntl(reader, F_SETPIPE_SZ, PIPE)
    other = Gate64(lab, SETTINGS)
    usual, other.log_file = other.log_file, fifo
    other.start()
    other.log_file = usual
    try:
        yield other, reader
    finally:
        os.set_blocking(reader, False)
        other.stop()
        os.close(reader)
        gate64.start()


def read_out(fd):
    """What a pipe holds by now."""
    os.set_blocking(fd, False)
    data = b""
    try:
        while chunk := os.read(fd, 65536):
            data += chunk
    except BlockingIOError:
        pass
    return data


def test_nobody_reads_the_log(lab, stuck):
    """The log may wait, packets may not."""
    gate64, reader = stuck
    flows = 3 * PIPE // 150		# a line has some 180 bytes
    with lab.internet4.socket(socket.AF_INET, socket.SOCK_DGRAM) as outside:
        outside.bind((WEB4, 7502))
        outside.settimeout(5)
        for i in range(flows):
            with lab.server6.socket(socket.AF_INET6, socket.SOCK_DGRAM) as inside:
                inside.settimeout(5)
                inside.bind((SERVER6, 30000 + i))	# each a binding of its own
                inside.sendto(b"%d" % i, (f"{PREF64}{WEB4}", 7502))
                data, peer = outside.recvfrom(100)
                outside.sendto(data, peer)
                assert inside.recv(100) == b"%d" % i
    log = [read_out(reader)]

    def begun():
        log.append(read_out(reader))
        return b"".join(log).count(b'"binding-create"') >= flows
    wait_for(begun, "every binding is in the log, once somebody reads it")
