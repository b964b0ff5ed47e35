# SPDX-License-Identifier: GPL-2.0-or-later
"""Programs and libraries that ask dns64: the C libraries' getaddrinfo, systemd-resolved, drill,
dig and delv, and how hosts find out the NAT64 prefix."""

import contextlib
import ipaddress
import os
import pathlib
import socket
import struct

import dns.message
import pytest

from dns_asking import CLIENT_TIMEOUT_S, resolve
from dns_internet import NATIVE6, PREF64, WEB6
from gateway import PROJECT, Gate64
from netns import run, wait_for
from topology import GATEWAY6

EAI_NONAME = -2			# of glibc and of musl
STUB = "127.0.0.53"
RESOLVED_UID = 64853
UNPACKED = PROJECT / "build/unpacked"	# make deps

# What names have, in both families
HAVE = {
    "v4.shapes.plain": {"192.0.2.80", WEB6},
    "many.shapes.secure": {"192.0.2.80", "192.0.2.81", "192.0.2.82", WEB6,
                           f"{WEB6[:-1]}1", f"{WEB6[:-1]}2"},
    "both.shapes.plain": {"192.0.2.80", NATIVE6},
    "v6.shapes.secure": {NATIVE6},
    "chain2.shapes.secure": {"192.0.2.80", WEB6},
    "v4.dname.shapes.plain": {"192.0.2.80", WEB6},
    "mapped.shapes.plain": {"192.0.2.80", WEB6},
    "v4.servfail.odd": {"192.0.2.80", WEB6},
    "v4.truncate.odd": {"192.0.2.80", WEB6},
    "nothing.shapes.secure": {f"!{EAI_NONAME}"},
}


@pytest.fixture(scope="module")
def gate64(lab, internet):
    with Gate64(lab, internet.settings) as gate64:
        yield gate64


@pytest.fixture(scope="module", params=["cc", "musl-gcc"])
def getaddrinfo(request, lab):
    """A program that asks as the C library does."""
    program = lab.ground.path(f"getaddrinfo-{request.param}")
    source = pathlib.Path(__file__).with_name("getaddrinfo.c")
    run(request.param, "-O1", "-Wall", "-o", program, source)
    return program


# ---- C libraries ----------------------------------------------------------------

@pytest.mark.parametrize("options", ["", "edns0", "edns0 trust-ad", "use-vc", "single-request",
                                     "single-request-reopen", "attempts:1 rotate"])
def test_getaddrinfo(lab, gate64, getaddrinfo, options):
    """A and AAAA at the same time from one socket; and by whatever else resolv.conf(5) offers"""
    lab.server6.resolver(GATEWAY6, options=options)
    try:
        lines = lab.server6.run(getaddrinfo, *HAVE).stdout.splitlines()
    finally:
        lab.server6.resolver(GATEWAY6)
    assert {line.split()[0]: set(line.split()[1:]) for line in lines} == HAVE


def pair(name):
    """The queries for A and for AAAA, in wire form, by their IDs."""
    queries = [dns.message.make_query(name, kind) for kind in ("A", "AAAA")]
    queries[1].id = queries[0].id ^ 1
    return {query.id: query.to_wire() for query in queries}


@pytest.mark.parametrize("name", ["v4.shapes.plain", "ten.slow.plain", "v4.drop.odd"])
def test_a_pair_of_queries(lab, gate64, name):
    """Both get their answers where they were asked from, over UDP and within one TCP segment"""
    queries = pair(name)
    with lab.server6.socket(socket.AF_INET6, socket.SOCK_DGRAM) as sock:
        sock.settimeout(CLIENT_TIMEOUT_S)
        sock.connect((GATEWAY6, 53))
        for query in queries.values():
            sock.send(query)
        answers = [dns.message.from_wire(sock.recv(4096)) for _ in queries]
    assert {answer.id for answer in answers} == set(queries)
    assert {str(answer.answer[-1][0]) for answer in answers} == {"192.0.2.80", WEB6}

    with lab.server6.connect((GATEWAY6, 53), timeout=CLIENT_TIMEOUT_S) as sock:
        sock.sendall(b"".join(struct.pack("!H", len(q)) + q for q in queries.values()))
        with sock.makefile("rb") as stream:
            answers = [dns.message.from_wire(stream.read(*struct.unpack("!H", stream.read(2))))
                       for _ in queries]
    assert {answer.id for answer in answers} == set(queries)


# ---- programs -------------------------------------------------------------------

def test_drill(lab, gate64, internet):
    """RFC 6147 3 and 5.5: with DO; and with CD too, validating from the lab's root"""
    said = lab.server6.run("drill", "-D", "v4.shapes.secure", "AAAA", f"@{GATEWAY6}").stdout
    assert WEB6 in said and " ad ;" in said and "RRSIG" not in said
    said = lab.server6.run("drill", "-S", "-k", internet.trust_anchor, "v6.shapes.secure", "AAAA",
                           f"@{GATEWAY6}").stdout
    assert "Chase successful" in said


def test_dig(lab, gate64):
    """RFC 8914 2: the extended error is one that others read as we mean it"""
    said = lab.server6.run("dig", f"@{GATEWAY6}", "+dnssec", "v4.shapes.secure", "AAAA").stdout
    assert WEB6 in said and "; EDE: 29" in said
    said = lab.server6.run("dig", f"@{GATEWAY6}", "v4.bogus.secure", "A").stdout
    assert "SERVFAIL" in said and "; EDE: 6" in said


@pytest.fixture(scope="module")
def delv(lab, internet, gate64):
    """Run delv: a validator of its own, with the lab's root key."""
    words = internet.trust_anchor.read_text().split()
    key = words[words.index("DNSKEY") + 1:][:4]
    anchors = lab.ground.path("anchors")
    anchors.write_text('trust-anchors {{ . static-key {} {} {} "{}"; }};\n'.format(*key))

    def delv(*argv):
        return lab.server6.run("delv", f"@{GATEWAY6}", "-a", anchors, "+root=.", *argv,
                               check=False).stdout
    return delv


def test_delv(delv):
    """RFC 6147 3: a validator gets what there is, signatures and proofs"""
    assert delv("v6.shapes.secure", "AAAA").startswith("; fully validated\n")
    for zone in ("shapes.secure", "nsec3.secure"):
        said = delv("+cdflag", f"v4.{zone}", "AAAA")
        assert said.startswith("; negative response, fully validated\n"), said
    assert delv("v6.shapes.plain", "AAAA").startswith("; unsigned answer\n")


# ---- systemd-resolved ---------------------------------------------------------------

RESOLVED = """\
    mount -t tmpfs run /run
    mount --bind "$0/passwd" /etc/passwd
    mount --bind "$0/group" /etc/group
    mkdir -p /run/systemd/resolved.conf.d
    cp "$0/resolved.conf" /run/systemd/resolved.conf.d/
    cp -r "$0/anchors" /run/dnssec-trust-anchors.d
    exec "$@"
    """


def resolved_program():
    """systemd-resolved and where its library is: unpacked, as installed it would serve."""
    program = UNPACKED / "lib/systemd/systemd-resolved"
    if not program.exists():
        pytest.skip("systemd-resolved was not unpacked: make deps")
    return program, UNPACKED / f"usr/lib/{os.uname().machine}-linux-gnu/systemd"


@contextlib.contextmanager
def resolved(lab, internet, dnssec):
    """systemd-resolved on server6, forwarding to dns64; without a bus, which it can do without."""
    program, libraries = resolved_program()
    folder = lab.ground.path(f"resolved-{dnssec}")
    (folder / "anchors").mkdir(parents=True)
    key = internet.trust_anchor.read_text().partition(";")[0].strip()
    (folder / "anchors/root.positive").write_text(f"{key}\n")
    (folder / "resolved.conf").write_text(
        f"[Resolve]\nDNS={GATEWAY6}\nFallbackDNS=\nDNSSEC={dnssec}\nLLMNR=no\nMulticastDNS=no\n")
    for file, line in (("passwd", f"x:{RESOLVED_UID}:{RESOLVED_UID}::/:/bin/false"),
                       ("group", f"x:{RESOLVED_UID}:")):
        (folder / file).write_text(f"systemd-resolve:{line}\n" +
                                   pathlib.Path("/etc", file).read_text())
    process = lab.server6.spawn(
        "sh", "-ec", RESOLVED, folder, program, log=folder / "log",
        env=dict(os.environ, LD_LIBRARY_PATH=str(libraries), SYSTEMD_LOG_TARGET="console"))

    def dig(*argv):
        return lab.server6.run("dig", f"@{STUB}", "+tries=1", "+time=5", *argv, check=False).stdout

    def ready():
        assert process.poll() is None, (folder / "log").read_text()
        return "status: " in lab.server6.run("dig", f"@{STUB}", "+tries=1", "+time=1",
                                             "localhost", check=False).stdout
    try:
        wait_for(ready, "systemd-resolved answers")
        yield dig
    finally:
        lab.ground.stop(process)


def test_systemd_resolved(lab, internet, gate64):
    """Through its stub: synthesised addresses, the prefix, reverse names, names that are not"""
    with resolved(lab, internet, "no") as dig:
        for name in ("v4.shapes.plain", "v4.shapes.secure", "chain2.shapes.plain"):
            assert WEB6 in dig("+short", name, "AAAA").split()
        assert dig("+short", "v6.shapes.secure", "AAAA").split() == [NATIVE6]
        assert "status: NXDOMAIN" in dig("nothing.shapes.secure", "AAAA")
        assert "status: SERVFAIL" in dig("v4.bogus.secure", "AAAA")
        assert len(dig("+short", "a100.big.plain", "AAAA").split()) == 100
        assert "relay.shapes.plain." in dig("+short", "-x", "2001:db8:64::c058:6301").split()
        found = dig("+short", "ipv4only.arpa", "AAAA").split()
        assert discover(found) == {ipaddress.IPv6Network(PREF64)}


def test_systemd_resolved_as_a_validator(lab, internet, gate64):
    """RFC 6147 3: it sets DO and CD, so it gets no synthesis, but all to validate from the root"""
    with resolved(lab, internet, "yes") as dig:
        said = dig("+dnssec", "v6.shapes.secure", "AAAA")
        assert NATIVE6 in said and " ad;" in said
        said = dig("v4.nsec3.secure", "AAAA")
        assert "status: NOERROR" in said and " ad;" in said and "ANSWER: 0" in said
        assert dig("+short", "v6.shapes.plain", "AAAA").split() == [NATIVE6]
        assert "status: SERVFAIL" in dig("v4.bogus.secure", "A")


# ---- the prefix --------------------------------------------------------------------------

WELL_KNOWN = (bytes([192, 0, 0, 170]), bytes([192, 0, 0, 171]))
# RFC 6052 2.2: which of the 16 bytes are those of the IPv4 address; byte 8 is zero.
PLACES = {32: (4, 5, 6, 7), 40: (5, 6, 7, 9), 48: (6, 7, 9, 10), 56: (7, 9, 10, 11),
          64: (9, 10, 11, 12), 96: (12, 13, 14, 15)}


def discover(addresses):
    """The prefixes that a host concludes on from ipv4only.arpa's addresses."""
    found = set()
    for address in addresses:
        packed = ipaddress.IPv6Address(address).packed
        for length, places in PLACES.items():
            if bytes(packed[i] for i in places) in WELL_KNOWN and (length == 96 or not packed[8]):
                found.add(ipaddress.IPv6Network((packed, length), strict=False))
    return found


def test_prefix_discovery(lab, gate64):
    """RFC 7050 2.2 and 3, RFC 6147 5.2, for each length of RFC 6052 2.2: asked as Android does
    (no EDNS), as systemd does (DO), and over TCP"""
    for length in PLACES:
        prefix = ipaddress.IPv6Network((ipaddress.IPv6Address("fd00:64::").packed, length))
        gate64.reload({"prefixes": {"nat64": [str(prefix)]}})
        for options in ({"use_edns": -1}, {"flags": "d"}, {"flags": "a"}, {"tcp": True}):
            reply = resolve(lab, "ipv4only.arpa.", **options)
            assert discover(reply.addresses()) == {prefix} and len(reply.addresses()) == 2
        packed = ipaddress.IPv6Address(resolve(lab, "v4.shapes.plain").addresses()[0]).packed
        assert bytes(packed[i] for i in PLACES[length]) == bytes([192, 0, 2, 80])
        assert not any(packed[i] for i in range(length // 8, 16) if i not in PLACES[length])
    assert resolve(lab, "ipv4only.arpa.", "A").addresses() == ["192.0.0.170", "192.0.0.171"]
