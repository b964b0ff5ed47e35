/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The numbers of the DNS (types, classes, rcodes) by name: ldns has them all.
 * stdbool.h must come first: without it ldns makes bool a signed char.
 */
#ifndef DNS64_CODES_H
#define DNS64_CODES_H

#include <stdbool.h>

#include <ldns/ldns.h>

#endif
