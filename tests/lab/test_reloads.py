# SPDX-License-Identifier: GPL-2.0-or-later
"""Reloads while all three rooms are at work; tests/bench/reloads.py has a thousand of them."""

import pytest

from gateway import Gate64
from reloading import reloads
from topology import DNS4

RELOADS, PER_S, BAD_EVERY = 30, 20, 10


@pytest.fixture(scope="module", params=["off", "auto"], ids=lambda path: f"fast_path_{path}")
def gate64(request, lab):
    with Gate64(lab, {"nat64": {"fast_path": request.param, "keep_flows": False},
                      "dns64": {"upstream": [DNS4]}, "ops": {"log": {"level": "info"}}}) as gate64:
        yield gate64


def test_nothing_is_lost(lab, gate64):
    """Issue 7, what must be shown: no connection refused or reset, no query and no datagram
    lost; a bad file is refused with FILE:LINE:COL, and changes nothing."""
    _lines, failed, _grown = reloads(lab, gate64, RELOADS, PER_S, BAD_EVERY)
    assert not failed, "\n".join(failed)
