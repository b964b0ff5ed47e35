/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What travels through here: lines of JSON from local clients. In the order of
 * a client's life: accepted and checked (may this peer ask?), read from (one
 * line at a time), answered, closed. All of it in the main loop, so nothing here
 * may block it.
 */
#include <errno.h>
#include <grp.h>
#include <json-c/json.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/listener.h>

#include "../core/log.h"
#include "control.h"

enum {
	JSON_DEPTH_MAX = 8,
	GROUPS_MAX = 64,	/* supplementary groups of a peer that we look at */
	DIRECTORY_MODE = 0750,
	SOCKET_MODE = 0660,
	LOCK_TRIES = 40,
	LOCK_WAIT_US = 50000,
	ACCEPT_REST_MS = 100,	/* while there are no descriptors */
};

/* A request that is answered later */
struct control_call {
	struct client *client;
	control_cancel_fn *cancel;
	void *arg;
};

struct client {
	struct control *control;
	struct bufferevent *stream;
	struct control_call *call;	/* while its reply is waited for, or NULL */
	bool refused;		/* close as soon as it has been told why */
	LIST_ENTRY(client) link;
};

struct control {
	struct event_base *base;
	struct evconnlistener *listener;
	struct event *rest;	/* until it listens again */
	struct sockaddr_un address;
	uid_t uid;		/* who may ask, besides root */
	gid_t gid;
	struct timeval idle;
	control_answer_fn *answer;
	void *arg;
	LIST_HEAD(client_list, client) clients;
	unsigned int n_clients;
	struct client *answering;	/* whose request is being answered, or NULL */
};

static void client_close(struct client *client)
{
	if (client->call) {
		client->call->cancel(client->call->arg);
		free(client->call);
	}
	LIST_REMOVE(client, link);
	client->control->n_clients--;
	bufferevent_free(client->stream);
	free(client);
}

/* Nothing is read while a reply is on its way, so that only its own progress counts. */
static bool reply(struct client *client, struct json_object *object)
{
	const char *text = object ? json_object_to_json_string_ext(object,
								   JSON_C_TO_STRING_PLAIN) : NULL;
	struct evbuffer *out = bufferevent_get_output(client->stream);
	bool sent = text && evbuffer_add_printf(out, "%s\n", text) >= 0;

	json_object_put(object);
	return sent && bufferevent_disable(client->stream, EV_READ) == 0;
}

static struct json_object *error_object(const char *why)
{
	struct json_object *object = json_object_new_object();

	if (object)
		json_object_object_add(object, "error", json_object_new_string(why));
	return object;
}

/* Return: false when out of memory. */
static bool answer_request(struct client *client, struct json_object *request)
{
	struct control *control = client->control;
	struct json_object *answer;

	control->answering = client;
	answer = control->answer(control->arg, control, request);
	control->answering = NULL;
	if (client->call)
		return bufferevent_disable(client->stream, EV_READ) == 0;
	return reply(client, answer);
}

/* One line in, one line out. Return: false when out of memory. */
static bool answer_line(struct client *client, const char *line, size_t len)
{
	struct json_tokener *tokener = json_tokener_new_ex(JSON_DEPTH_MAX);
	struct json_object *request;
	const char *wrong = NULL;
	bool ok;

	if (!tokener)
		return false;
	/* Strict: nothing may follow the value on its line. */
	json_tokener_set_flags(tokener, JSON_TOKENER_STRICT);
	/* The NUL that ends the line tells the parser that a bare number is complete. */
	request = json_tokener_parse_ex(tokener, line, (int)len + 1);
	if (json_tokener_get_error(tokener) != json_tokener_success)
		wrong = json_tokener_error_desc(json_tokener_get_error(tokener));
	else if (!json_object_is_type(request, json_type_object))
		wrong = "a request is a JSON object";
	ok = wrong ? reply(client, error_object(wrong)) : answer_request(client, request);
	json_object_put(request);
	json_tokener_free(tokener);
	return ok;
}

/* Answer the next line, or wait for one; no reply is on its way. */
static void client_readable(struct bufferevent *stream, void *arg)
{
	struct evbuffer *in = bufferevent_get_input(stream);
	struct client *client = arg;
	bool ok = true;
	size_t len;
	char *line;

	line = evbuffer_readln(in, &len, EVBUFFER_EOL_LF);
	if (line && len < CONTROL_LINE_MAX) {
		ok = answer_line(client, line, len);
	} else if (line || evbuffer_get_length(in) >= CONTROL_LINE_MAX) {
		client->refused = true;
		ok = reply(client, error_object("the request is too long"));
	} else {
		ok = bufferevent_enable(stream, EV_READ) == 0;
	}
	free(line);
	if (!ok)
		client_close(client);
}

/* A reply is out: close, or take the next line that came meanwhile. */
static void client_written(struct bufferevent *stream, void *arg)
{
	struct client *client = arg;

	if (client->refused)
		client_close(client);
	else
		client_readable(stream, client);
}

struct control_call *control_later(struct control *control, control_cancel_fn *cancel,
				   void *arg)
{
	struct control_call *call = calloc(1, sizeof(*call));

	if (call) {
		*call = (struct control_call){ control->answering, cancel, arg };
		control->answering->call = call;
	}
	return call;
}

void control_reply(struct control_call *call, struct json_object *object)
{
	struct client *client = call->client;

	client->call = NULL;
	free(call);
	if (!reply(client, object))
		client_close(client);
}

/* A client may send its requests and shut down its side at once: that is seen when all are
 * answered. */
static void client_event(struct bufferevent *stream, short what, void *arg)
{
	(void)stream;
	(void)what;
	client_close(arg);
}

/* root, our user, or a member of our user's group? */
static bool may_ask(const struct control *control, int fd)
{
	gid_t groups[GROUPS_MAX];
	socklen_t len = sizeof(groups);
	struct ucred peer;
	socklen_t peer_len = sizeof(peer);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &peer_len) < 0)
		return false;
	if (peer.uid == 0 || peer.uid == control->uid || peer.gid == control->gid)
		return true;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &len) < 0)
		return false;
	for (size_t i = 0; i < len / sizeof(groups[0]); i++)
		if (groups[i] == control->gid)
			return true;
	return false;
}

/* Strangers are not told why; who may ask is, or he would think that he may not. */
static bool is_refused(const struct control *control, int fd)
{
	static const char too_many[] = "{\"error\":\"too many ask at once\"}\n";

	if (!may_ask(control, fd)) {
		log_limited(LOG_LEVEL_WARN, "control: a client was refused: it may not ask");
		return true;
	}
	if (control->n_clients < CONTROL_CLIENTS_MAX)
		return false;
	log_limited(LOG_LEVEL_WARN, "control: a client was refused: too many at once");
	if (send(fd, too_many, sizeof(too_many) - 1, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
		log_debug("control: it could not be told: %s", strerror(errno));
	return true;
}

static void client_accept(struct evconnlistener *listener, evutil_socket_t fd,
			  struct sockaddr *from, int from_len, void *arg)
{
	struct control *control = arg;
	struct client *client;

	(void)listener;
	(void)from;
	(void)from_len;
	if (is_refused(control, fd)) {
		close(fd);
		return;
	}
	client = calloc(1, sizeof(*client));
	if (!client) {
		close(fd);
		return;
	}
	client->stream = bufferevent_socket_new(control->base, fd, BEV_OPT_CLOSE_ON_FREE);
	if (!client->stream) {
		free(client);
		close(fd);
		return;
	}
	client->control = control;
	LIST_INSERT_HEAD(&control->clients, client, link);
	control->n_clients++;
	bufferevent_setcb(client->stream, client_readable, client_written, client_event, client);
	bufferevent_setwatermark(client->stream, EV_READ, 0, CONTROL_LINE_MAX);
	bufferevent_set_timeouts(client->stream, &control->idle, &control->idle);
	bufferevent_enable(client->stream, EV_READ | EV_WRITE);
}

/* Level-triggered and not to be had: do not spin on it. */
static void cannot_accept(struct evconnlistener *listener, void *arg)
{
	struct timeval rest = { .tv_usec = ACCEPT_REST_MS * 1000L };
	struct control *control = arg;

	log_limited(LOG_LEVEL_WARN, "control: cannot accept: %s", strerror(errno));
	if (evtimer_add(control->rest, &rest) == 0)
		evconnlistener_disable(listener);
}

static void accept_again(evutil_socket_t fd, short what, void *arg)
{
	struct control *control = arg;

	(void)fd;
	(void)what;
	evconnlistener_enable(control->listener);
}

/* The directory that @path lies in, as text in @directory. */
static int directory_of(const char *path, char *directory, size_t size)
{
	char *slash;

	if (strlen(path) >= size)
		return -ENAMETOOLONG;
	strcpy(directory, path);
	slash = strrchr(directory, '/');
	if (!slash || slash == directory)
		return -EINVAL;
	*slash = '\0';
	return 0;
}

int control_prepare(const char *path, const char *user)
{
	char directory[sizeof(((struct sockaddr_un *)0)->sun_path)];
	const struct passwd *pw = geteuid() == 0 ? getpwnam(user) : NULL;
	int err = directory_of(path, directory, sizeof(directory));

	if (!err && mkdir(directory, DIRECTORY_MODE) < 0)
		err = errno == EEXIST ? 0 : -errno;
	/* Only the directory just made is given away: one that is there already may be
	 * its owner's, who could put a link in the place of whatever we name. */
	else if (!err && pw && chown(directory, pw->pw_uid, pw->pw_gid) < 0)
		err = -errno;
	if (err)
		log_error("control: cannot make the directory of %s: %s", path, strerror(-err));
	return err;
}

/* Return: a descriptor of the socket's directory, locked against another gate64 that
 * starts now, or -errno. */
static int lock_directory(const struct control *control)
{
	char directory[sizeof(control->address.sun_path)];
	int err = directory_of(control->address.sun_path, directory, sizeof(directory));
	int fd = err ? err : open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return err ? err : -errno;
	for (int i = 0; i < LOCK_TRIES; i++) {
		if (flock(fd, LOCK_EX | LOCK_NB) == 0)
			return fd;
		usleep(LOCK_WAIT_US);
	}
	close(fd);
	return -EBUSY;
}

/* Bind to the path, unless somebody answers there already. */
static int bind_socket(const struct control *control, int fd)
{
	const struct sockaddr *address = (const struct sockaddr *)&control->address;
	const char *path = control->address.sun_path;
	int probe = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	struct stat st;
	mode_t mask;
	int err, bound;

	if (probe < 0)
		return -errno;
	/* EAGAIN: somebody listens and has a full backlog. */
	err = connect(probe, address, sizeof(control->address)) == 0 ? EISCONN : errno;
	close(probe);
	if (err == EISCONN || err == EAGAIN)
		return -EADDRINUSE;
	if (err == ECONNREFUSED && lstat(path, &st) == 0 && S_ISSOCK(st.st_mode) &&
	    unlink(path) < 0)
		return -errno;
	/* Born with its mode: a path is not to be trusted from one call to the next. */
	mask = umask(0777 & ~SOCKET_MODE);
	bound = bind(fd, address, sizeof(control->address));
	umask(mask);
	if (bound < 0)
		return err == ECONNREFUSED && errno == EADDRINUSE ? -ENOTSOCK : -errno;
	return 0;
}

static int listen_at(struct control *control)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int directory, err;

	if (fd < 0)
		return -errno;
	err = directory = lock_directory(control);
	if (directory < 0)
		goto close_socket;
	err = bind_socket(control, fd);
	/* The lock is held until we listen: who starts next finds us answering. */
	if (!err) {
		control->listener = evconnlistener_new(control->base, client_accept, control,
						       LEV_OPT_CLOSE_ON_FREE |
						       LEV_OPT_CLOSE_ON_EXEC,
						       CONTROL_CLIENTS_MAX, fd);
		if (!control->listener) {
			unlink(control->address.sun_path);
			err = -ENOMEM;
		} else {
			evconnlistener_set_error_cb(control->listener, cannot_accept);
		}
	}
	close(directory);
	if (!err)
		return 0;
close_socket:
	close(fd);
	return err;
}

int control_open(struct control **out, struct event_base *base, const char *path,
		 unsigned int idle_ms, control_answer_fn *answer, void *arg)
{
	struct control *control = calloc(1, sizeof(*control));
	int err;

	if (!control)
		return -ENOMEM;
	*control = (struct control){
		.base = base,
		.address = { .sun_family = AF_UNIX },
		.idle = { .tv_sec = idle_ms / 1000, .tv_usec = (idle_ms % 1000) * 1000L },
		.answer = answer,
		.arg = arg,
	};
	LIST_INIT(&control->clients);
	control->uid = geteuid();
	control->gid = getegid();
	control->rest = evtimer_new(base, accept_again, control);
	if (!control->rest) {
		err = -ENOMEM;
	} else if (strlen(path) >= sizeof(control->address.sun_path)) {
		err = -ENAMETOOLONG;
	} else {
		strcpy(control->address.sun_path, path);
		err = listen_at(control);
	}
	if (err == -EADDRINUSE)
		log_error("control: another gate64 runs already and answers at %s", path);
	else if (err)
		log_error("control: cannot listen at %s: %s", path, strerror(-err));
	if (err)
		goto release;
	*out = control;
	return 0;
release:
	if (control->rest)
		event_free(control->rest);
	free(control);
	return err;
}

void control_close(struct control *control)
{
	if (!control)
		return;
	while (!LIST_EMPTY(&control->clients))
		/* The analyser cannot follow le_prev, by which the list forgets the client. */
		/* NOLINTNEXTLINE(clang-analyzer-unix.Malloc) */
		client_close(LIST_FIRST(&control->clients));
	evconnlistener_free(control->listener);
	event_free(control->rest);
	if (unlink(control->address.sun_path) < 0)
		log_debug("control: %s stays: %s", control->address.sun_path, strerror(errno));
	free(control);
}
