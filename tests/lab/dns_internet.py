# SPDX-License-Identifier: GPL-2.0-or-later
"""A DNS Internet beside the lab's IPv4 one: a signed root, two TLDs, zones of every shape.

    .        signed           192.0.2.1    nsd
    secure.  signed           192.0.2.2    nsd, one for all three TLDs
    plain.   not signed
    odd.     not signed
    X.secure., X.plain.       192.0.2.3    nsd: shapes, nsec3, bogus, expired, ...
    X.odd.                    192.0.2.4    dns_odd.py: servers that misbehave

`shapes.secure.`, `shapes.plain.` and `nsec3.secure.` hold the same records (SHAPES), so that a
test can ask for one and the same in a signed zone and in one that is not.
"""

import base64
import ipaddress
import random
import re
import textwrap

import dns.dnssec
import dns.rdata

import peers
from dns_odd import AWAY6, BEHAVIOURS, ODD4, TWOFOLD, OddServer
from netns import run

ROOT4, TLD4, ZONES4 = "192.0.2.1", "192.0.2.2", "192.0.2.3"
DENIED4 = "203.0.113.9"			# `deny4` has it
EXCLUDED6 = "2001:db8:bad::/48"		# `exclude_aaaa` has it
PREF64 = "2001:db8:64::/96"		# not the well-known one: the lab's addresses are not global
NATIVE6 = "2001:db8:ff::80"
CHAIN_MAX = 17				# chain1 to chain17 lead to v4, in so many links
HOP_MAX = 16				# hop0 to hop16 too, by turns in one zone and the other
TTL, NEGATIVE_TTL = 300, 30		# of the shapes' records, and of the absence of one

SOA = f"@ {TTL} SOA ns hostmaster 1 3600 600 86400 {NEGATIVE_TTL}\n@ NS ns\nns A {ZONES4}\n"
SHAPES = f"""\
    {{soa}}
    v4          A     192.0.2.80
    ttl         A     192.0.2.80
    many        A     192.0.2.80
    many        A     192.0.2.81
    many        A     192.0.2.82
    v6          AAAA  {NATIVE6}
    both        A     192.0.2.80
    both        AAAA  {NATIVE6}
    text        TXT   "no address here"
    mail        MX    10 v4
    mail        MX    20 both
    service     HTTPS 1 . alpn=h2 ipv4hint=192.0.2.80
    _x.service  SVCB  1 v4 port=8443 ipv4hint=192.0.2.80
    denied      A     {DENIED4}
    half-denied A     {DENIED4}
    half-denied A     192.0.2.80
    *.wild      A     192.0.2.80
    dname       DNAME target
    v4.target   A     192.0.2.80
    v6.target   AAAA  {NATIVE6}
    to-v6       CNAME v6
    to-text     CNAME text
    to-nothing  CNAME nothing
    to-both     CNAME both
    to-dname    CNAME v4.dname
    itself      CNAME itself
    this        CNAME that
    that        CNAME this
    mapped      A     192.0.2.80
    mapped      AAAA  ::ffff:192.0.2.80
    only-mapped AAAA  ::ffff:192.0.2.80
    excluded    A     192.0.2.80
    excluded    AAAA  2001:db8:bad::1
    in-pref64   A     192.0.2.81
    in-pref64   AAAA  2001:db8:64::c000:250
    in-well-known A   192.0.2.81
    in-well-known AAAA 64:ff9b::c000:250
    mixed       A     192.0.2.80
    mixed       AAAA  ::ffff:192.0.2.80
    mixed       AAAA  {NATIVE6}
    mixed       AAAA  2001:db8:64::c000:250
    chain0      A     192.0.2.80
    private     A     10.0.0.80
    private     AAAA  fd00::80
    private4    A     10.0.0.80
    half-private A    10.0.0.80
    half-private A    192.0.2.80
    to-private  CNAME private4.shapes.plain.
    """

# Zones of one purpose each
SMALL = """\
    {soa}
    v4          A     192.0.2.80
    both        A     192.0.2.80
    both        AAAA  2001:db8:ff::80
    text        TXT   "signed"
    """
SLOW = f"""\
    @ 900       SOA   ns hostmaster 1 3600 600 86400 600
    @           NS    ns
    ns          A     {ZONES4}
    ten      10 A     192.0.2.80
    day   86400 A     192.0.2.80
    """
BIG = "{soa}\n" + "".join(
    f"a{n} A 198.18.{n}.{i}\n" for n in (20, 50, 100) for i in range(1, n + 1))
REVERSE = f"""\
    @           SOA   ns.shapes.plain. hostmaster 1 3600 600 86400 {NEGATIVE_TTL}
    @           NS    ns.shapes.plain.
    1           PTR   relay.shapes.plain.
    2           CNAME 2.sub
    2.sub       PTR   second.shapes.plain.
    """


def zone_text(template, ttl=TTL):
    """The text of a zone file, but for its origin."""
    return f"$TTL {ttl}\n" + textwrap.dedent(template).replace("{soa}", SOA)


def shapes(parity):
    """SHAPES with its chains; `parity`: which hops are this zone's, the odd or the even."""
    text = zone_text(SHAPES)
    for n in range(1, CHAIN_MAX + 1):
        text += f"chain{n} CNAME chain{n - 1}\n"
    for n in range(1, HOP_MAX + 1):
        if n % 2 == parity:
            text += f"hop{n} CNAME {hop(n - 1)}\n"
    return text + ("hop0 A 192.0.2.80\n" if parity == 0 else "")


def hop(n):
    """The name of which `n` links across zones lead to an address."""
    return f"hop{n}.shapes.{'plain' if n % 2 else 'secure'}."


def embedded(*addresses):
    """IPv4 addresses within PREF64, by RFC 6052."""
    prefix = ipaddress.IPv6Network(PREF64).network_address
    return [str(prefix + int(ipaddress.IPv4Address(address))) for address in addresses]


(WEB6,) = embedded("192.0.2.80")


def twins(key, n):
    """So many DNSKEY records with the tag of a key, "K<zone>+<algorithm>+<tag>" (RFC 4034 B: it
    is a sum)."""
    text, tag = "", int(key.split("+")[-1])
    for _ in range(n):
        wire = bytearray(b"\1\0\3\15" + random.randbytes(64))	# ECDSAP256SHA256
        while (wrong := (tag - dns.dnssec.key_id(key_of(wire))) % 65536):
            word = (int.from_bytes(wire[10:12], "big") + wrong) % 65536
            wire[10:12] = word.to_bytes(2, "big")
        text += f"@ DNSKEY {key_of(wire)}\n"
    return text


def key_of(wire):
    """The rdata of a DNSKEY record."""
    return dns.rdata.from_wire("IN", "DNSKEY", bytes(wire), 0, len(wire))


def many_signatures(name, n):
    """For Signer.signed(): instead of the signature of a name's A there are many, all wrong."""
    return (rf"^({re.escape(name)}\t\d+\tIN\tRRSIG\tA .* )\S+$", lambda match: "\n".join(
        match[1] + base64.b64encode(random.randbytes(64)).decode() for _ in range(n)))


class Signer:
    """Makes and signs zone files, with a key for each."""

    def __init__(self, folder):
        self.folder = folder
        folder.mkdir()

    def plain(self, zone, text):
        """A zone that nobody signs."""
        file = self.folder / f"{zone}zone"
        file.write_text(f"$ORIGIN {zone}\n{text}")
        return file

    def signed(self, zone, text, *options, spoil=(), n_twins=0):
        """A signed zone. Return its file, its DS record and its DNSKEY record.
        spoil: (pattern, replacement) pairs that make it wrong after the signing.
        n_twins: a second key signs all but the keys, and so many others have its tag."""
        def make(*flags):
            return run("ldns-keygen", "-a", "ECDSAP256SHA256", *flags, zone,
                       cwd=self.folder).stdout.strip()

        key = make("-k")
        keys = [key, make()] if n_twins else [key]
        file = self.plain(zone, text + twins(keys[-1], n_twins))
        out = file.with_suffix(".signed")
        run("ldns-signzone", *options, "-f", out, file, *keys, cwd=self.folder)
        for pattern, replacement in spoil:
            text, n = re.subn(pattern, replacement, out.read_text(), flags=re.MULTILINE)
            assert n, f"{pattern} is not in {zone}"
            out.write_text(text)
        ds, dnskey = ((self.folder / f"{key}.{kind}").read_text() for kind in ("ds", "key"))
        return out, ds, dnskey


def parent_text(children, ds=(), glue=""):
    """A zone that delegates: {name of a child: its server's address}."""
    text = zone_text("@ SOA ns hostmaster 1 3600 600 86400 30\n")
    for child, address in children.items():
        text += f"{child} NS ns.{child}\nns.{child} A {address}\n"
    return text + glue + "".join(ds)


def other_signature(zone, name, kind):
    """For Signer.signed(): the signature of one RRset is another one."""
    owner = re.escape(f"{name}.{zone}")
    return rf"^({owner}\t\d+\tIN\tRRSIG\t{kind} .* )\S{{6}}", r"\1AAAAAA"


class DnsInternet:
    """All of it, in the lab's internet4, for the length of a `with` block."""

    def __init__(self, lab):
        self.ns, self.ground = lab.internet4, lab.ground
        for address in (ROOT4, TLD4, ZONES4, ODD4):
            self.ns.run("ip", "address", "add", f"{address}/32", "dev", "lo")
        self.trust_anchor = self.ground.path("root.key")
        self.root_hints = self.ground.path("dns-root.hints")
        self.root_hints.write_text(f". 3600 NS ns-root.\nns-root. 3600 A {ROOT4}\n")
        self._start(Signer(self.ground.path("zones")))
        self.odd = OddServer(self.ns)

    def __enter__(self):
        self.odd.__enter__()
        return self

    def __exit__(self, *args):
        self.odd.__exit__(*args)

    @property
    def settings(self):
        """What gate64's configuration has to say, to resolve from here."""
        return {"prefixes": {"nat64": [PREF64]},
                "nat64": {"deny4": [f"{DENIED4}/32"]},
                "dns64": {"upstream": "recursive", "dnssec": True,
                          "root_hints": str(self.root_hints),
                          "trust_anchor": str(self.trust_anchor),
                          "exclude_aaaa": ["::ffff:0:0/96", EXCLUDED6]}}

    def _start(self, signer):
        zones, secure_ds = self._secure_zones(signer)
        for zone, text in (("shapes.plain.", shapes(1)), ("slow.plain.", zone_text(SLOW)),
                           ("big.plain.", zone_text(BIG)), ("99.88.192.in-addr.arpa.",
                                                            zone_text(REVERSE)),
                           ("insecure.secure.", zone_text(SMALL))):
            zones[zone] = signer.plain(zone, text)
        peers.start_nsd(self.ns, ZONES4, zones, "zones")

        tlds = {}
        children = {zone: ZONES4 for zone in zones}
        tlds["secure."], ds, _key = signer.signed("secure.", parent_text(
            {z: a for z, a in children.items() if z.endswith(".secure.")}, secure_ds,
            f"@ NS ns.secure.\nns.secure. A {TLD4}\n"))
        tlds["plain."] = signer.plain("plain.", parent_text(
            {z: a for z, a in children.items() if z.endswith(".plain.")},
            glue=f"@ NS ns.plain.\nns.plain. A {TLD4}\n"))
        tlds["odd."] = signer.plain("odd.", parent_text(
            {f"{name}.odd.": ODD4 for name in BEHAVIOURS},
            glue=f"@ NS ns.odd.\nns.odd. A {TLD4}\n" + "".join(
                f"ns.{zone}.odd. AAAA {AWAY6}\n" for zone in TWOFOLD)))
        peers.start_nsd(self.ns, TLD4, tlds, "tld")

        root, _ds, key = signer.signed(".", parent_text(
            {tld: TLD4 for tld in tlds}, [ds],
            f"@ NS ns-root.\nns-root. A {ROOT4}\n"
            "99.88.192.in-addr.arpa. NS ns.shapes.plain.\n"
            f"ns.shapes.plain. A {ZONES4}\n"))
        peers.start_nsd(self.ns, ROOT4, {".": root}, "root")
        self.trust_anchor.write_text(key)

    @staticmethod
    def _secure_zones(signer):
        """The zones below secure. that are signed, well or not, and their DS records."""
        small = zone_text(SMALL)
        made = {
            "shapes.secure.": signer.signed("shapes.secure.", shapes(0)),
            "nsec3.secure.": signer.signed("nsec3.secure.", zone_text(SHAPES), "-n"),
            # More work than a validator does
            "heavy.secure.": signer.signed("heavy.secure.", small, "-n", "-t", "500"),
            "expired.secure.": signer.signed("expired.secure.", small, "-i", "20200101",
                                             "-e", "20200201"),
            "future.secure.": signer.signed("future.secure.", small, "-i", "20370101",
                                            "-e", "20370201"),
            "bogus.secure.": signer.signed("bogus.secure.", small, spoil=[
                other_signature("bogus.secure.", "v4", "A"),
                other_signature("bogus.secure.", "both", "AAAA"),
                other_signature("bogus.secure.", "text", "TXT")]),
            # v4 itself is signed well: it is its having no AAAA that is not.
            "bogus-nsec.secure.": signer.signed("bogus-nsec.secure.", small, spoil=[
                other_signature("bogus-nsec.secure.", "v4", "NSEC")]),
            "bogus-a.secure.": signer.signed("bogus-a.secure.", small, spoil=[
                other_signature("bogus-a.secure.", "v4", "A")]),
            # 900 ways to verify one record
            "keytrap.secure.": signer.signed("keytrap.secure.", small, n_twins=30, spoil=[
                many_signatures("v4.keytrap.secure.", 30)]),
            # As if somebody had taken the signatures away
            "stripped.secure.": signer.signed("stripped.secure.", small, spoil=[
                (r"^v4\.stripped\.secure\.\t.*\tRRSIG\t.*\n", "")]),
        }
        return ({zone: file for zone, (file, _ds, _key) in made.items()},
                [ds for _file, ds, _key in made.values()])
