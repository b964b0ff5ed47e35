/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Whether the gateway validates answers of the DNS's root. */
#ifndef OPS_DOCTOR_DNSSEC_H
#define OPS_DOCTOR_DNSSEC_H

struct doctor;

/**
 * dnssec_validates() - have it asked for the root's SOA.
 * Return: 1: validated; -1: refused as forged, or not validated; 0: no gateway could say.
 */
int dnssec_validates(struct doctor *doctor);

#endif
