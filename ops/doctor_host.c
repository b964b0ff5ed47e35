/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The gateway as a service of this host: its file, user, unit, process; and the clock. */
#include "doctor.h"

#include <errno.h>
#include <json-c/json.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/timex.h>
#include <time.h>
#include <unistd.h>

#include "../core/config.h"
#include "doctor_dnssec.h"
#include "doctor_read.h"
#include "doctor_sockets.h"
#include "tool.h"

enum {
	UNIT_MS = 1000,
	FIRST_YEAR = 2026,		/* when this was written */
	PER_CONNECTION = 4,		/* descriptors: two sockets and a pipe each way */
	BESIDES = 1024,			/* listeners, queues, resolvers */
};

static const char *config_name(const struct doctor *doctor)
{
	return doctor->config_path ? doctor->config_path : CONFIG_DEFAULT_PATH;
}

void doctor_config(struct doctor *doctor)
{
	char *text = doctor->config_errors;
	size_t len = text ? strlen(text) : 0;

	if (!text) {
		if (!doctor->config_path)
			doctor_skip(doctor, "there is no %s; the defaults are good",
				    CONFIG_DEFAULT_PATH);
		return;
	}
	while (len && text[len - 1] == '\n')
		text[--len] = '\0';
	doctor_find(doctor, "%s cannot be used, and the defaults are looked at instead:\n%s",
		    config_name(doctor), text);
	doctor_mend(doctor, "correct the lines named, then: gate64 check -c %s",
		    config_name(doctor));
}

void doctor_user(struct doctor *doctor)
{
	const char *user = doctor->config->ops.user;

	if (getpwnam(user))
		return;
	doctor_find(doctor, "there is no user %s (ops.user)", user);
	doctor_mend(doctor, "useradd --system --user-group --no-create-home "
			    "--shell /usr/sbin/nologin %s", user);
}

/* ---- the process ------------------------------------------------------------------- */

void doctor_running(struct doctor *doctor)
{
	if (doctor->status)
		return;
	if (doctor->unanswered && strncmp(doctor->unanswered, "you may", 7) == 0) {
		doctor_cannot(doctor, "%s: %s", doctor->control, doctor->unanswered);
		return;
	}
	doctor_find(doctor, "no gateway answers at %s (%s)", doctor->control, doctor->unanswered);
	doctor_mend(doctor, "systemctl start gate64, or: gate64 run -c %s", config_name(doctor));
}

void doctor_reload(struct doctor *doctor)
{
	struct json_object *last = doctor_status(doctor, "reload");
	struct json_object *ok = doctor_status(doctor, "reload.ok");

	if (!doctor->status)
		doctor_skip(doctor, "no gateway runs");
	if (!last || json_object_get_boolean(ok))
		return;
	doctor_find(doctor, "the last reload, at %s, was refused: %s",
		    json_object_get_string(doctor_status(doctor, "reload.at")),
		    json_object_get_string(doctor_status(doctor, "reload.text")));
	doctor_mend(doctor, "gate64 check -c %s, then: gate64 reload", config_name(doctor));
}

void doctor_problem(struct doctor *doctor)
{
	struct json_object *problem = doctor_status(doctor, "network.problem");

	if (!doctor->status)
		doctor_skip(doctor, "no gateway runs");
	if (!problem)
		return;
	doctor_find(doctor, "the gateway could not set up %s, and goes on trying",
		    json_object_get_string(problem));
	doctor_mend(doctor, "its log says why: journalctl -u gate64 -p warning");
}

static int systemctl(const char *verb)
{
	const char *const argv[] = { "systemctl", verb, "--quiet", "gate64.service", NULL };
	char said[128];

	return tool_run(argv, "", UNIT_MS, said, sizeof(said));
}

/* Is this so of the unit? A service manager that is busy says neither yes nor no. */
static bool unit_is(struct doctor *doctor, const char *verb, bool *answered)
{
	int err = *answered ? systemctl(verb) : 0;

	if (err && err != -EPROTO) {
		doctor_cannot(doctor, "systemctl %s: %s", verb, strerror(-err));
		*answered = false;
	}
	return !err;
}

void doctor_unit(struct doctor *doctor)
{
	bool answered = true, is_there, failed, enabled;

	if (access("/run/systemd/system", F_OK) < 0) {
		doctor_skip(doctor, "systemd does not run this host");
		return;
	}
	is_there = unit_is(doctor, "cat", &answered);
	failed = is_there && unit_is(doctor, "is-failed", &answered);
	enabled = is_there && unit_is(doctor, "is-enabled", &answered);
	if (!answered)
		return;
	if (!is_there)
		doctor_skip(doctor, "there is no unit gate64.service");
	if (failed) {
		doctor_find(doctor, "gate64.service has failed");
		doctor_mend(doctor, "systemctl status gate64 says why; then: systemctl restart "
				    "gate64");
	}
	if (is_there && !enabled) {
		doctor_find(doctor, "gate64.service is not started with the machine");
		doctor_mend(doctor, "systemctl enable gate64");
	}
}

void doctor_descriptors(struct doctor *doctor)
{
	uint64_t wanted = (uint64_t)doctor->config->snid.limits.connections * PER_CONNECTION +
			  doctor->config->dns64.limits.tcp_connections + BESIDES;
	char path[64], *text;
	uint64_t limit;

	if (!doctor->pid || !doctor->config->snid.n_listen) {
		doctor_skip(doctor, doctor->pid ? "snid is off" : "no gateway runs");
		return;
	}
	snprintf(path, sizeof(path), "/proc/%d/limits", doctor->pid);
	text = read_file(path);
	limit = text ? read_open_files(text) : 0;
	free(text);
	if (!limit) {
		doctor_cannot(doctor, "%s does not say", path);
	} else if (limit < wanted) {
		doctor_find(doctor,
			    "the gateway may have %llu files open; snid.limits.connections of "
			    "%u take up to %llu",
			    (unsigned long long)limit, doctor->config->snid.limits.connections,
			    (unsigned long long)wanted);
		doctor_mend(doctor,
			    "LimitNOFILE=%llu in its unit (systemctl edit gate64), or "
			    "snid: {limits: {connections: %llu}}",
			    (unsigned long long)wanted,
			    (unsigned long long)(limit > 2 * BESIDES
							 ? (limit - 2 * BESIDES) / PER_CONNECTION
							 : 1));
	}
}

/* ---- the host ---------------------------------------------------------------------- */

/* Nobody keeps the clock right; but the root's signatures hold for weeks: where they are valid
 * it is right enough. */
static void judge_unkept(struct doctor *doctor, const struct tm *tm)
{
	int validates = doctor->quick ? 0 : dnssec_validates(doctor);

	if (validates > 0)
		return;
	if (!validates) {
		doctor_cannot(doctor, "nobody keeps the clock right (timedatectl), and no "
				      "signature was seen that shows whether it is");
		return;
	}
	doctor_find(doctor, "nobody keeps the clock right, and no answer of the DNS's root can be "
			    "validated; it says %04d-%02d-%02d %02d:%02d UTC",
		    tm->tm_year + 1900, tm->tm_mon + 1, tm->tm_mday, tm->tm_hour, tm->tm_min);
	doctor_mend(doctor, "timedatectl set-ntp true, or: apt install chrony");
}

void doctor_clock(struct doctor *doctor)
{
	struct timex timex = { 0 };
	time_t now = time(NULL);
	struct tm tm;

	gmtime_r(&now, &tm);
	if (tm.tm_year + 1900 < FIRST_YEAR) {
		doctor_find(doctor, "the clock says it is the year %d", tm.tm_year + 1900);
		doctor_mend(doctor, "timedatectl set-ntp true, or: apt install chrony");
		return;
	}
	if (adjtimex(&timex) != TIME_ERROR && !(timex.status & STA_UNSYNC))
		return;
	if (!doctor->config->dns64.enabled || !doctor->config->dns64.dnssec)
		doctor_skip(doctor, "nothing here depends on it");
	else
		judge_unkept(doctor, &tm);
}

void doctor_other_nat64(struct doctor *doctor)
{
	static const char *const programs[] = { "tayga", "tundra-nat64", "nat64d" };
	static const char *const modules[] = { "jool", "jool_siit" };
	char *text = read_file("/proc/modules");

	for (size_t i = 0; i < sizeof(programs) / sizeof(programs[0]); i++) {
		pid_t pid = sockets_program(programs[i]);

		if (!pid)
			continue;
		doctor_find(doctor, "%s runs here too (process %d)", programs[i], pid);
		doctor_mend(doctor, "systemctl disable --now %s, or: kill %d", programs[i], pid);
	}
	for (size_t i = 0; text && i < sizeof(modules) / sizeof(modules[0]); i++) {
		if (!read_module(text, modules[i]))
			continue;
		doctor_find(doctor, "the kernel module %s is loaded", modules[i]);
		doctor_mend(doctor, "modprobe -r %s, and take it out of /etc/modules-load.d",
			    modules[i]);
	}
	free(text);
}
