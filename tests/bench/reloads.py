#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""gate64 reloaded a thousand times, with another configuration each time, while all three rooms
are at work: established flows, new connections, datagrams, queries; on the labs' topology.

  reloads.py [NUMBER]      1000 if not given

Exit status 1 where anything was refused, reset or lost, or where the process grew by more
than 2 MiB after the first reloads.
"""

import pathlib
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lab"))

import peers					# noqa: E402
from gateway import Gate64			# noqa: E402
from netns import Ground, handle_signals	# noqa: E402
from reloading import GROWTH_MAX, reloads	# noqa: E402
from topology import DNS4, Lab			# noqa: E402

PER_S, BAD_EVERY = 100, 50
SETTINGS = {"nat64": {"keep_flows": False}, "dns64": {"upstream": [DNS4]},
            "ops": {"log": {"level": "info"}}}


def run(lab, path, number):
    """With one path of nat64. Return: whether all was well."""
    settings = dict(SETTINGS, nat64=dict(SETTINGS["nat64"], fast_path=path))
    with Gate64(lab, settings) as gate64:
        if path != "off" and not gate64.fast_path()["enabled"]:
            print(f"no fast path here: {gate64.fast_path()['because']}")
            return True
        begun = time.monotonic()
        lines, failed, grown = reloads(lab, gate64, number, PER_S, BAD_EVERY)
        took = time.monotonic() - begun
    print(f"fast_path {path}: {number} reloads in {took:.0f} s, memory {grown / 1024:+.0f} KiB")
    for line in lines:
        print(f"  {line}")
    if grown > GROWTH_MAX:
        failed.append(f"it grew by {grown} bytes")
    for line in failed:
        print(f"  BAD: {line}")
    return not failed


def main():
    """Both paths."""
    number = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    handle_signals()
    with Ground() as ground:
        lab = Lab(ground, peers.git_repository(ground.folder / "origin", mebibytes=1))
        well = [run(lab, path, number) for path in ("off", "auto")]
    sys.exit(0 if all(well) else 1)


if __name__ == "__main__":
    main()
