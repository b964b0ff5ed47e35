/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ops/gate64.yaml, as the Makefile writes it out byte by byte. */
#include "setup_plan.h"

const char setup_sample[] = {
#include "gate64.yaml.inc"
	'\0'
};
