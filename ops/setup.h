/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `gate64 setup`: from a host that it is installed on to a gateway that serves, and back. */
#ifndef OPS_SETUP_H
#define OPS_SETUP_H

struct cli;

/** command_setup() - set the host up, or take that back. Return: enum cli_exit. */
int command_setup(const struct cli *cli);

#endif
