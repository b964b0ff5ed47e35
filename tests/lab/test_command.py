# SPDX-License-Identifier: GPL-2.0-or-later
"""The gate64 command without a gateway, and what is installed beside it."""

import re
import subprocess

import pytest

from gateway import PROJECT, binary

# What a careful service of the same kind scores; 0 is best. Checked by systemd itself.
EXPOSURE_MAX = 2.2


def gate64(*argv, timeout=20):
    """Run the command. Return what came of it, output as text."""
    return subprocess.run([binary(), *map(str, argv)], capture_output=True, text=True,
                          timeout=timeout, check=False)


@pytest.mark.parametrize("argv, said", [
    ((), "no command given"),
    (("start",), "unknown command: start"),
    (("run", "--fast"), "unknown option: --fast"),
    (("status", "-s"), "option needs a value: -s"),
    (("version", "now"), "unexpected argument: now"),
])
def test_wrong_usage_exits_2(argv, said):
    done = gate64(*argv)
    assert done.returncode == 2 and said in done.stderr and not done.stdout


@pytest.mark.parametrize("argv", [("--help",), ("help", "run"), ("run", "--help"), ("version",)])
def test_help_and_version_exit_0(argv):
    done = gate64(*argv)
    assert done.returncode == 0 and done.stdout and not done.stderr


def test_check_finds_every_error_at_once(tmp_path):
    file = tmp_path / "bad.yaml"
    file.write_text("inside: 12\nnat64:\n  enabeld: true\n")
    done = gate64("check", "-c", file)
    assert done.returncode == 1
    assert re.findall(r"bad\.yaml:(\d+):(\d+): error:", done.stderr) == [("1", "9"), ("3", "3")]


def test_config_prints_what_checks_again(tmp_path):
    file = tmp_path / "printed.yaml"
    printed = gate64("config", "-c", PROJECT / "ops/gate64.yaml")
    assert printed.returncode == 0, printed.stderr
    file.write_text(printed.stdout)
    assert gate64("check", "-c", file).returncode == 0
    assert gate64("config", "-c", file).stdout == printed.stdout


@pytest.mark.parametrize("command", ["status", "reload", "flows", "bindings", "trace 192.0.2.1",
                                     "trace example.net", "dns lookup example.net", "dns flush",
                                     "dns top"])
def test_asking_nobody_fails(tmp_path, command):
    done = gate64(*command.split(), "-s", tmp_path / "control.sock")
    assert done.returncode == 1
    assert "no gate64 answers" in done.stderr and not done.stdout


@pytest.mark.parametrize("command", ["status", "reload"])
def test_a_broken_file_does_not_hide_the_gateway(tmp_path, command):
    """It runs on an older one, and answers where it does by default."""
    file = tmp_path / "bad.yaml"
    file.write_text("bad: [\n")
    done = gate64(command, "-c", file)
    assert done.returncode == 1 and "bad.yaml" not in done.stderr
    assert "no gate64 answers at /run/gate64/control.sock" in done.stderr


def test_run_with_a_bad_file_sets_nothing_up(tmp_path):
    file = tmp_path / "bad.yaml"
    file.write_text(f"ops: {{control: {tmp_path}/run/control.sock, x: 1}}\n")
    done = gate64("run", "-c", file)
    assert done.returncode == 1 and "bad.yaml:1:" in done.stderr
    assert not (tmp_path / "run").exists()


def make(target, root):
    """A target of the Makefile that installs, with the binary under test as what was built."""
    subprocess.run(["make", "-C", PROJECT, "--silent", "-o", "all", target, f"GATE64={binary()}",
                    f"DESTDIR={root}", "PREFIX=/usr"], check=True, capture_output=True)


def files(root):
    """All files below a folder."""
    return {str(file.relative_to(root)) for file in root.rglob("*") if file.is_file()}


def test_install_keeps_the_configuration_and_uninstall_too(tmp_path):
    config = tmp_path / "etc/gate64/gate64.yaml"
    make("install", tmp_path)
    schemas = {f"usr/share/gate64/schema/{file.name}" for file in (PROJECT / "ops/schema").iterdir()}
    assert files(tmp_path) >= schemas | {
        "usr/bin/gate64", "usr/lib/systemd/system/gate64.service",
        "usr/lib/sysusers.d/gate64.conf", "usr/lib/tmpfiles.d/gate64.conf",
        "usr/share/doc/gate64/README.md", "etc/gate64/gate64.yaml",
        "usr/share/man/man8/gate64.8", "usr/share/man/man5/gate64.yaml.5",
        "usr/share/bash-completion/completions/gate64"}
    assert gate64("check", "-c", config).returncode == 0
    config.write_text("# mine\n")
    make("install", tmp_path)
    assert config.read_text() == "# mine\n"
    make("uninstall", tmp_path)
    assert files(tmp_path) == {"etc/gate64/gate64.yaml"}


def test_systemd_accepts_the_unit_and_finds_it_confined(tmp_path):
    make("install", tmp_path)
    unit = tmp_path / "gate64.service"
    text = (tmp_path / "usr/lib/systemd/system/gate64.service").read_text()
    assert "ExecStart=/usr/bin/gate64 run" in text and "@BINDIR@" not in text
    # It is verified where it is not installed, with a program that is there.
    unit.write_text(text.replace("/usr/bin/gate64", str(binary())))
    verified = subprocess.run(["systemd-analyze", "verify", unit], capture_output=True,
                              text=True, check=False)
    assert "gate64.service" not in verified.stderr, verified.stderr
    judged = subprocess.run(["systemd-analyze", "security", "--offline=yes", "--no-pager", unit],
                            capture_output=True, text=True, check=False)
    score = re.search(r"Overall exposure level for gate64.service: ([\d.]+)", judged.stdout)
    assert score and float(score[1]) <= EXPOSURE_MAX, judged.stdout + judged.stderr
