#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""gate64 killed (SIGKILL) every two seconds, and started again, under bulk transfers and new
connections; on the namespaces of nat64.py.

  restarts.py [SECONDS]      60 if not given

Prints how many of the transfers broke, how many of the new connections failed, and for how
long none came about. Exit status 1 where a transfer broke or a connection failed.
"""

import asyncio
import json
import sys
import threading
import time

from nat64 import HTTP, NAT64, Path, settings_of
from gateway import Gate64, merge
from netns import Ground, handle_signals, wait_for

BULK, BULK_RATE = 50, "8M"		# transfers, and bits a second of each
SHORT_PER_S, PATIENCE_S = 500, 40	# a SYN is sent again after 1, 3, 7, 15, 31 s
EVERY_S = 2


class Short(threading.Thread):
    """New connections at a steady rate, an HTTP request each."""

    def __init__(self, ns, per_s):
        super().__init__()
        self.ns, self.per_s, self.done = ns, per_s, threading.Event()
        self.ends, self.took, self.failed = [], [], []

    def run(self):
        # A thread's namespace is that of the sockets it makes.
        with self.ns.entered():
            asyncio.run(self._all())

    async def _all(self):
        tasks, start = set(), time.monotonic()
        for number in range(1 << 30):
            if self.done.is_set():
                break
            await asyncio.sleep(max(0, start + number / self.per_s - time.monotonic()))
            task = asyncio.create_task(self._one())
            tasks.add(task)
            task.add_done_callback(tasks.discard)
        await asyncio.gather(*tasks)

    async def _one(self):
        start = time.monotonic()
        try:
            async with asyncio.timeout(PATIENCE_S):
                reader, writer = await asyncio.open_connection(NAT64, HTTP)
                writer.write(b"GET / HTTP/1.0\r\n\r\n")
                answer = await reader.read()
                writer.close()
            assert answer.endswith(b"ok"), answer
            self.ends.append(time.monotonic())
            self.took.append(self.ends[-1] - start)
        except Exception as error:	# of whatever kind: it is one that failed
            self.failed.append(repr(error))

    def longest_pause(self):
        """Seconds without a new connection."""
        ends = sorted(self.ends)
        return max(after - before for before, after in zip(ends, ends[1:]))


def kill_and_start(gate64, seconds):
    """Return: how often, and how long a start took at most."""
    end, number, longest = time.monotonic() + seconds, 0, 0.0
    while time.monotonic() < end:
        time.sleep(EVERY_S)
        gate64.kill()
        start = time.monotonic()
        gate64.start()
        longest = max(longest, time.monotonic() - start)
        number += 1
    return number, longest


def main():
    """One run."""
    seconds = int(sys.argv[1]) if len(sys.argv) > 1 else 60
    handle_signals()
    with Ground() as ground:
        path = Path(ground)
        servers = path.start_servers()
        settings = merge(settings_of(True), {"ops": {"log": {"level": "info"}}})
        with Gate64(path, settings) as gate64:
            path.passes(NAT64)
            report = ground.path("bulk.json")
            bulk = path.inside.spawn("iperf3", "-J", "-c", NAT64, "-P", str(BULK), "-b", BULK_RATE,
                                     "-t", str(seconds + 10), log=report)
            time.sleep(2)
            short = Short(path.inside, SHORT_PER_S)
            short.start()
            number, longest = kill_and_start(gate64, seconds)
            adopted = gate64.log().count("flows of the last run go on")
            short.done.set()
            short.join()
            wait_for(lambda: bulk.poll() is not None, "the bulk transfers end", timeout=60)
        said = json.loads(report.read_text())
        streams = said.get("end", {}).get("streams", [])
        broken = BULK - sum(s["receiver"]["bytes"] > 0 for s in streams)
        moved = sum(s["receiver"]["bytes"] for s in streams)
        print(f"killed {number} times, flows taken over {adopted} times; a start took "
              f"{longest * 1000:.0f} ms at most")
        print(f"{BULK} transfers: {broken} broken, {moved / 1e6:.0f} MB arrived "
              f"{said.get('error', '')}")
        print(f"new connections: {len(short.ends)} came about, {len(short.failed)} failed; none "
              f"for {short.longest_pause() * 1000:.0f} ms at most {set(short.failed) or ''}")
        for server in servers:
            ground.stop(server)
    sys.exit(1 if broken or short.failed or number != adopted else 0)


if __name__ == "__main__":
    main()
