# SPDX-License-Identifier: GPL-2.0-or-later
"""Labs for the tests: one a module, shaped by its LAB, its gate64 by its SETTINGS."""

import os
import resource
import shutil

import pytest

import peers
from dns_internet import DnsInternet
from gateway import Gate64, binary
from netns import Ground, handle_signals
from topology import Lab

PROGRAMS = ("ip", "nft", "wg", "wireguard-go", "nsd", "nginx", "fcgiwrap", "git", "curl",
            "openssl", "ping", "tcpdump", "traceroute", "ldns-signzone", "drill", "dig", "dnsperf",
            "musl-gcc", "psql", "gnutls-cli", "bird", "sshd", "ssh")
DESCRIPTORS = 16384	# 4,000 connections with both their ends in this process


def pytest_configure(config):
    handle_signals()
    _soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(DESCRIPTORS, hard), hard))


@pytest.fixture(scope="session", autouse=True)
def machine():
    """What the lab needs: a kernel that can, the programs, and a gate64 to test."""
    if os.geteuid():
        pytest.skip("the lab makes network namespaces: it needs root")
    if not os.path.exists("/dev/net/tun"):
        pytest.skip("the lab's tunnel needs TUN, which this kernel does not have")
    missing = [program for program in PROGRAMS if not shutil.which(program)]
    if missing:
        pytest.exit(f"not installed: {', '.join(missing)}; run: make deps", returncode=1)
    try:
        binary()
    except FileNotFoundError as error:
        pytest.exit(str(error), returncode=1)


@pytest.fixture(scope="session")
def repository(machine):
    """A bare git repository of more than 50 MB that does not compress."""
    with Ground() as ground:
        yield peers.git_repository(ground.folder / "origin")


@pytest.fixture(scope="module")
def lab(request, repository):
    """The topology; the module's LAB says how it differs from the usual one."""
    with Ground() as ground:
        yield Lab(ground, repository, **getattr(request.module, "LAB", {}))


@pytest.fixture(scope="module")
def internet(lab):
    """The DNS Internet; gate64 is told of it by its settings."""
    with DnsInternet(lab) as internet:
        yield internet


@pytest.fixture(scope="module")
def gate64(request, lab):
    """gate64, serving; the module's SETTINGS lie over the lab's configuration."""
    with Gate64(lab, getattr(request.module, "SETTINGS", None)) as gate64:
        yield gate64


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """A failure shows what gate64 logged last."""
    report = (yield).get_result()
    lab = getattr(item, "funcargs", {}).get("lab")
    log = lab.ground.path("gate64", "log") if lab else None
    if report.failed and log and log.exists():
        report.sections.append(("gate64 log", log.read_text(errors="replace")[-8000:]))
