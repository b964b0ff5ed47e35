/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * snid's listeners in the service manager's descriptor store (FileDescriptorStoreMax= of
 * systemd.service(5)): it holds them while we restart, so that connections queue up meanwhile
 * instead of being refused, and gives them back ($LISTEN_FDS, sd_listen_fds(3)). Each address
 * has a name there, "snid-ADDRESS", with one descriptor a worker. Main thread only.
 */
#ifndef OPS_STORE_H
#define OPS_STORE_H

struct snid;

/**
 * store_take() - give snid what the manager has given us, close what is none of ours; before
 * the rooms are opened.
 */
void store_take(void);

/** store_keep() - have the manager hold just what listens now. @snid: NULL: nothing. */
void store_keep(struct snid *snid);

#endif
