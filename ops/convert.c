/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "convert.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../core/config.h"
#include "../core/config_report.h"
#include "../core/config_yaml.h"

enum { FILE_MAX = 1 << 20 };	/* bytes */

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
	int err = !file || !text || ferror(file) ? -errno : 0;

	if (!err && len > FILE_MAX)
		err = -EFBIG;
	if (err)
		fprintf(errors, "%s: error: cannot be read: %s\n", path, strerror(-err));
	else
		err = convert_text(convert, path, text, len, out, errors);
	free(text);
	if (file)
		fclose(file);
	return err;
}
