# SPDX-License-Identifier: GPL-2.0-or-later
"""gate64 under a service manager, as shipped (without sanitizers, which nothing can confine):
the watchdog, the files for systemd, the filter of system calls."""

import pathlib
import re
import shutil
import signal
import socket
import subprocess
import time

import pytest

from gateway import PROJECT, Gate64
from netns import run, wait_for
from topology import GATEWAY4, GATEWAY6, WEB4, WWW
from wire import ask, client_hello

SHIPPED = PROJECT / "build/release/gate64"
UNIT = PROJECT / "ops/systemd/gate64.service.in"
WATCHDOG_US = 400_000
# What it may be exposed, in tenths, as `systemd-analyze security` has it
EXPOSURE = 22


@pytest.fixture(scope="module", autouse=True)
def shipped(machine):
    """All of this is about the binary that is installed."""
    if not SHIPPED.exists():
        pytest.skip("there is no build/release/gate64")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GATE64", str(SHIPPED))
        yield


@pytest.fixture(scope="module")
def plant(tmp_path_factory):
    """An intruder to preload."""
    library = tmp_path_factory.mktemp("plant") / "plant.so"
    run("cc", "-shared", "-fPIC", "-D_GNU_SOURCE", "-o", library, PROJECT / "tests/lab/plant.c")
    return library


def ended(gate64):
    """Wait for its end. Return its exit status."""
    process, gate64.process = gate64.process, None
    return process.wait(20)


def hello(lab):
    with lab.client4.connect((GATEWAY4, 443)) as sock:
        sock.sendall(client_hello(WWW))
        return sock.recv(1)


def confined(gate64):
    """Of each thread: how many filters of system calls it has."""
    result = {}
    for task in pathlib.Path(f"/proc/{gate64.process.pid}/task").iterdir():
        fields = dict(re.findall(r"^(\w+):\s*(.*)$", (task / "status").read_text(), re.MULTILINE))
        assert fields["Seccomp"] == "2", fields["Name"]		# SECCOMP_MODE_FILTER
        result[fields["Name"]] = int(fields.get("Seccomp_filters", 0))
    return result


def fed(gate64, times):
    """Wait until the watchdog has been fed so often. Return when it was."""
    gate64.notify.settimeout(20)
    when = []
    while len(when) < times:
        if "WATCHDOG=1" in gate64.notify.recv(4096).decode().split("\n"):
            when.append(time.monotonic())
    return when


def test_a_life_confined(lab):
    """All three rooms, reloads, a change of the network and a stop, with the filter on; every
    thread has it, and workers a further one."""
    gate64 = Gate64(lab, {"ops": {"log": {"format": "json"}}})
    with gate64:
        filters = confined(gate64)
        workers = {name for name in filters
                   if re.fullmatch(r"(nat64|dns64|snid)[-/]\d+|nat64-log|heartbeat", name)}
        assert len({re.sub(r".\d+$", "", name) for name in workers}) == 5, filters
        ours = min(filters.values())
        assert filters["gate64"] == ours
        assert all(filters[name] == ours + 1 for name in workers), filters
        for _ in range(2):
            assert ask(lab.server6, GATEWAY6, "web.example.net", "AAAA").answer
            assert ask(lab.server6, GATEWAY6, "web.example.net", "AAAA", tcp=True).answer
            page = lab.server6.run("curl", "-sS", "--max-time", "10", "http://web.example.net/")
            assert page.stdout == f"hello {GATEWAY4}\n"
            assert lab.fetch_by_name().returncode == 0
            gate64.reload({"dns64": {"enabled": False}, "snid": {"listen": []}})
            gate64.reload()
            lab.gateway.nft("flush ruleset")
            lab.gateway.run("ip", "address", "add", "192.0.2.77/32", "dev", "lo")
            lab.gateway.run("ip", "address", "del", "192.0.2.77/32", "dev", "lo")
            gate64.reload()
        assert gate64.status()["ops"]


def test_the_watchdog_is_fed(lab):
    """sd_watchdog_enabled(3): WATCHDOG=1 comes twice in the time asked for, as long as all
    threads answer; a process that hangs sends none."""
    gate64 = Gate64(lab)
    gate64.spawn(WATCHDOG_USEC=str(WATCHDOG_US))
    gate64.wait_notified("READY=1")
    began = time.monotonic()
    # Late by any amount on a busy machine; more often than asked for, it never is.
    when = fed(gate64, 6)
    assert when[-1] - began >= 5 * WATCHDOG_US / 2e6 * 0.9
    gate64.process.send_signal(signal.SIGSTOP)
    gate64.notify.settimeout(0.5)
    with pytest.raises(TimeoutError):
        while True:
            gate64.notify.recv(4096)
    gate64.process.send_signal(signal.SIGCONT)
    fed(gate64, 2)
    gate64.stop()


@pytest.mark.parametrize("where", ("main", "worker"))
@pytest.mark.parametrize("seccomp", ("on", "off"))
def test_a_planted_execve(lab, plant, where, seccomp):
    """An intruder in a thread of gate64 executes a program: with the filter the kernel ends
    the process by SIGSYS (seccomp(2), SECCOMP_RET_KILL_PROCESS), without it he succeeds."""
    gate64 = Gate64(lab, {"ops": {"seccomp": seccomp}, "nat64": {"keep_flows": False}})
    try:
        gate64.spawn(LD_PRELOAD=str(plant), PLANT=where)
        gate64.wait_notified("READY=1")
        if where == "main":
            gate64.process.send_signal(signal.SIGTERM)
        else:
            lab.client4.connect((GATEWAY4, 443)).close()
        assert ended(gate64) == (-signal.SIGSYS if seccomp == "on" else 0)
    finally:
        with Gate64(lab):		# it cleans up what the dead one has left
            pass


@pytest.fixture(scope="module")
def unit(tmp_path_factory):
    """The unit as it is installed."""
    path = tmp_path_factory.mktemp("unit") / "gate64.service"
    path.write_text(UNIT.read_text().replace("@BINDIR@", str(SHIPPED.parent)))
    if not shutil.which("systemd-analyze"):
        pytest.skip("systemd is not installed")
    return path


def test_the_unit_is_well_formed(unit):
    """systemd-analyze(1) verify has nothing to say about it."""
    done = subprocess.run(("systemd-analyze", "verify", "--man=no", unit), capture_output=True,
                          text=True, check=False)
    said = [line for line in done.stderr.splitlines() if "gate64" in line]
    assert not said, done.stderr


def test_exposure(unit):
    """systemd-analyze(1) security: at most 2.2, with any version of systemd."""
    done = subprocess.run(("systemd-analyze", "security", "--offline=true", "--no-pager",
                           f"--threshold={EXPOSURE}", unit), capture_output=True, text=True,
                          check=False)
    assert done.returncode == 0, done.stdout[-400:] + done.stderr
    assert float(re.search(r"exposure level for \S+: ([0-9.]+)", done.stdout).group(1)) * 10 <= EXPOSURE
