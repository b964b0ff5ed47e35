# SPDX-License-Identifier: GPL-2.0-or-later
"""The MTU black hole: every ICMP and ICMPv6 error is dropped on both sides.

server6's own link is 1500, so only the gateway knows that its tunnel is smaller; what
it cannot say by ICMP it must say by the MSS (RFC 7915 arithmetic: an IPv6 packet of
the tunnel's MTU less 40 and 20 bytes of headers).
"""

import socket

import pytest

import peers
from gateway import Gate64
from netns import Ground, run
from topology import BIG_PAGE, DNS4, GATEWAY4, PREF64, WEB4, Lab
from wire import Capture, mss_of

URL = "http://git.example.net/git/big.git"
# IPv4 and IPv6 SYNs of TCP to or from port 80
SYNS4 = "tcp port 80 and tcp[tcpflags] & tcp-syn != 0"
SYNS6 = "ip6 proto 6 and port 80 and ip6[53] & 2 != 0"


@pytest.fixture(scope="module", params=[1420, 1280])
def lab(request, repository):
    with Ground() as ground:
        yield Lab(ground, repository, tunnel_mtu=request.param, black_hole=True)


@pytest.fixture(scope="module")
def gate64(lab):
    with Gate64(lab, {"dns64": {"upstream": [DNS4]}}) as gate64:
        yield gate64


@pytest.fixture(scope="module")
def clone(lab, gate64):
    folder = lab.ground.path("clone")
    lab.git("clone", "-q", URL, folder, timeout=120)
    return folder


def test_it_is_a_black_hole(lab, gate64):
    """The lab's own check: a closed UDP port, which has to be told by ICMP, is not."""
    for ns, address in ((lab.server6, f"{PREF64}{WEB4}"), (lab.internet4, GATEWAY4)):
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        with ns.socket(family, socket.SOCK_DGRAM) as sock:
            sock.settimeout(0.5)
            sock.connect((address, 9))
            sock.send(b"anyone there?")
            with pytest.raises(TimeoutError):
                sock.recv(1)


def test_a_clone_of_50_megabytes_finishes(clone):
    assert sum(f.stat().st_size for f in clone.glob("*.bin")) >= 50_000_000


def test_a_push_of_50_megabytes_finishes(lab, clone):
    env = peers.git_environment(lab.ground.folder)
    peers.git_commit_noise(clone, 50, "push", env)
    lab.git("-C", clone, "push", "-q", "origin", "HEAD:refs/heads/pushed", timeout=120)
    pushed = run("git", "-C", lab.repository, "-c", "safe.directory=*",
                 "rev-parse", "refs/heads/pushed").stdout
    assert pushed == run("git", "-C", clone, "rev-parse", "HEAD", env=env).stdout


def test_both_sides_are_told_an_mss_that_fits_the_tunnel(lab, gate64):
    with Capture(lab.server6, "lan0", SYNS6) as at_server, \
            Capture(lab.internet4, "gw0", SYNS4) as at_internet, gate64.counting() as rose:
        lab.server6.run("curl", "-sS", "--max-time", "5", "http://web.example.net/")
    fits = lab.tunnel_mtu - 40 - 20

    def seen(capture):
        return {("SYN/ACK" if p["TCP"].flags.A else "SYN"): mss_of(p) for p in capture.packets}
    assert seen(at_server) == {"SYN": 1500 - 60, "SYN/ACK": fits}
    assert seen(at_internet) == {"SYN": fits, "SYN/ACK": 1500 - 40}
    assert rose["nat64.mss_clamped"] >= 2


def test_a_client_gets_a_big_page(lab, gate64):
    """Inbound the gateway ends TCP itself, so the tunnel's MTU is its kernel's affair."""
    page = lab.fetch_by_name(path="/big", options=("-o", "/dev/null", "-w", "%{size_download}"))
    assert int(page.stdout) == BIG_PAGE
