/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Capabilities by the kernel's own calls: they act on the calling thread alone,
 * which is what is wanted here, and two of the users below stand where a library
 * may not be called (a new thread, a forked child).
 */
#include "privilege.h"

#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "../core/log.h"
#include "confine.h"
#include "sanitizer.h"

#define CAP_BIT(cap) (UINT64_C(1) << (cap))

static const uint64_t caps_nat64 = CAP_BIT(CAP_NET_ADMIN) | CAP_BIT(CAP_NET_RAW);
static const uint64_t caps_main = CAP_BIT(CAP_NET_ADMIN) | CAP_BIT(CAP_NET_BIND_SERVICE);
static const uint64_t caps_process = CAP_BIT(CAP_NET_ADMIN) | CAP_BIT(CAP_NET_RAW) |
				     CAP_BIT(CAP_NET_BIND_SERVICE) | CAP_BIT(CAP_BPF) |
				     CAP_BIT(CAP_PERFMON);

struct caps {
	uint64_t effective, permitted, inheritable;
};

static int caps_get(struct caps *caps)
{
	struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];

	if (syscall(SYS_capget, &head, data))
		return -errno;
	caps->effective = data[0].effective | (uint64_t)data[1].effective << 32;
	caps->permitted = data[0].permitted | (uint64_t)data[1].permitted << 32;
	caps->inheritable = data[0].inheritable | (uint64_t)data[1].inheritable << 32;
	return 0;
}

static int caps_set(const struct caps *caps)
{
	struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {
		{
			.effective = (uint32_t)caps->effective,
			.permitted = (uint32_t)caps->permitted,
			.inheritable = (uint32_t)caps->inheritable,
		},
		{
			.effective = (uint32_t)(caps->effective >> 32),
			.permitted = (uint32_t)(caps->permitted >> 32),
			.inheritable = (uint32_t)(caps->inheritable >> 32),
		},
	};

	return syscall(SYS_capset, &head, data) ? -errno : 0;
}

/* Of what this thread is permitted, keep (and have in effect) what is in @mask.
 * With the inheritable set the kernel empties the ambient one. */
static int keep_only(uint64_t mask)
{
	struct caps caps;
	int err = caps_get(&caps);

	if (err)
		return err;
	caps.permitted &= mask;
	caps.effective = caps.permitted;
	caps.inheritable = 0;
	return caps_set(&caps);
}

/* The bounding set limits what our children could ever get back. */
static int cut_bounding_set(void)
{
	struct caps caps;
	int err = caps_get(&caps);

	if (err)
		return err;
	/* Without CAP_SETPCAP it is the service manager's business. */
	if (!(caps.effective & CAP_BIT(CAP_SETPCAP)))
		return 0;
	for (unsigned long cap = 0; cap < 64; cap++) {
		if (caps_process & CAP_BIT(cap))
			continue;
		if (prctl(PR_CAPBSET_DROP, cap, 0, 0, 0)) {
			if (errno == EINVAL) /* past the kernel's last one */
				return 0;
			return -errno;
		}
	}
	return 0;
}

/* Return: 0 with the user's ids, or -errno, the reason having been logged. */
static int find_user(const char *name, uid_t *uid, gid_t *gid)
{
	struct passwd entry, *found = NULL;
	char text[4096];
	int err = getpwnam_r(name, &entry, text, sizeof(text), &found);

	if (err) {
		log_error("cannot look up user %s: %s", name, strerror(err));
		return -err;
	}
	if (!found) {
		log_error("there is no user %s (ops.user); make it with: useradd --system "
			  "--user-group --no-create-home --shell /usr/sbin/nologin %s", name, name);
		return -ENOENT;
	}
	*uid = found->pw_uid;
	*gid = found->pw_gid;
	return 0;
}

/* From root to @name; root who may not do that, as in a container, is confined already. */
static int become_user(const char *name)
{
	const uint64_t needed = CAP_BIT(CAP_SETUID) | CAP_BIT(CAP_SETGID);
	struct caps caps;
	uid_t uid;
	gid_t gid;
	int err = caps_get(&caps);

	if (err)
		return err;
	if ((caps.effective & needed) != needed) {
		log_warn("running as root without CAP_SETUID and CAP_SETGID: root it stays");
		return 0;
	}
	err = find_user(name, &uid, &gid);
	if (err)
		return err;
	/* KEEPCAPS: else the permitted set would go with uid 0. */
	if (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) || initgroups(name, gid) ||
	    setresgid(gid, gid, gid) || setresuid(uid, uid, uid) ||
	    prctl(PR_SET_KEEPCAPS, 0, 0, 0, 0)) {
		err = -errno;
		log_error("cannot become user %s: %s", name, strerror(-err));
	}
	return err;
}

int privilege_drop(const char *user)
{
	int err = cut_bounding_set();

	if (err)
		goto failed;
	if (geteuid() == 0) {
		err = become_user(user);
		if (err)
			return err;
	}
	err = keep_only(caps_process);
	if (err)
		goto failed;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
	    prctl(PR_SET_DUMPABLE, UNDER_SANITIZER, 0, 0, 0)) {
		err = -errno;
		goto failed;
	}
	return 0;
failed:
	log_error("cannot drop privileges: %s", strerror(-err));
	return err;
}

int privilege_enter_main(void)
{
	return keep_only(caps_main);
}

int privilege_enter_nat64(void)
{
	int err = keep_only(caps_nat64);

	return err ? err : confine_thread(CONFINE_NAT64);
}

int privilege_enter_unprivileged(void)
{
	int err = keep_only(0);

	return err ? err : confine_thread(CONFINE_OTHER);
}

int privilege_enter_helper(void)
{
	return keep_only(CAP_BIT(CAP_NET_ADMIN));
}

int privilege_pass_on(void)
{
	const struct caps caps = {
		.effective = CAP_BIT(CAP_NET_ADMIN),
		.permitted = CAP_BIT(CAP_NET_ADMIN),
		.inheritable = CAP_BIT(CAP_NET_ADMIN),
	};
	int err = caps_set(&caps);

	if (err)
		return err;
	/* Ambient is what a program without capabilities of its own file keeps. */
	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_NET_ADMIN, 0, 0))
		return -errno;
	return 0;
}
