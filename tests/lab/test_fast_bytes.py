# SPDX-License-Identifier: GPL-2.0-or-later
"""The fast path translates to the byte as RFC 7915 has it, and as the slow path does; what it
does not translate itself it hands over, and that works on a flow that goes fast.

Every sample crosses a gateway with and one without a fast path, over the same flow: the pool
has one port, and ports of server6 and internet4 are fixed.
"""

import pytest

from crossing import (INSIDE_PORT, QUIET, REMOTE_PORT, Crossing, Sample, arrived_right,
                      need_fast, wait_fast)
from exact import TCP, UDP, explain
from gateway import Gate64, merge
from topology import DNS4

SETTINGS = {"dns64": {"upstream": [DNS4]},
            "nat64": {"fast_path": "auto",
                      "pool4": [{"address": "auto", "ports": "20000"}]}}
TIMESTAMPS = bytes.fromhex("0101080a 01020304 05060708")

BOTH = {
    "plain": Sample(),
    "odd": Sample(size=129),
    "small": Sample(size=41),
    "tos_ef": Sample(tos=0xb8), "tos_ce": Sample(tos=0x03), "tos_all": Sample(tos=0xff),
    "hops_3": Sample(ttl=3), "hops_255": Sample(ttl=255),
    "1259": Sample(size=1259), "1260": Sample(size=1260), "1261": Sample(size=1261),
    "1300": Sample(size=1300), "1399": Sample(size=1399), "1400": Sample(size=1400),
    "damaged": Sample(damage=1), "much_damaged": Sample(size=333, damage=0x8000),
    "sum_of_ones": Sample(ones=True), "sum_of_ones_odd": Sample(ones=True, size=1001),
}
OUT = {
    "label": Sample(label=0xfffff), "label_and_class": Sample(label=0x12345, tos=0x5a),
}
IN = {
    "may_be_cut": Sample(df=False), "may_be_cut_1260": Sample(df=False, size=1260),
}
TCP_ONLY = {
    "options": Sample(options=TIMESTAMPS), "options_1400": Sample(options=TIMESTAMPS, size=1400),
    "all_but_syn_and_ends": Sample(flags=0xf8), "no_data": Sample(size=40),
}
UDP_ONLY = {
    "empty": Sample(size=28), "one_byte": Sample(size=29),
}
SAMPLES = [(proto, outwards, name, sample)
           for proto, own in ((UDP, UDP_ONLY), (TCP, TCP_ONLY))
           for outwards, side in ((True, OUT), (False, IN))
           for name, sample in {**BOTH, **side, **own}.items()]
IDS = [f"{'udp' if proto == UDP else 'tcp'}-{'out' if outwards else 'in'}-{name}"
       for proto, outwards, name, _ in SAMPLES]




def cross_all(lab, gate64):
    """Of each sample what arrived, or why nothing did, and what RFC 7915 wants."""
    results = {}
    for proto in (UDP, TCP):
        with Crossing(lab, proto, INSIDE_PORT, REMOTE_PORT) as flow:
            flow.establish()
            if gate64.fast_path()["enabled"]:
                wait_fast(gate64)
            for name, (its, outwards, _, sample) in zip(IDS, SAMPLES):
                if its != proto:
                    continue
                sent, wanted = (flow.out if outwards else flow.back)(sample)
                try:
                    results[name] = flow.crosses(sent, timeout=2), wanted
                except AssertionError as error:
                    results[name] = str(error).encode(), wanted
    return results


@pytest.fixture(scope="module")
def crossed(lab):
    """What arrived by the fast path and by the slow one, and what the first counted."""
    for ns in (lab.server6, lab.internet4):
        ns.nft(QUIET)
    came = {}
    for path in ("auto", "off"):
        with Gate64(lab, merge(SETTINGS, {"nat64": {"fast_path": path}})) as gate64:
            if path == "auto":
                need_fast(gate64)
            with gate64.counting() as rose:
                came[path] = cross_all(lab, gate64)
            came[f"{path} rose"] = rose
    return came


def test_all_samples_go_fast(crossed):
    """Issue 4: what is plain, the fast path translates; the slow path begins the flows: a
    datagram each way, a SYN and its answer. The third packet of each goes fast."""
    rose = crossed["auto rose"]
    out = sum(outwards for _, outwards, _, _ in SAMPLES)
    assert rose["nat64.fast_path.packets_out"] == out + 2
    assert rose["nat64.fast_path.packets_in"] == len(SAMPLES) - out
    assert not rose["nat64.fast_path.handed_over"]


@pytest.mark.parametrize("name", IDS)
@pytest.mark.parametrize("path", ["auto", "off"])
def test_each_sample(crossed, path, name):
    """RFC 7915 4.1, RFC 7915 5.1, RFC 7915 5.1 df, RFC 7915 4.5, RFC 7915 5.5: header by header,
    the checksum adjusted, so that a wrong one stays wrong, and all ones where it comes out as
    0 in UDP (RFC 768)."""
    got, wanted = crossed[path][name]
    assert arrived_right(got, wanted), explain(got, wanted)


@pytest.mark.parametrize("name", IDS)
def test_both_paths_agree(crossed, name):
    """Issue 4: headers exactly as the slow path writes them, the identification aside."""
    fast, slow = (crossed[path][name][0] for path in ("auto", "off"))
    assert arrived_right(fast, slow), explain(fast, slow)
