# SPDX-License-Identifier: GPL-2.0-or-later
"""The gateway on real traffic, told in plain words. `make demo` runs this.

It builds the lab of topology.py, runs gate64 in it, makes both journeys, and takes
everything down again. Exit status 0 only when all of it worked.
"""

import os
import shutil
import sys
import time

import peers
from gateway import Gate64, binary
from netns import CommandFailed, Ground, handle_signals
from topology import CLIENT4, GATEWAY4, GATEWAY6, PREF64, SERVER6, WEB4, WWW, Lab
from wire import ask

NAME = "git.example.net"
SEEN_AS = "64:ff9b:1::cb00:7107"	# 64:ff9b:1:: + 203.0.113.7


class DemoFailed(AssertionError):
    """A step did not do what it should."""


def tell(what, outcome=""):
    """One line: what was done on the left, what came of it on the right."""
    print(f"  {what:<46}{outcome}".rstrip(), flush=True)


def title(text):
    print(f"\n{text}", flush=True)


def expect(condition, what):
    if not condition:
        raise DemoFailed(what)


def describe(lab):
    title("The lab: five hosts in network namespaces of this machine")
    tell("server6, at home, IPv6 only", SERVER6)
    tell("router6, its router", f"WireGuard tunnel, MTU {lab.tunnel_mtu}")
    tell("gateway, a VPS, where gate64 runs", f"{GATEWAY4} and {GATEWAY6}")
    tell("internet4: DNS, git, web, IPv4 only", WEB4)
    tell("client4, a visitor, IPv4 only", CLIENT4)


def a_server_goes_out(lab):
    title(f"server6 clones a repository from {NAME}, which has no IPv6")
    real = ask(lab.gateway, "192.0.2.53", NAME, "A").answer[0][0].address
    given = ask(lab.server6, GATEWAY6, NAME, "AAAA").answer[0][0].address
    expect(given == "64:ff9b::c000:250", f"dns64 answered {given}")
    tell(f"the address that {NAME} has", real)
    tell("the address that dns64 gives to server6", f"{given}  ({PREF64} + {real})")
    lab.server6.run("ping", "-c", "1", "-W", "2", given)
    tell("ping to that address", "answered")

    clone, began = lab.ground.path("clone"), time.monotonic()
    lab.git("clone", "-q", f"http://{NAME}/git/big.git", clone, timeout=120)
    seconds = time.monotonic() - began
    size = sum(file.stat().st_size for file in clone.glob("*.bin"))
    expect(size >= 50_000_000, f"only {size} bytes were cloned")
    tell("git clone", f"{size / 1e6:.0f} MB in {seconds:.1f} s: {size / 1e6 / seconds:.1f} MB/s")
    tell("the git server saw the client as",
         lab.web_log.read_text().splitlines()[-1].split()[0])


def a_client_comes_in(lab):
    title(f"client4 opens https://{WWW}/, which has no IPv4")
    page = lab.fetch_by_name(path="/demo").stdout.strip()
    line = lab.server_log.read_text().splitlines()[-1]
    expect("/demo" in line and line.split()[0] == SEEN_AS, f"the server logged: {line}")
    expect(page == f"hello {SEEN_AS}", f"the page was: {page}")
    tell("client4 connects to the gateway", GATEWAY4)
    tell("and sees the server's own certificate", f"{WWW}, verified")
    tell("the page", page)
    tell("the client address in the server's log", f"{SEEN_AS}  (64:ff9b:1:: + {CLIENT4})")


def which_way(gate64):
    """Who translated the packets."""
    nat64 = gate64.status()["rooms"]["nat64"]
    fast, slow = nat64["fast_path"], sum(nat64["counters"]["packets"].values())
    if fast["enabled"]:
        tell("translated by the kernel (fast path)",
             f"{fast['packets_out'] + fast['packets_in']} packets")
        tell("and by gate64 itself", f"{slow} packets")
    else:
        tell("translated by gate64 itself", f"{slow} packets; no fast path: {fast['because']}")


def show_status(gate64):
    title("gate64 status")
    for line in gate64.command("status", "-c", gate64.config).stdout.splitlines():
        print(f"  {line}".rstrip())


def demo():
    began = time.monotonic()
    with Ground() as ground:
        lab = Lab(ground, peers.git_repository(ground.folder / "origin"))
        describe(lab)
        settings = {"nat64": {"fast_path": "auto"}, "ops": {"log": {"level": "info"}}}
        with Gate64(lab, settings) as gate64:
            try:
                a_server_goes_out(lab)
                which_way(gate64)
                a_client_comes_in(lab)
                show_status(gate64)
            except Exception:
                print(f"\ngate64 logged:\n{gate64.log()}", file=sys.stderr)
                raise
        title(f"All worked. gate64 stopped cleanly; the lab is taken down. "
              f"{time.monotonic() - began:.0f} s in all.")


def main():
    if os.geteuid():
        sys.exit("demo: the lab makes network namespaces, which needs root")
    for program in ("wireguard-go", "nsd", "nginx", "fcgiwrap"):
        if not shutil.which(program):
            sys.exit(f"demo: {program} is not installed; run: make deps")
    handle_signals()
    try:
        binary()
        demo()
    except KeyboardInterrupt:
        sys.exit("\ndemo: interrupted; the lab is taken down")
    except (AssertionError, CommandFailed, OSError) as error:
        sys.exit(f"\ndemo: failed: {error}")


if __name__ == "__main__":
    main()
