/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Load for proxies that find their server by the name in a ClientHello: the clients, and
 * the server behind the proxy.
 *
 *   snid_load server PORT
 *   snid_load short|up|down|idle TARGET PORT NAME AT_ONCE SECONDS [SOURCE...]
 *
 * A connection begins with a ClientHello, whose random says what it is about:
 *   short   the server answers with ANSWER_LEN bytes and closes; then the next one
 *   up      the client sends until the time is over; down: the server does
 *   idle    nothing more; "ready" is printed once all AT_ONCE connections are there
 * Connections come from the SOURCE addresses in turn. At the end one line of JSON tells how
 * many connections there were, how many failed, and the bytes and seconds of the transfer.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
	HELLO_LEN = 517,		/* what browsers padded theirs to for years */
	MODE_AT = 11,			/* the first byte of the random */
	ANSWER_LEN = 1024,
	EVENTS = 256,
	BLOCK_LEN = 256 * 1024,
	OPENING_MAX = 128,		/* handshakes under way at once */
	SOURCES_MAX = 64,
	WARM_UP_MS = 300,
	BACKLOG = 8192,
	FDS_MAX = 1 << 20,
};

static uint8_t block[BLOCK_LEN];

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void watch(int epoll, int fd)
{
	struct epoll_event event = {
		.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET,
		.data.fd = fd,
	};

	if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) < 0)
		die("epoll_ctl");
}

static void set_option(int fd, int level, int option)
{
	int on = 1;

	if (setsockopt(fd, level, option, &on, sizeof(on)) < 0)
		die("setsockopt");
}

static void raise_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		die("getrlimit");
	limit.rlim_cur = limit.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &limit) < 0)
		die("setrlimit");
}

/* Return: all that can be read now was read, and more may come. */
static bool swallow(int fd, uint64_t *bytes)
{
	for (;;) {
		ssize_t n = recv(fd, block, sizeof(block), 0);

		if (n < 0)
			return errno == EAGAIN;
		if (n == 0)
			return false;
		*bytes += (uint64_t)n;
	}
}

/* Return: the receiver takes no more for now. */
static bool pour(int fd, uint64_t *bytes)
{
	for (;;) {
		ssize_t n = send(fd, block, sizeof(block), MSG_NOSIGNAL);

		if (n < 0)
			return errno == EAGAIN;
		*bytes += (uint64_t)n;
	}
}

/* ---- the server ------------------------------------------------------------ */

static uint8_t modes[FDS_MAX];		/* by descriptor; 0 = no hello yet */

/* Return: the connection goes on. */
static bool serve(int fd)
{
	uint64_t bytes = 0;
	ssize_t n;

	if (modes[fd] == 0) {
		n = recv(fd, block, HELLO_LEN, 0);
		if (n < 0)
			return errno == EAGAIN;
		if (n <= MODE_AT)
			return false;
		modes[fd] = block[MODE_AT];
	}
	switch (modes[fd]) {
	case 's':
		send(fd, block, ANSWER_LEN, MSG_NOSIGNAL);
		return false;
	case 'd':
		return pour(fd, &bytes);
	default:
		return swallow(fd, &bytes);
	}
}

static void serve_or_close(int fd)
{
	if (serve(fd))
		return;
	modes[fd] = 0;
	close(fd);
}

static void take(int epoll, int listener)
{
	int fd;

	while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
		if (fd >= FDS_MAX)
			exit(1);
		modes[fd] = 0;
		if (!serve(fd))
			close(fd);
		else
			watch(epoll, fd);
	}
}

static _Noreturn void run_server(const char *port)
{
	struct sockaddr_in6 at = { .sin6_family = AF_INET6, .sin6_port = htons((uint16_t)atoi(port)) };
	int listener = socket(AF_INET6, SOCK_STREAM | SOCK_NONBLOCK, 0), epoll = epoll_create1(0);
	struct epoll_event events[EVENTS];

	set_option(listener, SOL_SOCKET, SO_REUSEADDR);
	if (bind(listener, (struct sockaddr *)&at, sizeof(at)) < 0 || listen(listener, BACKLOG) < 0)
		die("listen");
	watch(epoll, listener);
	for (;;) {
		int n = epoll_wait(epoll, events, EVENTS, -1);

		for (int i = 0; i < n; i++) {
			if (events[i].data.fd == listener)
				take(epoll, listener);
			else
				serve_or_close(events[i].data.fd);
		}
	}
}

/* ---- the clients ----------------------------------------------------------- */

static struct {
	char mode;			/* the first letter of its name */
	struct sockaddr_storage target;
	struct sockaddr_in sources[SOURCES_MAX];
	size_t n_sources, next_source;
	uint8_t hello[HELLO_LEN];
	int epoll;
	unsigned int wanted, open, opening;	/* connections */
	bool over;				/* none is begun any more */
	uint64_t done, failed, bytes;
} load;

struct client {
	bool said;			/* the hello was sent */
	bool open;
	uint64_t heard;			/* bytes */
};

static struct client clients[FDS_MAX];	/* by descriptor */

static uint8_t *put16(uint8_t *at, size_t value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
	return at + 2;
}

/* RFC 8446 5.1, 4, 4.1.2; the extensions server_name, supported_versions and padding */
static void make_hello(const char *name)
{
	uint8_t *at = load.hello;
	size_t len = strlen(name);

	memcpy(at, "\x16\x03\x01", 3);
	at = put16(at + 3, HELLO_LEN - 5);
	*at++ = 1;
	*at++ = 0;
	at = put16(at, HELLO_LEN - 9);
	at = put16(at, 0x0303);
	memset(at, 0x5a, 32);
	*at = (uint8_t)load.mode;
	at += 32;
	*at++ = 32;
	memset(at, 0xa5, 32);
	at = put16(at + 32, 2);
	at = put16(at, 0x1301);
	at = put16(at, 0x0100);
	at = put16(at, (size_t)(load.hello + HELLO_LEN - at) - 2);
	at = put16(at, 0);
	at = put16(at, len + 5);
	at = put16(at, len + 3);
	*at++ = 0;
	at = put16(at, len);
	memcpy(at, name, len);
	at = put16(at + len, 43);
	memcpy(at, "\x00\x03\x02\x03\x04", 5);
	at = put16(at + 5, 21);
	put16(at, (size_t)(load.hello + HELLO_LEN - at) - 2);
}

static void end_client(int fd, bool good)
{
	struct client *client = &clients[fd];

	close(fd);
	load.open--;
	load.opening -= !client->said;
	load.done += good;
	load.failed += !good;
	*client = (struct client){ 0 };
}

/* So many connections leave no TIME_WAIT, which would be in the next proxy's way. */
static void end_by_reset(int fd)
{
	struct linger linger = { .l_onoff = 1, .l_linger = 0 };

	if (setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger)) < 0)
		die("setsockopt");
}

static void begin_client(void)
{
	int family = load.target.ss_family;
	int fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK, 0);
	socklen_t len = family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6);

	if (fd < 0 || fd >= FDS_MAX)
		die("socket");
	if (load.mode == 'i')
		end_by_reset(fd);
	if (load.n_sources > 0 && family == AF_INET) {
		const struct sockaddr_in *source = &load.sources[load.next_source++ % load.n_sources];

		set_option(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT);
		if (bind(fd, (const struct sockaddr *)source, sizeof(*source)) < 0)
			die("bind");
	}
	if (connect(fd, (struct sockaddr *)&load.target, len) < 0 && errno != EINPROGRESS)
		die("connect");
	clients[fd].open = true;
	load.open++;
	load.opening++;
	watch(load.epoll, fd);
}

static void begin_clients(void)
{
	while (!load.over && load.open < load.wanted && load.opening < OPENING_MAX)
		begin_client();
}

static bool say_hello(int fd)
{
	if (send(fd, load.hello, HELLO_LEN, MSG_NOSIGNAL) != HELLO_LEN)
		return false;
	clients[fd].said = true;
	load.opening--;
	return true;
}

static void on_client(int fd, uint32_t what)
{
	struct client *client = &clients[fd];

	if (!client->open)
		return;
	if (!client->said && (!(what & EPOLLOUT) || (what & EPOLLERR) || !say_hello(fd))) {
		end_client(fd, false);
		return;
	}
	if (load.mode == 'u') {
		if (!pour(fd, &load.bytes))
			end_client(fd, false);
		return;
	}
	if (!swallow(fd, load.mode == 'd' ? &load.bytes : &client->heard))
		end_client(fd, load.mode == 's' && client->heard == ANSWER_LEN);
}

static void run_events(int timeout_ms)
{
	struct epoll_event events[EVENTS];
	int n = epoll_wait(load.epoll, events, EVENTS, timeout_ms);

	for (int i = 0; i < n; i++)
		on_client(events[i].data.fd, events[i].events);
}

static void wait_for_all(void)
{
	while (load.open < load.wanted || load.opening > 0) {
		begin_clients();
		run_events(100);
	}
}

static void report(int64_t started_ms)
{
	printf("{\"connections\": %llu, \"failed\": %llu, \"bytes\": %llu, \"seconds\": %.3f}\n",
	       (unsigned long long)load.done, (unsigned long long)load.failed,
	       (unsigned long long)load.bytes, (double)(now_ms() - started_ms) / 1000);
}

static void run_until(int64_t end_ms)
{
	while (now_ms() < end_ms) {
		begin_clients();
		run_events(100);
	}
}

static int run_clients(int seconds)
{
	int64_t started_ms;

	if (load.mode == 'i') {
		wait_for_all();
		puts("ready");
		fflush(stdout);
	} else if (load.mode != 's') {
		wait_for_all();
		run_until(now_ms() + WARM_UP_MS);
		load.bytes = 0;
	}
	started_ms = now_ms();
	run_until(started_ms + seconds * 1000);
	report(started_ms);
	return 0;
}

static void set_target(const char *address, const char *port)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)(void *)&load.target;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)(void *)&load.target;

	if (inet_pton(AF_INET, address, &v4->sin_addr) == 1) {
		v4->sin_family = AF_INET;
		v4->sin_port = htons((uint16_t)atoi(port));
	} else if (inet_pton(AF_INET6, address, &v6->sin6_addr) == 1) {
		v6->sin6_family = AF_INET6;
		v6->sin6_port = htons((uint16_t)atoi(port));
	} else {
		die(address);
	}
}

int main(int argc, char **argv)
{
	raise_limit();
	if (argc == 3 && strcmp(argv[1], "server") == 0)
		run_server(argv[2]);
	if (argc < 7 || argc - 7 > SOURCES_MAX) {
		fprintf(stderr, "see the top of %s\n", __FILE__);
		return 2;
	}
	load.mode = argv[1][0];
	load.wanted = (unsigned int)atoi(argv[5]);
	load.epoll = epoll_create1(0);
	set_target(argv[2], argv[3]);
	make_hello(argv[4]);
	for (int i = 7; i < argc; i++) {
		struct sockaddr_in *source = &load.sources[load.n_sources++];

		source->sin_family = AF_INET;
		if (inet_pton(AF_INET, argv[i], &source->sin_addr) != 1)
			die(argv[i]);
	}
	return run_clients(atoi(argv[6]));
}
