# SPDX-License-Identifier: GPL-2.0-or-later
"""The lab itself: it is what the drawing says, and it goes away."""

import pathlib
import signal
import subprocess
import sys

import pytest

import topology
from netns import leftovers, run, wait_for
from topology import GATEWAY4, GATEWAY6, SERVER6, WEB4


def test_the_servers_link_does_not_show_the_tunnels_mtu(lab):
    for ns, interface, mtu in ((lab.server6, "lan0", 1500), (lab.router6, "lan0", 1500),
                               (lab.router6, lab.wg_router, 1420),
                               (lab.gateway, lab.wg_gateway, 1420),
                               (lab.gateway, "up0", 1500), (lab.internet4, "gw0", 1500)):
        assert f" mtu {mtu} " in ns.run("ip", "link", "show", interface).stdout


def test_without_gate64_the_two_internets_do_not_meet(lab):
    assert lab.server6.run("ping", "-c", "1", "-W", "2", GATEWAY6).returncode == 0
    assert lab.gateway.run("curl", "-sk", f"https://[{SERVER6}]/").returncode == 0
    assert lab.client4.run("curl", "-s", f"http://{WEB4}/").stdout == "hello 203.0.113.7\n"
    assert not lab.server6.run("ip", "-4", "route").stdout
    assert lab.server6.run("ping", "-c", "1", "-W", "1", f"64:ff9b::{WEB4}",
                           check=False).returncode
    with pytest.raises(ConnectionRefusedError):
        lab.client4.connect((GATEWAY4, 443))


@pytest.mark.parametrize("sig", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_nothing_is_left_of_a_lab(sig, machine):
    """Interrupted it takes itself down; killed it is taken down by the next one."""
    script = pathlib.Path(topology.__file__)
    with subprocess.Popen([sys.executable, script], stdout=subprocess.PIPE, text=True) as process:
        assert "The lab is up" in process.stdout.readline()
        pid = process.pid
        names = [path.name for path in leftovers(pid) if path.parent.name == "netns"]
        assert len(names) >= 5
        inside = [int(p) for name in names
                  for p in run("ip", "netns", "pids", name, check=False).stdout.split()]
        assert len(inside) >= 5
        process.send_signal(sig)
        process.wait(20)
    if sig == signal.SIGKILL:
        assert leftovers(pid)
        topology.Ground().close()
    assert not leftovers(pid)
    wait_for(lambda: not any(pathlib.Path(f"/proc/{p}").exists() for p in inside),
             "the lab's processes are gone")
