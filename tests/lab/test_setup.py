# SPDX-License-Identifier: GPL-2.0-or-later
r"""`gate64 setup` and --undo, on a host of its own: a namespace with private /etc, /var/lib and
/run, and a systemctl that writes down what it is told, and starts and stops gate64.

    up1 ------- up0  host  in0 ------- in1        (pairs of veth, all in one namespace)
                 .1         fe80::
          198.51.100.0/24   2001:db8:1::/64 is routed there
"""

import json
import os
import pty
import re
import shutil
import stat
import subprocess
import textwrap

import pytest

from crossing import programs
from gateway import PROJECT, SANITIZERS, binary
from netns import Ground, run, wait_for

CONFIG, RECORD = "/etc/gate64/gate64.yaml", "/var/lib/gate64/setup.json"
SHIPPED = (PROJECT / "ops/gate64.yaml").read_text()
MINE = "# by hand\nsnid: {listen: [8443]}\n"
GROUP = 65534			# gate64's
EPHEMERAL = "net/ipv4/ip_local_port_range"

# What systemd would do, as far as setup asks for it
SYSTEMCTL = """\
#!/bin/sh
state=$STATE
echo "$*" >>$state/calls
running() { [ -e $state/pid ] && kill -0 $(cat $state/pid) 2>/dev/null; }
case $1 in
cat) [ ! -e $state/no-unit ];;
is-enabled) [ -e $state/enabled ];;
is-active) running;;
enable) touch $state/enabled;;
disable)
	rm -f $state/enabled
	case $* in *--now*) $0 stop;; esac;;
daemon-reload) ;;
start)
	[ ! -e $state/murder ] || { kill -KILL $PPID; exit 1; }
	[ ! -e $state/fail ] || { echo "Job for $2 failed." >&2; exit 1; }
	$GATE64 run >>$state/log 2>&1 &
	echo $! >$state/pid
	while ! $GATE64 status >/dev/null 2>&1; do running || exit 1; sleep 0.05; done;;
stop)
	running || exit 0
	kill $(cat $state/pid)
	while running; do sleep 0.05; done;;
reload-or-restart) $GATE64 reload;;
*) exit 1;;
esac
"""

ENTER = """\
mount --bind $0/etc /etc && mount --bind $0/lib /var/lib && mount --bind $0/run /run &&
mount --bind $0/../bpf /sys/fs/bpf && exec "$@"
"""


class Host:
    """One machine to set up."""

    def __init__(self, ground):
        self.ground = ground
        self.ns = ground.namespace("host")
        self.root = ground.path("host")
        self.root.mkdir()
        self.bpffs = ground.bpffs("bpf")
        self.etc, self.state = self.root / "etc", self.root / "state"
        self._links()

    def _links(self):
        for name in ("up", "in"):
            self.ns.run("ip", "link", "add", f"{name}0", "type", "veth", "peer", "name", f"{name}1")
            for end in "01":
                self.ns.run("ip", "link", "set", f"{name}{end}", "up")
        self.ns.run("ip", "address", "add", "198.51.100.1/24", "dev", "up0")
        self.ns.run("ip", "route", "add", "default", "via", "198.51.100.254")
        self.ns.run("ip", "route", "add", "2001:db8:1::/64", "dev", "in0")

    def fresh(self):
        """As after an installation of the system."""
        self.systemctl_stop()
        for name in ("etc", "lib", "run", "state", "bin"):
            shutil.rmtree(self.root / name, ignore_errors=True)
            (self.root / name).mkdir()
        for name in ("nsswitch.conf", "ld.so.cache"):
            shutil.copy(f"/etc/{name}", self.etc)
        (self.etc / "passwd").write_text("root:x:0:0::/:/bin/sh\ngate64:x:65534:65534::/:/bin/false\n")
        (self.etc / "group").write_text("root:x:0:\ngate64:x:65534:\n")
        (self.etc / "sysctl.d").mkdir()
        (self.root / "run/systemd/system").mkdir(parents=True)
        (self.root / "bin/systemctl").write_text(SYSTEMCTL)
        (self.root / "bin/systemctl").chmod(0o755)

    def systemctl_stop(self):
        pid = self.state / "pid"
        if pid.exists():
            run("kill", pid.read_text().strip(), check=False)
            wait_for(lambda: run("kill", "-0", pid.read_text().strip(), check=False).returncode,
                     "gate64 ends")

    def ship(self, text=SHIPPED, mode=0o640):
        """The configuration that `make install` leaves, or one of the administrator's; not for
        everybody to read, but for gate64."""
        self.config.parent.mkdir(exist_ok=True)
        self.config.write_text(text)
        self.config.chmod(mode)
        os.chown(self.config, 0, GROUP)

    @property
    def config(self):
        return self.root / CONFIG[1:]

    @property
    def record(self):
        return self.root / "lib" / RECORD.removeprefix("/var/lib/")

    def calls(self):
        """What systemctl was told to change."""
        file = self.state / "calls"
        said = file.read_text().splitlines() if file.exists() else []
        file.unlink(missing_ok=True)
        return [line.removesuffix(" gate64.service") for line in said
                if not re.match("is-|cat ", line)]

    def argv(self, *argv, program=None):
        return ("unshare", "--mount", "sh", "-c", ENTER, self.root, program or binary(), *argv)

    def environment(self):
        return dict(os.environ, **SANITIZERS, STATE=str(self.state), GATE64=str(binary()),
                    PATH=f"{self.root}/bin:{os.environ['PATH']}")

    def setup(self, *argv, check=True):
        return self.ns.run(*self.argv("setup", *argv), env=self.environment(), check=check,
                           timeout=60)

    def run(self, *argv):
        """Another program on this host."""
        return self.ns.run(*self.argv(*argv[1:], program=argv[0]), env=self.environment(),
                           timeout=60)

    def goes_fast(self):
        """Is the program on its interfaces? Where there can be one, that is waited for."""
        status = json.loads(self.run(binary(), "status", "--json").stdout)
        if not status["rooms"]["nat64"]["fast_path"]["enabled"]:
            pytest.skip("no fast path")
        wait_for(lambda: programs(self.ns) == {"up0", "in0"}, "the program is on both sides")
        assert (self.bpffs / "gate64").is_dir()

    def nothing_is_left(self):
        return not programs(self.ns) and not (self.bpffs / "gate64").exists()

    def terminal(self, typed, *argv):
        """The same on a terminal where this is typed: (exit status, what was on the screen)."""
        master, slave = pty.openpty()
        command = ["ip", "netns", "exec", self.ns.name, *map(str, self.argv("setup", *argv))]
        process = subprocess.Popen(command, stdin=slave, stdout=slave, stderr=slave,
                                   env=self.environment(), start_new_session=True)
        os.close(slave)
        screen = b""
        for line in typed:
            os.write(master, line.encode() + b"\n")
        try:
            while chunk := os.read(master, 4096):
                screen += chunk
        except OSError:		# the other end is closed
            pass
        os.close(master)
        return process.wait(60), screen.decode().replace("\r\n", "\n")

    def tree(self):
        """Everything setup could have changed."""
        seen = {"sysctl": self.ns.sysctl(EPHEMERAL), "enabled": (self.state / "enabled").exists()}
        for top in ("etc", "lib"):
            for path in sorted((self.root / top).rglob("*")):
                info = path.lstat()
                holds = (os.readlink(path) if path.is_symlink() else
                         path.read_bytes() if path.is_file() else None)
                seen[str(path)] = (stat.filemode(info.st_mode), info.st_uid, holds)
        return seen


@pytest.fixture(scope="module")
def machine_to_set_up(machine):
    with Ground() as ground:
        host = Host(ground)
        yield host
        host.systemctl_stop()


@pytest.fixture
def host(machine_to_set_up):
    machine_to_set_up.fresh()
    return machine_to_set_up


def hold(host, address, port, name, kind="TCP"):
    """A program of another name that has a port of the host."""
    script = host.root / "hold.py"
    script.write_text(textwrap.dedent("""\
        import socket, sys, time
        address, port, name, kind = sys.argv[1:]
        open("/proc/self/comm", "w").write(name)
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        s = socket.socket(family, socket.SOCK_STREAM if kind == "TCP" else socket.SOCK_DGRAM)
        s.bind((address, int(port)))
        if kind == "TCP":
            s.listen()
        print("bound", flush=True)
        time.sleep(600)
        """))
    log = host.root / f"{name}.log"
    log.unlink(missing_ok=True)
    process = host.ns.spawn("/usr/bin/python3", script, address, port, name, kind, log=log)
    wait_for(lambda: log.exists() and "bound" in log.read_text(), f"{name} is there")
    return process


def test_it_sets_up_and_takes_back_exactly_that(host):
    """From nothing to a gateway that answers, and back to nothing."""
    before = host.tree()
    done = host.setup("--yes", "--listen", "443,80", "--upstream", "9.9.9.9")
    assert host.config.read_text().splitlines()[1:] == [
        "dns64:", '  upstream: ["9.9.9.9"]', "snid:", "  listen: [443, 80]"]
    assert host.calls() == ["enable", "start"]
    assert "uplink up0, 198.51.100.1" in done.stdout and "2001:db8:1::/64" in done.stdout
    assert re.search(r"runs: .*nat64 on; dns64 on; snid on", done.stdout)
    assert stat.filemode(host.record.stat().st_mode) == "-rw-------"

    host.setup("--undo", "--yes")
    assert host.calls() == ["stop", "disable"]
    assert host.tree() == before
    assert "has changed nothing" in host.setup("--undo", "--yes").stdout


def test_undo_leaves_nothing_in_the_kernel(host):
    """nat64.keep_flows is for the next start: there is none."""
    host.setup("--yes")
    host.goes_fast()
    host.setup("--undo", "--yes")
    assert host.nothing_is_left()


def test_uninstall_leaves_nothing_in_the_kernel(host):
    """Also of a service that was started without `gate64 setup'."""
    host.run("systemctl", "start", "gate64.service")
    host.goes_fast()
    program = host.root / "usr/bin/gate64"
    program.parent.mkdir(parents=True, exist_ok=True)
    program.symlink_to(binary())
    host.run("make", "-C", PROJECT, "--silent", "uninstall", f"PREFIX={host.root}/usr")
    assert not program.is_symlink() and host.nothing_is_left()


def test_undo_lets_another_gateway_be(host):
    """What a gateway that runs has in the kernel is its own."""
    host.run("systemctl", "start", "gate64.service")
    host.goes_fast()
    assert "has changed nothing" in host.setup("--undo", "--yes").stdout
    assert programs(host.ns) == {"up0", "in0"} and (host.bpffs / "gate64").is_dir()


def test_what_somebody_has_written_is_used(host):
    """The first run, too, takes the administrator's configuration as it is."""
    host.ship(MINE)
    before = host.tree()
    done = host.setup("--yes", "--listen", "443", check=False)
    assert done.returncode == 1 and "somebody has written" in done.stderr
    assert host.tree() == before and host.calls() == []
    done = host.setup("--yes")
    assert "stays as it is" in done.stdout and "| snid: {listen: [8443]}" in done.stdout
    assert host.calls() == ["enable", "start"] and host.config.read_text() == MINE
    assert ":8443 " in host.ns.run("ss", "-ltn").stdout
    host.setup("--undo", "--yes")
    assert host.tree() == before


def test_what_was_installed_is_replaced_and_stays_whose_it_was(host):
    host.ship()
    host.setup("--yes", "--no-start")
    info = host.config.stat()
    assert host.config.read_text() != SHIPPED
    assert (stat.filemode(info.st_mode), info.st_uid, info.st_gid) == ("-rw-r-----", 0, GROUP)
    host.setup("--undo", "--yes")


def test_a_second_run_changes_nothing(host):
    host.setup("--yes")
    after = host.tree()
    host.calls()
    done = host.setup("--yes")
    assert "set up so already" in done.stdout and " runs: " in done.stdout
    assert host.calls() == [] and host.tree() == after
    host.setup("--undo", "--yes")


def test_other_wishes_are_a_reload_and_undo_goes_back_to_the_first(host):
    host.ship()
    before = host.tree()
    host.setup("--yes", "--listen", "443")
    host.calls()
    host.setup("--yes", "--listen", "none")
    assert host.calls() == ["reload-or-restart"]
    assert "listen" not in host.config.read_text()
    host.setup("--undo", "--yes")
    assert host.tree() == before and host.config.read_text() == SHIPPED


def test_a_dry_run_changes_nothing(host):
    host.ship()
    before = host.tree()
    done = host.setup("--dry-run", "--local-ports", "61000-65535", "--resolv-conf")
    for line in (f"replace {CONFIG}", "listen: [443]", "systemctl enable gate64.service",
                 "systemctl start gate64.service", "/etc/resolv.conf",
                 f"set {EPHEMERAL} to 61000\t65535 (now "):
        assert line in done.stdout
    assert host.tree() == before and host.calls() == []


def test_a_dry_run_as_a_document(host):
    """What would be done, by JSON; of --undo the last first; nothing is done by it."""
    host.ship()
    before = host.tree()
    plan = json.loads(host.setup("--dry-run", "--json").stdout)
    assert (plan["undo"], plan["good"], plan["file"]) == (False, True, CONFIG)
    assert "listen: [443]" in plan["configuration"]
    written = [change for change in plan["changes"] if change["what"] == CONFIG]
    assert [change["after"] for change in written] == [plan["configuration"]]
    assert plan["changes"][-1]["text"] == "systemctl start gate64.service"
    assert json.loads(host.setup("--undo", "--dry-run", "--json").stdout)["changes"] == []
    assert host.tree() == before and host.calls() == []
    host.setup("--yes")
    done = host.tree()
    undo = json.loads(host.setup("--undo", "--dry-run", "--json").stdout)
    assert undo["undo"] and [change["what"] for change in undo["changes"]] == \
        [change["what"] for change in reversed(plan["changes"])]
    assert host.tree() == done
    refused = host.setup("--yes", "--json", check=False)
    assert refused.returncode == 2 and "--json goes with --dry-run" in refused.stderr


def test_the_hosts_ports_and_resolver_are_changed_when_asked_for_and_put_back(host):
    """A sysctl, and a file that is a link, as systemd-resolved's."""
    (host.etc / "resolv.conf").symlink_to("../run/systemd/resolve/stub-resolv.conf")
    before = host.tree()
    host.setup("--yes", "--local-ports", "61000-65535", "--resolv-conf")
    assert host.ns.sysctl(EPHEMERAL).split() == ["61000", "65535"]
    assert (host.etc / "resolv.conf").read_text() == "nameserver ::1\n"
    assert not (host.etc / "resolv.conf").is_symlink()
    assert "61000 65535" in (host.etc / "sysctl.d/60-gate64.conf").read_text()
    host.setup("--undo", "--yes")
    assert host.tree() == before


def test_what_was_edited_since_is_kept(host):
    """Neither --undo nor a second run loses a line that somebody wrote by hand."""
    host.ship()
    host.setup("--yes")
    kept = host.config.with_name("gate64.yaml.kept")
    edited = host.config.read_text() + "ops: {log: {level: debug}}\n"
    host.config.write_text(edited)
    done = host.setup("--yes")
    assert "stays as it is" in done.stdout and host.config.read_text() == edited
    assert host.setup("--yes", "--listen", "none", check=False).returncode == 1
    assert host.config.read_text() == edited and not kept.exists()
    done = host.setup("--undo", "--yes")
    assert str(kept.relative_to(host.root)) in done.stdout and kept.read_text() == edited
    assert host.config.read_text() == SHIPPED
    assert stat.filemode(host.config.stat().st_mode) == "-rw-r-----"


def test_a_sysctl_changed_since_is_left(host):
    before = host.ns.sysctl(EPHEMERAL)
    host.setup("--yes", "--no-start", "--local-ports", "61000-65535")
    try:
        host.ns.sysctl(EPHEMERAL, "20000 30000")
        assert "left at 20000\t30000" in host.setup("--undo", "--yes").stdout
        assert host.ns.sysctl(EPHEMERAL).split() == ["20000", "30000"]
    finally:
        host.ns.sysctl(EPHEMERAL, before)


def test_a_start_that_fails_is_taken_back(host):
    host.ship()
    before = host.tree()
    (host.state / "fail").touch()
    done = host.setup("--yes", "--local-ports", "61000-65535", check=False)
    assert done.returncode == 1
    assert "systemctl start gate64.service" in done.stderr and "taking back" in done.stderr
    assert host.calls() == ["enable", "start", "stop", "disable"]
    assert host.tree() == before


def test_a_second_run_that_fails_goes_back_to_the_first(host):
    host.setup("--yes", "--no-start")
    first = host.tree()
    (host.state / "fail").touch()
    assert host.setup("--yes", "--listen", "none", check=False).returncode == 1
    assert host.tree() == first
    host.setup("--undo", "--yes")
    assert not host.config.exists() and not host.record.exists()


def test_what_a_killed_run_left_is_taken_back(host):
    """The record is written before the first change is made."""
    host.ship()
    before = host.tree()
    (host.state / "murder").touch()
    assert host.setup("--yes", check=False).returncode != 0
    assert host.record.exists() and host.config.read_text() != SHIPPED
    host.setup("--undo", "--yes")
    assert host.tree() == before


@pytest.mark.parametrize("address, port, name, kind", [
    ("0.0.0.0", 443, "nginx", "TCP"), ("::", 443, "nginx", "TCP"), ("::", 53, "named", "UDP"),
    ("::1", 53, "dnsmasq", "TCP"), ("::", 53, "gate64", "UDP")])
def test_who_has_a_port_is_named_and_nothing_is_changed(host, address, port, name, kind):
    """Who is but called gate64, and is no gateway that answers, too."""
    before = host.tree()
    process = hold(host, address, port, name, kind)
    try:
        done = host.setup("--yes", check=False)
    finally:
        host.ground.stop(process)
    assert done.returncode == 1 and host.tree() == before and host.calls() == []
    assert re.search(rf"{kind} port \S+:{port} is taken by {name} \(process \d+\)", done.stdout)


# Process 1 of a namespace of its own, which keeps a listener that a service of it has, too. The
# service answers at the control socket that is named, if one is.
MANAGER = """
import json, os, socket, subprocess, sys
name, control, *command = sys.argv[1:]
listener = socket.create_server(("0.0.0.0", 443))
if control:
    answers = socket.socket(socket.AF_UNIX)
    answers.bind(control)
    answers.listen()
service = os.fork()
if not service:
    open("/proc/self/comm", "w").write(name)
    while control:
        asker = answers.accept()[0]
        asker.recv(4096)
        asker.sendall(json.dumps({"ok": True, "pid": os.getpid()}).encode() + b"\\n")
    os.read(os.pipe()[0], 1)
done = subprocess.run(command, stdin=subprocess.DEVNULL)
os.kill(service, 9)
sys.exit(done.returncode)
"""


@pytest.mark.parametrize("name, answers", [("gate64", True), ("gate64", False), ("nginx", False)])
def test_a_port_that_the_service_manager_keeps_is_its_services(host, name, answers):
    """systemd's descriptor store: a gateway that runs, and so answers, is in nobody's way."""
    folder = host.root / "run/gate64"
    folder.mkdir(exist_ok=True)
    control = folder / "control.sock"
    try:
        done = host.ns.run("unshare", "--pid", "--fork", "--mount-proc", "/usr/bin/python3", "-c",
                           MANAGER, name, control if answers else "",
                           *host.argv("setup", "--dry-run"), env=host.environment(), check=False)
    finally:
        control.unlink(missing_ok=True)
        folder.rmdir()
    assert done.returncode == (0 if answers else 1), done.stdout + done.stderr
    assert (f"is taken by {name}" in done.stdout) == (not answers)


def test_the_stub_of_systemd_resolved_is_in_nobodys_way(host):
    """It has 127.0.0.53; dns64 listens on ::, which is IPv6 alone."""
    stubs = [hold(host, "127.0.0.53", 53, f"stub{kind}", kind) for kind in ("TCP", "UDP")]
    try:
        host.setup("--yes", "--listen", "none")
        host.setup("--undo", "--yes")
    finally:
        for process in stubs:
            host.ground.stop(process)


def test_what_is_missing_is_said(host):
    (host.state / "no-unit").touch()
    (host.etc / "passwd").write_text("root:x:0:0::/:/bin/sh\n")
    host.ns.run("ip", "route", "del", "default")
    try:
        done = host.setup("--yes", check=False)
    finally:
        host.ns.run("ip", "route", "add", "default", "via", "198.51.100.254")
    assert done.returncode == 1 and not host.record.exists()
    for said in ("no IPv4 default route", "no user gate64", "gate64.service is not installed"):
        assert said in done.stdout


def test_without_systemd_it_says_how_to_start(host):
    (host.root / "run/systemd/system").rmdir()
    done = host.setup("--yes")
    assert "Start it with: gate64 run\n" in done.stdout and host.calls() == []
    host.setup("--undo", "--yes")


def test_a_service_that_shall_not_start_yet(host):
    done = host.setup("--yes", "--no-start")
    assert "Start it with: systemctl enable --now gate64.service\n" in done.stdout
    assert host.calls() == []
    host.setup("--undo", "--yes")


def test_another_file_is_not_the_services(host):
    """The unit reads the default file alone; a relative path is found again from elsewhere."""
    other = host.etc / "other.yaml"
    done = host.setup("--yes", "--config", os.path.relpath("/etc/other.yaml"))
    assert re.search(r"Start it with: gate64 run -c /.*/etc/other.yaml\n", done.stdout)
    assert other.exists() and not host.config.exists() and host.calls() == []
    host.setup("--undo", "--yes")
    assert not other.exists()


def test_it_asks_on_a_terminal(host):
    """Defaults by Return, a bad answer once, then yes."""
    status, screen = host.terminal(["", "99999", "443,8443", "9.9.9.9", "y"])
    assert status == 0, screen
    assert 'listen: [443, 8443]' in host.config.read_text()
    assert 'upstream: ["9.9.9.9"]' in host.config.read_text()
    assert screen.count("error:") == 1 and "2001:db8:1::/64" in screen
    assert host.calls() == ["enable", "start"]
    status, screen = host.terminal(["y"], "--undo")
    assert status == 0 and "taken back" in screen and not host.config.exists()


@pytest.mark.parametrize("typed", [["", "", "", "n"], ["", "", "\x04"]])
def test_a_no_and_the_end_of_input_change_nothing(host, typed):
    before = host.tree()
    status, screen = host.terminal(typed)
    assert status == 1 and "Nothing was changed." in screen
    assert host.tree() == before and host.calls() == []


@pytest.mark.parametrize("argv, said", [
    ((), "--yes"), (("--undo",), "--yes"), (("--yes", "--local-ports", "80-90"), "--local-ports")])
def test_wrong_usage(host, argv, said):
    """Nobody to ask, and not told to go on; a range that is none."""
    done = host.setup(*argv, check=False)
    assert done.returncode == 2 and said in done.stderr and not host.record.exists()


def test_flags_that_the_configuration_does_not_take(host):
    done = host.setup("--yes", "--inside", "192.0.2.0/24", check=False)
    assert done.returncode == 1 and "192.0.2.0/24" in done.stderr and not host.record.exists()


def test_help_says_what_is_left_of_a_start_without_answer(host):
    """systemctl starts it, and it says nothing."""
    said = " ".join(host.run(binary(), "setup", "--help").stdout.split())
    assert "does not answer, which --undo takes back" in said


def test_the_record_is_documented_json(host):
    host.setup("--yes", "--no-start")
    record = json.loads(host.record.read_text())
    assert record["schema"] == 1
    assert {change["kind"] for change in record["changes"]} == {"folder", "file"}
    host.setup("--undo", "--yes")
