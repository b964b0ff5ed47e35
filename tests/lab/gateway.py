# SPDX-License-Identifier: GPL-2.0-or-later
"""gate64 itself, run in the lab's gateway as a service manager would run it."""

import collections
import contextlib
import copy
import json
import os
import pathlib
import pwd
import re
import resource
import signal
import socket

from netns import wait_for
from topology import INSIDE

PROJECT = pathlib.Path(__file__).resolve().parents[2]

# Which path packets take, unless a test says so itself
FAST_PATH = os.environ.get("FAST_PATH", "off")

# A report of any of these is written to a file, and ends the process with a failure.
SANITIZERS = {"ASAN_OPTIONS": "abort_on_error=1:detect_leaks=1:detect_stack_use_after_return=1",
              "UBSAN_OPTIONS": "halt_on_error=1:print_stacktrace=1:abort_on_error=1",
              "TSAN_OPTIONS": "halt_on_error=1:second_deadlock_stack=1"}


# What a service manager does between fork() and exec(): descriptors from 3 on
PASS = """
import fcntl, os, sys
at = sys.argv.index("--")
given = [int(fd) for fd in sys.argv[1:at]]
high = [fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, 1000) for fd in given]
for fd in given:
    os.close(fd)
for i, fd in enumerate(high):
    os.dup2(fd, 3 + i)
os.environ["LISTEN_PID"] = str(os.getpid())
os.execv(sys.argv[at + 1], sys.argv[at + 1:])
"""


def binary():
    """The gate64 under test: $GATE64, or the release build."""
    path = pathlib.Path(os.environ.get("GATE64", PROJECT / "build/release/gate64")).resolve()
    if not path.is_file():
        raise FileNotFoundError(f"no gate64 at {path}: build it, or name it in $GATE64")
    return path


def service_user():
    """The user that gate64 becomes: its own where it is installed, else nobody."""
    with contextlib.suppress(KeyError):
        return pwd.getpwnam("gate64").pw_name
    return "nobody"


def yaml(value, indent=0):
    """Configuration text of nested dictionaries, lists and scalars."""
    if not isinstance(value, dict):
        return json.dumps(value)	# a flow value of JSON is one of YAML too
    pad = "  " * indent
    return "".join(
        f"{pad}{key}:\n{yaml(v, indent + 1)}" if isinstance(v, dict)
        else f"{pad}{key}: {yaml(v)}\n" for key, v in value.items())


def merge(base, changes):
    """`base` with the nested dictionary `changes` laid over it."""
    result = copy.deepcopy(base)
    for key, value in changes.items():
        both = isinstance(value, dict) and isinstance(result.get(key), dict)
        result[key] = merge(result[key], value) if both else value
    return result


def flatten(tree, prefix=""):
    """Of nested dictionaries: every leaf with its path, "a.b.c"."""
    for key, value in tree.items():
        if isinstance(value, dict):
            yield from flatten(value, f"{prefix}{key}.")
        else:
            yield prefix + key, value


def translated(rose, what):
    """Of Gate64.counting(): "packets.out", "bytes.in" and their like, by whichever path."""
    return rose[f"nat64.{what}"] + rose[f"nat64.fast_path.{what.replace('.', '_')}"]


class Gate64:
    """One gate64 process: configuration, start, stop, and what it says of itself."""

    def __init__(self, lab, settings=None):
        self.lab = lab
        self.ns = lab.gateway
        self.process = None
        self.descriptors = None		# how many it may have, None: as many as we
        self.folder = lab.ground.path("gate64")
        self.folder.mkdir(exist_ok=True)
        self.bpffs = lab.ground.bpffs("bpf")
        self.config = self.folder / "gate64.yaml"
        self.log_file = self.folder / "log"
        # Both are written after gate64 has become an ordinary user.
        user = pwd.getpwnam(service_user())
        self.run_folder, self.reports = self.folder / "run", self.folder / "reports"
        for folder in (self.run_folder, self.reports):
            folder.mkdir(exist_ok=True)
            os.chown(folder, user.pw_uid, user.pw_gid)
        self.control = self.run_folder / "control.sock"
        self.settings = merge({
            "inside": [INSIDE],
            "nat64": {"fast_path": FAST_PATH,
                      "deny4": []},	# the lab's IPv4 Internet has documentation addresses
            "dns64": {"upstream": "recursive", "root_hints": str(lab.root_hints),
                      "dnssec": False},
            # A stop waits for nobody: few tests end all their connections before.
            "snid": {"listen": [443], "limits": {"drain": "off"}},
            "ops": {"user": service_user(), "control": str(self.control),
                    "log": {"level": "debug", "format": "text"}},
        }, settings or {})
        self.configure()

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, kind, *_):
        if kind is None:
            self.stop()
        elif self.process:
            self.lab.ground.stop(self.process)

    # ---- running ---------------------------------------------------------

    def configure(self, changes=None):
        """Write the configuration file: the settings, with `changes` for this time."""
        self.config.write_text(yaml(merge(self.settings, changes or {})))

    def _environment(self, **more):
        options = {name: f"{flags}:log_path={self.reports}/{name[0].lower()}san"
                   for name, flags in SANITIZERS.items()}
        return dict(os.environ, **options, **more)

    def spawn(self, passed=(), **environment):
        """Start the process, without waiting for anything; it gets the descriptors `passed`
        from 3 on, as sd_listen_fds(3) has them."""
        path = self.run_folder / "notify.sock"
        path.unlink(missing_ok=True)
        self.notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.notify.bind(str(path))
        path.chmod(0o666)
        command = (binary(), "run", "-c", self.config)
        if passed:
            command = ("/usr/bin/python3", "-c", PASS, *passed, "--", *command)

        def limit():
            if self.descriptors:
                resource.setrlimit(resource.RLIMIT_NOFILE, (self.descriptors,) * 2)
        # "ip netns exec" has given it a /sys of its own.
        self.process = self.ns.spawn("sh", "-c", 'mount --bind "$0" /sys/fs/bpf && exec "$@"',
                                     self.bpffs, *command, log=self.log_file, pass_fds=passed,
                                     preexec_fn=limit,
                                     env=self._environment(NOTIFY_SOCKET=str(path),
                                                           **environment))

    def start(self):
        """Start, and wait until it serves."""
        self.spawn()
        self.wait_notified("READY=1")

    def wait_notified(self, wanted, timeout=30.0):
        """Wait for a line that gate64 tells its service manager."""
        self.notify.settimeout(0.1)
        seen = []

        def told():
            assert self.process.poll() is None, f"gate64 ended:\n{self.log()}"
            with contextlib.suppress(TimeoutError):
                seen.extend(self.notify.recv(4096).decode().split("\n"))
            return wanted in seen
        try:
            wait_for(told, f"gate64 to say {wanted}; it said {seen}", timeout, step=0)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.log()}") from None

    def reload(self, changes=None):
        """Write the configuration with `changes`, send SIGHUP, wait until it is done."""
        self.configure(changes)
        self.process.send_signal(signal.SIGHUP)
        self.wait_notified("RELOADING=1")
        self.wait_notified("READY=1")

    def stop(self):
        """A clean stop: SIGTERM, exit status 0, no sanitizer report."""
        process, self.process = self.process, None
        code = self.lab.ground.stop(process, timeout=15)
        self.notify.close()
        self.check_reports()
        assert code == 0, f"gate64 ended with {code}:\n{self.log()}"

    def kill(self):
        """What the kernel's out-of-memory killer would do."""
        process, self.process = self.process, None
        self.lab.ground.stop(process, sig=signal.SIGKILL)
        self.notify.close()
        self.check_reports()

    def check_reports(self):
        """No sanitizer has complained."""
        reports = [r.read_text(errors="replace") for r in self.reports.iterdir()]
        assert not reports, "\n".join(reports)

    # ---- asking ------------------------------------------------------------

    def command(self, *argv, **kwargs):
        """Run the gate64 command in the gateway."""
        return self.ns.run(binary(), *argv, env=self._environment(), **kwargs)

    def log(self):
        """All it has logged, over restarts."""
        return self.log_file.read_text(errors="replace") if self.log_file.exists() else ""

    def status(self):
        """`gate64 status --json`."""
        return json.loads(self.command("status", "--json", "-s", self.control).stdout)

    def counters(self):
        """Every counter, as "nat64.packets.out": the room, the name, the label; and what the
        fast path says of itself, as "nat64.fast_path.packets_out"."""
        status = self.status()
        rooms = dict(status["rooms"], ops=status["ops"])
        return {name: n for room in rooms
                for name, n in flatten(rooms[room]["counters"], f"{room}.")} | {
                    f"nat64.fast_path.{name}": n for name, n in self.fast_path().items()
                    if name not in ("enabled", "because")}

    def fast_path(self):
        """Of the status: whether there is a fast path, and what took it; empty with nat64 off."""
        return self.status()["rooms"]["nat64"].get("fast_path", {})

    def flows(self, *argv):
        """Rows of `gate64 flows`."""
        done = self.command("flows", "--json", "-s", self.control, *argv)
        return json.loads(done.stdout)["flows"]

    @contextlib.contextmanager
    def counting(self):
        """What happened in a block: yields a Counter, filled at its end with
        how much each counter rose."""
        rose, before = collections.Counter(), self.counters()
        yield rose
        rose.update(self.counters())
        rose.subtract(before)

    def threads(self):
        """Of each thread: its name, user and effective capabilities (a number)."""
        result = []
        for task in pathlib.Path(f"/proc/{self.process.pid}/task").iterdir():
            text = (task / "status").read_text()
            fields = dict(re.findall(r"^(\w+):\s*(.*)$", text, re.MULTILINE))
            result.append({"name": fields["Name"], "uids": set(fields["Uid"].split()),
                           "capabilities": int(fields["CapEff"], 16),
                           "no_new_privs": fields["NoNewPrivs"] == "1"})
        return result
