# SPDX-License-Identifier: GPL-2.0-or-later
"""`gate64 dns`: what it says is what dns64 did."""

import json

import pytest

from topology import DNS4, GATEWAY6, SERVER6
from wire import Capture, ask

UPSTREAM = f"udp port 53 and host {DNS4}"


def dns(gate64, *argv):
    """The text of a `gate64 dns` command that succeeds."""
    return gate64.command("dns", *map(str, argv), "-s", gate64.control).stdout


def fails(gate64, *argv):
    """The exit status of one that does not, and what it says."""
    done = gate64.command("dns", *map(str, argv), "-s", gate64.control, check=False)
    assert not done.stdout
    return done.returncode, done.stderr


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
    for name, kind in (("git.example.net", "AAAA"), ("git.example.net", "A"),
                       ("web.example.net", "AAAA")):
        ask(lab.server6, GATEWAY6, name, kind)
    assert forgotten(gate64, "Git.Example.NET") == 2
    with gate64.counting() as rose:
        ask(lab.server6, GATEWAY6, "web.example.net", "AAAA")
    assert rose["dns64.cache.hit"] == 1 and rose["dns64.resolver_queries"] == 0
    with gate64.counting() as rose, Capture(lab.gateway, "up0", UPSTREAM) as capture:
        assert ask(lab.server6, GATEWAY6, "git.example.net", "AAAA").answer
        capture.wait(lambda packet: b"\3git\7example\3net" in bytes(packet).lower(),
                     "the question outside")
    assert rose["dns64.cache.hit"] == 0 and rose["dns64.resolver_queries"] == 2
    assert forgotten(gate64, "nobody.example.net") == 0


def test_a_flush_reaches_below_a_name_where_it_is_told(lab, gate64):
    """A name is below itself; a name that only ends alike is not (RFC 1034 3.1)."""
    forgotten(gate64)
    for name in ("git.example.net", "web.example.net", "www.home.example"):
        ask(lab.server6, GATEWAY6, name, "AAAA")
    assert forgotten(gate64, "example.net") == 0
    assert forgotten(gate64, "ample.net", "--below") == 0
    assert forgotten(gate64, "example.net.", "--below") == 2
    assert forgotten(gate64) == 1


# ---- top ---------------------------------------------------------------------------------


def test_top_shows_who_asks_for_what(lab, gate64):
    """Each query once; the name in lower case, the client by its address."""
    before = names(top(gate64)).get("both.example.net.", 0)
    for _ in range(30):
        ask(lab.server6, GATEWAY6, "Both.Example.net", "AAAA")
    document = top(gate64)
    assert names(document)["both.example.net."] == before + 30
    row = next(row for row in document["names"] if row["name"] == "both.example.net.")
    assert row["misses"] <= 2 and row["too_many"] == 0
    client = next(row for row in document["clients"] if row["client"] == SERVER6)
    assert client["queries"] >= 30
    assert [row["queries"] for row in document["names"]] == sorted(
        names(document).values(), reverse=True)
    text = dns(gate64, "top", "-n", 1)
    assert "both.example.net." in text and SERVER6 in text
    assert len(top(gate64, "-n", 1)["names"]) == 1


# ---- wrong -------------------------------------------------------------------------------


@pytest.mark.parametrize("argv, said", [
    (("flush", "no name"), "not a host name"),
    (("flush", "--below"), "below which name?"),
    (("top", "-n", "0"), "from 1 to 1000"),
    (("top", "-n", "many"), "from 1 to 1000"),
])
def test_wrong_usage_exits_2(gate64, argv, said):
    status, text = fails(gate64, *argv)
    assert status == 2 and said in text


def test_without_dns64_the_command_says_so(lab, gate64):
    gate64.reload({"dns64": {"enabled": False}})
    try:
        for command in ("flush", "top"):
            status, text = fails(gate64, command)
            assert status == 1 and "dns64 is off" in text
    finally:
        gate64.reload()
