/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fast_pins.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

#include "../core/log.h"
#include "fastpath.h"

/* What the program calls them */
#define FAST_OUT "fast_out"
#define FAST_IN "fast_in"
#define FAST_SESSIONS "fast_sessions"
#define FAST_CONFIG "fast_config"
#define FAST_ALIVE "fast_alive"

/* The folder for pins, as it was opened while we could: whoever we are now may not be able
 * to go there by its name. */
static int pins = -1;

/* Another gate64 that runs has them: what is there is not an earlier run's. */
static bool pins_taken;

static bool is_bpffs(const char *path)
{
	struct statfs fs;

	return statfs(path, &fs) == 0 && fs.f_type == BPF_FS_MAGIC;
}

/* As root; or as an ordinary user, for whom somebody has made and bound it (gate64.service) */
static const char *find_pins(void)
{
	if (is_bpffs(FAST_PINS_BOUND))
		return FAST_PINS_BOUND;
	if (is_bpffs("/sys/fs/bpf") && (mkdir(FAST_PINS, 0700) == 0 || errno == EEXIST))
		return FAST_PINS;
	return NULL;
}

static int open_pins(const char *user)
{
	const struct passwd *entry = getpwnam(user);
	const char *path = find_pins();

	if (!path)
		return is_bpffs("/sys/fs/bpf") ? -EACCES : -ENOTSUP;
	pins = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (pins < 0)
		return -errno;
	if (flock(pins, LOCK_EX | LOCK_NB) < 0) {
		pins_taken = true;
		close(pins);
		pins = -1;
		return -EBUSY;
	}
	if (entry && geteuid() == 0 &&
	    fchownat(pins, "", entry->pw_uid, entry->pw_gid, AT_EMPTY_PATH) < 0)
		return -errno;
	return 0;
}

void fast_pins_prepare(const char *user)
{
	int err = open_pins(user);

	if (err < 0)
		log_info("nat64: flows do not outlive a restart: " FAST_PINS ": %s",
			 err == -ENOTSUP ? "no BPF file system is mounted"
			 : err == -EBUSY ? "another gate64 runs" : strerror(-err));
}

int fast_pins_take_over(void)
{
	int err = open_pins("root");

	return err == -ENOTSUP ? 0 : err;
}

static void pin_path(const struct bpf_map *map, char *path, size_t size)
{
	snprintf(path, size, "/proc/self/fd/%d/%s", pins, bpf_map__name(map));
}

/* All but one outlive us. */
static bool is_kept(const struct bpf_map *map)
{
	return strcmp(bpf_map__name(map), FAST_ALIVE) != 0;
}

void fast_pins_unpin(const struct bpf_object *object)
{
	struct bpf_map *map;

	bpf_object__for_each_map(map, object)
		if (is_kept(map) && unlinkat(pins, bpf_map__name(map), 0) < 0 && errno != ENOENT)
			log_warn("nat64: cannot remove " FAST_PINS "/%s: %s",
				 bpf_map__name(map), strerror(errno));
}

/* Does what is pinned for @map fit this program? */
static bool fits(const struct bpf_map *map, int fd)
{
	struct bpf_map_info info = { 0 };
	uint32_t len = sizeof(info);

	return bpf_obj_get_info_by_fd(fd, &info, &len) == 0 &&
	       info.type == (uint32_t)bpf_map__type(map) &&
	       info.key_size == bpf_map__key_size(map) &&
	       info.value_size == bpf_map__value_size(map) &&
	       info.map_flags == bpf_map__map_flags(map);
}

/* Of the pinned configuration, all 0 if it cannot be read */
struct pinned {
	uint32_t layout, sessions;
};

static struct pinned read_config(const struct bpf_map *map, int fd)
{
	struct fast_config *config = calloc(1, sizeof(*config));
	struct pinned pinned = { 0, 0 };
	uint32_t zero = 0;

	if (config && fits(map, fd) && bpf_map_lookup_elem(fd, &zero, config) == 0)
		pinned = (struct pinned){ config->layout, config->sessions };
	free(config);
	return pinned;
}

static int open_pin(const struct bpf_map *map)
{
	char path[128];

	pin_path(map, path, sizeof(path));
	return bpf_obj_get(path);
}

/*
 * All maps of an earlier run, or none: they belong together. Their sizes stay what they
 * were, whatever nat64.limits.sessions says now, since the flows in them are worth more.
 */
static bool reuse_all(const struct bpf_object *object)
{
	struct bpf_map *map;

	bpf_object__for_each_map(map, object) {
		bool good;
		int fd;

		if (!is_kept(map))
			continue;
		fd = open_pin(map);
		good = fd >= 0 && fits(map, fd) && bpf_map__reuse_fd(map, fd) == 0;
		if (fd >= 0)
			close(fd);
		if (!good)
			return false;
	}
	return true;
}

static uint32_t entries(const struct bpf_object *object, const char *name)
{
	return bpf_map__max_entries(bpf_object__find_map_by_name(object, name));
}

/* Who is killed while he pins his maps in the place of others leaves some of each. */
static bool belong_together(const struct bpf_object *object, uint32_t sessions)
{
	return entries(object, FAST_OUT) == sessions && entries(object, FAST_IN) == sessions &&
	       entries(object, FAST_SESSIONS) == sessions + 1;
}

int fast_pins_reuse(const struct bpf_object *object)
{
	const struct bpf_map *config = bpf_object__find_map_by_name(object, FAST_CONFIG);
	int fd = config ? open_pin(config) : -1;
	struct pinned pinned;

	if (fd < 0)
		return errno == ENOENT ? 0 : -errno;
	pinned = read_config(config, fd);
	close(fd);
	return pinned.layout == FASTPATH_LAYOUT && reuse_all(object) &&
	       belong_together(object, pinned.sessions) ? 1 : -EPROTO;
}

int fast_pins_pin(const struct bpf_object *object)
{
	struct bpf_map *map;

	bpf_object__for_each_map(map, object) {
		char path[128];
		int err;

		if (!is_kept(map))
			continue;
		unlinkat(pins, bpf_map__name(map), 0);
		pin_path(map, path, sizeof(path));
		err = bpf_map__pin(map, path);
		if (err < 0)
			return err;
	}
	return 0;
}

bool fast_pins_usable(void)
{
	return pins >= 0;
}

bool fast_pins_taken(void)
{
	return pins_taken;
}

void fast_pins_clear(void)
{
	int fd = pins < 0 ? -1 : openat(pins, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *entry;

	while (dir && (entry = readdir(dir)))
		if (entry->d_name[0] != '.')
			unlinkat(pins, entry->d_name, 0);
	if (dir)
		closedir(dir);
	else if (fd >= 0)
		close(fd);
}

int fast_pins_remove(void)
{
	if (pins < 0)
		return 0;
	close(pins);
	pins = -1;
	return rmdir(FAST_PINS) < 0 && errno != ENOENT ? -errno : 0;
}
