# SPDX-License-Identifier: GPL-2.0-or-later
"""Ground to build a lab on: namespaces, processes and files that all go away again.

A Ground owns everything a lab makes outside its own memory. It is closed by its
`with` block, by atexit, and (through handle_signals()) on SIGINT and SIGTERM, so a
failed or interrupted test leaves nothing behind. What a SIGKILL left is swept by
the next Ground: names carry the pid of their maker.
"""

import atexit
import contextlib
import ctypes
import itertools
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time

PREFIX = "g64"
CLONE_NEWNET = 0x40000000
ETC_NETNS = pathlib.Path("/etc/netns")
RUN_NETNS = pathlib.Path("/run/netns")
RUN_WIREGUARD = pathlib.Path("/var/run/wireguard")	# wireguard-go's, one for all namespaces

_libc = ctypes.CDLL(None, use_errno=True)
_serial = itertools.count(1)


class CommandFailed(AssertionError):
    """A command that had to succeed did not; the message shows what it printed."""


def run(*argv, check=True, timeout=60, **popen):
    """Run a command to its end; its output is text on .stdout and .stderr."""
    done = subprocess.run([str(a) for a in argv], capture_output=True, text=True,
                          timeout=timeout, stdin=subprocess.DEVNULL, **popen)
    if check and done.returncode:
        raise CommandFailed(f"{' '.join(done.args)}: exit {done.returncode}\n"
                            f"{done.stdout}{done.stderr}")
    return done


def wait_for(condition, what, timeout=10.0, step=0.02):
    """Poll `condition` until it is true; return its value, or fail naming `what`."""
    deadline = time.monotonic() + timeout
    while not (value := condition()):
        if time.monotonic() > deadline:
            raise AssertionError(f"timed out after {timeout:g} s: {what}")
        time.sleep(step)
    return value


def handle_signals():
    """Let SIGTERM unwind the stack as ^C does, so that every `with` block ends."""
    def interrupt(_signum, _frame):
        raise KeyboardInterrupt
    signal.signal(signal.SIGTERM, interrupt)
    # A shell starts what it puts into the background with SIGINT ignored.
    signal.signal(signal.SIGINT, signal.default_int_handler)


@contextlib.contextmanager
def _signals_held():
    """Keep SIGINT and SIGTERM waiting while something is being taken down."""
    held = {signal.SIGINT, signal.SIGTERM}
    before = signal.pthread_sigmask(signal.SIG_BLOCK, held)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _setns(file):
    if _libc.setns(file.fileno(), CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), f"setns {file.name}")


class Namespace:
    """One network namespace: a host of the lab."""

    def __init__(self, ground, role):
        self.ground = ground
        self.role = role
        self.name = f"{ground.name}-{role}"

    @contextlib.contextmanager
    def entered(self):
        """The calling thread is in this namespace; sockets made here stay in it."""
        with open("/proc/thread-self/ns/net", "rb") as home:
            with open(RUN_NETNS / self.name, "rb") as there:
                _setns(there)
            try:
                yield self
            finally:
                _setns(home)

    def socket(self, family=socket.AF_INET, kind=socket.SOCK_STREAM, proto=0):
        """A socket of this host, for use from anywhere."""
        with self.entered():
            return socket.socket(family, kind, proto)

    def connect(self, address, timeout=10.0, source=None):
        """A TCP connection from this host to (address, port), IPv4 or IPv6."""
        family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        sock = self.socket(family)
        try:
            sock.settimeout(timeout)
            if source:
                sock.bind((source, 0))
            sock.connect(address)
        except BaseException:
            sock.close()
            raise
        return sock

    def run(self, *argv, **kwargs):
        """Run a command on this host to its end, see run()."""
        return run("ip", "netns", "exec", self.name, *argv, **kwargs)

    def spawn(self, *argv, log, **popen):
        """Start a process on this host, its output going to the file `log`."""
        return self.ground.spawn("ip", "netns", "exec", self.name, *argv, log=log, **popen)

    def sysctl(self, name, value=None):
        """Read, or set, a sysctl of this host's network: "net/ipv4/ip_forward"."""
        with self.entered():
            file = pathlib.Path("/proc/sys", name)
            if value is not None:
                file.write_text(str(value))
            return file.read_text().strip()

    def resolver(self, *addresses, options=""):
        """Give this host a resolv.conf; options: as resolv.conf(5) has them."""
        folder = ETC_NETNS / self.name
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "resolv.conf").write_text("".join(f"nameserver {a}\n" for a in addresses) +
                                            (f"options {options}\n" if options else ""))

    def nft(self, rules):
        """Load nftables rules, given as text."""
        file = self.ground.path(f"{self.role}.nft")
        file.write_text(rules)
        self.run("nft", "-f", file)


class Ground:
    """Everything of one lab that outlives a function call."""

    _open = []

    def __init__(self):
        if not Ground._open:
            atexit.register(Ground.close_all)
        sweep()
        self.number = next(_serial)
        self.name = f"{PREFIX}-{os.getpid()}.{self.number}"
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix=f"{self.name}-"))
        self.folder.chmod(0o755)	# the gateway's unprivileged user looks in
        self._namespaces = []
        self._processes = []
        Ground._open.append(self)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def path(self, *parts):
        """A file of this lab's folder."""
        return self.folder.joinpath(*parts)

    def namespace(self, role):
        """Make a namespace, with loopback up and IPv6 addresses usable at once."""
        ns = Namespace(self, role)
        self._namespaces.append(ns)
        run("ip", "netns", "add", ns.name)
        for scope in ("all", "default"):
            ns.sysctl(f"net/ipv6/conf/{scope}/accept_dad", 0)
        ns.run("ip", "link", "set", "lo", "up")
        return ns

    def bpffs(self, name):
        """A file system for pinned BPF objects of this lab, as /sys/fs/bpf is a host's."""
        folder = self.path(name)
        folder.mkdir(exist_ok=True)
        if not folder.is_mount():
            run("mount", "-t", "bpf", "none", folder)
        return folder

    def interface(self, letter):
        """An interface name that no other lab on this machine has (15 bytes at most)."""
        return f"{PREFIX}{letter}{os.getpid()}s{self.number}"

    def spawn(self, *argv, log, **popen):
        """Start a process in a group of its own, its output going to the file `log`."""
        with open(log, "ab") as out:
            process = subprocess.Popen([str(a) for a in argv], stdin=subprocess.DEVNULL,
                                       stdout=out, stderr=out, start_new_session=True, **popen)
        self._processes.append(process)
        return process

    def stop(self, process, sig=signal.SIGTERM, timeout=5.0):
        """End one process that spawn() started, and whatever is left of its group."""
        if process.poll() is None:
            process.send_signal(sig)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(timeout)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        if process in self._processes:
            self._processes.remove(process)
        return process.returncode

    def close(self):
        """Take everything down, in reverse order; may be called again."""
        if self not in Ground._open:
            return
        with _signals_held():
            for process in reversed(self._processes[:]):
                self.stop(process)
            for ns in reversed(self._namespaces):
                _remove_namespace(ns.name)
            _remove_folder(self.folder)
            Ground._open.remove(self)

    @staticmethod
    def close_all():
        """The last resort, at exit."""
        for ground in Ground._open[::-1]:
            ground.close()


def _remove_folder(folder):
    for path in folder.iterdir():
        if path.is_mount():
            run("umount", path, check=False)
    shutil.rmtree(folder, ignore_errors=True)


def _remove_namespace(name):
    for pid in run("ip", "netns", "pids", name, check=False).stdout.split():
        with contextlib.suppress(ProcessLookupError):
            os.kill(int(pid), signal.SIGKILL)
    run("ip", "netns", "del", name, check=False)
    shutil.rmtree(ETC_NETNS / name, ignore_errors=True)
    with contextlib.suppress(OSError):
        ETC_NETNS.rmdir()	# only when nobody else has a file in it


def leftovers(pid=None):
    """Namespaces, sockets, files and folders of labs (of process `pid`, or of all)."""
    maker = re.compile(rf"{PREFIX}(?:-|[a-z])({pid or '[0-9]+'})[.s]")
    places = (RUN_NETNS, ETC_NETNS, RUN_WIREGUARD, pathlib.Path(tempfile.gettempdir()))
    return {path: int(found.group(1))
            for place in places if place.is_dir() for path in place.iterdir()
            if (found := maker.match(path.name))}


def sweep():
    """Remove what labs left whose process is gone (it was killed with SIGKILL)."""
    for path, maker in leftovers().items():
        if os.path.exists(f"/proc/{maker}"):
            continue
        if path.parent == RUN_NETNS:
            _remove_namespace(path.name)
        elif path.is_dir():
            _remove_folder(path)
        else:
            path.unlink(missing_ok=True)
