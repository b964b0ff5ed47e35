# SPDX-License-Identifier: GPL-2.0-or-later
"""Old connections when snid stops, reloads, is switched off or restarted.

The lab's notify socket plays the service manager, its descriptor store too: it gives back at
the next start what it was given to keep (sd_notify(3) FDSTORE=1, sd_listen_fds(3)).
"""

import contextlib
import os
import pwd
import signal
import socket
import ssl
import threading

import pytest

from gateway import service_user
from netns import wait_for
from topology import GATEWAY4, INSIDE, WWW
from wire import client_hello

HANDSHAKE = b"\x16"
SETTINGS = {"snid": {"limits": {"drain": "20s"}}}
NAME = "snid-0.0.0.0_443"


class Session:
    """HTTPS over one connection that stays open, request after request."""

    def __init__(self, lab, port=443):
        context = ssl.create_default_context(cafile=str(lab.ca))
        self.sock = context.wrap_socket(lab.client4.connect((GATEWAY4, port)),
                                        server_hostname=WWW)

    def ask(self):
        """One request and its whole answer."""
        self.sock.sendall(f"GET / HTTP/1.1\r\nHost: {WWW}\r\n\r\n".encode())
        answer = b""
        while b"\r\n\r\n" not in answer:
            chunk = self.sock.recv(65536)
            assert chunk, "the connection was closed"
            answer += chunk
        return answer.startswith(b"HTTP/1.1 200")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.sock.close()


def listens(lab, port=443):
    try:
        lab.client4.connect((GATEWAY4, port), timeout=2).close()
        return True
    except ConnectionRefusedError:
        return False


def connections(gate64):
    return gate64.status()["rooms"]["snid"]["connections"]


def ended(gate64, timeout):
    """Wait for the process to end by itself; its exit status."""
    wait_for(lambda: gate64.process.poll() is not None, "gate64 ends", timeout)
    code = gate64.process.returncode
    gate64.stop()
    return code


def test_a_stop_waits_for_connections(lab, gate64):
    """Listeners close at once, what is open goes on, and the process ends after the last one;
    a reload meanwhile is refused, and what is queued when the listeners close is served."""
    try:
        with Session(lab) as session:
            assert session.ask()
            gate64.process.send_signal(signal.SIGTERM)
            gate64.wait_notified("STOPPING=1")
            wait_for(lambda: not listens(lab), "the listener is closed")
            assert session.ask(), "over the NAT46 route, which must be there still"
            assert "stopping" in gate64.command("reload", "-s", gate64.control,
                                                check=False).stderr
            assert not listens(lab)
            assert session.ask() and gate64.process.poll() is None
        assert ended(gate64, 10) == 0
    finally:
        gate64.start()


def test_a_stop_does_not_wait_for_ever(lab, gate64):
    """After snid.limits.drain what is left is reset: no client shall think it had it all."""
    gate64.reload({"snid": {"limits": {"drain": "1s"}}})
    try:
        with lab.client4.connect((GATEWAY4, 443)) as sock:
            sock.sendall(client_hello(WWW))
            assert sock.recv(1) == HANDSHAKE
            gate64.process.send_signal(signal.SIGTERM)
            assert ended(gate64, 10) == 0
            with pytest.raises(ConnectionResetError):
                while sock.recv(65536):
                    pass
    finally:
        gate64.configure()
        gate64.start()


def test_who_insists_is_obeyed(lab, gate64):
    """A second SIGTERM ends it at once."""
    try:
        with Session(lab):
            gate64.process.send_signal(signal.SIGTERM)
            gate64.wait_notified("STOPPING=1")
            gate64.process.send_signal(signal.SIGTERM)
            assert ended(gate64, 10) == 0
    finally:
        gate64.start()


def test_reloads_disturb_nobody(lab, gate64):
    """Connections over many reloads, while new ones are opened all the time: none is refused
    and none is reset, though another listener comes and goes, and the limits change."""
    stop, failures, done = threading.Event(), [], []

    def open_and_close():
        hello = client_hello(WWW)
        while not stop.is_set():
            try:
                with lab.client4.connect((GATEWAY4, 443)) as sock:
                    sock.sendall(hello)
                    assert sock.recv(1) == HANDSHAKE
                done.append(1)
            except (OSError, AssertionError) as error:
                failures.append(repr(error))
    threads = [threading.Thread(target=open_and_close) for _ in range(4)]
    with Session(lab) as session, gate64.counting() as rose:
        for thread in threads:
            thread.start()
        for i in range(25):
            gate64.reload({"snid": {"listen": [443, 8443] if i % 2 else [443],
                                    "limits": {"per_client": 200 + i}}})
            assert session.ask()
        stop.set()
        for thread in threads:
            thread.join()
        gate64.reload()
    assert not failures and len(done) > 25
    assert rose["ops.reloads.ok"] == 26
    assert not any(n for name, n in rose.items() if name.startswith("snid.refused."))


def test_a_reload_among_many_descriptors(lab, gate64):
    """More than select() can wait for, which libnftables does."""
    limits = {"per_client": 4000, "opening_per_client": 4000, "new_per_client": 100000,
              "hello_timeout": "60s"}
    gate64.reload({"snid": {"limits": limits}})
    with contextlib.ExitStack() as stack:
        for _ in range(1100):
            stack.enter_context(lab.client4.connect((GATEWAY4, 443)))
        wait_for(lambda: connections(gate64) == 1100, "all are accepted")
        gate64.reload({"snid": {"listen": [443, 8443], "limits": limits}})
        lab.fetch_by_name()
    gate64.reload()


REPLACEMENTS = {"address": {"port": 443, "address": GATEWAY4},
                "mode": {"port": 443, "mode": "tcp", "backends": [INSIDE]}}


@pytest.mark.parametrize("other", REPLACEMENTS.values(), ids=REPLACEMENTS.keys())
def test_a_listener_is_replaced(lab, gate64, other):
    """Another one takes its port over and over, while connections are opened all the time: none
    fails, nor those that have not yet said a name. A SYN may come in vain (RFC 6298 2.1)."""
    stop, failures, done = threading.Event(), [], []
    hello = client_hello(WWW)

    def ask(sock):
        sock.settimeout(20)
        sock.sendall(hello)
        assert sock.recv(1) == HANDSHAKE

    def open_and_close():
        while not stop.is_set():
            try:
                with lab.client4.connect((GATEWAY4, 443), timeout=20) as sock:
                    ask(sock)
                done.append(1)
            except (OSError, AssertionError) as error:
                failures.append(repr(error))
    threads = [threading.Thread(target=open_and_close) for _ in range(4)]
    with gate64.counting() as rose, contextlib.ExitStack() as stack:
        stack.callback(stop.set)
        for thread in threads:
            thread.start()
        for i in range(6):
            slow = stack.enter_context(lab.client4.connect((GATEWAY4, 443), timeout=20))
            gate64.reload({"snid": {"listen": [443 if i % 2 else other]}})
            ask(slow)
        stop.set()
        for thread in threads:
            thread.join()
    assert not failures and done and rose["ops.reloads.ok"] == 6
    assert not any(n for name, n in rose.items() if name.startswith("snid.refused."))


def test_a_replaced_listener_closes(lab, gate64):
    """It takes nothing at addresses that the new one does not cover, and soon it has gone."""
    def listening():
        return lab.gateway.run("ss", "-Hltn", "sport = :443").stdout.splitlines()
    workers = len(os.sched_getaffinity(0))
    for address in (GATEWAY4, "0.0.0.0"):
        gate64.reload({"snid": {"listen": [f"{address}:443"]}})
        wait_for(lambda: len(listening()) == workers, "the old ones have closed")
        assert all(f"{address}:443" in line for line in listening())
        lab.fetch_by_name()
    gate64.reload()


OTHER_PREFIX = {"prefixes": {"nat46": "64:ff9b:2::/96"}}


def test_another_nat46_prefix(lab, gate64):
    """Connections from the old one are reset at once instead of hanging, others stay."""
    listen = {"snid": {"listen": [443, dict(REPLACEMENTS["mode"], port=8443,
                                            server_port=443)]}}
    gate64.reload(listen)
    with (lab.client4.connect((GATEWAY4, 443)) as old, Session(lab, 8443) as other,
          gate64.counting() as rose):
        old.sendall(client_hello(WWW))
        assert old.recv(1) == HANDSHAKE and other.ask()
        gate64.reload(OTHER_PREFIX | listen)
        with pytest.raises(ConnectionResetError):
            while old.recv(65536):
                pass
        assert other.ask()
        with Session(lab) as new:
            assert new.ask() and other.ask()
    assert rose["snid.ended.stopped"] == 1
    assert "prefixes.nat46 is no longer 64:ff9b:1::/96: 1 connections" in gate64.log()
    gate64.reload()


def test_another_nat46_prefix_while_it_ends(lab, gate64):
    """Switched off at the same time, snid still waits for its connections."""
    with Session(lab) as session:
        gate64.reload(OTHER_PREFIX | {"snid": {"listen": []}})
        assert session.ask()
    try:
        wait_for(lambda: not gate64.status()["rooms"]["snid"]["enabled"], "snid is off")
    finally:
        gate64.reload()


def test_a_listener_goes_and_its_connections_stay(lab, gate64):
    gate64.reload({"snid": {"listen": [443, 8443], "limits": {"per_client": 100}}})
    try:
        with Session(lab) as other:
            gate64.reload({"snid": {"listen": [8443]}})
            assert not listens(lab) and other.ask()
    finally:
        gate64.reload()


def test_switched_off_it_still_waits_for_connections(lab, gate64):
    """A reload without listeners; one with them again meanwhile loses nothing either."""
    with Session(lab) as first:
        gate64.reload({"snid": {"listen": []}})
        assert not listens(lab) and first.ask()
        gate64.reload()
        with Session(lab) as second:
            assert first.ask() and second.ask()
            gate64.reload({"snid": {"listen": []}})
            assert first.ask() and second.ask()
    try:
        wait_for(lambda: not gate64.status()["rooms"]["snid"]["enabled"], "snid is off")
        assert lab.gateway.run("nft", "list", "table", "ip6", "gate64-nat46",
                               check=False).returncode
    finally:
        gate64.reload()


# ---- the descriptor store ------------------------------------------------------

class Manager:
    """A service manager with a descriptor store, at the lab's notify socket."""

    def __init__(self, gate64):
        self.gate64 = gate64
        self.store = {}		# name: descriptors

    def hear(self, until):
        """Read what gate64 says until it says `until`."""
        self.gate64.notify.settimeout(30)
        while True:
            text, fds, *_ = socket.recv_fds(self.gate64.notify, 4096, 64)
            fields = dict(line.split("=", 1) for line in text.decode().split("\n"))
            if "FDSTORE" in fields:
                self.store.setdefault(fields["FDNAME"], []).extend(fds)
            elif "FDSTOREREMOVE" in fields:
                self._close(self.store.pop(fields["FDNAME"], []))
            if until in text.decode().split("\n"):
                return

    @staticmethod
    def _close(fds):
        for fd in fds:
            os.close(fd)

    def reload(self, changes=None):
        self.gate64.configure(changes)
        self.gate64.process.send_signal(signal.SIGHUP)
        self.hear("READY=1")

    def start(self):
        """Start it with what is in the store, as descriptors from 3 on."""
        fds = [fd for name in self.store for fd in self.store[name]]
        names = ":".join(name for name in self.store for _ in self.store[name])
        self.gate64.spawn(passed=fds, LISTEN_FDNAMES=names, LISTEN_FDS=str(len(fds)))
        self.hear("READY=1")

    def close(self):
        for fds in self.store.values():
            self._close(fds)


@pytest.fixture
def manager(gate64):
    manager = Manager(gate64)
    yield manager
    manager.close()


def test_a_restart_loses_nothing_that_is_queued(lab, gate64, manager):
    """What comes while no gate64 runs waits in the kernel, and is served by the next one."""
    gate64.stop()
    manager.start()
    workers = len(os.sched_getaffinity(0))
    assert {name: len(fds) for name, fds in manager.store.items()} == {NAME: workers}
    # An address that comes is kept, one that goes is not.
    manager.reload({"snid": {"listen": [443, f"{GATEWAY4}:8443"]}})
    assert set(manager.store) == {NAME, f"snid-{GATEWAY4}_8443"}
    manager.reload()
    assert set(manager.store) == {NAME}

    gate64.stop()
    hello = client_hello(WWW)
    with contextlib.ExitStack() as stack:
        # With fewer processors sockets are left over: one more than there are workers.
        surplus = stack.enter_context(lab.gateway.socket(socket.AF_INET))
        for option in (socket.SO_REUSEADDR, socket.SO_REUSEPORT):
            surplus.setsockopt(socket.SOL_SOCKET, option, 1)
        # SO_REUSEPORT is among sockets of one user.
        os.fchown(surplus.fileno(), pwd.getpwnam(service_user()).pw_uid, -1)
        surplus.bind(("0.0.0.0", 443))
        surplus.listen(64)
        manager.store[NAME] += [os.dup(surplus.fileno()), os.dup(manager.store[NAME][0])]
        waiting = [stack.enter_context(lab.client4.connect((GATEWAY4, 443)))
                   for _ in range(20)]
        for sock in waiting:
            sock.sendall(hello)
        manager.start()
        # Some come to the one that nobody will serve any more.
        late = [stack.enter_context(lab.client4.connect((GATEWAY4, 443), timeout=20))
                for _ in range(20)]
        for sock in late:
            sock.sendall(hello)
        for sock in waiting + late:
            sock.settimeout(20)
            assert sock.recv(1) == HANDSHAKE
        assert gate64.counters()["snid.accepted"] == 40
        assert len(manager.store[NAME]) == workers
        # We still have it, as a service manager would: it listens for nobody.
        wait_for(lambda: not surplus.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN),
                 "it is shut")


def test_of_a_strange_descriptor_it_takes_no_notice(lab, gate64, manager):
    """Neither what is no listener nor one whose address is not configured is kept, by us or by
    the manager; nor what has another name."""
    gate64.stop()
    mine, strange = os.pipe()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as odd, \
            lab.gateway.socket(socket.AF_INET) as other:
        other.bind((GATEWAY4, 8555))
        other.listen()
        manager.store = {NAME: [os.dup(odd.fileno())],
                         f"snid-{GATEWAY4}_8555": [os.dup(other.fileno())],
                         "strange": [strange]}
        manager.start()
        assert not other.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
    assert {name: len(fds) for name, fds in manager.store.items()} == {
        NAME: len(os.sched_getaffinity(0))}
    assert os.read(mine, 1) == b"", "nobody has its other end"
    os.close(mine)
    assert "(strange) is none of ours" in gate64.log()
    assert not listens(lab, 8555)
    lab.fetch_by_name()
