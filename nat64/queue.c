/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The kernel hands over packets checksums filled in and segmented: NFQA_CFG_F_GSO is not
 * asked for. With it large packets would come as the kernel joined them, and without the
 * size of the segments they were joined of: the attributes say only that they were. To
 * cut them again at a guessed size could undo what a sender does who sends less than he
 * may because larger packets vanish on the way, and his transfer would stall. Segments
 * are joined again after they are translated, sizes kept (coalesce.h). What that costs:
 * with a guessed size bulk TCP was 3 to 4 times as fast.
 *
 * The verdicts of a batch go back in one system call too, most of them in one message:
 * "drop", because what is translated leaves by another way.
 */
#include "queue.h"

#include <arpa/inet.h>
#include <errno.h>
#include <event2/event.h>
#include <libmnl/libmnl.h>
#include <libnetfilter_queue/libnetfilter_queue.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nfnetlink_queue.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "../core/loop.h"
#include "../core/stats.h"

enum {
	BATCH = 128,			/* packets per system call */
	VERDICTS = 32,			/* messages per system call */
	BATCHES = 8,			/* per wake-up, so that other events get a turn */
	SMALL = 2048,			/* bytes that a usual packet and its attributes take */
	BUFFER = 0xffff + 4096,		/* and the largest */
	VERDICT_MAX = 64,		/* bytes of a verdict message, and more */
	CONFIG_BUFFER = 4096,		/* a configuration message, or its answer */
	QUEUE_LEN = 4096,		/* packets waiting in the kernel */
	RECEIVE_BUFFER = 16 << 20,	/* bytes */
};

/* Packets one after the other that get the same verdict */
struct verdict_run {
	size_t n;
	uint32_t last_id;
	enum verdict verdict;
};

struct queue {
	struct mnl_socket *socket;
	struct event *readable;
	unsigned int number;
	struct queue_handler handler;
	struct verdict_run run;		/* said, but no message yet */
	size_t held;			/* packets that the kernel keeps for us beyond a batch */
	size_t verdicts_len;		/* bytes of messages that wait to be sent */
	uint8_t verdicts[VERDICTS * VERDICT_MAX] __attribute__((aligned(8)));
	struct mmsghdr messages[BATCH];
	/* Usual packets lie close together, so that caches hold a batch; what is longer
	 * goes on in a large buffer, where its beginning is put before it. */
	struct iovec iov[BATCH][2];
	uint8_t small[BATCH][SMALL] __attribute__((aligned(8)));
	uint8_t large[BATCH][BUFFER] __attribute__((aligned(8)));
};

/* ---- verdicts ------------------------------------------------------------------ */

static void send_verdicts(struct queue *queue)
{
	/* It fails only if the queue was taken from us; then the packets are gone. */
	if (queue->verdicts_len &&
	    mnl_socket_sendto(queue->socket, queue->verdicts, queue->verdicts_len) < 0)
		stats_inc(STAT_NAT64_DROP_QUEUE);
	queue->verdicts_len = 0;
}

static void put_verdict(struct queue *queue, int message, uint32_t id, enum verdict verdict)
{
	struct nlmsghdr *header;

	if (queue->verdicts_len + VERDICT_MAX > sizeof(queue->verdicts))
		send_verdicts(queue);
	header = nfq_nlmsg_put((char *)queue->verdicts + queue->verdicts_len, message,
			       queue->number);
	nfq_nlmsg_verdict_put(header, (int)id, verdict == VERDICT_ACCEPT ? NF_ACCEPT : NF_DROP);
	queue->verdicts_len += header->nlmsg_len;
}

static void end_run(struct queue *queue)
{
	struct verdict_run *run = &queue->run;

	if (run->n)
		put_verdict(queue, run->n > 1 ? NFQNL_MSG_VERDICT_BATCH : NFQNL_MSG_VERDICT,
			    run->last_id, run->verdict);
	run->n = 0;
}

/*
 * A packet of this batch. A batch verdict is for all up to its last packet, those that
 * are held too: while there are any, each packet gets a message of its own.
 */
static void add_to_run(struct queue *queue, uint32_t id, enum verdict verdict)
{
	struct verdict_run *run = &queue->run;

	if (run->n && (run->verdict != verdict || queue->held))
		end_run(queue);
	run->n++;
	run->last_id = id;
	run->verdict = verdict;
}

void queue_flush(struct queue *queue)
{
	end_run(queue);
	send_verdicts(queue);
}

void queue_verdict(struct queue *queue, uint32_t id, enum verdict verdict)
{
	queue->held--;
	put_verdict(queue, NFQNL_MSG_VERDICT, id, verdict);
}

/* ---- packets ------------------------------------------------------------------- */

static int on_message(const struct nlmsghdr *header, void *arg)
{
	struct queue *queue = arg;
	struct nlattr *attrs[NFQA_MAX + 1] = { 0 };
	const struct nfqnl_msg_packet_hdr *packet;
	enum verdict verdict = VERDICT_ACCEPT;

	if (nfq_nlmsg_parse(header, attrs) < 0 || !attrs[NFQA_PACKET_HDR])
		return MNL_CB_OK;
	packet = mnl_attr_get_payload(attrs[NFQA_PACKET_HDR]);
	if (attrs[NFQA_PAYLOAD])
		verdict = queue->handler.packet(queue->handler.arg, ntohl(packet->packet_id),
						mnl_attr_get_payload(attrs[NFQA_PAYLOAD]),
						mnl_attr_get_payload_len(attrs[NFQA_PAYLOAD]),
						packet->hook == NF_INET_LOCAL_OUT);
	if (verdict == VERDICT_HELD) {
		end_run(queue);
		queue->held++;
	} else {
		add_to_run(queue, ntohl(packet->packet_id), verdict);
	}
	return MNL_CB_OK;
}

static void read_messages(struct queue *queue, int i, size_t len)
{
	uint8_t *data = len > SMALL ? queue->large[i] : queue->small[i];

	if (len > SMALL)
		memcpy(queue->large[i], queue->small[i], SMALL);
	mnl_cb_run(data, len, 0, 0, on_message, queue);
}

/* Return: datagrams read; 0 when there are no more. */
static int read_batch(struct queue *queue)
{
	int n = recvmmsg(mnl_socket_get_fd(queue->socket), queue->messages, BATCH, MSG_DONTWAIT,
			 NULL);

	if (n < 0) {
		/* The kernel had more than the buffer takes: packets were lost. */
		if (errno == ENOBUFS)
			stats_inc(STAT_NAT64_DROP_QUEUE);
		return errno == ENOBUFS || errno == EINTR ? 1 : 0;
	}
	for (int i = 0; i < n; i++)
		read_messages(queue, i, queue->messages[i].msg_len);
	return n;
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct queue *queue = arg;

	(void)fd;
	(void)what;
	for (int i = 0; i < BATCHES; i++) {
		int n;

		queue->handler.begin(queue->handler.arg, loop_now_ms());
		n = read_batch(queue);
		queue->handler.end(queue->handler.arg);
		queue_flush(queue);
		if (n < BATCH)
			break;
	}
}

/* ---- setting up ---------------------------------------------------------------- */

/* Send a configuration message and wait for the kernel's word on it. */
static int configure(struct queue *queue, struct nlmsghdr *header)
{
	char buf[CONFIG_BUFFER];
	ssize_t len;

	header->nlmsg_flags |= NLM_F_ACK;
	if (mnl_socket_sendto(queue->socket, header, header->nlmsg_len) < 0)
		return -errno;
	len = mnl_socket_recvfrom(queue->socket, buf, sizeof(buf));
	if (len < 0 || mnl_cb_run(buf, (size_t)len, 0, mnl_socket_get_portid(queue->socket), NULL,
				  NULL) < 0)
		return -errno;
	return 0;
}

static int bind_queue(struct queue *queue)
{
	char buf[CONFIG_BUFFER];
	struct nlmsghdr *header;
	int err;

	header = nfq_nlmsg_put(buf, NFQNL_MSG_CONFIG, queue->number);
	nfq_nlmsg_cfg_put_cmd(header, AF_UNSPEC, NFQNL_CFG_CMD_BIND);
	err = configure(queue, header);
	if (err < 0)
		return err;
	header = nfq_nlmsg_put(buf, NFQNL_MSG_CONFIG, queue->number);
	nfq_nlmsg_cfg_put_params(header, NFQNL_COPY_PACKET, 0xffff);
	nfq_nlmsg_cfg_put_qmaxlen(header, QUEUE_LEN);
	return configure(queue, header);
}

static int open_socket(struct queue *queue)
{
	int size = RECEIVE_BUFFER, fd;

	queue->socket = mnl_socket_open2(NETLINK_NETFILTER, SOCK_CLOEXEC);
	if (!queue->socket)
		return -errno;
	fd = mnl_socket_get_fd(queue->socket);
	/* Forcing the buffer is refused in a user namespace: there the system's limit holds. */
	if (mnl_socket_bind(queue->socket, 0, MNL_SOCKET_AUTOPID) < 0 ||
	    (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) < 0 &&
	     setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size)) < 0))
		return -errno;
	return 0;
}

int queue_new(struct queue **out, struct event_base *base, unsigned int number,
	      const struct queue_handler *handler)
{
	struct queue *queue = calloc(1, sizeof(*queue));
	int err;

	if (!queue)
		return -ENOMEM;
	queue->number = number;
	queue->handler = *handler;
	for (int i = 0; i < BATCH; i++) {
		queue->iov[i][0] = (struct iovec){ queue->small[i], SMALL };
		queue->iov[i][1] = (struct iovec){ queue->large[i] + SMALL, BUFFER - SMALL };
		queue->messages[i].msg_hdr.msg_iov = queue->iov[i];
		queue->messages[i].msg_hdr.msg_iovlen = 2;
	}
	err = open_socket(queue);
	if (err == 0)
		err = bind_queue(queue);
	if (err < 0)
		goto fail;
	queue->readable = event_new(base, mnl_socket_get_fd(queue->socket), EV_READ | EV_PERSIST,
				    on_readable, queue);
	if (!queue->readable || event_add(queue->readable, NULL) < 0) {
		err = -ENOMEM;
		goto fail;
	}
	*out = queue;
	return 0;

fail:
	queue_free(queue);
	return err;
}

void queue_free(struct queue *queue)
{
	if (!queue)
		return;
	if (queue->readable)
		event_free(queue->readable);
	/* Closing the socket unbinds the queue. */
	if (queue->socket)
		mnl_socket_close(queue->socket);
	free(queue);
}
