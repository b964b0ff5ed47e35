# SPDX-License-Identifier: GPL-2.0-or-later
"""What snid lets one client have, and all of them together."""

import contextlib
import os
import socket
import time

import pytest

from netns import wait_for
from topology import CLIENT4, GATEWAY4, SERVER6, WWW
from wire import client_hello, read_all

HANDSHAKE, ALERT = b"\x16", b"\x15"
OTHER4, THIRD4 = "203.0.113.8", "203.0.113.9"		# client4's too
LIMITS = {"per_client": 6, "opening": 8, "opening_per_client": 5, "new_per_client": "1000/s",
          "hello_timeout": "60s"}
COUNTS = [key for key, value in LIMITS.items() if isinstance(value, int)]
SETTINGS = {"snid": {"limits": LIMITS}}


@pytest.fixture(scope="module", autouse=True)
def other_address(lab):
    for address in (OTHER4, THIRD4):
        lab.client4.run("ip", "addr", "add", f"{address}/24", "dev", "eth0")


@contextlib.contextmanager
def connections(lab, n, source=None):
    """`n` connections that say nothing, one after another."""
    with contextlib.ExitStack() as stack:
        yield [stack.enter_context(lab.client4.connect((GATEWAY4, 443), source=source))
               for _ in range(n)]


def refused(sock):
    """Has it been closed without a byte?"""
    sock.settimeout(5)
    return read_all(sock) == b""


def greet(sock):
    """The first byte that the server answers with."""
    sock.settimeout(10)
    sock.sendall(client_hello(WWW))
    return sock.recv(1)


def wait_until_opening(gate64, n):
    wait_for(lambda: gate64.status()["rooms"]["snid"]["opening"] == n, f"{n} are opening")


def test_one_client_has_so_many_opening(lab, gate64):
    """The sixth of one address is refused; another address is not."""
    with gate64.counting() as rose, connections(lab, 5, CLIENT4):
        wait_until_opening(gate64, 5)
        with connections(lab, 1, CLIENT4) as more:
            assert refused(more[0])
        with connections(lab, 1, OTHER4) as others:
            assert greet(others[0]) == HANDSHAKE
    assert rose["snid.refused.client_opening_limit"] == 1
    wait_until_opening(gate64, 0)


def test_one_client_has_so_many(lab, gate64):
    """Joined ones count to the client, but are no longer opening."""
    with gate64.counting() as rose, connections(lab, 4, CLIENT4) as four:
        assert [greet(sock) for sock in four] == [HANDSHAKE] * 4
        with connections(lab, 2, CLIENT4):
            wait_until_opening(gate64, 2)
            with connections(lab, 1, CLIENT4) as more:
                assert refused(more[0])
    assert rose["snid.refused.client_limit"] == 1
    wait_until_opening(gate64, 0)


def test_who_had_longest_gives_way(lab, gate64):
    """Where all places of those that are opening are taken, whoever comes gets one, and a
    connection that has said no name for the longest time loses it."""
    with (gate64.counting() as rose, connections(lab, 5, CLIENT4) as first,
          connections(lab, 3, OTHER4) as later):
        wait_until_opening(gate64, 8)
        # The kernel chooses each one's worker: until it has been each worker's turn.
        answers = [greet(lab.client4.connect((GATEWAY4, 443), source=OTHER4))
                   for _ in range(2)]
        gave_way = [sock for sock in (*first, *later) if closed(sock)]
        waits = next(sock for sock in (*first, *later) if sock not in gave_way)
        assert greet(waits) == HANDSHAKE
    assert answers == [HANDSHAKE] * 2
    assert len(gave_way) == rose["snid.refused.gave_way"] > 0
    assert not rose["snid.refused.hello_timeout"]
    wait_until_opening(gate64, 0)


def test_nobody_gives_way_to_who_has_enough(lab, gate64):
    """A client at its own limit, or above its rate, is refused before others are asked."""
    with connections(lab, 5, CLIENT4), connections(lab, 3, OTHER4):
        wait_until_opening(gate64, 8)
        with gate64.counting() as rose, connections(lab, 4, CLIENT4) as more:
            assert all(refused(sock) for sock in more)
        assert rose["snid.refused.client_opening_limit"] == 4
        assert not rose["snid.refused.gave_way"]
        gate64.reload({"snid": {"limits": {"new_per_client": "1/s"}}})
        with gate64.counting() as rose, connections(lab, 2, THIRD4) as more:
            assert refused(more[1]) or refused(more[0])
        let_in = 2 - rose["snid.refused.client_new_connections"]
        assert rose["snid.refused.gave_way"] <= let_in
    gate64.reload()
    wait_until_opening(gate64, 0)


def closed(sock):
    """Has it been closed by now?"""
    sock.settimeout(0.3)
    try:
        return sock.recv(1) == b""
    except ConnectionResetError:
        return True
    except TimeoutError:
        return False


def test_new_connections_a_second(lab, gate64):
    """A second's worth at once, then at the rate; the other address has its own."""
    gate64.reload({"snid": {"limits": {"new_per_client": "3/s", "hello_timeout": "1s"}}})
    try:
        with gate64.counting() as rose:
            begun = time.monotonic()
            with connections(lab, 5, CLIENT4), connections(lab, 1, OTHER4) as others:
                took = time.monotonic() - begun
                assert greet(others[0]) == HANDSHAKE
        let_in = 5 - rose["snid.refused.client_new_connections"]
        assert 3 <= let_in <= 3 + 3 * took
        time.sleep(1)
        with connections(lab, 1, CLIENT4) as more:
            assert greet(more[0]) == HANDSHAKE, "a second later it may again"
    finally:
        gate64.reload()


def large_hello(name):
    """A hello of more than 4 KiB: its protocols are many (RFC 7301)."""
    return client_hello(name, ["http/1.1"] + [str(i).ljust(200, "x") for i in range(24)])


def test_hellos_fill_the_memory(lab, gate64):
    """As many bytes as snid.limits.buffered are kept of them; past it, small ones go on."""
    begun = b"\x16\x03\x01\x3e\x80\x01\x00\xea\x60" + bytes(15000)	# of 60,000 bytes
    n = 80
    gate64.reload({"snid": {"limits": {"buffered": "1MiB", "hello_timeout": "60s"} |
                            {key: 2 * n for key in COUNTS}}})
    try:
        with gate64.counting() as rose, connections(lab, n) as senders:
            with connections(lab, 1) as before:
                before[0].sendall(large_hello(WWW))
                assert before[0].recv(1) == HANDSHAKE
            for sock in senders:
                sock.sendall(begun)
            wait_for(lambda: gate64.status()["rooms"]["snid"]["hello_bytes"] >= 1 << 20,
                     "the memory is full")
            with connections(lab, 2) as (small, large):
                assert greet(small) == HANDSHAKE
                assert read_all_of(large, large_hello(WWW))[:1] in (b"", ALERT)
        assert rose["snid.refused.hello_memory"] > 0
        wait_for(lambda: gate64.status()["rooms"]["snid"]["hello_bytes"] == 0, "it is free")
    finally:
        gate64.reload()


def read_all_of(sock, said):
    """What `sock` is told once it has said that."""
    sock.settimeout(10)
    sock.sendall(said)
    return read_all(sock)


@pytest.fixture
def scarce(gate64):
    """gate64 with few descriptors more than it has when nobody is there."""
    spare = 24
    used = len(os.listdir(f"/proc/{gate64.process.pid}/fd"))
    gate64.stop()
    gate64.descriptors = used + spare
    gate64.configure({"snid": {"routes": [{"name": WWW, "backend": SERVER6}],
                               "limits": {"per_client": 200, "opening_per_client": 200,
                                          "opening": 200}}})
    gate64.start()
    yield spare
    gate64.stop()
    gate64.descriptors = None
    gate64.configure()
    gate64.start()


def test_descriptors_run_out(lab, gate64, scarce):
    """Accepting pauses, and neither spins nor loses who waits in the kernel's queue; who is
    accepted but cannot be connected further is told so; and all works again afterwards."""
    with gate64.counting() as rose, contextlib.ExitStack() as stack:
        begun = time.monotonic()
        waiting = [stack.enter_context(lab.client4.connect((GATEWAY4, 443)))
                   for _ in range(2 * scarce)]
        wait_for(lambda: "accepting on 0.0.0.0:443 pauses" in gate64.log(),
                 "it is said that accepting pauses")
        time.sleep(1)
        for sock in waiting:
            sock.sendall(client_hello(WWW))
        answers = []
        wait_for(lambda: answers.extend(take_answers(waiting)) or not waiting,
                 "all are answered", 30)
        took = time.monotonic() - begun
    assert answers.count(HANDSHAKE) + answers.count(ALERT) == 2 * scarce
    assert answers.count(HANDSHAKE) > 0
    wait_for(lambda: gate64.status()["rooms"]["snid"]["connections"] == 0, "all have gone")
    # Each worker's listener tries again every 100 ms.
    workers = len(os.sched_getaffinity(0))
    assert 0 < rose["snid.accept_paused"] <= workers * (10 * took + 2)
    assert rose["snid.accepted"] == 2 * scarce
    assert rose["snid.relayed"] + rose["snid.refused.no_resource"] == 2 * scarce
    lab.fetch_by_name()


def take_answers(waiting):
    """First bytes of those that have been answered; they are closed, and taken from the list."""
    for sock in waiting[:]:
        sock.settimeout(0.01)
        with contextlib.suppress(TimeoutError):
            yield sock.recv(1)
            sock.close()
            waiting.remove(sock)
