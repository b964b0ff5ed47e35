/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "process.h"

#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define FDS "/proc/self/fd"
#define NS_PER_S 1000000000u

static uint64_t micros(const struct timeval *time)
{
	return (uint64_t)time->tv_sec * 1000000 + (uint64_t)time->tv_usec;
}

/* Made once: who watches it takes any change for a new start, and the clock may be set.
 * @start_ticks: since the host's own start. */
static uint64_t start_time(uint64_t start_ticks)
{
	static uint64_t started_at;
	struct timespec now, up;
	int64_t booted_ns;

	if (started_at)
		return started_at;
	clock_gettime(CLOCK_REALTIME, &now);
	clock_gettime(CLOCK_BOOTTIME, &up);
	booted_ns = (now.tv_sec - up.tv_sec) * NS_PER_S + now.tv_nsec - up.tv_nsec;
	started_at = ((uint64_t)booted_ns + start_ticks * (NS_PER_S / (uint64_t)
		     sysconf(_SC_CLK_TCK))) / NS_PER_S;
	return started_at;
}

/* proc(5): what follows the command's name, which may hold anything, ")" too */
static void read_stat(struct process *out)
{
	uint64_t threads = 0, start_ticks = 0, virtual_bytes = 0, resident_pages = 0;
	FILE *file = fopen("/proc/self/stat", "re");
	char line[1024], *at = NULL;

	if (file && fgets(line, sizeof(line), file))
		at = strrchr(line, ')');
	if (file)
		fclose(file);
	/* From the third field, the state, on: the 20th, 22nd, 23rd and 24th */
	if (!at || sscanf(at, ") %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d "
			  "%*d %" SCNu64 " %*d %" SCNu64 " %" SCNu64 " %" SCNu64, &threads,
			  &start_ticks, &virtual_bytes, &resident_pages) != 4)
		return;
	out->threads = threads;
	out->virtual_bytes = virtual_bytes;
	out->resident_bytes = resident_pages * (uint64_t)sysconf(_SC_PAGESIZE);
	out->started_at = start_time(start_ticks);
}

/* Since Linux 6.2 it is said how many there are; before, they have to be counted. */
static uint64_t count_descriptors(void)
{
	struct dirent *entry;
	struct stat st;
	uint64_t n = 0;
	DIR *fds;

	if (stat(FDS, &st) == 0 && st.st_size > 0)
		return (uint64_t)st.st_size;
	fds = opendir(FDS);
	if (!fds)
		return 0;
	while ((entry = readdir(fds)) != NULL)
		n += entry->d_name[0] != '.';
	closedir(fds);
	return n - 1;		/* without the one to count by */
}

void process_read(struct process *out)
{
	struct rlimit limit;
	struct rusage usage;

	memset(out, 0, sizeof(*out));
	if (getrusage(RUSAGE_SELF, &usage) == 0)
		out->cpu_us = micros(&usage.ru_utime) + micros(&usage.ru_stime);
	if (getrlimit(RLIMIT_NOFILE, &limit) == 0)
		out->descriptors_max = limit.rlim_cur;
	read_stat(out);
	out->descriptors = count_descriptors();
}
