# SPDX-License-Identifier: GPL-2.0-or-later
"""What tests of snid's protocols have in common: how clients ask, and how they are refused."""

import contextlib
import os
import struct

from topology import GATEWAY4
from wire import read_all

CLIENT_NAT46 = "64:ff9b:1::cb00:7107"	# client4 as servers see it

# How long a joined connection does nothing; from 300 on, ends are looked at.
IDLE_S = float(os.environ.get("RELAY_IDLE_S", "2.5"))

# RFC 8446 6
HANDSHAKE_FAILURE, DECODE_ERROR, INTERNAL_ERROR, UNRECOGNIZED_NAME = 40, 50, 80, 112

# PostgreSQL's manual, "Message Formats": a length that counts itself, a code
SSL_REQUEST = struct.pack(">II", 8, 1234 << 16 | 5679)


def receive(sock, number):
    """Just so many bytes, or less where the stream ends."""
    data = bytearray()
    while len(data) < number and (chunk := sock.recv(number - len(data))):
        data += chunk
    return bytes(data)


def is_alert(answer, alert):
    """Is it that fatal alert and nothing else (RFC 8446 6)? Which 3.x it says is of no account
    (5.1)."""
    return [*answer[:2], *answer[3:]] == [21, 3, 0, 2, 2, alert]


def answered(lab, port, *pieces):
    """All that client4 is told where it sends this."""
    with lab.client4.connect((GATEWAY4, port)) as sock:
        for piece in pieces:
            sock.sendall(piece)
        return read_all(sock)


@contextlib.contextmanager
def refusing(gate64, reason):
    """One connection is refused for this in the block, none is relayed."""
    with gate64.counting() as rose:
        yield
    assert rose[f"snid.refused.{reason}"] == 1 and rose["snid.accepted"] == 1
    assert not rose["snid.relayed"]
