# SPDX-License-Identifier: GPL-2.0-or-later
"""gate64 as a service of a real systemd, in the virtual machine of tests/vm/service.

    inside [2001:db8:1::10] -- veth -- this machine -- veth -- [198.51.100.10] outside

The machine is the gateway; "inside" and "outside" are namespaces with a host each.
"""

import contextlib
import json
import pathlib
import re
import socket
import subprocess
import threading
import time

import pytest

CONFIG = pathlib.Path("/etc/gate64/gate64.yaml")
DROP_IN = pathlib.Path("/run/systemd/system/gate64.service.d/watchdog.conf")
INSIDE6, OUTSIDE4, GATEWAY4 = "2001:db8:1::10", "198.51.100.10", "198.51.100.1"
OUTSIDE6 = "64:ff9b::c633:640a"		# as inside sees it, RFC 6052 2.2
WATCHDOG_S = 8
TEXT = """
inside: ["2001:db8:1::/64"]
uplink: vout
nat64: {deny4: [], fast_path: required}
dns64: {upstream: ["198.51.100.10"], dnssec: false}
snid:
  listen: [443]
  log: connections
  limits: {drain: 1s}
  routes: [{name: www.example.net, backend: "2001:db8:1::10", port: 443}]
"""
ECHO = """
import contextlib, socket, sys, threading
def serve(sock):
    with contextlib.suppress(ConnectionError):
        while data := sock.recv(4096):
            sock.sendall(data)
listener = socket.create_server((sys.argv[1], int(sys.argv[2])),
                                family=socket.AF_INET6 if ":" in sys.argv[1] else socket.AF_INET)
while True:
    threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()
"""
CLIENT = """
import socket, sys
sock = socket.create_connection((sys.argv[1], int(sys.argv[2])), 20)
for line in sys.stdin:
    sock.sendall(line.encode())
    got = b""
    while not got.endswith(b"\\n"):
        got += sock.recv(4096)
    print(got.decode(), end="", flush=True)
"""


def run(*argv, check=True):
    """A command of the machine."""
    done = subprocess.run([str(word) for word in argv], capture_output=True, text=True,
                          timeout=120, check=False)
    assert not check or done.returncode == 0, f"{argv}: {done.stdout}{done.stderr}"
    return done


def there(ns, *argv, **popen):
    """A process in a namespace."""
    return subprocess.Popen(("ip", "netns", "exec", ns, *argv), text=True, **popen)


def wait_for(condition, what, timeout=60):
    """Until it holds."""
    until = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < until, f"waited in vain: {what}\n{journal_text()}"
        time.sleep(0.2)


def journal_text():
    return run("journalctl", "--no-pager", "-u", "gate64", "-n", "40", check=False).stdout


def shown(name):
    """A property of the service."""
    return run("systemctl", "show", "-P", name, "gate64").stdout.strip()


def entries(**fields):
    """Of the journal: what gate64 wrote, as objects."""
    matches = [f"{name}={value}" for name, value in fields.items()]
    out = run("journalctl", "-o", "json", "--no-pager", "_SYSTEMD_UNIT=gate64.service", *matches).stdout
    return [json.loads(line) for line in out.splitlines()]


def host_state():
    return [run(*argv).stdout for argv in (
        ("nft", "--stateless", "list", "ruleset"), ("ip", "-4", "rule"), ("ip", "-6", "rule"),
        ("ip", "-4", "route", "show", "table", "all"),
        ("ip", "-6", "route", "show", "table", "all"), ("tc", "qdisc"))]


@pytest.fixture(scope="module", autouse=True)
def network():
    """Two hosts."""
    for ns, inner, outer in (("inside", "in0", "vin"), ("outside", "out0", "vout")):
        run("ip", "netns", "add", ns)
        run("ip", "link", "add", outer, "type", "veth", "peer", "name", inner, "netns", ns)
        run("ip", "link", "set", outer, "up")
        run("ip", "-n", ns, "link", "set", inner, "up")
        run("ip", "-n", ns, "link", "set", "lo", "up")
    run("ip", "address", "add", "2001:db8:1::1/64", "dev", "vin", "nodad")
    run("ip", "-n", "inside", "address", "add", f"{INSIDE6}/64", "dev", "in0", "nodad")
    run("ip", "-n", "inside", "route", "add", "default", "via", "2001:db8:1::1")
    run("ip", "address", "add", f"{GATEWAY4}/24", "dev", "vout")
    run("ip", "-n", "outside", "address", "add", f"{OUTSIDE4}/24", "dev", "out0")
    run("ip", "route", "add", "default", "via", OUTSIDE4)
    for name in ("net.ipv4.ip_forward", "net.ipv6.conf.all.forwarding"):
        run("sysctl", "-q", "-w", f"{name}=1")
    servers = [there("outside", "/usr/bin/python3", "-c", ECHO, OUTSIDE4, "7"),
               there("inside", "/usr/bin/python3", "-c", ECHO, INSIDE6, "443")]
    CONFIG.write_text(TEXT)
    DROP_IN.parent.mkdir(parents=True)
    DROP_IN.write_text(f"[Service]\nWatchdogSec={WATCHDOG_S}s\n")
    run("systemctl", "daemon-reload")
    yield
    for server in servers:
        server.kill()


@pytest.fixture(scope="module")
def untouched():
    """The host before there was a gate64."""
    return host_state()


@pytest.fixture(scope="module")
def service(untouched):
    """The service, which says itself when it is ready."""
    assert run("systemctl", "start", "gate64", check=False).returncode == 0, journal_text()
    yield
    run("systemctl", "stop", "gate64")


@contextlib.contextmanager
def conversation():
    """A TCP connection from inside to outside, over NAT64: yields what says a line and waits
    for the echo."""
    client = there("inside", "/usr/bin/python3", "-c", CLIENT, OUTSIDE6, "7",
                   stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def say(text):
        client.stdin.write(text + "\n")
        client.stdin.flush()
        assert client.stdout.readline() == text + "\n"
    yield say
    client.kill()
    client.wait()


def main_pid():
    return int(shown("MainPID"))


# ---- tests, in this order --------------------------------------------------------

def test_ready(service):
    """Type=notify: `systemctl start` has waited for READY=1, and STATUS is shown."""
    assert shown("ActiveState") == "active"
    assert "uplink vout" in shown("StatusText")
    assert shown("WatchdogUSec") == f"{WATCHDOG_S}s"


def test_threads(service):
    """Capabilities as ARCHITECTURE.md has them, by thread; no new privileges; and a filter of
    system calls for each (beside systemd's)."""
    net_bind, net_admin, net_raw = 1 << 10, 1 << 12, 1 << 13
    seen = {}
    for task in pathlib.Path(f"/proc/{main_pid()}/task").iterdir():
        fields = dict(re.findall(r"^(\w+):\s*(.*)$", (task / "status").read_text(), re.MULTILINE))
        assert fields["NoNewPrivs"] == "1" and fields["Seccomp"] == "2"
        assert "0" not in fields["Uid"].split()
        seen[re.sub(r"[-/]\d+$", "", fields["Name"])] = int(fields["CapEff"], 16)
    assert seen.pop("gate64") == net_admin | net_bind
    assert seen.pop("nat64") == net_admin | net_raw
    assert {"dns64", "snid", "nat64-log", "heartbeat"} <= set(seen)
    assert set(seen.values()) == {0}


def test_exposure(service):
    """`systemd-analyze security` of the service as it runs: 2.2 or better."""
    done = run("systemd-analyze", "security", "--no-pager", "--threshold=22", "gate64.service")
    print(done.stdout.splitlines()[-1])


def test_fed_watchdog(service):
    """It is fed, so that more than its time passes and nothing is restarted."""
    pid = main_pid()
    seen = set()
    wait_for(lambda: seen.add(shown("WatchdogTimestampMonotonic")) or len(seen) >= 4, "fed again")
    assert main_pid() == pid and shown("NRestarts") == "0"


def test_reload(service):
    """`systemctl reload` waits for it, and fails where the configuration is refused."""
    CONFIG.write_text(TEXT + "ops: {log: {level: debug}}\n")
    run("systemctl", "reload", "gate64")
    CONFIG.write_text(TEXT + "nonsense: 1\n")
    assert run("systemctl", "reload", "gate64", check=False).returncode != 0
    assert shown("ActiveState") == "active"
    CONFIG.write_text(TEXT)
    run("systemctl", "reload", "gate64")


def test_journal(service):
    """Entries of the native protocol: an event has its MESSAGE_ID and fields (systemd.journal-
    fields(7)), a refused reload says where and why."""
    ready = entries(GATE64_EVENT="ready")
    assert ready and all(re.fullmatch("[0-9a-f]{32}", entry["MESSAGE_ID"]) for entry in ready)
    assert ready[-1]["PRIORITY"] == "6" and ready[-1]["_TRANSPORT"] == "journal"
    assert ready[-1]["SYSLOG_IDENTIFIER"] == "gate64"
    refused = entries(GATE64_EVENT="reload-refused")
    assert re.search(r"gate64\.yaml:\d+:\d+: ", refused[-1]["GATE64_TEXT"])


def hello(name):
    """A TLS ClientHello, by the library; RFC 6066 3 has the name."""
    import ssl
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    context = ssl.create_default_context()
    with contextlib.suppress(ssl.SSLWantReadError):
        context.wrap_bio(incoming, outgoing, server_hostname=name).do_handshake()
    return outgoing.read()


KNOCK = """
import socket, sys, time
hello = bytes.fromhex(sys.argv[2])
end = time.monotonic() + float(sys.argv[3])
n = 0
while time.monotonic() < end:
    sock = socket.create_connection((sys.argv[1], 443), 20)
    sock.sendall(hello)
    assert sock.recv(1)
    sock.close()
    n += 1
print(n)
"""


def test_listeners_outlive_a_restart(service):
    """FileDescriptorStoreMax=, sd_pid_notify_with_fds(3): while it is restarted connections
    wait; none is refused, each is served."""
    assert int(shown("NFileDescriptorStore")) > 0
    pid = main_pid()
    knocking = there("outside", "/usr/bin/python3", "-c", KNOCK, GATEWAY4,
                     hello("www.example.net").hex(), "25", stdout=subprocess.PIPE,
                     stderr=subprocess.PIPE)
    for _ in range(2):
        time.sleep(2)
        run("systemctl", "restart", "gate64")
    out, err = knocking.communicate(timeout=90)
    assert knocking.returncode == 0, err + journal_text()
    assert int(out) > 10 and main_pid() != pid


def test_connections_are_logged(service):
    """snid.log in the journal: the line, and its members as fields."""
    entry = entries(GATE64_EVENT="connection-end")[-1]
    assert entry["GATE64_CLIENT"] == OUTSIDE4 and entry["GATE64_NAME"] == "www.example.net"
    assert json.loads(entry["MESSAGE"])["name"] == "www.example.net"


def test_flows_outlive_a_kill(service):
    """SIGKILL: systemd starts it again, and what goes by NAT64 goes on."""
    with conversation() as say:
        say("one")
        pid = main_pid()
        run("kill", "-KILL", pid)
        say("two")
        wait_for(lambda: main_pid() not in (0, pid) and shown("ActiveState") == "active", "a restart")
        say("three")
    assert int(shown("NRestarts")) == 1


def test_a_hung_process_is_restarted(service):
    """The watchdog: what does not answer is ended, and started again."""
    pid = main_pid()
    run("kill", "-STOP", pid)
    wait_for(lambda: main_pid() not in (0, pid) and shown("ActiveState") == "active", "a restart")
    with conversation() as say:
        say("hello")


def test_a_stop_leaves_nothing(service, untouched):
    """Rules, routes and TC are as before the first start, and no process is left; without
    nat64.keep_flows, which has a stop leave what the next start goes on with."""
    CONFIG.write_text(TEXT.replace("fast_path: required", "fast_path: required, keep_flows: false"))
    run("systemctl", "reload", "gate64")
    run("systemctl", "stop", "gate64")
    assert shown("ActiveState") == "inactive" and shown("NFileDescriptorStore") == "0"
    assert host_state() == untouched
    assert not list(pathlib.Path("/sys/fs/bpf/gate64").iterdir())
    assert run("pgrep", "-x", "gate64", check=False).stdout == ""
    run("systemctl", "start", "gate64")
