# SPDX-License-Identifier: GPL-2.0-or-later
"""Asking dns64 with any flags, and looking at what it says."""

import dns.edns
import dns.flags
import dns.rcode
import dns.rdatatype

from topology import GATEWAY6
from wire import ask

CLIENT_TIMEOUT_S = 3.0		# a client that waits no longer still gets its answer
DNSSEC_TYPES = {"RRSIG", "NSEC", "NSEC3"}


class Reply:
    """One answer; sections as lists of (owner, type, data), without DNSSEC's own records."""

    def __init__(self, message):
        self.message = message
        self.rcode = dns.rcode.to_text(message.rcode())
        self.flags = set(dns.flags.to_text(message.flags).split())
        self.do = bool(message.ednsflags & dns.flags.DO)
        self.answer = self._records(message.answer)
        self.authority = self._records(message.authority)
        self.additional = self._records(message.additional)
        self.errors = {int(option.code) for option in message.options
                       if option.otype == dns.edns.OptionType.EDE}

    @staticmethod
    def _records(section):
        return [(rrset.name.to_text(), dns.rdatatype.to_text(rrset.rdtype), rdata.to_text())
                for rrset in section for rdata in rrset
                if dns.rdatatype.to_text(rrset.rdtype) not in DNSSEC_TYPES]

    def dnssec_types(self):
        """Which of DNSSEC's own records are in it."""
        message = self.message
        return DNSSEC_TYPES & {dns.rdatatype.to_text(rrset.rdtype) for rrset in
                               message.answer + message.authority + message.additional}

    def signed_types(self):
        """The types of the answer section that come with a signature."""
        return {dns.rdatatype.to_text(rrset.covers) for rrset in self.message.answer
                if rrset.rdtype == dns.rdatatype.RRSIG}

    def ttls(self, kind="AAAA"):
        """The TTLs of the answer's records of a type."""
        return {rrset.ttl for rrset in self.message.answer
                if dns.rdatatype.to_text(rrset.rdtype) == kind}

    def addresses(self):
        """The addresses of the answer, sorted."""
        return sorted(data for _owner, kind, data in self.answer if kind in ("A", "AAAA"))

    def is_nodata(self):
        """Nothing, and an SOA that says so (RFC 2308 2.2)."""
        return self.rcode == "NOERROR" and not self.addresses() and \
            [kind for _owner, kind, _data in self.authority] == ["SOA"]


def resolve(lab, name, kind="AAAA", flags="", tcp=False, **options):
    """Ask dns64 from server6. flags: letters of d (DO), c (CD), a (AD)."""
    bits = dns.flags.RD
    for letter, bit in (("c", dns.flags.CD), ("a", dns.flags.AD)):
        bits |= bit if letter in flags else 0
    return Reply(ask(lab.server6, GATEWAY6, name, kind, tcp=tcp,
                     **{"timeout": CLIENT_TIMEOUT_S, "flags": bits, "use_edns": 0,
                        "want_dnssec": "d" in flags} | options))
