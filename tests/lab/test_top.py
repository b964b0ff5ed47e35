# SPDX-License-Identifier: GPL-2.0-or-later
"""What happens now: `gate64 top`, and who was refused and who is busy (the request "activity")."""

import contextlib
import fcntl
import json
import os
import pathlib
import pty
import re
import select
import signal
import socket
import struct
import subprocess
import termios

import jsonschema
import pytest

from gateway import PROJECT, binary
from netns import wait_for
from topology import CLIENT4, GATEWAY4, GATEWAY6, INSIDE, SERVER6, STRANGER6, WEB4
from wire import client_hello

HOME, LEAVE = b"\033[H", b"\033[?1049l"


def activity(gate64):
    """What the control socket says of it."""
    with socket.socket(socket.AF_UNIX) as sock:
        sock.settimeout(30)
        sock.connect(str(gate64.control))
        sock.sendall(b'{"command": "activity"}\n')
        return json.loads(sock.makefile().readline())


def top(gate64, *argv):
    """`gate64 top`, ended by its own count."""
    command = [binary(), "top", "-s", gate64.control, "-d", "0.1", *argv]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=True,
                          stdin=subprocess.DEVNULL).stdout


def refused(gate64, **wanted):
    """The latest refusal that has all of these."""
    return next((row for row in activity(gate64)["refusals"]
                 if wanted.items() <= row.items()), None)


def test_refusals(lab, gate64):
    """A refusal of each room is there, with who, what and why."""
    with lab.client4.connect((GATEWAY4, 443)) as sock:
        sock.sendall(client_hello("nobody.home.example"))
        sock.recv(100)
    row = wait_for(lambda: refused(gate64, room="snid", who=CLIENT4), "snid's is listed")
    assert (row["reason"], row["what"]) == ("unknown_name", "nobody.home.example")
    lab.server6.run("ping", "-c", "1", "-W", "1", "-I", STRANGER6, "64:ff9b::" + WEB4, check=False)
    row = wait_for(lambda: refused(gate64, room="nat64", who=STRANGER6), "nat64's is listed")
    assert (row["reason"], row["what"]) == ("not_a_client", "icmp " + WEB4)
    with lab.server6.socket(socket.AF_INET6, socket.SOCK_DGRAM) as sock:
        sock.bind((STRANGER6, 0))
        sock.sendto(bytes(12), (GATEWAY6, 53))
        row = wait_for(lambda: refused(gate64, room="dns64", who=STRANGER6), "dns64's is listed")
    assert (row["reason"], row["what"]) == ("not_a_client", None)
    times = [row["at"] for row in activity(gate64)["refusals"]]
    assert times == sorted(times, reverse=True)


def test_clients(lab, gate64):
    """Who has sessions, has asked, has connections."""
    with lab.server6.connect(("64:ff9b::" + WEB4, 80)), lab.client4.connect((GATEWAY4, 443)):
        lab.server6.run("dig", "+short", "@" + GATEWAY6, "AAAA", "git.example.net")
        wait_for(lambda: activity(gate64)["clients"]["snid"], "a connection is listed")
        document = activity(gate64)
    clients = document["clients"]
    assert document["schema"] == 1 and document["over_s"] >= 0
    assert INSIDE in [row["client"] for row in clients["nat64"] if row["sessions"] > 0]
    assert {"client": CLIENT4, "connections": 1, "opening": 1} in clients["snid"]
    assert SERVER6 in [row["client"] for row in clients["dns64"] if row["queries"] > 0]


def test_json(lab, gate64):
    """A line each time, by its schema; what was sent between two of them is in the rates."""
    lines = [json.loads(line) for line in top(gate64, "--json", "-n", "2").splitlines()]
    schemas = PROJECT / "ops/schema"
    schema = json.loads((schemas / "top.json").read_text())
    resolver = jsonschema.RefResolver(f"{schemas.as_uri()}/", schema)
    assert len(lines) == 2 and all(line["over_s"] > 0 for line in lines)
    for line in lines:
        jsonschema.validate(line, schema, resolver=resolver)
    command = [binary(), "top", "-s", gate64.control, "-d", "0.2", "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        line = json.loads(process.stdout.readline())
        while not line["rooms"]["nat64"]["slow"]["packets_out_per_s"]:
            lab.server6.run("ping", "-c", "1", "-W", "1", "64:ff9b::" + WEB4)
            line = json.loads(process.stdout.readline())
        process.terminate()
    assert line["rooms"]["nat64"]["slow"]["bits_out_per_s"] > 0
    assert line["rooms"]["nat64"]["sessions"] > 0


def test_text(gate64):
    """Where stdout is no terminal: pages, without a word to terminals."""
    text = top(gate64, "-n", "2")
    assert text.count("\nNAT64  sessions ") == 2 and text.count("\nREFUSED\n") == 2
    assert all(c.isprintable() or c == "\n" for c in text)


@pytest.mark.parametrize("argv", [("-d", "0"), ("-d", "soon"), ("-d", "1e9"), ("-n", "x")])
def test_wrong_usage(argv):
    done = subprocess.run([binary(), "top", *argv], capture_output=True, text=True, check=False,
                          timeout=20)
    assert done.returncode == 2 and done.stderr and not done.stdout


class Screen:
    """`gate64 top` on a terminal of 24 lines of 80."""

    def __init__(self, gate64):
        self.master, self.slave = pty.openpty()
        self.resize(24, 80)
        self.before = termios.tcgetattr(self.slave)
        self.seen = b""
        self.process = subprocess.Popen(
            [binary(), "top", "-d", "0.1", "-s", gate64.control],
            stdin=self.slave, stdout=self.slave, stderr=self.slave, start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0))

    def resize(self, lines, columns):
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))

    def read(self):
        while select.select([self.master], [], [], 0.05)[0]:
            self.seen += os.read(self.master, 65536)
        return self.seen

    def page(self):
        """The last page that was drawn whole, its lines."""
        whole = self.read().rsplit(HOME, 1)[0].rsplit(HOME, 1)[-1].split(b"\033[J")[0]
        return [re.sub(rb"\033\[\d*[mK]|\r", b"", line) for line in whole.split(b"\n")]

    def ended(self):
        self.read()
        return self.process.poll() is not None

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        os.close(self.master)
        os.close(self.slave)


@contextlib.contextmanager
def screen(gate64):
    """A screen that shows a page."""
    shown = Screen(gate64)
    try:
        wait_for(lambda: shown.read().count(HOME) > 2, "pages are drawn")
        yield shown
    finally:
        shown.close()


@pytest.mark.parametrize("end", ["q", "\3", signal.SIGTERM, signal.SIGHUP])
def test_the_terminal_is_given_back(gate64, end):
    """By a key or a signal: the modes are those of before, and so is the screen."""
    with screen(gate64) as shown:
        assert termios.tcgetattr(shown.slave)[3] & (termios.ICANON | termios.ECHO) == 0
        assert shown.page()[0].startswith(b"gate64 ")
        if isinstance(end, str):
            os.write(shown.master, end.encode())
        else:
            shown.process.send_signal(end)
        wait_for(shown.ended, "top ends")
        assert shown.process.returncode == 0
        assert termios.tcgetattr(shown.slave) == shown.before
        assert shown.read().endswith(LEAVE)


def test_it_steps_aside(gate64):
    """^Z gives the terminal back, and whoever lets it go on has the page again."""
    with screen(gate64) as shown:
        os.write(shown.master, b"\x1a")
        wait_for(lambda: shown.read().endswith(LEAVE), "the screen is given back")
        assert termios.tcgetattr(shown.slave) == shown.before
        stat = f"/proc/{shown.process.pid}/stat"
        wait_for(lambda: " T " in pathlib.Path(stat).read_text(), "it is stopped")
        drawn = shown.read().count(HOME)
        shown.process.send_signal(signal.SIGCONT)
        wait_for(lambda: shown.read().count(HOME) > drawn + 1, "it is drawn again")
        assert shown.page()[0].startswith(b"gate64 ")


def test_the_window_changes(gate64):
    """A page is never higher nor wider than the window."""
    with screen(gate64) as shown:
        for lines, columns in ((24, 80), (10, 40), (50, 132)):
            shown.resize(lines, columns)
            shown.process.send_signal(signal.SIGWINCH)
            drawn = shown.read().count(HOME)
            wait_for(lambda: shown.read().count(HOME) > drawn + 2, "it is drawn anew")
            page = shown.page()
            assert len(page) <= lines and max(map(len, page)) < columns
            assert any(line.startswith(b"NAT64") for line in page)


def test_a_gateway_that_is_gone(lab, gate64):
    """Said at once where there is none; on a screen the last figures stay, marked as old."""
    with screen(gate64) as shown:
        gate64.stop()
        wait_for(lambda: shown.page()[0].startswith(b"SILENT"), "it says that nobody answers")
        assert any(line.startswith(b"NAT64") for line in shown.page())
        done = subprocess.run([binary(), "top", "-s", gate64.control], capture_output=True,
                              text=True, timeout=60, check=False)
        assert done.returncode == 1 and "is it running?" in done.stderr
        gate64.start()
        wait_for(lambda: not shown.page()[0].startswith(b"SILENT"), "it goes on")
