# SPDX-License-Identifier: GPL-2.0-or-later
"""Programs that people use, as Debian ships them, from server6 to client4 and back.

The two downloads are of 1 GB, about 30 s each with sanitizers; PROGRAMS_BYTES makes it less.
"""

import asyncio
import hashlib
import os
import re
import socket

import pytest

import peers
from netns import wait_for
from topology import (CLIENT4, CLIENT4_ROUTER, DNS4, GATEWAY4, GATEWAY6, INTERNET4, PREF64,
                      ROUTER6, WEB4, WWW)
from wire import WhoAmI, ask_many, udp_flow

BYTES = int(os.environ.get("PROGRAMS_BYTES", "1_000_000_000"))
CLIENT6 = f"{PREF64}{CLIENT4}"
FTP_PORT, PASSIVE_PORTS = 2121, "50000-50010"
PARALLEL = 5000
SETTINGS = {"dns64": {"upstream": [DNS4]},
            # Else a client is kept to a thousand new connections a second.
            "nat64": {"limits": {"new_per_client": "100000/s"}}}


@pytest.fixture(scope="module")
def download(lab):
    """A file of BYTES, mostly holes, with noise at every 100 kB: (its path, its SHA-256)."""
    path, digest, noise = lab.ground.path("download"), hashlib.sha256(), 1000
    with path.open("wb") as file:
        for at in range(0, BYTES, 100_000):
            block = os.urandom(noise)
            file.seek(at)
            file.write(block)
            digest.update(block + bytes(min(100_000, BYTES - at) - noise))
        file.truncate(BYTES)
    return path, digest.hexdigest()


@pytest.fixture(scope="module")
def web(lab, download):
    """nginx on client4: HTTP/1.1, and HTTP/2 over TLS."""
    peers.start_nginx(lab.client4, f"""\
        server {{
            listen {CLIENT4}:80;
            listen {CLIENT4}:443 ssl http2;
            ssl_certificate {lab.certificate};
            ssl_certificate_key {lab.certificate.parent}/server.key;
            root {download[0].parent};
        }}
        """)


@pytest.mark.parametrize("version, options, scheme", [("1.1", "--http1.1", "http"),
                                                      ("2", "--http2", "https")])
def test_curl(lab, gate64, web, download, version, options, scheme):
    """RFC 6146 3.5.2, RFC 7915 4.5, 5.5: every byte of a large download, by HTTP/1.1 and HTTP/2."""
    port = 443 if scheme == "https" else 80
    # -w speaks on stderr, the body goes to sha256sum.
    done = lab.server6.run(
        "sh", "-c", 'curl "$@" | sha256sum', "curl", "-sS", options, "--max-time", "600",
        "--cacert", lab.ca, "--resolve", f"{WWW}:{port}:[{CLIENT6}]",
        "-w", "%{stderr}%{http_version} %{size_download}", f"{scheme}://{WWW}/download",
        timeout=620)
    assert done.stdout.split()[0] == download[1]
    assert done.stderr.split() == [version, f"{BYTES}"]


# ---- ping ------------------------------------------------------------------------------

def ping(lab, size, *options):
    """What ping prints of three echoes with `size` bytes of data."""
    return lab.server6.run("ping", "-c", "3", "-i", "0.2", "-W", "2", "-s", size, *options,
                           CLIENT6, check=False).stdout


@pytest.fixture(scope="module")
def known_path(lab, gate64):
    """Each side's kernel learns the tunnel's MTU, which costs it an echo."""
    wait_for(lambda: " 0% packet loss" in ping(lab, 1400), "1400 bytes come back", timeout=20)


@pytest.mark.parametrize("how", ["do", "dont"])
@pytest.mark.parametrize("size", [0, 56, 1212, 1213, 1232, 1372])
def test_ping(lab, known_path, size, how):
    """RFC 6146 3.5.3, RFC 7915 4.2 echo, RFC 7915 5.2 echo: what fits into the tunnel, with
    and without leave to cut"""
    assert " 0% packet loss" in ping(lab, size, "-M", how)


@pytest.mark.parametrize("size", [1373, 1452, 1473, 4000, 20000, 65000])
def test_ping_in_fragments(lab, known_path, size):
    """RFC 7915 4.1 fragment, RFC 7915 5.1.1, RFC 6146 3.4 fragment"""
    assert " 0% packet loss" in ping(lab, size, "-M", "dont")


def test_ping_that_does_not_fit(lab, known_path):
    """RFC 7915 5.1.1: and may not be cut: its sender knows"""
    assert " 100% packet loss" in ping(lab, 1373, "-M", "do")


# ---- traceroute --------------------------------------------------------------------------

def hops(ns, *argv):
    """The addresses that traceroute shows, one a hop."""
    out = ns.run("traceroute", "-n", "-q", "1", "-w", "3", "-m", "8", *argv, timeout=60).stdout
    return [socket.inet_pton(socket.AF_INET6, hop) if ":" in hop else hop
            for hop in re.findall(r"^ *\d+  (\S+)", out, re.MULTILINE)]


@pytest.mark.parametrize("mode", [("-U",), ("-I",), ("-T", "-p", "80")], ids=["udp", "icmp", "tcp"])
def test_traceroute(lab, gate64, web, mode):
    """RFC 7915 4.3, 5.1, RFC 6146 3.5.4: IPv6 routers by their own addresses, the gateway by
    its IPv6 one, IPv4 routers and the host within the prefix."""
    path = (ROUTER6, GATEWAY6, f"{PREF64}{INTERNET4}", CLIENT6)
    assert hops(lab.server6, *mode, CLIENT6) == [socket.inet_pton(socket.AF_INET6, hop)
                                                 for hop in path]


def test_traceroute_from_outside(lab, gate64):
    """RFC 7915 4.4, 5.3, RFC 6146 3.5: to a port that server6 has used. Behind the gateway
    its address stands for routers and hosts alike, at which traceroute may believe to be
    there; so it is asked hop by hop."""
    with udp_flow(lab, lab.internet4, WEB4, 7020) as (_inside, outside):
        port = outside.getpeername()[1]
    # The last two: router6; and server6, whose socket is closed while the binding is there.
    path = ((CLIENT4_ROUTER, 0), (GATEWAY4, 0), (GATEWAY4, 1), (GATEWAY4, 1))
    for hop, (address, translated) in enumerate(path, 1):
        with gate64.counting() as rose:
            assert hops(lab.client4, "-U", "-f", hop, "-m", hop, "-p", port,
                        GATEWAY4) == [address]
        assert rose["nat64.packets.in"] == rose["nat64.packets.out"] == translated


# ---- no ALG ------------------------------------------------------------------------------

def test_ftp_in_passive_mode(lab, gate64):
    """RFC 6146 3.5.2: FTP needs no help with EPSV, which names a port and no address
    (RFC 2428, RFC 6384)."""
    folder = lab.ground.path("ftp")
    folder.mkdir()
    (folder / "file").write_bytes(body := os.urandom(3_000_000))
    log = lab.ground.path("ftp.log")
    lab.client4.spawn("/usr/bin/python3", "-m", "pyftpdlib", "-w", "-i", CLIENT4, "-p", FTP_PORT,
                      "-r", PASSIVE_PORTS, "-d", folder, log=log)
    wait_for(lambda: "starting FTP" in log.read_text(), "the FTP server listens")
    url, got = f"ftp://[{CLIENT6}]:{FTP_PORT}", lab.ground.path("got")
    lab.server6.run("curl", "-sS", "--max-time", "30", "-o", got, f"{url}/file")
    assert got.read_bytes() == body
    lab.server6.run("curl", "-sS", "--max-time", "30", "-T", got, f"{url}/sent")
    assert (folder / "sent").read_bytes() == body


def test_a_server_that_connects_back(lab, gate64):
    """RFC 6146 3.5.2.2, 3.5.2.3 (RFC 5382 REQ-1, REQ-3): as active FTP or a game would have
    it: the port that was used outwards is open inwards, from any address."""
    with lab.client4.socket() as server, lab.server6.socket(socket.AF_INET6) as control, \
            lab.server6.socket(socket.AF_INET6) as listener:
        server.bind((CLIENT4, 7021))
        server.listen()
        server.settimeout(5)
        for sock in (control, listener):
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        control.bind(("::", 0))
        control.connect((CLIENT6, 7021))
        listener.bind(control.getsockname()[:2])
        listener.listen()
        listener.settimeout(5)
        accepted, (_address, port) = server.accept()
        with accepted:
            for ns, source in ((lab.client4, CLIENT4), (lab.internet4, WEB4)):
                with ns.connect((GATEWAY4, port), source=source) as back:
                    data, peer = listener.accept()
                    with data:
                        back.sendall(b"here it is")
                        assert data.recv(100) == b"here it is"
                        # 64:ff9b::203.0.113.7 and the like
                        assert peer[0] == socket.inet_ntop(socket.AF_INET6, socket.inet_pton(
                            socket.AF_INET6, f"{PREF64}{source}"))
                        data.sendall(b"thank you")
                        assert back.recv(100) == b"thank you"


def test_5000_connections_at_the_same_time(lab, gate64):
    """RFC 6146 3.5.2, 3.1: each has a port of its own, none is mixed up"""
    with WhoAmI(lab.client4, CLIENT4, 7777):
        results = asyncio.run(ask_many([("many", lab.server6, (CLIENT6, 7777))], PARALLEL))
    assert len(results) == PARALLEL
    assert all(answer[:2] == [token, GATEWAY4] for _label, token, _port, answer in results)
    assert len({answer[2] for *_rest, answer in results}) == PARALLEL
