#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Mixed load for a while, friendly and hostile, on the lab of topology.py.

  soak.py [MINUTES]      10 if not given; GATE64=path: the build under test

Friendly clients on both sides transfer, connect, ask, ping and trace without a pause, and
none of them may fail. At the same time both sides are flooded with random and half-right
packets, the configuration is reloaded, and the command asks for this and that. In the end:
no friendly client has failed, no sanitizer has complained, gate64 ends with status 0, and
its memory did not grow over the second half (by 5 % and 4 MB at most; of less than ten
minutes nothing is said, since the tables are still filling).
"""

import contextlib
import os
import random
import socket
import statistics
import struct
import sys
import threading
import time
import traceback

import dns.exception

import gateway
import peers
from exact import (DF, FRAGMENT, HOP_BY_HOP, ICMP, ICMP6, MF, ROUTING, TCP, UDP, fragment_header,
                   icmp, icmp6, ipv4, ipv6, send, tcp, udp)
from gateway import Gate64
from netns import Ground, handle_signals
from topology import (CLIENT4, DNS4, GATEWAY4, GATEWAY6, INSIDE, INTERNET4, PREF64, SERVER6,
                      STRANGER6, WEB4, Lab)
from wire import WhoAmI, ask, tcp_pair, transfer

HOSTILE_PER_S = 400		# packets of each side
SHORT_PER_S = 15		# connections
WHOAMI = 7777
# The hostile client has a /64 of its own, which has its own limits.
SETTINGS = {"inside": [INSIDE, "2001:db8:2::/64"],
            "nat64": {"limits": {"new_per_client": "300/s", "sessions_per_client": 9000},
                      "timeouts": {"udp": "2m"}},
            "dns64": {"upstream": [DNS4]},
            "ops": {"log": {"level": "warn"}}}
RELOADS = [{"nat64": {"timeouts": {"fragment": "3s"}}}, {"nat64": {"mss_clamp": 1300}},
           {"nat64": {"filtering": "address-dependent"}}, {"ops": {"log": {"level": "info"}}},
           {"nat64": {"log": "port-blocks"}}, {"nat64": {"log": "sessions"}},
           {"nat64": {"static": [{"proto": "tcp", "outside": 2222,
                                  "inside": f"[{SERVER6}]:443"}]}}, {}]


class Load:
    """Everything that goes on at the same time, a thread each."""

    def __init__(self, lab, gate64):
        self.lab, self.gate64 = lab, gate64
        self.done = threading.Event()
        self.failures, self.count, self.rss = [], {}, []

    def run(self, seconds):
        """Do all of it for so long."""
        jobs = [getattr(self, name) for name in dir(self) if name.startswith("do_")]
        threads = [threading.Thread(target=self._repeat, args=(job,), name=job.__name__[3:])
                   for job in jobs]
        for thread in threads:
            thread.start()
        end = time.monotonic() + seconds
        try:
            while time.monotonic() < end and not self.failures:
                self.rss.append(resident(self.gate64.process.pid))
                self.done.wait(1)
        finally:
            self.done.set()
            for thread in threads:
                thread.join()

    def _repeat(self, job):
        name = job.__name__[3:]
        self.count[name] = 0
        while not self.done.is_set():
            try:
                job()
            except Exception:	# of whatever kind: it is shown, and ends the run
                self.failures.append(f"{name}, number {self.count[name]}:\n"
                                     f"{traceback.format_exc()}")
                self.done.set()
                return
            self.count[name] += 1

    # ---- friendly ------------------------------------------------------------------

    def do_bulk_out(self):
        with tcp_pair(self.lab, self.lab.client4, CLIENT4, 60) as (inside, outside):
            transfer(inside, outside, 8_000_000)

    def do_bulk_in(self):
        with tcp_pair(self.lab, self.lab.internet4, WEB4, 60) as (inside, outside):
            transfer(outside, inside, 8_000_000)

    def do_short_connections(self):
        """One a turn, of a server that tells who is there."""
        token = os.urandom(4).hex()
        with self.lab.server6.connect((f"{PREF64}{CLIENT4}", WHOAMI), timeout=30) as sock:
            sock.sendall(f"{token}\n".encode())
            answer = sock.makefile("rb").readline().decode().split()
        assert answer[:2] == [token, GATEWAY4], answer
        self.done.wait(1 / SHORT_PER_S)

    def do_datagrams(self):
        """Of any size, in fragments too; one that is lost is sent again, as DNS would do."""
        with self.lab.server6.socket(socket.AF_INET6, socket.SOCK_DGRAM) as inside, \
                self.lab.internet4.socket(socket.AF_INET, socket.SOCK_DGRAM) as outside:
            outside.bind((WEB4, 7100))
            inside.connect((f"{PREF64}{WEB4}", 7100))
            for sock in (inside, outside):
                sock.settimeout(1)
            outside.connect(self._peer(inside, outside))
            for _ in range(100):
                payload = os.urandom(random.choice((1, 100, 1232, 1400, 1473, 3000, 9000, 40000)))
                self._exchange(inside, outside, payload)
                self._exchange(outside, inside, payload)
                if self.done.wait(0.02):
                    return

    @staticmethod
    def _peer(inside, outside):
        """The address and port of a new flow, as the far end sees them."""
        first = os.urandom(8)
        for _ in range(20):
            with contextlib.suppress(TimeoutError):
                inside.send(first)
                data, peer = outside.recvfrom(100)
                if data == first:
                    return peer
        raise AssertionError("a datagram was lost 20 times")

    def _exchange(self, sender, receiver, payload):
        for _ in range(20):
            try:
                sender.send(payload)
                while receiver.recv(65535) != payload:
                    pass		# a late one of those sent again
                return
            except OSError:			# lost, or the news of a loss
                continue
        raise AssertionError(f"{len(payload)} bytes were lost 20 times")

    def do_ping(self):
        out = self.lab.server6.run("ping", "-c", "20", "-i", "0.1", "-W", "2", "-s",
                                   random.choice((56, 1200, 1300)), f"{PREF64}{WEB4}",
                                   check=False).stdout
        assert " 100% packet loss" not in out, out

    def do_closed_ports(self):
        """ICMP errors: nobody is there, and that is told."""
        with self.lab.server6.socket(socket.AF_INET6, socket.SOCK_DGRAM) as sock:
            sock.settimeout(2)
            sock.connect((f"{PREF64}{WEB4}", 9))
            for _ in range(10):
                try:
                    sock.send(b"anyone there?")
                    sock.recv(1)
                except ConnectionRefusedError:
                    break
                except TimeoutError:
                    continue
            else:
                raise AssertionError("nobody told of a closed port")
        self.done.wait(1)

    def do_traceroute(self):
        """It sends in bursts, and where bulk TCP fills router6's queue into the tunnel a whole
        burst is lost there (captures on both ends of the tunnel show it): then once more."""
        for _ in range(4):
            out = self.lab.server6.run("traceroute", "-n", "-q", "1", "-w", "3", "-I",
                                       f"{PREF64}{CLIENT4}").stdout
            if "64:ff9b::cb00:7107" in out.splitlines()[-1]:
                break
        else:
            raise AssertionError(out)
        self.done.wait(5)

    def do_names_and_pages(self):
        """dns64 and snid, which share the process."""
        for _ in range(4):		# as a stub resolver does: the tunnel is full, and UDP is lost
            with contextlib.suppress(dns.exception.Timeout):
                answer = ask(self.lab.server6, GATEWAY6, "git.example.net", "AAAA", timeout=5)
                break
        else:
            raise AssertionError("dns64 did not answer four times")
        assert answer.answer[-1][0].address == f"{PREF64}c000:250", answer
        assert self.lab.fetch_by_name().stdout.startswith("hello ")
        self.done.wait(0.2)

    # ---- command and control ---------------------------------------------------------

    def do_reload(self):
        if not self.done.wait(7):
            self.gate64.reload(random.choice(RELOADS))

    def do_status(self):
        assert self.gate64.status()["rooms"]["nat64"]
        self.done.wait(0.5)

    def do_listing(self):
        for what in ("flows", "bindings"):
            self.gate64.command(what, "--json", "-s", self.gate64.control)
        self.gate64.command("trace", f"{PREF64}{WEB4}", "-s", self.gate64.control, check=False)
        self.done.wait(5)

    # ---- hostile -----------------------------------------------------------------------

    def _port(self):
        return random.choice((0, 22, 53, 80, WHOAMI, random.randrange(65536)))

    def do_hostile_inside(self):
        for _ in range(HOSTILE_PER_S // 10):
            throw(self.lab.server6, spoilt(self._packet6()))
        self.done.wait(0.1)

    def _packet6(self):
        src, dst = STRANGER6, f"{PREF64}{random.choice((WEB4, CLIENT4, GATEWAY4, INTERNET4))}"
        data = os.urandom(random.randrange(100))
        proto, payload = random.choice((
            (UDP, udp(src, dst, self._port(), self._port(), data)),
            (TCP, tcp(src, dst, self._port(), self._port(), data, random.randrange(64))),
            (ICMP6, icmp6(src, dst, random.choice((128, 129)), 0, random.getrandbits(32), data)),
            (ICMP6, icmp6(src, dst, random.randrange(5), random.randrange(6),
                          random.getrandbits(random.choice((8, 32))),
                          spoilt(ipv6(dst, src, UDP, udp(dst, src, self._port(), self._port(),
                                                         data))))),
            (random.randrange(256), data)))
        if random.random() < 0.3:
            payload = fragment_header(proto, random.randrange(0, 2000, 8), random.getrandbits(1),
                                      random.randrange(20)) + payload
            proto = FRAGMENT
        if random.random() < 0.2:
            proto, payload = random.choice((HOP_BY_HOP, ROUTING)), bytes((proto, 0)) + \
                os.urandom(6) + payload
        return ipv6(src, dst, proto, payload, tc=random.randrange(256), hlim=random.choice((2, 64)))

    def do_hostile_outside(self):
        for _ in range(HOSTILE_PER_S // 10):
            throw(self.lab.internet4, spoilt(self._packet4()))
        self.done.wait(0.1)

    def _packet4(self):
        src = random.choice((DNS4, "192.0.2.99", f"203.0.113.{random.randrange(100, 255)}",
                             "10.1.2.3", "255.255.255.255"))
        dst, data = GATEWAY4, os.urandom(random.randrange(100))
        port = random.randrange(10240, 65536)		# most of them are the pool's
        proto, payload = random.choice((
            (UDP, udp(src, dst, self._port(), port, data, csum=random.choice((None, 0)))),
            (TCP, tcp(src, dst, self._port(), port, data, random.randrange(64))),
            (ICMP, icmp(random.choice((0, 8)), 0, random.getrandbits(32), data)),
            (ICMP, icmp(random.randrange(20), random.randrange(16),
                        random.getrandbits(random.choice((8, 32))),
                        spoilt(ipv4(dst, src, UDP, udp(dst, src, port, self._port(), data))))),
            (random.randrange(256), data)))
        fragment = random.choice((0, 0, DF, MF, MF | 100, 200, random.getrandbits(16)))
        options = os.urandom(4 * random.choice((0, 0, 0, 1, 10)))
        return ipv4(src, dst, proto, payload, id=random.randrange(20), fragment=fragment,
                    ttl=random.choice((1, 64)), options=options)


def spoilt(packet):
    """As it is, or cut, or with a few bytes of its own that are others."""
    packet = bytearray(packet)
    if random.random() < 0.2:
        del packet[random.randrange(len(packet)):]
    elif random.random() < 0.2:
        for _ in range(3):
            packet[random.randrange(len(packet))] = random.randrange(256)
    return bytes(packet)


def throw(ns, packet):
    """Send what may not even be sent."""
    try:
        if len(packet) >= (40 if packet[0] >> 4 == 6 else 20):
            send(ns, packet)
    except (OSError, IndexError, struct.error):
        pass			# the kernel's own check, or no route


def resident(pid):
    """Memory that a process has, in bytes."""
    with open(f"/proc/{pid}/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGESIZE")


def growth(samples):
    """Of memory over the second half of the time: the line of the least squares, in bytes."""
    half = samples[len(samples) // 2:]
    return statistics.linear_regression(range(len(half)), half).slope * len(half)


def soak(minutes):
    """One run; raises where something is wrong."""
    # What is freed goes back into use at once, and the sanitizer's shadow of a thread's stack
    # is small (else it is 11 MB of which ever more is touched): both would look like growth.
    gateway.SANITIZERS["ASAN_OPTIONS"] += ":quarantine_size_mb=8:max_uar_stack_size_log=16"
    with Ground() as ground:
        lab = Lab(ground, peers.git_repository(ground.folder / "origin", mebibytes=1))
        # The hosts' own limit of errors is one for friend and foe.
        for ns in (lab.internet4, lab.client4):
            ns.sysctl("net/ipv4/icmp_ratelimit", 0)
        with Gate64(lab, SETTINGS) as gate64:
            load = Load(lab, gate64)
            with WhoAmI(lab.client4, CLIENT4, WHOAMI):
                load.run(60 * minutes)
            ended = gate64.process.poll()
            if ended is None:
                drops = {n: v for n, v in gate64.counters().items() 
                         if v and n.startswith(("nat64.", "dns64.drops"))}
                print("  " + "\n  ".join(f"{n:<44}{v}" for n, v in drops.items()))
            for name, number in sorted(load.count.items()):
                print(f"  {name:<44}{number} times")
            grown = growth(load.rss)
            print(f"  memory: {load.rss[0] >> 10} KiB at first, {load.rss[-1] >> 10} at last, "
                  f"{grown / 1024:+.0f} over the second half")
            gate64.check_reports()
            assert ended is None, f"gate64 ended with {ended}:\n{gate64.log()[-8000:]}"
            assert not load.failures, "\n".join(load.failures)
            assert minutes < 10 or grown < load.rss[-1] * 0.05 + (4 << 20), "memory grows"
    print(f"soak: {minutes:g} minutes, all well")


def main():
    """Exit status 0 only when all was well."""
    if os.geteuid():
        sys.exit("soak: the lab makes network namespaces, which needs root")
    handle_signals()
    try:
        soak(float(sys.argv[1]) if len(sys.argv) > 1 else 10)
    except KeyboardInterrupt:
        sys.exit("soak: interrupted; the lab is taken down")
    except AssertionError as error:
        sys.exit(f"soak: failed: {error}")


if __name__ == "__main__":
    main()
