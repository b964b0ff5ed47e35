# SPDX-License-Identifier: GPL-2.0-or-later
"""dns64 as server6 sees it, recursing from the lab's own root and forwarding."""

import dns.flags
import dns.rcode
import dns.reversename
import pytest

from gateway import Gate64
from netns import wait_for
from topology import DNS4, GATEWAY4, GATEWAY6, SERVER6, WEB4
from wire import ask

SYNTHESISED = "64:ff9b::c000:250"	# 64:ff9b::/96 + 192.0.2.80


@pytest.fixture(scope="module", params=["recursive", [DNS4]], ids=["recursive", "forwarding"])
def gate64(request, lab):
    with Gate64(lab, {"dns64": {"upstream": request.param, "listen": ["::", "0.0.0.0"]}}) as gate64:
        yield gate64


@pytest.fixture(params=[False, True], ids=["udp", "tcp"])
def question(request, lab, gate64):
    """Ask dns64 from server6, over UDP and over TCP."""
    def question(name, kind, **kwargs):
        return ask(lab.server6, GATEWAY6, name, kind, tcp=request.param, **kwargs)
    return question


def records(answer):
    """The answer section: (type, text) of each record."""
    return [(dns.rdatatype.to_text(rr.rdtype), r.to_text()) for rr in answer.answer for r in rr]


def test_a_name_with_only_an_ipv4_address_is_synthesised(question):
    """RFC 6147 5.1.6"""
    answer = question("git.example.net", "AAAA")
    assert records(answer) == [("AAAA", SYNTHESISED)]
    assert 0 < answer.answer[0].ttl <= 30, "RFC 6147 5.1.7: not above the SOA's negative TTL"


def test_an_ipv6_address_is_kept(question):
    """RFC 6147 5.1.1"""
    assert records(question("both.example.net", "AAAA")) == [("AAAA", "2001:db8:ff::80")]
    assert records(question("www.home.example", "AAAA")) == [("AAAA", SERVER6)]


def test_the_chain_to_the_address_is_shown(question):
    """RFC 6147 5.1.5"""
    assert records(question("alias.example.net", "AAAA")) == [
        ("CNAME", "git.example.net."), ("AAAA", SYNTHESISED)]


def test_a_query_for_a_is_not_touched(question):
    assert records(question("git.example.net", "A")) == [("A", WEB4)]


def test_no_such_name_stays_so(question):
    """RFC 6147 5.1.2"""
    answer = question("nothing.example.net", "AAAA")
    assert answer.rcode() == dns.rcode.NXDOMAIN and not answer.answer


def test_a_name_without_any_address_has_none(question):
    answer = question("text.example.net", "AAAA")
    assert answer.rcode() == dns.rcode.NOERROR and not answer.answer
    assert records(question("text.example.net", "TXT")) == [("TXT", '"no address here"')]


def test_a_reverse_query_leads_to_the_ipv4_name(question):
    """RFC 6147 5.3.1. The address is none of documentation: recursive resolvers answer
    the reverse zones of those by themselves (RFC 6303 4.2)."""
    answer = question(dns.reversename.from_address("64:ff9b::c058:6301"), "PTR")
    assert ("PTR", "relay.example.net.") in records(answer)


def test_ipv4only_arpa_tells_the_prefix(question):
    """RFC 7050 2.2, answered without asking anyone (RFC 8880 7.1)"""
    assert sorted(records(question("ipv4only.arpa", "AAAA"))) == [
        ("AAAA", "64:ff9b::c000:aa"), ("AAAA", "64:ff9b::c000:ab")]


def test_answers_are_those_of_a_recursive_server(question):
    answer = question("git.example.net", "AAAA")
    assert answer.flags & dns.flags.QR and answer.flags & dns.flags.RA
    assert not answer.flags & dns.flags.AD


def test_the_gateway_itself_may_ask_over_ipv4(lab, gate64):
    answer = ask(lab.gateway, "127.0.0.1", "git.example.net", "AAAA")
    assert records(answer) == [("AAAA", SYNTHESISED)]


def test_the_second_time_the_cache_answers(lab, gate64):
    ask(lab.server6, GATEWAY6, "web.example.net", "AAAA")
    with gate64.counting() as rose:
        for _ in range(20):
            ask(lab.server6, GATEWAY6, "web.example.net", "AAAA")
    # Each worker has its own cache: the first question may go to the other one.
    assert rose["dns64.cache.hit"] >= 18


def test_its_own_address_is_no_upstream(lab, gate64):
    """A resolver that asks itself waits for itself: not from a reload on, and where an address
    comes to the host that was an upstream's, it is said"""
    gate64.reload({"dns64": {"upstream": [DNS4, GATEWAY4]}})
    assert not gate64.status()["reload"]["ok"]
    own = f"upstream {GATEWAY4}:53 is an address of this host"
    assert own in gate64.log()
    gate64.reload({"dns64": {"upstream": [DNS4, "198.51.100.77"]}})
    assert gate64.status()["reload"]["ok"]
    lab.gateway.run("ip", "address", "add", "198.51.100.77/32", "dev", "up0")
    wait_for(lambda: own.replace(GATEWAY4, "198.51.100.77") in gate64.log(), "it is said")
    lab.gateway.run("ip", "address", "del", "198.51.100.77/32", "dev", "up0")
    assert records(ask(lab.server6, GATEWAY6, "git.example.net", "A")) == [("A", WEB4)]
