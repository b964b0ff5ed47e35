/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * 100,000 random names and targets, from the name to connect(): the addresses of every
 * connect() are judged here, by code that shares nothing with what is tested.
 */
#include "fake_resolver.h"

#include <arpa/inet.h>
#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>

#include "../../core/clients.h"
#include "../../core/throttle.h"
#include "../../core/config.h"
#include "../../core/config_routes.h"
#include "../../core/hostname.h"
#include "../../snid/race.h"
#include "../../snid/service.h"
#include "../../snid/worker.h"

enum { NAMES = 100000 };

static const char *const never[] = {
	"::/128", "::1/128", "::ffff:0:0/96", "fe80::/10", "ff00::/8",	/* RFC 4291 2.4 */
	"64:ff9b::/96", "2001:db8:64::/96", "64:ff9b:1::/96",		/* NAT64 and NAT46 */
	"2001:db8:1::1/128", "2001:db8:2::1/128",			/* the gateway's own */
};
static const char *const never4[] = {
	"0.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16", "224.0.0.0/4", "240.0.0.0/4",
	"192.0.2.1/32", "198.51.100.1/32",				/* the gateway's own */
};
static const char *const narrow[] = { "2001:db8:1::/64", "2001:db8:3::7/128" };
static const char *const narrow4[] = { "192.0.2.0/24" };
static const char *const others[] = { "2001:db8:1::/64", "2001:db8:3::/64", "2001:db8:2::/64",
				      "2001:db8:1::/120", "2606:4700::/32", "fd00::/8" };
static const char *const others4[] = { "192.0.2.0/24", "192.0.2.0/30", "8.8.8.0/24",
				       "10.0.0.0/8", "198.51.100.0/30" };
#define N(array) (sizeof(array) / sizeof((array)[0]))

static struct {
	bool wide;		/* backends are everything; else narrow[], narrow4[] */
	enum config_sni_mode mode;
	unsigned int connects, to_v4;
} world;

/* ---- random things ------------------------------------------------------------- */

static uint64_t seed = 20261125;

static uint32_t number(uint32_t below)
{
	seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
	return (uint32_t)(seed >> 33) % below;
}

/* ---- prefixes, as bits of text --------------------------------------------------- */

/* Both families as bytes; Return: how many */
static size_t parse(const char *text, uint8_t *bytes, unsigned int *bits)
{
	char addr[64];

	snprintf(addr, sizeof(addr), "%.*s", (int)(strchr(text, '/') - text), text);
	*bits = (unsigned int)atoi(strchr(text, '/') + 1);
	return inet_pton(AF_INET6, addr, bytes) == 1 ? 16 :
	       inet_pton(AF_INET, addr, bytes) == 1 ? 4 : 0;
}

static bool is_in(const char *const *prefixes, size_t n, const uint8_t *addr)
{
	for (size_t i = 0; i < n; i++) {
		unsigned int bits, same = 0;
		uint8_t bytes[16];

		assert_int_not_equal(parse(prefixes[i], bytes, &bits), 0);
		while (same < bits && ((bytes[same / 8] ^ addr[same / 8]) >> (7 - same % 8) & 1) == 0)
			same++;
		if (same == bits)
			return true;
	}
	return false;
}

/* One that lies in it, its other bits random, or few of them set */
static void random_in(const char *prefix, uint8_t *addr)
{
	unsigned int bits;
	size_t len = parse(prefix, addr, &bits);

	if (number(3) == 0)
		bits = bits > len * 8 - 3 ? bits : (unsigned int)len * 8 - 3;
	for (unsigned int bit = bits; bit < len * 8; bit++)
		if (number(2))
			addr[bit / 8] |= (uint8_t)(0x80 >> bit % 8);
}

static void random_address(enum resolver_type type, struct in6_addr *addr)
{
	uint8_t v4[4];

	if (type == RESOLVER_AAAA) {
		random_in(number(2) ? never[number(N(never))] : others[number(N(others))],
			  addr->s6_addr);
		return;
	}
	random_in(number(2) ? never4[number(N(never4))] : others4[number(N(others4))], v4);
	memset(addr, 0, sizeof(*addr));
	addr->s6_addr[10] = addr->s6_addr[11] = 0xff;
	memcpy(&addr->s6_addr[12], v4, 4);
}

/* ---- in the place of the kernel -------------------------------------------------- */

static void judge(const uint8_t *addr, bool is_v4)
{
	world.connects++;
	world.to_v4 += is_v4;
	if (is_v4) {
		assert_int_equal(world.mode, CONFIG_SNI_TCP);
		assert_false(is_in(never4, N(never4), addr));
		assert_true(world.wide || is_in(narrow4, N(narrow4), addr));
		/* 0.0.0.0/0 is not meant to hold private networks. */
		assert_false(addr[0] == 10);
	} else {
		assert_false(is_in(never, N(never), addr));
		assert_true(world.wide || is_in(narrow, N(narrow), addr));
	}
}

int connect(int fd, __CONST_SOCKADDR_ARG to, socklen_t len)
{
	struct sockaddr_storage ss;

	(void)fd;
	memset(&ss, 0, sizeof(ss));
	memcpy(&ss, to.__sockaddr__, len < sizeof(ss) ? len : sizeof(ss));
	if (ss.ss_family == AF_INET)
		judge((const uint8_t *)&((struct sockaddr_in *)&ss)->sin_addr, true);
	else if (ss.ss_family == AF_INET6)
		judge(((struct sockaddr_in6 *)&ss)->sin6_addr.s6_addr, false);
	else
		fail();
	errno = ECONNREFUSED;
	return -1;
}

int bind(int fd, __CONST_SOCKADDR_ARG at, socklen_t len)
{
	(void)fd;
	(void)at;
	(void)len;
	return 0;
}

void worker_stagger(struct worker *worker, struct deadline *deadline)
{
	(void)worker;
	(void)deadline;
	fail();		/* no server is waited for */
}

/* ---- a client -------------------------------------------------------------------------- */

static void raced(void *arg, int fd, watch_id watch, uint32_t what)
{
	(void)arg;
	(void)fd;
	(void)watch;
	(void)what;
	fail();
}

static void found(void *arg, enum route_verdict verdict)
{
	*(enum route_verdict *)arg = verdict;
}

static void random_services(struct resolver_records *records)
{
	static const uint16_t ports[] = { 443, 5223, 5270, 22, 0, 53 };
	static const char *const targets[] = { "", "a.example", "127.0.0.1", "b.example", "..", "x" };

	for (uint32_t n = number(6); n; n--)
		fake_add_service(records, (uint16_t)number(3), (uint16_t)number(5),
				 ports[number(N(ports))], targets[number(N(targets))]);
}

/* Whatever is asked is answered, until nothing is asked any more. */
static void answer_all(void)
{
	for (size_t i = 0; i < FAKE_QUESTIONS_MAX && fake_pending(); i++) {
		struct resolver_query *q = &fake.questions[i % 32];
		struct resolver_records records = { .status = number(20) ? RESOLVER_OK :
							      (enum resolver_status)number(4) };

		if (!q->used)
			continue;
		records.rcode = number(20) ? 0 : (uint8_t)number(6);
		if (records.status == RESOLVER_OK && records.rcode == 0 && q->type == RESOLVER_SRV)
			random_services(&records);
		else if (records.status == RESOLVER_OK && records.rcode == 0)
			for (uint32_t n = number(RESOLVER_ADDRESSES_MAX); n; n--)
				random_address(q->type, &records.addrs[records.n_addrs++]);
		fake_end(q, &records);
	}
	assert_int_equal(fake_pending(), 0);
}

/* Letters, digits and, now and then, any byte */
static size_t random_name(uint8_t *name, size_t size)
{
	static const char letters[] = "abcXYZ019-_..";
	size_t len = number((uint32_t)(number(10) ? 20 : size));

	for (size_t i = 0; i < len; i++)
		name[i] = (uint8_t)(number(200) ? (uint32_t)letters[number(N(letters) - 1)] :
						  number(256));
	return len;
}

static void connect_once(struct worker *worker, const struct service *service)
{
	static const char *const alpns[] = { "", "h2", "xmpp-client", "xmpp-server" };
	struct endpoint client = { .port = 40000 };
	enum route_verdict verdict;
	struct race race;
	uint8_t raw[300];
	char name[HOSTNAME_STRLEN];

	assert_true(addr_parse("203.0.113.7", &client.addr));
	if (hostname_normalise(raw, random_name(raw, sizeof(raw)), name))
		return;
	race = (struct race){ .worker = worker, .service = service, .client = &client,
			      .name = name, .fn = raced };
	race.route = route_new(worker->resolve, 1, found, &verdict);
	verdict = route_find(race.route, service, name, alpns[number(N(alpns))]);
	answer_all();
	assert_int_not_equal(verdict, ROUTE_WAIT);
	if (verdict == ROUTE_FOUND)
		assert_false(race_run(&race));
	race_end(&race);
	route_free(race.route);
}

static void add(struct prefix_list *list, const char *text)
{
	struct prefix prefix;

	assert_null(prefix_parse(text, &prefix));
	assert_int_equal(prefix_list_add(list, &prefix), 0);
}

static void run(enum config_sni_mode mode, bool wide)
{
	struct config config = { .inside.keyword = true, .dns64.clients.keyword = true,
				 .nat64 = { .clients.keyword = true, .deny4.keyword = true },
				 .snid.backends.keyword = true };
	struct worker *worker = calloc(1, sizeof(*worker));
	struct sni_route routes[] = {
		{ .name = (char[]){ "a" }, .below = true }, { .name = (char[]){ "b" } },
		{ .name = (char[]){ "c" }, .below = true, .port = 22 },
	};
	const struct sni_route *by_name[N(routes)];
	struct clients *clients = clients_new();
	struct resolve_shares shares = { .clients = clients, .throttle = throttle_new(),
					 .new_per_client = UINT32_MAX };
	struct prefix_list backends = { 0 };
	struct netinfo net = { .links.n = 0 };
	struct addrmap *map;
	struct service service = { .mode = mode, .server_port = 443, .backends = &backends,
				   .routes = by_name, .n_routes = N(routes) };

	for (size_t i = 0; i < N(routes); i++)
		by_name[i] = &routes[i];
	config_routes_sort(by_name, N(routes));
	add(&config.prefixes.nat64, "2001:db8:64::/96");
	assert_null(prefix_parse("64:ff9b:1::/96", &config.prefixes.nat46));
	add(&net.own, "2001:db8:1::1/128");
	add(&net.own, "2001:db8:2::1/128");
	add(&net.own, "192.0.2.1/32");
	add(&net.own, "198.51.100.1/32");
	for (size_t i = 0; i < N(narrow) && !wide; i++)
		add(&backends, narrow[i]);
	for (size_t i = 0; i < N(narrow4) && !wide; i++)
		add(&backends, narrow4[i]);
	if (wide) {
		add(&backends, "::/0");
		add(&backends, "0.0.0.0/0");
	}
	worker->map = map = addrmap_new(&config, &net);
	worker->base = event_base_new();
	worker->watcher = watcher_new(worker->base);
	clients_set_limits(clients, UINT32_MAX, UINT32_MAX);
	worker->resolve = resolve_new(&shares);
	resolve_set(worker->resolve, (struct resolver *)1, 3600000);
	dial_ports_read(&worker->ports);

	world.wide = wide;
	world.mode = mode;
	world.connects = world.to_v4 = 0;
	for (int i = 0; i < NAMES / 4; i++) {
		for (size_t k = 0; k < N(routes); k++)
			random_address(number(2) ? RESOLVER_A : RESOLVER_AAAA, &routes[k].backend);
		if (i % 100 == 0)
			memset(&worker->fails, 0, sizeof(worker->fails));
		connect_once(worker, &service);
	}
	/* It does connect, where it may. */
	assert_true(world.connects > NAMES / 100);
	assert_true(mode != CONFIG_SNI_TCP || world.to_v4 > NAMES / 1000);

	resolve_free(worker->resolve);
	clients_free(clients);
	throttle_free(shares.throttle);
	watcher_free(worker->watcher);
	event_base_free(worker->base);
	addrmap_free(map);
	prefix_list_free(&backends);
	netinfo_free(&net);
	prefix_list_free(&config.prefixes.nat64);
	free(worker);
}

/* Traps 1 to 9, with the list that a gateway has */
static void test_nat46_narrow(void **state)
{
	(void)state;
	run(CONFIG_SNI_NAT46, false);
}

static void test_tcp_narrow(void **state)
{
	(void)state;
	run(CONFIG_SNI_TCP, false);
}

/* A list as wide as can be opens none of what is never one. */
static void test_nat46_wide(void **state)
{
	(void)state;
	run(CONFIG_SNI_NAT46, true);
}

static void test_tcp_wide(void **state)
{
	(void)state;
	run(CONFIG_SNI_TCP, true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nat46_narrow),
		cmocka_unit_test(test_tcp_narrow),
		cmocka_unit_test(test_nat46_wide),
		cmocka_unit_test(test_tcp_wide),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
