# SPDX-License-Identifier: GPL-2.0-or-later
"""`gate64 dns`, and `gate64 trace` of a name: what they say is what dns64 did."""

import contextlib
import json
import re
import socket

import pytest
from dns.message import make_query

from dns_internet import DENIED4, NATIVE6, PREF64, WEB6, ZONES4
from gateway import Gate64, binary, merge
from netns import wait_for
from topology import GATEWAY6, SERVER6
from wire import Capture, ask

SIGNED, UNSIGNED = "shapes.secure.", "shapes.plain."
NOBODY4 = "192.0.2.99"		# a name server that does not answer
SETTINGS = {"dns64": {"exclude_names": ["only-mapped.shapes.secure"],
                      "force_names": ["both.shapes.secure"],
                      "rebind": "on",
                      "zones": [{"name": "dead.example", "upstream": [NOBODY4]}]}}


@pytest.fixture(scope="module")
def gate64(lab, internet):
    with Gate64(lab, merge(internet.settings, SETTINGS)) as gate64:
        yield gate64


def dns(gate64, *argv, status=0):
    """The text of a `gate64 dns` command that ends with this exit status."""
    done = gate64.command("dns", *map(str, argv), "-s", gate64.control, check=False)
    assert done.returncode == status, done.stdout + done.stderr
    return done.stdout


def fails(gate64, *argv):
    """The exit status of one that has nothing to show, and what it says."""
    done = gate64.command("dns", *map(str, argv), "-s", gate64.control, check=False)
    assert not done.stdout
    return done.returncode, done.stderr


# ---- lookup ------------------------------------------------------------------------------


class Lookup:
    """The document of `gate64 dns lookup --json`; the text says the same."""

    def __init__(self, gate64, *argv, status=0):
        document = json.loads(dns(gate64, "lookup", *argv, "--json", status=status))
        assert document["schema"] == 1
        self.document = document
        self.steps = [(step["text"], step["by"]) for step in document["steps"]]
        self.text = " / ".join(text for text, _by in self.steps)
        self.by = [by for _text, by in self.steps]
        self.asked = {row["type"]: row for row in document["asked"]}
        self.addresses = document.get("addresses")
        self.errors = [ede["code"] for ede in document.get("ede", [])]

    def answer(self):
        """The answer section: (owner, type, data)."""
        return [tuple(text.split(None, 4)[i] for i in (0, 3, 4))
                for text in self.document["answer"]]


@pytest.fixture
def lookup(gate64):
    """Look up afresh, unless told otherwise."""
    def lookup(*argv, **kwargs):
        return Lookup(gate64, *argv, "--no-cache", **kwargs)
    return lookup


def test_a_name_with_only_an_ipv4_address(lookup):
    """RFC 6147 5.1.6: made from A, by RFC 6052 2.2; the TTL by RFC 6147 5.1.7: the SOA's 30 s, not
    the 300 s of A; AD for who sets DO (RFC 6147 5.5)"""
    said = lookup(f"v4.{SIGNED}")
    assert said.addresses == [WEB6] and said.errors == [29]
    assert "no AAAA record: A decides" in said.text and "made from A" in said.text
    assert f"192.0.2.80 within {PREF64}: {WEB6}" in said.text
    ttl = re.search(r"TTL (\d+) s: the lesser of A's (\d+) s and \1 s", said.text)
    assert 0 < int(ttl[1]) <= 30 < int(ttl[2]) <= 300
    assert "RFC 6147 5.1.6" in said.by and "RFC 6147 5.1.7" in said.by
    assert said.asked["AAAA"]["rcode"] == "NOERROR" and said.asked["AAAA"]["answer"] == []
    assert [text.split()[3:] for text in said.asked["A"]["answer"]] == [["A", "192.0.2.80"]]
    assert said.asked["A"]["secure"] and said.asked["AAAA"]["secure"]
    assert said.document["ad"] is False
    assert lookup(f"v4.{SIGNED}", "--dnssec").document["ad"] is True
    insecure = lookup(f"v4.{UNSIGNED}", "--dnssec")
    assert not insecure.asked["A"]["secure"] and not insecure.document["ad"]
    assert "no AD" in insecure.text


def test_the_text_is_the_document(gate64):
    """Steps are numbered, each with who decides; then the answer as `dig` writes it."""
    argv = ("lookup", f"v4.{UNSIGNED}", "--no-cache")
    steps = json.loads(dns(gate64, *argv, "--json"))["steps"]
    lines = dns(gate64, *argv).splitlines()
    assert len(lines) > len(steps)
    for number, step in enumerate(steps):
        if step["by"] not in ("the resolver", "the cache"):	# where times are told
            assert lines[number] == f"{number + 1:2}. {step['text']} [{step['by']}]"
    assert lines[len(steps)] == \
        f"v4.{UNSIGNED} AAAA: NOERROR, extended error 29 (Synthesized)"
    record = lines[len(steps) + 1].split()
    assert record[:1] + record[2:] == [f"v4.{UNSIGNED}", "IN", "AAAA", WEB6]


def test_a_name_that_has_both(lookup):
    """RFC 6147 5.1.1"""
    said = lookup(f"both.{UNSIGNED}")
    assert said.addresses == [NATIVE6] and said.errors == []
    assert said.steps[-1] == ("the AAAA records are the answer", "RFC 6147 5.1.1")


def test_excluded_addresses(lookup):
    """RFC 6147 5.1.4: none of the AAAA records counts; and of several only some"""
    said = lookup(f"mapped.{UNSIGNED}")
    assert said.addresses == [WEB6] and "every AAAA record is excluded" in said.text
    assert "RFC 6147 5.1.4, dns64.exclude_aaaa" in said.by
    said = lookup(f"mixed.{UNSIGNED}")
    assert said.addresses == [NATIVE6]
    assert said.steps[-1] == ("the AAAA records that are not excluded are the answer",
                              "RFC 6147 5.1.4, dns64.exclude_aaaa")


def test_denied_addresses(lookup):
    """RFC 6147 5.1.6 says what is to be done with none; nat64.deny4 which those are"""
    said = lookup(f"denied.{UNSIGNED}")
    assert said.addresses == []
    assert (f"{DENIED4} is denied", "nat64.deny4") in said.steps
    assert "none of the addresses may be translated" in said.text
    said = lookup(f"half-denied.{UNSIGNED}")
    assert said.addresses == [WEB6] and f"{DENIED4} is denied" in said.text


def test_names_that_settings_are_about(lookup):
    said = lookup(f"only-mapped.{SIGNED}")
    assert "dns64.exclude_names" in said.by and list(said.asked) == ["AAAA"]
    said = lookup(f"both.{SIGNED}")
    assert said.addresses == [WEB6] and said.by.count("dns64.force_names") == 2


def test_no_such_name(lookup):
    """RFC 6147 5.1.2"""
    said = lookup(f"nothing.{UNSIGNED}")
    assert said.document["rcode"] == "NXDOMAIN" and said.document["answered"]
    assert said.asked["AAAA"]["rcode"] == "NXDOMAIN"
    assert said.steps[-1] == ("there is no such name: that is the answer", "RFC 6147 5.1.2")


def test_no_address_at_all(lookup):
    """RFC 6147 5.1.6"""
    said = lookup(f"text.{UNSIGNED}")
    assert said.addresses == [] and "A has no address either" in said.text
    assert lookup(f"text.{UNSIGNED}", "txt").answer() == [
        (f"text.{UNSIGNED}", "TXT", '"no address here"')]


def test_a_chain(lookup):
    """RFC 6147 5.1.5"""
    said = lookup(f"chain2.{UNSIGNED}")
    assert f"by CNAME chain1.{UNSIGNED}, chain0.{UNSIGNED}" in said.text
    assert [kind for _owner, kind, _data in said.answer()] == ["CNAME", "CNAME", "AAAA"]


def test_reverse_names(lookup):
    """RFC 6147 5.3.1: a CNAME into in-addr.arpa and what is there; and names that can be none"""
    name = "1.0.3.6.8.5.0.c.0.0.0.0.0.0.0.0.0.0.0.0.4.6.0.0.8.b.d.0.1.0.0.2.ip6.arpa"
    said = lookup(name, "PTR")
    assert said.answer() == [(f"{name}.", "CNAME", "1.99.88.192.in-addr.arpa."),
                             ("1.99.88.192.in-addr.arpa.", "PTR", "relay.shapes.plain.")]
    assert said.by[0] == "RFC 6147 5.3.1" and "1.99.88.192.in-addr.arpa." in said.steps[0][0]
    assert said.document["asked"][0]["name"] == "1.99.88.192.in-addr.arpa."
    assert lookup("2001:db8:64::c058:6301").answer() == said.answer(), "an address is short for it"
    assert lookup("192.88.99.1").answer()[0][1:] == ("PTR", "relay.shapes.plain.")
    said = lookup(name.split(".", 4)[4], "PTR")
    assert said.document["asked"] == [] and "no whole address" in said.text


def test_what_is_answered_here(lookup):
    """RFC 7050 3 and RFC 8880 7.1: ipv4only.arpa asks nobody; RFC 8482 4.2: nor does ANY"""
    said = lookup("ipv4only.arpa")
    assert len(said.addresses) == 2 and said.document["asked"] == []
    assert said.by == ["RFC 7050 3, RFC 8880 7.1"]
    said = lookup(f"v4.{UNSIGNED}", "ANY")
    assert said.answer() == [(f"v4.{UNSIGNED}", "HINFO", '"RFC8482" ""')]


def test_what_does_not_validate(lookup):
    """RFC 6147 5.5: nothing is made from what is bogus; the reason is told (RFC 8914 4.7)"""
    said = lookup("v4.bogus-nsec.secure", status=1)
    assert said.document["rcode"] == "SERVFAIL" and said.asked["AAAA"]["status"] == "bogus"
    assert "bogus-nsec.secure" in said.asked["AAAA"]["why"] and said.errors == [6]
    assert said.steps[-1][1] == "RFC 6147 5.5"
    said = lookup("v4.bogus-a.secure", status=1)
    assert said.asked["AAAA"]["secure"] and said.asked["A"]["status"] == "bogus"


def test_a_server_that_does_not_answer_aaaa(lookup):
    """RFC 6147 5.1.3: A is not kept waiting; AAAA is not known, and so it is told"""
    said = lookup("v4.drop.odd")
    assert said.addresses == [WEB6] and said.asked["AAAA"]["status"] in ("pending", "failed")
    assert "RFC 6147 5.1.3" in " ".join(said.by)


def test_servers_that_answer_nothing(lookup):
    """The lookup ends all the same, and says that there was no answer."""
    said = lookup("www.dead.example", status=1)
    assert said.document["rcode"] == "SERVFAIL" and not said.document["answered"]
    assert {row["status"] for row in said.asked.values()} == {"failed"}
    assert "no answer" in said.text and "SERVFAIL" in said.steps[-1][0]


def test_a_private_address_of_a_foreign_name(lookup):
    said = lookup(f"private.{UNSIGNED}")
    assert said.addresses == [] and said.errors == [15] and said.by[-1] == "dns64.rebind"


def test_the_cache(lab, gate64):
    """What a client was told is told again, and nobody is asked."""
    dns(gate64, "flush")
    ask(lab.server6, GATEWAY6, f"many.wild.{UNSIGNED}", "AAAA")
    said = Lookup(gate64, f"many.wild.{UNSIGNED}")
    assert said.addresses == [WEB6] and said.document["asked"] == []
    assert said.by == ["RFC 6147 5.1", "the cache"]
    assert "the answer is there: made " in said.text
    said = Lookup(gate64, f"many.wild.{UNSIGNED}", "--no-cache")
    assert said.asked and "the answer is there" in said.text and "--no-cache" in said.by
    # A query with DO is another one (RFC 6147 5.5).
    assert "not there" in Lookup(gate64, f"many.wild.{UNSIGNED}", "--dnssec").text
    dns(gate64, "flush", f"many.wild.{UNSIGNED}")
    assert "not there" in Lookup(gate64, f"many.wild.{UNSIGNED}").text


def test_what_has_failed_lately(gate64):
    """RFC 9520 3.2: it is not asked for again at once, and the cause is told (RFC 8914 4.14)"""
    dns(gate64, "flush")
    assert Lookup(gate64, "v4.broken.odd", status=1).asked
    said = Lookup(gate64, "v4.broken.odd", status=1)
    assert said.document["asked"] == [] and 13 in said.errors
    assert "RFC 9520 3.2" in said.by and "failures to get one: 1 in a row" in said.text
    assert Lookup(gate64, "v4.broken.odd", "--no-cache", status=1).asked


def test_a_lookup_is_seen_by_nobody_else(gate64):
    """It is counted apart, and is no client's query."""
    with gate64.counting() as rose:
        Lookup(gate64, f"many.{UNSIGNED}")
    assert rose["dns64.queries.control"] == 1 and rose["dns64.replies.noerror"] == 1
    assert rose["dns64.queries.udp"] == rose["dns64.queries.tcp"] == 0
    assert rose["dns64.reply_seconds_count.hit"] == rose["dns64.reply_seconds_count.miss"] == 0
    assert not [row for row in top(gate64)["names"] if row["name"] == f"many.{UNSIGNED}"]


def test_the_status_while_a_lookup_waits(lab, gate64):
    """Others are answered meanwhile; who has gone away by then harms nobody."""
    with gate64.counting() as rose:
        waiting = gate64.ns.spawn(binary(), "dns", "lookup", "text.drop.odd", "-s",
                                  gate64.control, log=lab.ground.path("lookup.log"))
        wait_for(lambda: gate64.status()["rooms"]["dns64"]["queries_pending"], "it waits")
        lab.ground.stop(waiting)
        wait_for(lambda: not gate64.status()["rooms"]["dns64"]["queries_pending"], "its end")
    assert rose["dns64.queries.control"] == 1


# ---- trace of a name ---------------------------------------------------------------------


def test_trace_of_a_name(gate64):
    """To the address that dns64 would give; a name without any ends there."""
    argv = (f"v4.{UNSIGNED}:443", "--from", SERVER6, "-s", gate64.control)
    document = json.loads(gate64.command("trace", *argv, "--json").stdout)
    assert document["lookup"]["addresses"] == [WEB6] and document["outcome"] == "translated"
    assert document["verdict"].endswith("-> 192.0.2.80:443")
    text = gate64.command("trace", *argv).stdout
    assert "made from A" in text and text.splitlines()[-1] == document["verdict"]
    done = gate64.command("trace", f"text.{UNSIGNED}", "-s", gate64.control, check=False)
    assert done.returncode == 1 and "gives no IPv6 address" in done.stderr and not done.stdout


def top(gate64, *argv):
    """`gate64 dns top --json`."""
    document = json.loads(dns(gate64, "top", "--json", *argv))
    assert document["schema"] == 1
    return document


def names(document):
    """Of `dns top`: how often each name was asked for."""
    return {row["name"]: row["queries"] for row in document["names"]}


# ---- flush -------------------------------------------------------------------------------


def forgotten(gate64, *argv):
    """How many answers a flush has forgotten."""
    word, n = dns(gate64, "flush", *argv).split()
    assert word == "forgotten:"
    return int(n)


def test_a_name_that_was_flushed_is_asked_for_again(lab, gate64):
    """All types of the name, in any letter case, and no other name; and not of what the resolver
    knows by itself: the servers outside are asked."""
    forgotten(gate64)
    for name, kind in (("v4.shapes.plain", "AAAA"), ("v4.shapes.plain", "A"),
                       ("many.shapes.plain", "AAAA")):
        ask(lab.server6, GATEWAY6, name, kind)
    assert forgotten(gate64, "V4.Shapes.PLAIN") == 2
    with gate64.counting() as rose:
        ask(lab.server6, GATEWAY6, "many.shapes.plain", "AAAA")
    assert rose["dns64.cache.hit"] == 1 and rose["dns64.resolver_queries"] == 0
    with gate64.counting() as rose, Capture(lab.gateway, "up0", f"udp port 53 and host {ZONES4}") as capture:
        assert ask(lab.server6, GATEWAY6, "v4.shapes.plain", "AAAA").answer
        capture.wait(lambda packet: b"\2v4\6shapes\5plain" in bytes(packet).lower(),
                     "the question outside")
    assert rose["dns64.cache.hit"] == 0 and rose["dns64.resolver_queries"] == 2
    assert forgotten(gate64, "nobody.shapes.plain") == 0


def test_a_flush_reaches_below_a_name_where_it_is_told(lab, gate64):
    """A name is below itself; a name that only ends alike is not (RFC 1034 3.1)."""
    forgotten(gate64)
    for name in ("v4.shapes.plain", "many.shapes.plain", "v4.shapes.secure"):
        ask(lab.server6, GATEWAY6, name, "AAAA")
    assert forgotten(gate64, "shapes.plain") == 0
    assert forgotten(gate64, "apes.plain", "--below") == 0
    assert forgotten(gate64, "shapes.plain.", "--below") == 2
    assert forgotten(gate64) == 1


# ---- top ---------------------------------------------------------------------------------


def test_top_shows_who_asks_for_what(lab, gate64):
    """Each query once; the name in lower case, the client by its address."""
    before = names(top(gate64)).get("v6.shapes.plain.", 0)
    for _ in range(30):
        ask(lab.server6, GATEWAY6, "V6.Shapes.plain", "AAAA")
    document = top(gate64)
    assert names(document)["v6.shapes.plain."] == before + 30
    row = next(row for row in document["names"] if row["name"] == "v6.shapes.plain.")
    assert row["misses"] <= 2 and row["too_many"] == 0
    client = next(row for row in document["clients"] if row["client"] == SERVER6)
    assert client["queries"] >= 30
    assert [row["queries"] for row in document["names"]] == sorted(
        names(document).values(), reverse=True)
    text = dns(gate64, "top", "-n", 1)
    assert "v6.shapes.plain." in text and SERVER6 in text
    assert len(top(gate64, "-n", 1)["names"]) == 1


def flood(sock, hot, n):
    """So many queries, one in four for the hot name. Return how many were answered."""
    answered = 0
    for first in range(0, n, 40):
        for i in range(first, first + 40):
            name = hot if i % 4 == 0 else f"r{i}.wild.{UNSIGNED}"
            sock.send(make_query(name, "AAAA").to_wire())
        with contextlib.suppress(TimeoutError):
            for _ in range(40):
                sock.recv(4096)
                answered += 1
    return answered


def test_top_finds_a_name_within_a_flood(gate64):
    """Also where only a sample is counted, as from 2,000 queries a second on."""
    hot = f"chain1.{UNSIGNED}"
    with gate64.ns.socket(socket.AF_INET6, socket.SOCK_DGRAM) as sock:
        sock.connect((GATEWAY6, 53))
        sock.settimeout(3)
        answered = flood(sock, hot, 4000)
    first = top(gate64)["names"][0]
    assert first["name"] == hot
    assert answered / 8 < first["queries"] < answered / 2, answered


# ---- wrong -------------------------------------------------------------------------------


@pytest.mark.parametrize("argv, said", [
    (("lookup", "no name"), "not a host name"),
    (("lookup", "example", "NOTYPE"), "no such type of record"),
    (("lookup", "example", "TYPE65536"), "no such type of record"),
    (("flush", "no name"), "not a host name"),
    (("flush", "--below"), "below which name?"),
    (("top", "-n", "0"), "from 1 to 1000"),
    (("top", "-n", "many"), "from 1 to 1000"),
])
def test_wrong_usage_exits_2(gate64, argv, said):
    status, text = fails(gate64, *argv)
    assert status == 2 and said in text


def test_without_dns64_the_command_says_so(lab, gate64):
    """Whoever waits for a lookup then hears of it."""
    waiting = gate64.ns.spawn(binary(), "dns", "lookup", "v6.drop.odd", "-s", gate64.control,
                              log=lab.ground.path("waiting.log"))
    wait_for(lambda: gate64.status()["rooms"]["dns64"]["queries_pending"], "it waits")
    gate64.reload({"dns64": {"enabled": False}})
    try:
        assert waiting.wait(timeout=10) == 1
        assert "no reply" in lab.ground.path("waiting.log").read_text()
        for argv in (("lookup", "example"), ("top",)):
            status, text = fails(gate64, *argv)
            assert status == 1 and "dns64 is off" in text
        # snid knows names too.
        gate64.command("dns", "flush", "-s", gate64.control)
        gate64.reload({"dns64": {"enabled": False}, "snid": {"listen": []}})
        status, text = fails(gate64, "flush")
        assert status == 1 and "dns64 and snid are off" in text
    finally:
        gate64.reload()
