# SPDX-License-Identifier: GPL-2.0-or-later
"""RFC 6147 sections 3 and 5.5: DNS64 and DNSSEC, by the flags of a query (d: DO, c: CD, a: AD),
in zones that are signed, not signed, and signed wrongly."""

import pytest

from dns_asking import resolve
from dns_internet import NATIVE6, WEB6, embedded
from gateway import Gate64

SIGNED, UNSIGNED, NSEC3 = "shapes.secure.", "shapes.plain.", "nsec3.secure."
INSECURE = "insecure.secure."		# an insecure delegation from a signed zone
ALL_FLAGS = ("", "a", "c", "ca", "d", "da")
BOGUS, EXPIRED, NOT_YET, NO_SIGNATURES, CACHED_ERROR = 6, 7, 8, 10, 13	# RFC 8914 4


@pytest.fixture(scope="module")
def gate64(lab, internet):
    with Gate64(lab, internet.settings) as gate64:
        yield gate64


@pytest.fixture
def get(lab, gate64):
    """resolve() in this lab. That DO and CD come back (RFC 3225 3, RFC 4035 3.2.2) and AA is
    off is true of every answer."""
    def get(name, kind="AAAA", flags="", **kwargs):
        reply = resolve(lab, name, kind, flags, **kwargs)
        assert ("CD" in reply.flags) == ("c" in flags) and reply.do == ("d" in flags)
        assert "RA" in reply.flags and "AA" not in reply.flags
        return reply
    return get


# ---- synthesis -----------------------------------------------------------------

@pytest.mark.parametrize("zone", [SIGNED, NSEC3])
@pytest.mark.parametrize("flags", ALL_FLAGS)
def test_synthesis_in_a_signed_zone(get, zone, flags):
    """RFC 6147 3 and 5.5: cases 1 and 2, without DO and with it; AD with DO and without CD,
    never without DO; no record that DNSSEC would have for the synthesised one"""
    reply = get(f"v4.{zone}", flags=flags)
    assert reply.answer == [(f"v4.{zone}", "AAAA", WEB6)]
    assert ("AD" in reply.flags) == ("d" in flags)
    assert "AAAA" not in reply.signed_types()
    assert "d" in flags or not reply.dnssec_types()


@pytest.mark.parametrize("zone", [UNSIGNED, INSECURE])
@pytest.mark.parametrize("flags", ALL_FLAGS)
def test_synthesis_in_an_unsigned_zone(get, zone, flags):
    """RFC 6147 3 and 5.5: nothing is validated, so AD is never set"""
    reply = get(f"v4.{zone}", flags=flags)
    assert reply.answer == [(f"v4.{zone}", "AAAA", WEB6)]
    assert "AD" not in reply.flags and "RRSIG" not in reply.dnssec_types()


@pytest.mark.parametrize("zone, proof", [(SIGNED, {"RRSIG", "NSEC"}), (NSEC3, {"RRSIG", "NSEC3"}),
                                         (UNSIGNED, set())])
def test_who_validates_himself_gets_what_is_there(get, zone, proof):
    """RFC 6147 3 and 5.5: case 3, CD and DO: no synthesis, but the data as it is"""
    for _again in range(2):
        reply = get(f"v4.{zone}", flags="dc")
        assert reply.is_nodata() and reply.dnssec_types() == proof
    assert get(f"v4.{zone}").addresses() == [WEB6], "the other one is cached apart"
    assert get(f"mapped.{zone}", flags="dc").addresses() == ["::ffff:192.0.2.80"]


def test_a_signed_chain(get):
    """RFC 6147 5.5 and 5.1.5: the links keep their signatures, and all of it is secure"""
    reply = get(f"chain2.{SIGNED}", flags="d")
    assert [record[1] for record in reply.answer] == ["CNAME", "CNAME", "AAAA"]
    assert reply.signed_types() == {"CNAME"} and "AD" in reply.flags
    reply = get(f"v4.dname.{SIGNED}", flags="d")
    assert [record[1] for record in reply.answer] == ["DNAME", "CNAME", "AAAA"]
    assert reply.signed_types() == {"DNAME"} and "AD" in reply.flags
    reply = get(f"chain2.{SIGNED}")
    assert not reply.dnssec_types() and "AD" not in reply.flags


def test_a_chain_that_leaves_the_signed_zones(get):
    """RFC 6147 5.5: one insecure link, and it is not secure"""
    for name in ("hop1.shapes.plain.", "hop2.shapes.secure."):
        reply = get(name, flags="d")
        assert reply.answer[-1] == ("hop0.shapes.secure.", "AAAA", WEB6)
        assert "AD" not in reply.flags


def test_a_signed_wildcard(get):
    """RFC 6147 5.5; RFC 4035 5.3.4: it validates by the proof that there is no nearer name"""
    reply = get(f"some.wild.{SIGNED}", flags="d")
    assert reply.answer == [(f"some.wild.{SIGNED}", "AAAA", WEB6)] and "AD" in reply.flags


def test_what_costs_too_much_is_not_validated(get):
    """RFC 9276 3.2: with 500 rounds of NSEC3 a zone counts as unsigned: synthesis without AD"""
    for flags in ("", "d"):
        reply = get("v4.heavy.secure.", flags=flags)
        assert reply.addresses() == [WEB6] and "AD" not in reply.flags
    assert "AD" in get("v4.heavy.secure.", "A", "d").flags		# that needs no NSEC3


def test_not_every_signature_is_tried_with_every_key(get, gate64):
    """RFC 4035 5.3.3: of 30 keys with one tag and 30 signatures (KeyTrap) few pairs are tried, and
    the record is bogus then (RFC 8914 4)"""
    log = len(gate64.log())
    reply = get("v4.keytrap.secure.", "A", "d")
    assert reply.rcode == "SERVFAIL" and reply.errors == {BOGUS}
    assert "v4.keytrap.secure. A IN>: too many RRSIG validations" in gate64.log()[log:]


def test_a_change_of_signed_records_is_not_secure(get):
    """RFC 6147 5.5 and 5.1.4: AAAA of which some are left out, or that count as absent"""
    reply = get(f"mixed.{SIGNED}", flags="d")
    assert reply.addresses() == [NATIVE6] and "AD" not in reply.flags
    reply = get(f"mapped.{SIGNED}", flags="d")
    assert reply.addresses() == [WEB6] and "AD" not in reply.flags


def test_the_prefix_is_never_validated(get):
    """RFC 8880 7.1: ipv4only.arpa is answered here, in the root's name or not; and RFC 6147 5.5:
    with CD and DO it is not synthesised"""
    for flags in ALL_FLAGS:
        reply = get("ipv4only.arpa.", flags=flags)
        assert reply.addresses() == embedded("192.0.0.170", "192.0.0.171")
        assert "AD" not in reply.flags and not reply.dnssec_types()
    assert not get("ipv4only.arpa.", flags="dc").addresses()


@pytest.mark.parametrize("name", ["ipv4only.arpa.", "170.0.0.192.in-addr.arpa."])
def test_that_it_is_not_signed_can_be_validated(get, name):
    """RFC 8880 7.1, 7.2: DS alone is looked up as usual: here the root denies it, signed"""
    reply = get(name, "DS", "d")
    assert {"NSEC", "RRSIG"} <= reply.dnssec_types() and "AD" in reply.flags
    assert not get(name, "NS", "d").dnssec_types()


# ---- what is not synthesised -------------------------------------------------------

@pytest.mark.parametrize("name, kind, data", [
    (f"v6.{SIGNED}", "AAAA", NATIVE6), (f"v4.{SIGNED}", "A", "192.0.2.80"),
    (f"text.{NSEC3}", "TXT", '"no address here"')])
@pytest.mark.parametrize("flags", [*ALL_FLAGS, "dc"])
def test_signed_records(get, name, kind, data, flags):
    """RFC 4035 3.2.1: DNSSEC records for who sets DO, and nobody else; RFC 6840 5.7 and 5.8:
    AD for who sets DO or AD"""
    reply = get(name, kind, flags)
    assert reply.answer == [(name, kind, data)]
    assert reply.signed_types() == ({kind} if "d" in flags else set())
    assert "d" in flags or not reply.dnssec_types()
    if "c" not in flags:
        assert ("AD" in reply.flags) == bool(flags)


@pytest.mark.parametrize("zone, proof", [(SIGNED, "NSEC"), (NSEC3, "NSEC3")])
def test_signed_absence(get, zone, proof):
    """RFC 6147 5.1.2 and 5.5; RFC 4035 3.1.3: with DO the proof comes along, about AAAA"""
    for name, rcode in ((f"nothing.{zone}", "NXDOMAIN"), (f"text.{zone}", "NOERROR")):
        reply = get(name, flags="d")
        assert (reply.rcode, reply.answer) == (rcode, []) and "AD" in reply.flags
        assert reply.dnssec_types() == {"RRSIG", proof}
        reply = get(name)
        assert (reply.rcode, reply.answer) == (rcode, []) and "AD" not in reply.flags
        assert not reply.dnssec_types()


# ---- what does not validate ------------------------------------------------------------

NEGATIVE, POSITIVE, ADDRESS = "v4.bogus-nsec.secure.", "both.bogus.secure.", "v4.bogus-a.secure."


@pytest.mark.parametrize("flags", ["", "a", "d"])
@pytest.mark.parametrize("name, kind, error", [
    (NEGATIVE, "AAAA", BOGUS),		# there may be an AAAA: 5.5 2. forbids to go on to A
    (POSITIVE, "AAAA", BOGUS),		# its A record is good: no way around
    (ADDRESS, "AAAA", BOGUS),		# the AAAA is well proven to be absent
    (ADDRESS, "A", BOGUS),
    ("text.bogus.secure.", "TXT", BOGUS),
    ("v4.expired.secure.", "AAAA", EXPIRED),
    ("both.expired.secure.", "AAAA", EXPIRED),
    ("v4.future.secure.", "AAAA", NOT_YET),
    ("v4.stripped.secure.", "A", NO_SIGNATURES),
    ("v4.stripped.secure.", "AAAA", NO_SIGNATURES),
])
def test_what_does_not_validate(get, name, kind, error, flags):
    """RFC 6147 5.5: rcode 2, without DO too; RFC 8914 4.7, 4.8, 4.9 and 4.11 on how it is told,
    4.14 that it is told once more"""
    for _again in range(2):
        reply = get(name, kind, flags)
        assert reply.rcode == "SERVFAIL" and not reply.answer and "AD" not in reply.flags
        assert reply.errors - {CACHED_ERROR} == {error}


@pytest.mark.parametrize("name, kind, data", [(POSITIVE, "AAAA", {NATIVE6}),
                                              (NEGATIVE, "AAAA", set()),
                                              (ADDRESS, "A", {"192.0.2.80"})])
def test_who_validates_himself_gets_the_bogus_too(get, name, kind, data):
    """RFC 6147 5.5: case 3; RFC 4035 3.2.2: what is there, with its signatures"""
    for _again in range(2):
        reply = get(name, kind, "dc")
        assert (reply.rcode, set(reply.addresses())) == ("NOERROR", data)
        assert "RRSIG" in reply.dnssec_types() and "AD" not in reply.flags
        assert reply.errors <= {BOGUS}
        reply = get(name, kind, "c")		# nor does CD need DO
        assert set(reply.addresses()) == data and not reply.dnssec_types()
    assert get(name, kind, "d").rcode == "SERVFAIL", "the other one is cached apart"


def test_what_is_beside_the_bogus(get):
    """RFC 6147 5.5: other records of such zones are as good as any"""
    assert "AD" in get(NEGATIVE, "A", "d").flags
    assert get("both.bogus.secure.", "A").addresses() == ["192.0.2.80"]
    assert get("v4.bogus-a.secure.", "TXT", "d").is_nodata()
