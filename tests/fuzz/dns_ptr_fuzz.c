/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Names, compressed or not, read as reverse names of pref64s of every length. */
#include <stdlib.h>

#include "../../core/addrmap.h"
#include "../../dns64/ptr.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct addrmap map;

static void set_up(void)
{
	static const char *const prefixes[] = {
		"64:ff9b::/96", "2001:db8::/32", "2001:db8:100::/40", "2001:db8:122::/48",
		"2001:db8:122:300::/56", "2001:db8:122:344::/64",
	};

	for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++) {
		struct prefix prefix;

		if (prefix_parse(prefixes[i], &prefix) || prefix_list_add(&map.pref64, &prefix))
			abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char text[NAME_TEXT_MAX];
	struct name name, again;
	struct ptr ptr;
	size_t at = 0;

	if (!map.pref64.n)
		set_up();
	if (!name_read(data, size, &at, &name))
		return 0;
	name_format(&name, text);
	if (at > size || !name_from_wire(&again, name.wire) || !name_equal(&name, &again))
		abort();
	if (ptr_read(&map, &name, &ptr) == PTR_OTHER)
		return 0;
	if (!name_from_wire(&again, ptr.zone.wire) || !name_below(&name, &ptr.zone))
		abort();
	return 0;
}
