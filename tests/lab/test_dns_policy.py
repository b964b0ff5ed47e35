# SPDX-License-Identifier: GPL-2.0-or-later
"""What the operator says of names: dns64.exclude_names, force_names, rebind."""

import pytest

from dns_asking import resolve
from dns_internet import NATIVE6, WEB6, ZONES4, embedded
from gateway import Gate64

FOREIGN, OWN = "shapes.secure.", "shapes.plain."
BLOCKED = 15		# RFC 8914 4.16
SETTINGS = {"exclude_names": ["NSEC3.secure.", "mixed.shapes.secure"],
            "force_names": ["both.shapes.secure", "v6.shapes.secure", "many.nsec3.secure"],
            "rebind": "on",
            "zones": [{"name": OWN, "upstream": [ZONES4]}]}


@pytest.fixture(scope="module")
def gate64(lab, internet):
    settings = internet.settings
    with Gate64(lab, settings | {"dns64": settings["dns64"] | SETTINGS}) as gate64:
        yield gate64


@pytest.fixture
def get(lab, gate64):
    """resolve() in this lab."""
    def get(*args, **kwargs):
        return resolve(lab, *args, **kwargs)
    return get


# ---- names ------------------------------------------------------------------------

def test_below_an_excluded_name_nothing_is_synthesised(get):
    """RFC 6147 5.1.4 and 5.1.6 do not apply there: AAAA as it is, or as it is absent"""
    assert get("v4.nsec3.secure.").is_nodata()
    assert get("V4.Nsec3.Secure.").is_nodata()
    assert get("mapped.nsec3.secure.").addresses() == ["::ffff:192.0.2.80"]
    assert len(get("mixed.shapes.secure.").addresses()) == 3
    assert get("v4.shapes.secure.").addresses() == [WEB6]


def test_below_a_forced_name_it_is(get):
    """RFC 6147 5.1.1 does not apply there; 5.5: nor is that validated"""
    for _again in range(2):
        reply = get("both.shapes.secure.", flags="d")
        assert reply.answer == [("both.shapes.secure.", "AAAA", WEB6)]
        assert "AD" not in reply.flags and reply.errors == {29}
    assert get("both.shapes.secure.", flags="dc").addresses() == [NATIVE6]
    assert get("v6.shapes.secure.").addresses() == [NATIVE6], "there is no A record"


def test_the_longest_name_counts(get):
    """RFC 6147 5.1.6, in the middle of what is excluded"""
    assert get("many.nsec3.secure.").addresses() == embedded(
        "192.0.2.80", "192.0.2.81", "192.0.2.82")


def test_the_name_that_was_asked_for_counts(get):
    """RFC 6147 5.1.5: a chain that leads to such a name is none"""
    assert get("to-both.shapes.secure.").addresses() == [NATIVE6]


# ---- rebinding --------------------------------------------------------------------

@pytest.mark.parametrize("name, kind", [
    ("private", "A"), ("private", "AAAA"), ("private4", "AAAA"), ("half-private", "A"),
    ("half-private", "AAAA"), ("to-private", "A"), ("to-private", "AAAA")])
def test_private_addresses_of_foreign_names_are_refused(get, gate64, name, kind):
    """RFC 1918 3, RFC 4193 3.1, synthesised (RFC 6147 5.1.7) or not; RFC 8914 4.16; the second
    time from the cache"""
    with gate64.counting() as rose:
        for _again in range(2):
            reply = get(f"{name}.{FOREIGN}", kind)
            assert (reply.rcode, reply.answer, reply.errors) == ("NOERROR", [], {BLOCKED})
    assert rose["dns64.rebinding"] == 1


def test_those_of_zones_of_ones_own_are_not(get):
    """RFC 1918 3, RFC 6147 5.1.6"""
    assert get(f"private.{OWN}", "A").addresses() == ["10.0.0.80"]
    assert get(f"private.{OWN}").addresses() == ["fd00::80"]
    assert get(f"private4.{OWN}").addresses() == embedded("10.0.0.80")


def test_discovery_is_not(get):
    """RFC 7050 2.2"""
    assert get("ipv4only.arpa.", "A").addresses() == ["192.0.0.170", "192.0.0.171"]
    assert get("ipv4only.arpa.").addresses() == embedded("192.0.0.170", "192.0.0.171")
