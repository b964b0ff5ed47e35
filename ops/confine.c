/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A filter is made of the table below, a few instructions a row. Rows without a condition look
 * at nothing but the number of the call: the kernel sees that once, and then lets them pass
 * without running anything. Conditions look at the lower half of one argument; calls that have
 * what matters in memory (clone3(2), openat2(2)) cannot be told apart and are not there.
 */
#include "confine.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "../core/log.h"
#include "sanitizer.h"

#if defined(__x86_64__)
#define ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define ARCH AUDIT_ARCH_AARCH64
#else
#define ARCH 0				/* no list of its calls has been tried */
#endif

enum {
	NEWEST = __NR_futex_waitv,	/* what came later the table does not know */
	ALWAYS = -1,			/* of a row: no condition */
	PROGRAM_MAX = 1024,
};

/* Whose a row is */
enum {
	MAIN = CONFINE_MAIN,
	NAT64 = CONFINE_NAT64,
	WORKERS = CONFINE_NAT64 | CONFINE_OTHER,
	ALL = CONFINE_MAIN | WORKERS,
};

/* A call that is allowed, where the argument, masked, is this value */
struct row {
	int nr;
	unsigned int as;	/* enum confine_as, or-ed */
	int argument;		/* 0 to 5, or ALWAYS */
	uint32_t mask, value;
	bool not_that_value;	/* ... is anything else */
	bool one_of;		/* ... is below 32, and that bit of the mask is set */
	int error;		/* it fails with that, instead */
};

#define CALL(name, who)		{ .nr = __NR_##name, .as = (who), .argument = ALWAYS }
#define IF(name, who, n, bits, is)	\
	{ .nr = __NR_##name, .as = (who), .argument = (n), .mask = (bits), .value = (is) }
#define UNLESS(name, who, n, bits, is)	\
	{ .nr = __NR_##name, .as = (who), .argument = (n), .mask = (bits), .value = (is), \
	  .not_that_value = true }
#define BIT(n)			(1u << (n))
#define ONE_OF(name, who, n, bits)	\
	{ .nr = __NR_##name, .as = (who), .argument = (n), .mask = (bits), .one_of = true }
#define FAIL(name, who, err)	\
	{ .nr = __NR_##name, .as = (who), .argument = ALWAYS, .error = (err) }

static const struct row rows[] = {
	/* packets and connections */
	CALL(recvmsg, ALL), CALL(recvmmsg, ALL), CALL(recvfrom, ALL), CALL(sendmsg, ALL),
	CALL(sendmmsg, ALL), CALL(sendto, ALL),
	ONE_OF(socket, MAIN | NAT64, 0, BIT(AF_UNIX) | BIT(AF_INET) | BIT(AF_INET6) |
					BIT(AF_NETLINK) | BIT(AF_PACKET)),
	ONE_OF(socket, CONFINE_OTHER, 0, BIT(AF_UNIX) | BIT(AF_INET) | BIT(AF_INET6) |
					 BIT(AF_NETLINK)),
	IF(socketpair, ALL, 0, UINT32_MAX, AF_UNIX),
	CALL(bind, ALL), CALL(listen, ALL), CALL(accept4, ALL), CALL(accept, ALL),
	CALL(connect, ALL), CALL(shutdown, ALL), CALL(getsockname, ALL), CALL(getpeername, ALL),
	CALL(getsockopt, ALL), CALL(setsockopt, ALL),
	CALL(splice, ALL), CALL(tee, ALL), CALL(vmsplice, ALL), CALL(pipe2, ALL),

	/* waiting */
	CALL(epoll_pwait, ALL), CALL(epoll_pwait2, ALL), CALL(epoll_ctl, ALL),
	CALL(epoll_create1, ALL), CALL(eventfd2, ALL), CALL(ppoll, ALL), CALL(pselect6, ALL),
	CALL(timerfd_create, ALL), CALL(timerfd_settime, ALL), CALL(timerfd_gettime, ALL),
	CALL(futex, ALL), CALL(futex_waitv, ALL), CALL(nanosleep, ALL), CALL(clock_nanosleep, ALL),
	CALL(restart_syscall, ALL), CALL(sched_yield, ALL),

	/* descriptors and files; workers read them, and write none (the main thread may where
	 * the file system lets it) */
	CALL(read, ALL), CALL(readv, ALL), CALL(pread64, ALL), CALL(preadv, ALL), CALL(write, ALL),
	CALL(writev, ALL), CALL(pwrite64, ALL), CALL(pwritev, ALL), CALL(close, ALL),
	CALL(close_range, ALL), CALL(lseek, ALL), CALL(dup, ALL), CALL(dup3, ALL), CALL(fcntl, ALL),
	CALL(fstat, ALL), CALL(newfstatat, ALL), CALL(statx, ALL), CALL(statfs, ALL),
	CALL(fstatfs, ALL), CALL(faccessat, ALL), CALL(faccessat2, ALL), CALL(readlinkat, ALL),
	CALL(getdents64, ALL), CALL(getcwd, ALL), CALL(memfd_create, ALL), CALL(ftruncate, ALL),
	CALL(fadvise64, ALL), CALL(sendfile, ALL),
	IF(openat, WORKERS, 2, O_ACCMODE | O_CREAT | O_TRUNC, O_RDONLY), CALL(openat, MAIN),
	CALL(unlinkat, MAIN), CALL(mkdirat, MAIN), CALL(renameat, MAIN), CALL(renameat2, MAIN),
	CALL(fchmod, MAIN), CALL(fchmodat, MAIN), CALL(fsync, MAIN), CALL(fdatasync, MAIN),
	CALL(flock, MAIN), CALL(umask, MAIN),
	UNLESS(ioctl, ALL, 1, UINT32_MAX, TIOCSTI),	/* (which types for the terminal) */

	/* memory: nothing is writable and code at once, or one after the other; workers get no
	 * more code at all. The main thread may map code of files, as of a library that comes
	 * late: a file in memory is one, too. */
	UNLESS(mmap, MAIN, 2, PROT_WRITE | PROT_EXEC, PROT_WRITE | PROT_EXEC),
	IF(mmap, WORKERS, 2, PROT_EXEC, 0), CALL(munmap, ALL),
	IF(mprotect, ALL, 2, PROT_EXEC, 0), CALL(mremap, ALL), CALL(madvise, ALL), CALL(brk, ALL),
	CALL(mincore, ALL),

	/* threads; never a process */
	IF(clone, ALL, 0, CLONE_THREAD, CLONE_THREAD), FAIL(clone3, ALL, ENOSYS),
	CALL(set_robust_list, ALL), CALL(get_robust_list, ALL), CALL(rseq, ALL),
	CALL(membarrier, ALL), CALL(exit, ALL), CALL(exit_group, ALL),
	CALL(sched_getaffinity, ALL), CALL(sched_setaffinity, ALL), CALL(getcpu, ALL),
	CALL(capget, ALL), CALL(capset, ALL), CALL(prctl, ALL), CALL(seccomp, ALL),

	/* signals; to itself alone, see make() */
	CALL(rt_sigaction, ALL), CALL(rt_sigprocmask, ALL), CALL(rt_sigreturn, ALL),
	CALL(rt_sigtimedwait, ALL), CALL(sigaltstack, ALL),
	CALL(wait4, MAIN),	/* (for the helper) */

	/* questions */
	CALL(clock_gettime, ALL), CALL(clock_getres, ALL), CALL(gettimeofday, ALL),
	CALL(getpid, ALL), CALL(getppid, ALL), CALL(gettid, ALL), CALL(getuid, ALL),
	CALL(geteuid, ALL), CALL(getgid, ALL), CALL(getegid, ALL), CALL(getgroups, ALL),
	CALL(getrandom, ALL), CALL(uname, ALL), CALL(sysinfo, ALL), CALL(times, ALL),
	CALL(getrusage, ALL), CALL(getrlimit, ALL),
	IF(prlimit64, ALL, 0, UINT32_MAX, 0),	/* its own */

	/* the fast path */
	CALL(bpf, MAIN | NAT64),

#ifdef __x86_64__
	/* older names of the above, which the C library still uses */
	CALL(epoll_wait, ALL), CALL(epoll_create, ALL), CALL(poll, ALL), CALL(select, ALL),
	CALL(pipe, ALL), CALL(dup2, ALL), CALL(stat, ALL), CALL(lstat, ALL), CALL(access, ALL),
	CALL(readlink, ALL), CALL(time, ALL), CALL(eventfd, ALL),
	IF(open, WORKERS, 1, O_ACCMODE | O_CREAT | O_TRUNC, O_RDONLY), CALL(open, MAIN),
	CALL(unlink, MAIN), CALL(rmdir, MAIN), CALL(mkdir, MAIN), CALL(rename, MAIN),
	CALL(chmod, MAIN), CALL(arch_prctl, ALL),
#endif
};

static enum config_seccomp in_force = CONFIG_SECCOMP_OFF;

/* ---- the filter --------------------------------------------------------------------------- */

struct program {
	struct sock_filter code[PROGRAM_MAX];
	unsigned short len;
};

static void add(struct program *program, struct sock_filter instruction)
{
	if (program->len < PROGRAM_MAX)
		program->code[program->len] = instruction;
	program->len++;
}

static void load(struct program *program, size_t offset)
{
	add(program, (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)offset));
}

static void decide(struct program *program, uint32_t action)
{
	add(program, (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, action));
}

/* Unless it is @k, go on @over instructions further. */
static void unless_equal(struct program *program, uint32_t k, uint8_t over)
{
	add(program, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, k, 0, over));
}

/* The lower half: both processors keep it first. */
static void load_argument(struct program *program, const struct row *row)
{
	load(program, offsetof(struct seccomp_data, args) +
		      (size_t)row->argument * sizeof(uint64_t));
}

static void add_one_of(struct program *program, const struct row *row, uint32_t otherwise)
{
	unless_equal(program, (uint32_t)row->nr, 8);
	load_argument(program, row);
	add(program, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, 32, 5, 0));
	add(program, (struct sock_filter)BPF_STMT(BPF_MISC | BPF_TAX, 0));
	add(program, (struct sock_filter)BPF_STMT(BPF_LD | BPF_IMM, 1));
	add(program, (struct sock_filter)BPF_STMT(BPF_ALU | BPF_LSH | BPF_X, 0));
	add(program, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, row->mask, 0, 1));
	decide(program, SECCOMP_RET_ALLOW);
	decide(program, otherwise);
}

static void add_row(struct program *program, const struct row *row, uint32_t otherwise)
{
	if (row->argument == ALWAYS) {
		unless_equal(program, (uint32_t)row->nr, 1);
		decide(program, row->error ? SECCOMP_RET_ERRNO | (uint32_t)row->error :
					     SECCOMP_RET_ALLOW);
		return;
	}
	if (row->one_of) {
		add_one_of(program, row, otherwise);
		return;
	}
	unless_equal(program, (uint32_t)row->nr, 5);
	load_argument(program, row);
	add(program, (struct sock_filter)BPF_STMT(BPF_ALU | BPF_AND | BPF_K, row->mask));
	unless_equal(program, row->value, 1);
	decide(program, row->not_that_value ? otherwise : SECCOMP_RET_ALLOW);
	decide(program, row->not_that_value ? SECCOMP_RET_ALLOW : otherwise);
}

static void make(struct program *program, enum confine_as as, uint32_t otherwise)
{
	const struct row to_itself = IF(tgkill, ALL, 0, UINT32_MAX, (uint32_t)getpid());

	program->len = 0;
	/* Another architecture's calls have other numbers. */
	load(program, offsetof(struct seccomp_data, arch));
	add(program, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ARCH, 1, 0));
	decide(program, otherwise);
	load(program, offsetof(struct seccomp_data, nr));
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (rows[i].as & as)
			add_row(program, &rows[i], otherwise);
	add_row(program, &to_itself, otherwise);
	add(program, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, NEWEST, 0, 1));
	decide(program, SECCOMP_RET_ERRNO | ENOSYS);
	decide(program, otherwise);
}

static int install(enum confine_as as, enum config_seccomp how)
{
	struct program program;
	struct sock_fprog fprog = { .filter = program.code };

	make(&program, as, how == CONFIG_SECCOMP_LOG ? SECCOMP_RET_LOG : SECCOMP_RET_KILL_PROCESS);
	if (program.len > PROGRAM_MAX)
		return -E2BIG;
	fprog.len = program.len;
	return syscall(__NR_seccomp, SECCOMP_SET_MODE_FILTER, 0, &fprog) < 0 ? -errno : 0;
}

/* ---- who is confined ------------------------------------------------------------------------ */

int confine_process(enum config_seccomp how)
{
	int err;

	if (how == CONFIG_SECCOMP_OFF || UNDER_SANITIZER)
		return 0;
	if (!ARCH) {
		log_warn("system calls are not confined: there is no list for this processor");
		return 0;
	}
	err = install(CONFINE_MAIN, how);
	if (err == -ENOSYS || err == -EINVAL) {
		log_warn("system calls are not confined: this kernel has no seccomp filters");
		return 0;
	}
	if (err)
		log_error("cannot confine system calls: %s", strerror(-err));
	else
		in_force = how;
	return err;
}

int confine_thread(enum confine_as as)
{
	return in_force == CONFIG_SECCOMP_OFF ? 0 : install(as, in_force);
}
