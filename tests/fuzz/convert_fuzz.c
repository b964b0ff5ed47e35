/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Configurations of other programs: the first byte says whose. What comes out without an
 * error has been read as a configuration of ours already.
 */
#include <stdio.h>
#include <stdlib.h>

#include "../../ops/convert.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static converter *const converters[] = { convert_snid, convert_jool, convert_tayga };
	char *yaml = NULL, *said = NULL;
	size_t yaml_len = 0, said_len = 0;
	FILE *out, *errors;
	int err;

	if (!size || data[0] < '0' || data[0] > '2')
		return 0;
	out = open_memstream(&yaml, &yaml_len);
	errors = open_memstream(&said, &said_len);
	if (!out || !errors)
		abort();
	err = convert_text(converters[data[0] - '0'], "fuzz", (const char *)data + 1, size - 1,
			   out, errors);
	fclose(out);
	fclose(errors);
	if ((err != 0) != (yaml_len == 0) || (err && !said_len))
		abort();
	free(yaml);
	free(said);
	return 0;
}
