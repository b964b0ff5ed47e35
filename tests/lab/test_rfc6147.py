# SPDX-License-Identifier: GPL-2.0-or-later
"""RFC 6147 section 5 but for DNSSEC, clause by clause, on the DNS Internet of dns_internet.py,
recursing from its root and validating."""

import dns.reversename
import pytest

from dns_asking import resolve
from dns_internet import (CHAIN_MAX, NATIVE6, NEGATIVE_TTL, TTL, WEB6, ZONES4, embedded, hop)
from dns_odd import LIE4, TWOFOLD
from gateway import Gate64

SIGNED, UNSIGNED = "shapes.secure.", "shapes.plain."
LINKS_MAX = 16			# that are followed in an answer
DEFAULT_TTL = 600		# RFC 6147 5.1.7


@pytest.fixture(scope="module")
def gate64(lab, internet):
    with Gate64(lab, internet.settings) as gate64:
        yield gate64


@pytest.fixture(params=[SIGNED, UNSIGNED, "nsec3.secure."])
def zone(request, gate64):
    """The shapes, in zones signed and not."""
    return request.param


@pytest.fixture
def get(lab, gate64):
    """resolve() in this lab."""
    def get(*args, **kwargs):
        return resolve(lab, *args, **kwargs)
    return get


# ---- 5.1: AAAA ------------------------------------------------------------------

def test_a_name_without_aaaa_is_synthesised(get, zone):
    """RFC 6147 5.1, 5.1.6, 5.1.7 and 5.4; RFC 8914 2 on how it is told"""
    reply = get(f"v4.{zone}")
    assert reply.answer == [(f"v4.{zone}", "AAAA", WEB6)]
    assert reply.rcode == "NOERROR" and reply.errors == {29}
    assert "RA" in reply.flags and "RD" in reply.flags and "AA" not in reply.flags


def test_every_address_is_synthesised(get, zone):
    """RFC 6147 5.1.6 and 5.1.7"""
    assert get(f"many.{zone}").addresses() == embedded("192.0.2.80", "192.0.2.81", "192.0.2.82")


@pytest.mark.parametrize("name", ["v6", "both"])
def test_aaaa_that_is_there_is_the_answer(get, zone, name):
    """RFC 6147 5.1.1"""
    reply = get(f"{name}.{zone}")
    assert reply.answer == [(f"{name}.{zone}", "AAAA", NATIVE6)] and not reply.errors


def test_another_class_is_no_business_of_dns64(get):
    """RFC 6147 5.1: class IN alone; others are not resolved here"""
    reply = get(f"v4.{UNSIGNED}", rdclass="CH")
    assert reply.rcode == "REFUSED" and not reply.answer


def test_the_question_comes_back_as_it_was(get):
    """RFC 6147 5.4: header and question; RFC 4343 4.1 on letter case, cached or not"""
    for name in ("V4.Shapes.PLAIN.", "v4.shapes.plain.", "v4.SHAPES.plain."):
        reply = get(name)
        assert reply.message.question[0].name.to_text() == name
        assert reply.answer[0][0].lower() == name.lower() and reply.addresses() == [WEB6]


# ---- 5.1.2, 5.1.3: errors and silence -------------------------------------------

def test_no_such_name(get, zone):
    """RFC 6147 5.1.2: a Name Error is returned, without a look for A"""
    reply = get(f"nothing.{zone}")
    assert reply.rcode == "NXDOMAIN" and not reply.answer
    assert [record[:2] for record in reply.authority] == [(zone, "SOA")]


def test_a_name_error_for_aaaa_alone_is_believed(get):
    """RFC 6147 5.1.2: such servers violate what rcode 3 means; theirs is the harm"""
    assert get("v4.nxdomain.odd.").rcode == "NXDOMAIN"
    assert get("v4.nxdomain.odd.", "A").addresses() == ["192.0.2.80"]


@pytest.mark.parametrize("rcode", ["servfail", "refused", "notimp", "formerr"])
def test_another_error_for_aaaa_is_as_if_there_were_none(get, rcode):
    """RFC 6147 5.1.2"""
    reply = get(f"v4.{rcode}.odd.")
    assert reply.answer == [(f"v4.{rcode}.odd.", "AAAA", WEB6)] and reply.rcode == "NOERROR"
    assert 0 < max(reply.ttls()) <= TTL


def test_a_server_that_drops_aaaa_does_not_keep_the_client_waiting(get):
    """RFC 6147 5.1.3, and 5.1.8: A was asked for in parallel"""
    assert get("v4.drop.odd.").answer == [("v4.drop.odd.", "AAAA", WEB6)]


def test_an_error_for_a_too_is_the_answer(get):
    """RFC 6147 5.1.6"""
    reply = get("v4.broken.odd.")
    assert reply.rcode == "SERVFAIL" and not reply.answer


# ---- 5.1.4: excluded AAAA ---------------------------------------------------------

@pytest.mark.parametrize("name, address", [("mapped", "192.0.2.80"), ("excluded", "192.0.2.80"),
                                           ("in-pref64", "192.0.2.81"),
                                           ("in-well-known", "192.0.2.81")])
def test_excluded_records_count_as_absent(get, zone, name, address):
    """RFC 6147 5.1.4; what is in a pref64, ours or the well-known one, somebody else has made"""
    assert get(f"{name}.{zone}").addresses() == embedded(address)


def test_excluded_records_are_left_out_of_others(get, zone):
    """RFC 6147 5.1.4"""
    for flags in ("", "d"):
        reply = get(f"mixed.{zone}", flags=flags)
        assert reply.answer == [(f"mixed.{zone}", "AAAA", NATIVE6)]
        assert "AAAA" not in reply.signed_types() and "AD" not in reply.flags


def test_excluded_records_alone(get, zone):
    """RFC 6147 5.1.4 and 5.1.6: nor is there an A record"""
    reply = get(f"only-mapped.{zone}")
    assert reply.rcode == "NOERROR" and not reply.answer


# ---- 5.1.5: chains -----------------------------------------------------------------

def chain(zone, n):
    """What leads from chain<n> to chain0."""
    return [(f"chain{i}.{zone}", "CNAME", f"chain{i - 1}.{zone}") for i in range(n, 0, -1)]


@pytest.mark.parametrize("n", [1, 2, LINKS_MAX])
def test_a_chain_within_a_zone(get, zone, n):
    """RFC 6147 5.1.5: in order, every link once, then the address"""
    if zone != "nsec3.secure.":
        assert get(f"chain{n}.{zone}").answer == chain(zone, n) + [
            (f"chain0.{zone}", "AAAA", WEB6)]


@pytest.mark.parametrize("n", [1, 2, LINKS_MAX])
def test_a_chain_across_zones(get, n):
    """RFC 6147 5.1.5: from signed zones to others and back"""
    reply = get(hop(n))
    assert reply.answer == [(hop(i), "CNAME", hop(i - 1)) for i in range(n, 0, -1)] + [
        (hop(0), "AAAA", WEB6)]
    assert "AD" not in reply.flags


def test_a_chain_to_an_ipv6_address(get, zone):
    """RFC 6147 5.1.5 and 5.1.1"""
    for name in ("v6", "both"):
        assert get(f"to-{name}.{zone}").answer == [
            (f"to-{name}.{zone}", "CNAME", f"{name}.{zone}"), (f"{name}.{zone}", "AAAA", NATIVE6)]


def test_a_chain_to_nothing(get, zone):
    """RFC 6147 5.1.5, 5.1.2 and 5.1.6"""
    reply = get(f"to-text.{zone}")
    assert reply.is_nodata()
    assert reply.answer == [(f"to-text.{zone}", "CNAME", f"text.{zone}")]
    reply = get(f"to-nothing.{zone}")
    assert reply.rcode == "NXDOMAIN"
    assert reply.answer == [(f"to-nothing.{zone}", "CNAME", f"nothing.{zone}")]


def test_dname(get, zone):
    """RFC 6147 5.1.5: the DNAME, the CNAME made of it (RFC 6672 3.1), the address"""
    dname = [(f"dname.{zone}", "DNAME", f"target.{zone}"),
             (f"v4.dname.{zone}", "CNAME", f"v4.target.{zone}")]
    assert get(f"v4.dname.{zone}").answer == dname + [(f"v4.target.{zone}", "AAAA", WEB6)]
    assert get(f"to-dname.{zone}").answer == [
        (f"to-dname.{zone}", "CNAME", f"v4.dname.{zone}"), *dname,
        (f"v4.target.{zone}", "AAAA", WEB6)]
    assert get(f"v6.dname.{zone}").addresses() == [NATIVE6]


@pytest.mark.parametrize("name", ["itself", "this", f"chain{CHAIN_MAX}"])
def test_no_end_or_too_late(get, zone, name):
    """RFC 6147 5.1.5: a loop, or more links than are followed: no address terminates it;
    RFC 8914 4.1 and 4.23: found here or by libunbound, which does not tell how"""
    if zone != "nsec3.secure.":
        reply = get(f"{name}.{zone}")
        assert (reply.rcode, reply.answer) == ("SERVFAIL", []) and reply.errors in ({0}, {22})


def test_the_chains_of_a_and_of_aaaa_differ(get):
    """RFC 6147 5.1.5: the one of the records that were used, and nothing of the other"""
    assert get("alias.differ.odd.").answer == [
        ("alias.differ.odd.", "CNAME", "v4.differ.odd."), ("v4.differ.odd.", "AAAA", WEB6)]


def test_a_wildcard(get, zone):
    """RFC 6147 5.1.6: the name is that of the query"""
    assert get(f"any.wild.{zone}").answer == [(f"any.wild.{zone}", "AAAA", WEB6)]
    assert get(f"wild.{zone}").is_nodata()		# it only has names below it


# ---- 5.1.6: the answer to A ---------------------------------------------------------

def test_no_address_at_all(get, zone):
    """RFC 6147 5.1.6 and 5.4: the empty answer that the AAAA query got"""
    reply = get(f"text.{zone}")
    assert reply.is_nodata() and not reply.errors - {29}
    assert reply.authority[0][0] == zone


def test_denied_addresses_are_not_synthesised(get, zone):
    """RFC 6052 3.1, and `nat64.deny4`: nothing would be translated; RFC 8914 4.1 on why"""
    reply = get(f"denied.{zone}")
    assert reply.is_nodata() and reply.errors == {0}
    assert get(f"half-denied.{zone}").addresses() == [WEB6]


# ---- 5.1.7: TTLs ---------------------------------------------------------------------

@pytest.mark.parametrize("name, limit", [
    (f"ttl.{UNSIGNED}", NEGATIVE_TTL),		# A 300, negative 30
    (f"ttl.{SIGNED}", NEGATIVE_TTL),
    ("ten.slow.plain.", 10),			# A 10, negative 600
    ("day.slow.plain.", 600),			# A 86400, negative 600
])
def test_ttl(get, name, limit):
    """RFC 6147 5.1.7: the lesser of those of the A record and of the negative answer"""
    (ttl,) = get(name).ttls()			# asked for here for the first time
    assert limit - 10 <= ttl <= limit


def test_ttl_without_soa(get):
    """RFC 6147 5.1.7: that of the A record or 600 s, whichever is shorter"""
    assert TTL - 10 < max(get("v4.no-soa.odd.").ttls()) <= TTL
    assert DEFAULT_TTL - 10 < max(get("day.no-soa.odd.").ttls()) <= DEFAULT_TTL


def test_ttl_of_a_chain(get):
    """RFC 6147 5.1.7: the address's only; each link keeps its own"""
    reply = get(f"chain2.{UNSIGNED}")
    assert max(reply.ttls("AAAA")) <= NEGATIVE_TTL < min(reply.ttls("CNAME"))


def test_ttl_that_is_too_big_is_none(get):
    """RFC 2181 8: the top bit set is a TTL of 0"""
    assert get("v4.ttl.odd.").ttls() == {0}


# ---- 5.3: other records -----------------------------------------------------------------

def reverse(address):
    """The name under ip6.arpa of an IPv4 address within the lab's prefix."""
    return dns.reversename.from_address(embedded(address)[0]).to_text()


def test_ptr(get):
    """RFC 6147 5.3.1: a CNAME into in-addr.arpa, and what is there"""
    assert get(reverse("192.88.99.1"), "PTR").answer == [
        (reverse("192.88.99.1"), "CNAME", "1.99.88.192.in-addr.arpa."),
        ("1.99.88.192.in-addr.arpa.", "PTR", "relay.shapes.plain.")]


def test_ptr_of_a_delegated_address(get):
    """RFC 6147 5.3.1, through the further CNAME of RFC 2317"""
    assert get(reverse("192.88.99.2"), "PTR").answer == [
        (reverse("192.88.99.2"), "CNAME", "2.99.88.192.in-addr.arpa."),
        ("2.99.88.192.in-addr.arpa.", "CNAME", "2.sub.99.88.192.in-addr.arpa."),
        ("2.sub.99.88.192.in-addr.arpa.", "PTR", "second.shapes.plain.")]


def test_ptr_that_is_not_there(get):
    """RFC 6147 5.3.1"""
    reply = get(reverse("192.88.99.3"), "PTR")
    assert reply.rcode == "NXDOMAIN"
    assert reply.answer == [(reverse("192.88.99.3"), "CNAME", "3.99.88.192.in-addr.arpa.")]


def test_part_of_a_reverse_name(get):
    """RFC 6147 5.3.1: no whole address, so nothing; but names below it (RFC 8020)"""
    whole = reverse("192.88.99.1")
    for labels in (1, 4, 8):
        reply = get(whole.split(".", labels)[labels], "PTR")
        assert reply.is_nodata(), labels


def test_the_reverse_of_other_addresses_is_not_ours(get):
    """RFC 6147 5.3.1: as if there were no DNS64; the lab's root knows no such name"""
    reply = get(dns.reversename.from_address("2001:db8:65::1").to_text(), "PTR")
    assert reply.rcode == "NXDOMAIN" and not reply.answer


def test_additional_records_are_not_synthesised(get, zone):
    """RFC 6147 5.3.2"""
    for kind in ("MX", "NS"):
        reply = get(f"mail.{zone}" if kind == "MX" else zone, kind)
        assert reply.answer and not [r for r in reply.additional if r[2] in embedded(
            "192.0.2.80", "192.0.2.81", ZONES4)]


@pytest.mark.parametrize("name, kind, wanted", [
    ("v4", "A", ["192.0.2.80"]), ("both", "A", ["192.0.2.80"]), ("v6", "A", []),
    ("text", "TXT", ['"no address here"']), ("denied", "A", ["203.0.113.9"]),
    ("mail", "MX", ["10 v4.{zone}", "20 both.{zone}"]),
    ("service", "HTTPS", ['1 . alpn="h2" ipv4hint="192.0.2.80"']),
    ("_x.service", "SVCB", ['1 v4.{zone} port="8443" ipv4hint="192.0.2.80"']),
])
def test_other_records_are_what_they_are(get, zone, name, kind, wanted):
    """RFC 6147 5.3.3; of the hints in SVCB and HTTPS, RFC 9460 7.3"""
    reply = get(f"{name}.{zone}", kind)
    assert sorted(data for _owner, _kind, data in reply.answer) == [
        data.format(zone=zone) for data in wanted]


# ---- 5.2: the address; 5.4: the response --------------------------------------------------

def test_authority_and_additional_are_those_of_the_last_query(get):
    """RFC 6147 5.4: nothing of the AAAA answer, whose SOA would make this one look negative"""
    reply = get(f"v4.{SIGNED}")
    assert not [record for record in reply.authority if record[1] == "SOA"]


@pytest.mark.parametrize("n, udp_size, truncated", [
    (20, 512, True), (20, 1232, False), (50, 1232, True), (50, 4096, True), (100, 1232, True)])
def test_truncation(get, n, udp_size, truncated):
    """RFC 6147 5.4: 16 bytes for each 4, so TC is set anew; over TCP all is there"""
    reply = get(f"a{n}.big.plain.", payload=udp_size)
    assert ("TC" in reply.flags) == truncated and len(reply.answer) == (0 if truncated else n)
    assert len(reply.message.to_wire()) <= udp_size
    assert get(f"a{n}.big.plain.", tcp=True).addresses() == sorted(
        embedded(*(f"198.18.{n}.{i}" for i in range(1, n + 1))))


def test_edns_is_for_who_uses_it(get):
    """RFC 6147 5.4; RFC 6891 6.1.1: no OPT in the reply to who sent none"""
    reply = get(f"v4.{UNSIGNED}", use_edns=-1)
    assert reply.message.edns < 0 and reply.addresses() == [WEB6]
    assert get(f"v4.{UNSIGNED}").message.edns == 0


# ---- servers that are not as they should be ---------------------------------------------------

@pytest.mark.parametrize("server", ["regular", "truncate", "lie-id", "lower-case", "no-edns",
                                    "poison"])
def test_what_such_a_server_says_is_understood(get, server):
    """RFC 6147 5.1: retrieval as the DNS has it (RFC 5452 9.1: ID and question must match)"""
    for kind, wanted in (("A", "192.0.2.80"), ("AAAA", WEB6)):
        reply = get(f"v4.{server}.odd.", kind)
        assert reply.addresses() == [wanted], reply.message
        assert LIE4 not in reply.message.to_text()
    assert get(f"both.{server}.odd.").addresses() == [NATIVE6]


def test_a_forger_has_to_guess(get, internet):
    """RFC 5452 9.2: ports and IDs that cannot be foretold; letter case too (0x20)"""
    internet.odd.seen.clear()
    for i in range(40):
        get(f"name{i}.regular.odd.", "TXT")
    names, *numbers = zip(*internet.odd.seen)
    assert any(name != name.lower() for name in names)
    for column in numbers:		# of 28,000 ports and of 65,536 IDs: five repeated is no chance
        assert len(set(column)) > len(column) - 5
        steps = {b - a for a, b in zip(column, column[1:])}
        assert len(steps) > len(column) // 2, "they are counted up"


def test_no_more_of_a_name_is_told_than_is_needed(get, internet):
    """RFC 9156 2.3: QNAME minimisation: the zone cut is looked for without the first label"""
    internet.odd.seen.clear()
    get("secret.below.regular.odd.", "TXT")
    seen = [name.lower() for name, _port, _id in internet.odd.seen]
    assert [name for name in seen if "below" in name][0] == "below.regular.odd."


def test_nor_where_servers_have_addresses_that_lead_nowhere(get, internet):
    """RFC 9156 2.3: the same on a host without IPv6 of its own, whichever address of a server is
    thought of first"""
    internet.odd.seen.clear()
    below = [f"below{i}.{zone}.odd." for zone in TWOFOLD for i in range(5)]
    for name in below:
        get(f"secret.{name}", "TXT")
    seen = [name.lower() for name, _port, _id in internet.odd.seen]
    for name in below:
        assert [other for other in seen if name in other][0] == name


def test_an_answer_to_another_question_is_not_believed(get):
    """RFC 5452 9.1; that the server as a whole is not, is libunbound's choice"""
    for kind in ("A", "AAAA"):
        assert LIE4 not in get("v4.lie-question.odd.", kind).message.to_text()
        assert not set(get("other.odd.", kind).addresses()) & {LIE4, *embedded(LIE4)}


def test_nobody_can_speak_for_another_zone(get):
    """RFC 2181 5.4.1: what poison.odd. said of plain. is not in use"""
    assert get("v4.poison.odd.").addresses() == [WEB6]
    assert get(f"text.{UNSIGNED}", "A").addresses() == []
    assert get(f"half-denied.{UNSIGNED}", "A").addresses() == ["192.0.2.80", "203.0.113.9"]


def test_a_delegation_to_many_servers_is_not_followed_far(get, internet):
    """RFC 1034 5.3.3: the work done in behalf of one question is bounded: of 40 servers that an
    NXNSAttack names few are looked for, and the client learns it in time"""
    internet.odd.seen.clear()
    assert get("x.below.nxns.odd.").rcode == "SERVFAIL"
    asked = [name.lower() for name, _port, _id in internet.odd.seen]
    looked_for = [name for name in asked if name.startswith("none")]
    assert 0 < len(set(looked_for)) <= 16, "of one delegation"
    assert len(looked_for) <= 64, "for AAAA and A together; all there are would be 160"
