/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `gate64 completion bash`: what the shell offers on TAB, from the table of commands. */
#ifndef OPS_COMPLETION_H
#define OPS_COMPLETION_H

#include <stdio.h>

/** completion_bash() - the script, to be sourced or to be put where bash-completion looks. */
void completion_bash(FILE *out);

#endif
