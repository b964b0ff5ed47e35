/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How the gateway changes over: all rooms or none, in which order, and what it
 * does about a host that refuses. Rooms, host and configuration are fakes that
 * write down what they are asked for; a configuration is a small text, such as
 * "abc": one letter for each room that is on, in capitals where it will refuse.
 */
#include <ctype.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <event2/event.h>

#include "../../core/addrmap.h"
#include "../../core/config.h"
#include "../../core/log.h"
#include "../../core/loop.h"
#include "../../core/stats.h"
#include "../../dns64/dns64.h"
#include "../../nat64/nat64.h"
#include "../../ops/cli.h"
#include "../../ops/drain.h"
#include "../../ops/gateway.h"
#include "../../ops/grace.h"
#include "../../ops/guard.h"
#include "../../ops/netdetect.h"
#include "../../ops/netsetup.h"
#include "../../ops/notify.h"
#include "../../ops/privilege.h"
#include "../../ops/rooms.h"
#include "../../ops/ruleset.h"
#include "../../ops/status.h"
#include "../../ops/store.h"
#include "../../snid/snid.h"

static char file[16];		/* what the configuration file holds now */
static char network[16];	/* what the network is now */
static char did[1024];		/* what was done, in order */
static int host_error;		/* what the host says to new rules */
static unsigned int plans;	/* configurations and maps that are not yet freed */
static bool stuck;		/* rooms refuse to go back, too */
static unsigned int taken_away;	/* of what was put up: routes, and so on */

static void note(const char *what, const char *which)
{
	snprintf(did + strlen(did), sizeof(did) - strlen(did), "%s%s%s", did[0] ? " " : "",
		 what, which);
}

static void assert_did(const char *want)
{
	assert_string_equal(did, want);
	did[0] = '\0';
}

/* ---- fakes: configuration and map ------------------------------------------ */

static struct sni_listen listen_443 = { .any = true, .at.port = 443 };

struct config *config_load(const char *path, FILE *errors)
{
	struct config *config;

	(void)path;
	if (file[0] == '!') {
		fprintf(errors, "%s:1:1: error: bad\n", path ? path : "defaults");
		return NULL;
	}
	config = calloc(1, sizeof(*config));
	assert_non_null(config);
	config->ops.user = strdup(file);	/* the text itself: the fake rooms read it */
	config->ops.control = strdup("/control");
	config->snid.listen = &listen_443;
	config->snid.n_listen = 1;
	plans++;
	return config;
}

void config_free(struct config *config)
{
	free(config->ops.user);
	free(config->ops.control);
	free(config);
	plans--;
}

int netsetup_detect(const struct config *config, struct netinfo *net)
{
	(void)config;
	memset(net, 0, sizeof(*net));
	return strcmp(network, "broken") == 0 ? -EIO : 0;
}

void netinfo_free(struct netinfo *net)
{
	(void)net;
}

struct grace *grace_new(struct event_base *to, void (*over)(void *arg), void *arg)
{
	static char one;

	(void)to;
	(void)over;
	(void)arg;
	return (struct grace *)&one;
}

int grace_apply(struct grace *grace, const struct config *config, struct netinfo *net)
{
	(void)grace;
	(void)config;
	(void)net;
	return 0;
}

const char *grace_uplink(const struct grace *grace)
{
	(void)grace;
	return NULL;
}

const char *grace_missing(const struct grace *grace)
{
	(void)grace;
	return NULL;
}

void grace_free(struct grace *grace)
{
	(void)grace;
}

struct addrmap *addrmap_new(const struct config *config, const struct netinfo *net)
{
	struct addrmap *map = calloc(1, sizeof(*map));

	(void)config;
	(void)net;
	assert_non_null(map);
	strcpy(map->uplink, network);
	plans++;
	return map;
}

void addrmap_free(struct addrmap *map)
{
	free(map);
	plans -= map != NULL;
}

bool addrmap_equal(const struct addrmap *a, const struct addrmap *b)
{
	return strcmp(a->uplink, b->uplink) == 0;
}

/* ---- fakes: rooms ------------------------------------------------------------ */

struct fake_room {
	const struct config *config;	/* borrowed: ASan tells when it is gone too early */
	const struct addrmap *map;
};

static struct fake_room fakes[ROOM_COUNT];
static const char letters[ROOM_COUNT] = {
	[ROOM_WEB] = 'w', [ROOM_DNS64] = 'a', [ROOM_SNID] = 'b', [ROOM_NAT64] = 'c',
};

/* Is the room's letter there, and not in capitals? */
static int judge(enum room_id id, const struct config *config)
{
	return strchr(config->ops.user, toupper(letters[id])) ? -EBUSY : 0;
}

static bool is_wanted(enum room_id id, const struct config *config)
{
	return strchr(config->ops.user, letters[id]) || judge(id, config);
}

static int fake_open(enum room_id id, void **room, const struct config *config,
		     const struct addrmap *map)
{
	note("open-", rooms[id].name);
	fakes[id] = (struct fake_room){ .config = config, .map = map };
	*room = &fakes[id];
	return judge(id, config);
}

static int fake_start(enum room_id id, void *room)
{
	assert_ptr_equal(room, &fakes[id]);
	note("start-", rooms[id].name);
	return 0;
}

static int fake_reconfigure(enum room_id id, void *room, const struct config *config,
			    const struct addrmap *map)
{
	char to[64];

	assert_ptr_equal(room, &fakes[id]);
	snprintf(to, sizeof(to), "%s:%s>%s@%s", rooms[id].name, fakes[id].config->ops.user,
		 config->ops.user, map->uplink);
	note("", to);
	if (judge(id, config) || (stuck && isupper(fakes[id].config->ops.user[2])))
		return -EBUSY;
	fakes[id] = (struct fake_room){ .config = config, .map = map };
	return 0;
}

static void fake_close(enum room_id id, void *room)
{
	assert_ptr_equal(room, &fakes[id]);
	note("close-", rooms[id].name);
}

#define FAKE_ROOM(letter, id)								\
static bool letter##_wanted(const struct config *c) { return is_wanted(id, c); }	\
static int letter##_open(void **r, const struct config *c, const struct addrmap *m)	\
{											\
	int err = fake_open(id, r, c, m);						\
											\
	if (err)									\
		*r = NULL;								\
	return err;									\
}											\
static int letter##_start(void *r) { return fake_start(id, r); }			\
static int letter##_go(void *r, const struct config *c, const struct addrmap *m)	\
{											\
	return fake_reconfigure(id, r, c, m);						\
}											\
static void letter##_close(void *r) { fake_close(id, r); }

FAKE_ROOM(w, ROOM_WEB)
FAKE_ROOM(a, ROOM_DNS64)
FAKE_ROOM(b, ROOM_SNID)
FAKE_ROOM(c, ROOM_NAT64)

const struct room rooms[ROOM_COUNT] = {
	[ROOM_WEB] = { "w", w_wanted, w_open, w_start, w_go, w_close },
	[ROOM_DNS64] = { "a", a_wanted, a_open, a_start, a_go, a_close },
	[ROOM_SNID] = { "b", b_wanted, b_open, b_start, b_go, b_close },
	[ROOM_NAT64] = { "c", c_wanted, c_open, c_start, c_go, c_close },
};

unsigned int nat64_mend(struct nat64 *nat64, char *names, size_t size)
{
	(void)nat64;
	note("filters", "?");
	snprintf(names, size, "eth0, wg0");
	return taken_away;
}

/* The labs see to what these leave in the kernel. */
void nat64_forget(void)
{
}

void nat64_leave_nothing(struct nat64 *nat64)
{
	(void)nat64;
}

int nat64_intercept(const struct nat64 *nat64, struct nat64_intercept *out)
{
	(void)nat64;
	memset(out, 0, sizeof(*out));
	return 0;
}

void nat64_intercept_free(struct nat64_intercept *intercept)
{
	(void)intercept;
}

/* ---- fakes: the host, and who is told ------------------------------------------ */

int netsetup_apply(const struct prefix *nat46, const struct prefix_list *pref64,
		   unsigned int *added)
{
	(void)pref64;
	note("route-", nat46 ? "on" : "off");
	*added = taken_away;
	return 0;
}

int netsetup_remove(void)
{
	note("route-", "removed");
	return 0;
}

int snid_probe(const struct prefix *nat46)
{
	(void)nat46;
	return 0;
}

int guard_install(const struct prefix *nat46)
{
	(void)nat46;
	note("", "guard");
	return 0;
}

int guard_mend(const struct prefix *nat46)
{
	(void)nat46;
	note("", "guard?");
	return taken_away > 0;
}

int guard_remove(void)
{
	note("", "no-guard");
	return 0;
}

struct drain *drain_begin(struct event_base *base, struct snid *snid, uint32_t limit_ms,
			  void (*over)(void *arg), void *arg)
{
	(void)base;
	(void)snid;
	(void)limit_ms;
	(void)over;
	(void)arg;
	return NULL;
}

void drain_end(struct drain *drain)
{
	(void)drain;
}

void store_keep(struct snid *snid)
{
	(void)snid;
}

void notify_extend(uint32_t ms)
{
	(void)ms;
}

struct ruleset *ruleset_new(void)
{
	static char one;

	return (struct ruleset *)&one;
}

int ruleset_install(struct ruleset *ruleset, const struct nat64_intercept *intercept)
{
	(void)ruleset;
	(void)intercept;
	note("rules-", host_error ? "refused" : "on");
	return host_error;
}

int ruleset_mend(struct ruleset *ruleset, const struct nat64_intercept *intercept)
{
	(void)ruleset;
	(void)intercept;
	note("rules", "?");
	return taken_away > 0;
}

int ruleset_remove(struct ruleset *ruleset)
{
	(void)ruleset;
	note("rules-", "off");
	return 0;
}

const char *ruleset_backend(const struct ruleset *ruleset)
{
	(void)ruleset;
	return "none";
}

void ruleset_free(struct ruleset *ruleset)
{
	(void)ruleset;
}

int privilege_enter_main(void)
{
	note("shed", "");
	return 0;
}

void notify_ready(void)
{
	note("ready", "");
}

void notify_reloading(void)
{
	note("reloading", "");
}

void notify_status(const char *fmt, ...)
{
	(void)fmt;
}

const char *cli_version(void)
{
	return "0";
}

/* ---- tests --------------------------------------------------------------------- */

static struct event_base *base;
static struct gateway *gateway;

static int setup(void **state)
{
	(void)state;
	strcpy(file, "abc");
	strcpy(network, "eth0");
	host_error = 0;
	stuck = false;
	taken_away = 0;
	did[0] = '\0';
	base = event_base_new();
	assert_int_equal(gateway_new(&gateway, "x.yaml", base), 0);
	assert_int_equal(gateway_detect(gateway), 0);
	assert_int_equal(gateway_open(gateway), 0);
	assert_int_equal(gateway_set_up_host(gateway), 0);
	assert_int_equal(gateway_start(gateway), 0);
	assert_did("open-a open-b open-c guard route-on rules-on start-a start-b start-c shed");
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	gateway_close(gateway);
	gateway_free(gateway);
	event_base_free(base);
	assert_int_equal(plans, 0);
	return 0;
}

static void takes_all_away_in_reverse(void **state)
{
	(void)state;
	gateway_clear_host(gateway);
	gateway_close(gateway);
	assert_did("rules-off route-removed no-guard close-c close-b close-a");
}

static void reload_brings_every_room_over(void **state)
{
	(void)state;
	strcpy(file, "abc2");
	assert_int_equal(gateway_reload(gateway), 0);
	assert_did("reloading a:abc>abc2@eth0 b:abc>abc2@eth0 c:abc>abc2@eth0 "
		   "guard route-on rules-on ready");
	assert_string_equal(gateway_config(gateway)->ops.user, "abc2");
}

static void reload_with_errors_touches_nothing(void **state)
{
	(void)state;
	strcpy(file, "!");
	assert_int_equal(gateway_reload(gateway), -EINVAL);
	assert_did("reloading ready");
	assert_string_equal(gateway_reload_text(gateway), "x.yaml:1:1: error: bad\n");
	assert_string_equal(gateway_config(gateway)->ops.user, "abc");
}

static void reload_that_a_room_refuses_is_rolled_back(void **state)
{
	(void)state;
	strcpy(file, "abC");
	assert_int_equal(gateway_reload(gateway), -EBUSY);
	assert_did("reloading a:abc>abC@eth0 b:abc>abC@eth0 c:abc>abC@eth0 "
		   "b:abC>abc@eth0 a:abC>abc@eth0 ready");
	assert_non_null(strstr(gateway_reload_text(gateway), "c refuses the change"));
	assert_string_equal(gateway_config(gateway)->ops.user, "abc");
}

/* Then it goes on with the new one, which must live as long as it does. */
static void a_room_that_cannot_go_back_keeps_what_it_borrows(void **state)
{
	(void)state;
	stuck = true;
	strcpy(file, "abC");
	assert_int_equal(gateway_reload(gateway), -EBUSY);
	did[0] = '\0';
	stuck = false;
	strcpy(file, "abc3");
	assert_int_equal(gateway_reload(gateway), 0);
	assert_did("reloading a:abC>abc3@eth0 b:abC>abc3@eth0 c:abc>abc3@eth0 "
		   "guard route-on rules-on ready");
}

static void reload_switches_rooms_off_and_on(void **state)
{
	(void)state;
	strcpy(file, "b");
	assert_int_equal(gateway_reload(gateway), 0);
	/* The host first, so that nothing more is brought to rooms that close. */
	assert_did("reloading b:abc>b@eth0 guard route-on rules-off close-c close-a ready");
	strcpy(file, "abc");
	assert_int_equal(gateway_reload(gateway), 0);
	assert_did("reloading open-a start-a b:b>abc@eth0 open-c start-c shed "
		   "guard route-on rules-on ready");
}

static void a_room_opened_for_a_refused_reload_is_closed(void **state)
{
	(void)state;
	strcpy(file, "bc");
	assert_int_equal(gateway_reload(gateway), 0);
	did[0] = '\0';
	strcpy(file, "aBc");
	assert_int_equal(gateway_reload(gateway), -EBUSY);
	assert_did("reloading open-a start-a shed b:bc>aBc@eth0 close-a ready");
}

static void follows_the_network(void **state)
{
	(void)state;
	gateway_network_changed(gateway);
	assert_did("");			/* no matter to the rooms */
	strcpy(network, "eth1");
	gateway_network_changed(gateway);
	assert_did("a:abc>abc@eth1 b:abc>abc@eth1 c:abc>abc@eth1 guard route-on rules-on");
	strcpy(network, "eth2");
	gateway_network_changed(gateway);
	assert_did("a:abc>abc@eth2 b:abc>abc@eth2 c:abc>abc@eth2 guard route-on rules-on");
}

static void assert_problem(const char *want)
{
	struct status_facts facts;

	gateway_facts(gateway, &facts);
	assert_string_equal(facts.problem ? facts.problem : "none", want);
	assert_int_equal(facts.host_problem, facts.problem != NULL);
}

/* Rules that cannot be installed do not stop the gateway: they are tried again. */
static void tries_rules_again(void **state)
{
	int64_t began_ms = loop_now_ms();

	(void)state;
	host_error = -EBUSY;
	strcpy(network, "eth1");
	gateway_network_changed(gateway);
	did[0] = '\0';
	assert_problem("the packet filter rules");

	host_error = 0;
	event_base_loop(base, EVLOOP_ONCE);
	assert_in_range(loop_now_ms() - began_ms, 900, 5000);
	assert_did("guard route-on rules-on");
	assert_problem("none");
	/* Nothing more is due. */
	assert_int_equal(event_base_get_num_events(base, EVENT_BASE_COUNT_ADDED), 0);
}

static void tries_an_unreadable_network_again(void **state)
{
	(void)state;
	strcpy(network, "broken");
	gateway_network_changed(gateway);
	assert_problem("following the network");
	strcpy(network, "eth1");
	event_base_loop(base, EVLOOP_ONCE);
	assert_did("a:abc>abc@eth1 b:abc>abc@eth1 c:abc>abc@eth1 guard route-on rules-on");
	assert_problem("none");
}

/* What is in order is left alone; what is not is put in order, and told. */
static void mends_the_host(void **state)
{
	static const struct {
		enum heal_what what;
		const char *did, *said;
	} cases[] = {
		{HEAL_RULES, "rules?", "our none rules had been taken away or changed: put up again"},
		{HEAL_GUARD, "guard?", "the guard of the NAT46 prefix had been taken away or changed: "
				       "put up again"},
		{HEAL_ROUTES, "route-on", "2 of our routes had been taken away: put up again"},
		{HEAL_FILTERS, "filters?", "the fast path had been taken from eth0, wg0: fastened "
					   "again"},
	};
	char said[HEAL_SAID_SIZE];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		taken_away = 0;
		assert_int_equal(gateway_mend(gateway, cases[i].what, said), 0);
		assert_did(cases[i].did);
		taken_away = 2;
		assert_true(gateway_mend(gateway, cases[i].what, said) > 0);
		assert_did(cases[i].did);
		assert_string_equal(said, cases[i].said);
	}
}

/* A room that is off, and what it needs, is not mended. */
static void mends_nothing_for_a_room_that_is_off(void **state)
{
	char said[HEAL_SAID_SIZE];

	(void)state;
	strcpy(file, "a");
	assert_int_equal(gateway_reload(gateway), 0);
	did[0] = '\0';
	taken_away = 2;
	for (int what = HEAL_SYSCTLS; what < HEAL_COUNT; what++)
		if (what != HEAL_ROUTES)
			assert_int_equal(gateway_mend(gateway, (enum heal_what)what, said), 0);
	assert_did("");
}

/* The host's own ports are others now: nat64 looks again, and rules follow. */
static void follows_sysctls(void **state)
{
	char said[HEAL_SAID_SIZE];

	(void)state;
	assert_int_equal(gateway_mend(gateway, HEAL_SYSCTLS, said), 1);
	assert_did("c:abc>abc@eth0 guard route-on rules-on");
}

static void start_fails_with_the_host_and_leaves_nothing(void **state)
{
	(void)state;
	host_error = -EPERM;
	assert_int_equal(gateway_set_up_host(gateway), -EPERM);
	assert_did("guard route-on rules-refused rules-off route-removed no-guard");
}

static void open_fails_with_a_room_and_leaves_nothing(void **state)
{
	(void)state;
	teardown(state);
	strcpy(file, "abC");
	did[0] = '\0';
	base = event_base_new();
	assert_int_equal(gateway_new(&gateway, "x.yaml", base), 0);
	assert_int_equal(gateway_detect(gateway), 0);
	assert_int_equal(gateway_open(gateway), -EBUSY);
	assert_did("open-a open-b open-c close-b close-a");
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(takes_all_away_in_reverse),
		TEST(reload_brings_every_room_over),
		TEST(reload_with_errors_touches_nothing),
		TEST(reload_that_a_room_refuses_is_rolled_back),
		TEST(a_room_that_cannot_go_back_keeps_what_it_borrows),
		TEST(reload_switches_rooms_off_and_on),
		TEST(a_room_opened_for_a_refused_reload_is_closed),
		TEST(follows_the_network),
		TEST(tries_rules_again),
		TEST(tries_an_unreadable_network_again),
		TEST(mends_the_host),
		TEST(mends_nothing_for_a_room_that_is_off),
		TEST(follows_sysctls),
		TEST(start_fails_with_the_host_and_leaves_nothing),
		TEST(open_fails_with_a_room_and_leaves_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
