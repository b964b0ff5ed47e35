/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "convert.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../core/addr.h"
#include "../core/config.h"
#include "../core/config_report.h"
#include "../core/config_yaml.h"

enum { FILE_MAX = 1 << 20 };	/* bytes */

/* ---- values ---------------------------------------------------------------------- */

/* The length behind a slash as that of a prefix of this family; false: it is none. */
static bool scan_length(const char *slash, bool v4, uint8_t *len)
{
	char text[PREFIX_STRLEN];
	struct prefix all;

	if (strlen(slash) > sizeof("/128") - 1)
		return false;
	snprintf(text, sizeof(text), "%s%s", v4 ? "0.0.0.0" : "::", slash);
	if (prefix_parse(text, &all))
		return false;
	*len = all.len;
	return true;
}

bool convert_cidr(const char *text, struct prefix *prefix)
{
	const char *slash = strchr(text, '/');
	char addr[ADDR_STRLEN];
	struct prefix out;

	if (!slash || slash - text >= ADDR_STRLEN)
		return false;
	snprintf(addr, sizeof(addr), "%.*s", (int)(slash - text), text);
	if (!addr_parse(addr, &out.addr) ||
	    !scan_length(slash, addr_is_v4(&out.addr), &out.len))
		return false;
	for (unsigned int bit = out.len; bit < 128; bit++)
		out.addr.s6_addr[bit / 8] &= (uint8_t)~(0x80u >> (bit % 8));
	*prefix = out;
	return true;
}

/* Digits up to ':', '.' or the end, at most eight. Return: where they end; NULL: none. */
static const char *scan_part(const char *text, uint64_t *part)
{
	size_t digits = strspn(text, "0123456789");

	*part = 0;
	for (size_t i = 0; i < digits && digits <= 8; i++)
		*part = *part * 10 + (uint64_t)(text[i] - '0');
	return digits > 0 && digits <= 8 ? text + digits : NULL;
}

uint64_t convert_time(const char *text)
{
	uint64_t total_s = 0, part, ms = 0;
	size_t digits;

	for (int parts = 0; parts < 3; parts++) {
		text = scan_part(text, &part);
		if (!text)
			return 0;
		total_s = total_s * 60 + part;
		if (*text != ':' || parts == 2)
			break;
		text++;
	}
	if (!*text)
		return total_s * 1000;
	digits = strlen(text + 1);
	if (*text != '.' || digits > 3 || scan_part(text + 1, &ms) != text + 1 + digits)
		return 0;
	for (; digits < 3; digits++)
		ms *= 10;
	return total_s * 1000 + ms;
}

/* ---- texts and files ------------------------------------------------------------- */

/* It must be one that the gateway takes: overlapping prefixes, say, are found here. */
static int check(const char *name, const char *yaml, size_t len, FILE *errors)
{
	char made[256];
	struct config *config;

	snprintf(made, sizeof(made), "what %s becomes", name);
	config = config_parse(made, yaml, len, errors);
	if (!config)
		return -EINVAL;
	config_free(config);
	return 0;
}

static int run(converter *convert, struct config_report *report, FILE *out, FILE *errors)
{
	char *text = NULL;
	size_t len = 0;
	FILE *yaml = open_memstream(&text, &len);
	int err;

	if (!yaml)
		return -ENOMEM;
	convert(report, yaml);
	config_report_write(report, errors);
	err = fclose(yaml) < 0 ? -ENOMEM : 0;
	if (!err && report->n_errors)
		err = -EINVAL;
	if (!err)
		err = check(report->name, text, len, errors);
	if (!err)
		fwrite(text, 1, len, out);
	free(text);
	return err;
}

int convert_text(converter *convert, const char *name, const char *text, size_t len, FILE *out,
		 FILE *errors)
{
	struct config_report *report = calloc(1, sizeof(*report));
	char *copy = calloc(1, len + CONFIG_YAML_SLACK);
	int err = -ENOMEM;

	if (report && copy) {
		memcpy(copy, text, len);
		*report = (struct config_report){ .name = name, .text = copy, .len = len };
		err = run(convert, report, out, errors);
	}
	if (err == -ENOMEM)
		fprintf(errors, "gate64: out of memory\n");
	free(copy);
	free(report);
	return err;
}

int convert_file(converter *convert, const char *path, FILE *out, FILE *errors)
{
	FILE *file = fopen(path, "re");
	char *text = file ? malloc(FILE_MAX + 1) : NULL;
	size_t len = text ? fread(text, 1, FILE_MAX + 1, file) : 0;
	int err = !file ? -errno : !text ? -ENOMEM : ferror(file) ? -EIO : 0;

	if (!err && len > FILE_MAX)
		err = -EFBIG;
	if (text && !err)
		err = convert_text(convert, path, text, len, out, errors);
	else
		fprintf(errors, "%s: error: cannot be read: %s\n", path, strerror(-err));
	free(text);
	if (file)
		fclose(file);
	return err;
}
