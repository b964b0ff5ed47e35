/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * libfyaml's events in, a tree of struct yaml_node out.
 *
 * Events rather than libfyaml's documents: every node keeps its place, a key
 * that stands twice is ours to report (and no end to reading), and depth and
 * number of nodes are bounded here, whatever the text.
 */
#include "config_yaml.h"

#include <libfyaml.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

#include "config_report.h"

enum {
	DEPTH_MAX = 16,
	NODES_MAX = 20000,
	MEMBERS_MAX = 256,	/* of one mapping; they are compared with each other */
	SCALAR_MAX = 4096,	/* bytes */
};

struct builder {
	struct config_report *report;
	struct yaml_node *root;
	struct yaml_node *open[DEPTH_MAX];	/* the containers we are in */
	size_t depth, n_nodes;
	char *key;		/* read, its value not yet; owned */
	size_t key_pos;
	size_t pos;		/* of the last event that had a place */
	bool ended;		/* the text was read to its end */
};

void config_yaml_free(struct yaml_node *node)
{
	struct yaml_node *child, *next;

	if (!node)
		return;
	for (child = node->first; child; child = next) {
		next = child->next;
		config_yaml_free(child);	/* at most DEPTH_MAX deep */
	}
	free(node->text);
	free(node->key);
	free(node);
}

const struct yaml_node *config_yaml_member(const struct yaml_node *map, const char *key)
{
	for (const struct yaml_node *node = map->first; node; node = node->next)
		if (strcmp(node->key, key) == 0)
			return node;
	return NULL;
}

/* Where a token stands: libfyaml's marks are behind an opening quote and behind the
 * sign of an anchor or alias. */
static size_t token_pos(const struct builder *builder, const struct fy_mark *mark)
{
	size_t pos = mark->input_pos;

	return pos > 0 && strchr("\"'&*", builder->report->text[pos - 1]) ? pos - 1 : pos;
}

/*
 * Copy a scalar's text to @buf, at most SCALAR_MAX + 1 bytes. Piece by piece, as
 * fy_token_get_text() makes room for what it guesses and leaks where that is too
 * little, and fy_token_iter_read() overwrites one piece with the next (both in
 * libfyaml 0.7.12).
 * Return: the length, or -1.
 */
static ssize_t copy_text(struct fy_token *token, char *buf)
{
	struct fy_token_iter *iter = fy_token_iter_create(token);
	const struct fy_iter_chunk *piece = NULL;
	size_t len = 0;
	int err = 0;

	if (!iter)
		return -1;
	while (len <= SCALAR_MAX && (piece = fy_token_iter_chunk_next(iter, piece, &err))) {
		size_t part = SCALAR_MAX + 1 - len;

		part = piece->len < part ? piece->len : part;
		memcpy(buf + len, piece->str, part);
		len += part;
	}
	fy_token_iter_destroy(iter);
	return err ? -1 : (ssize_t)len;
}

/* The text of a scalar, owned by the caller; NULL after an error was reported. */
static char *scalar_text(struct builder *builder, struct fy_token *token)
{
	char buf[SCALAR_MAX + 1], *text = NULL;
	ssize_t len = token ? copy_text(token, buf) : 0;

	if (len < 0)
		config_report_error(builder->report, builder->pos, "this text cannot be read");
	else if (len > SCALAR_MAX)
		config_report_error(builder->report, builder->pos,
				    "a text of more than %d bytes", SCALAR_MAX);
	else if (memchr(buf, '\0', (size_t)len))
		config_report_error(builder->report, builder->pos, "a NUL character");
	else if (!(text = strndup(buf, (size_t)len)))
		config_report_error(builder->report, CONFIG_NOWHERE, "out of memory");
	return text;
}

static bool is_null(struct fy_token *token, const char *text)
{
	if (token && fy_token_scalar_style(token) != FYSS_PLAIN)
		return false;
	return !*text || strcmp(text, "~") == 0 || strcmp(text, "null") == 0;
}

/* Hang a new node where it belongs; NULL after an error was reported. */
static struct yaml_node *add_node(struct builder *builder, enum yaml_kind kind)
{
	struct yaml_node *parent = builder->depth ? builder->open[builder->depth - 1] : NULL;
	struct yaml_node *node;

	if (builder->n_nodes == NODES_MAX ||
	    (parent && parent->kind == YAML_MAP && parent->n == MEMBERS_MAX)) {
		config_report_error(builder->report, builder->pos, "too many values");
		return NULL;
	}
	node = calloc(1, sizeof(*node));
	if (!node) {
		config_report_error(builder->report, CONFIG_NOWHERE, "out of memory");
		return NULL;
	}
	builder->n_nodes++;
	node->kind = kind;
	node->pos = builder->pos;
	node->key = builder->key;
	node->key_pos = builder->key_pos;
	builder->key = NULL;
	if (!parent)
		builder->root = node;
	else if (parent->last)
		parent->last = parent->last->next = node;
	else
		parent->first = parent->last = node;
	if (parent)
		parent->n++;
	return node;
}

static bool key_is_next(const struct builder *builder)
{
	return builder->depth && builder->open[builder->depth - 1]->kind == YAML_MAP &&
	       !builder->key;
}

static bool take_scalar(struct builder *builder, struct fy_token *token)
{
	char *text = scalar_text(builder, token);
	struct yaml_node *node;

	if (!text)
		return false;
	if (key_is_next(builder)) {
		struct yaml_node *map = builder->open[builder->depth - 1];

		builder->key = text;
		builder->key_pos = builder->pos;
		/* In "[key: value]" the mapping has no mark of its own before its key. */
		if (!map->n && map->pos > builder->pos)
			map->pos = builder->pos;
		return true;
	}
	node = add_node(builder, YAML_SCALAR);
	if (!node) {
		free(text);
		return false;
	}
	node->text = text;
	node->null = is_null(token, text);
	node->whole = true;
	/* What is not written has no place of its own: libfyaml's versions differ. */
	if (node->null && !*text && builder->depth)
		node->pos = node->key ? node->key_pos : builder->open[builder->depth - 1]->pos;
	return true;
}

static bool open_container(struct builder *builder, enum yaml_kind kind)
{
	struct yaml_node *node;

	if (key_is_next(builder)) {
		config_report_error(builder->report, builder->pos, "a key must be a plain word");
		return false;
	}
	if (builder->depth == DEPTH_MAX) {
		config_report_error(builder->report, builder->pos, "nested too deeply");
		return false;
	}
	node = add_node(builder, kind);
	if (!node)
		return false;
	builder->open[builder->depth++] = node;
	return true;
}

static bool refuse(struct builder *builder, const char *what)
{
	config_report_error(builder->report, builder->pos, "%s not accepted here", what);
	return false;
}

/* Anchors make aliases possible, which can grow without bound; tags say nothing. */
static bool is_bare(struct builder *builder, struct fy_token *anchor, struct fy_token *tag)
{
	const struct fy_mark *mark = anchor || tag ? fy_token_start_mark(anchor ? anchor : tag) :
						     NULL;

	if (mark)
		builder->pos = token_pos(builder, mark);
	if (anchor)
		return refuse(builder, "anchors (&name) are");
	return tag ? refuse(builder, "tags (!name) are") : true;
}

static bool take_event(struct builder *builder, struct fy_event *event)
{
	const struct fy_mark *mark = fy_event_start_mark(event);
	struct yaml_node *node;

	if (mark)
		builder->pos = event->type == FYET_SCALAR || event->type == FYET_ALIAS ?
				       token_pos(builder, mark) : mark->input_pos;
	switch (event->type) {
	case FYET_DOCUMENT_START:
		return !builder->root || refuse(builder, "a second document is");
	case FYET_ALIAS:
		return refuse(builder, "aliases (*name) are");
	case FYET_SCALAR:
		return is_bare(builder, event->scalar.anchor, event->scalar.tag) &&
		       take_scalar(builder, event->scalar.value);
	case FYET_SEQUENCE_START:
		return is_bare(builder, event->sequence_start.anchor, event->sequence_start.tag) &&
		       open_container(builder, YAML_LIST);
	case FYET_MAPPING_START:
		return is_bare(builder, event->mapping_start.anchor, event->mapping_start.tag) &&
		       open_container(builder, YAML_MAP);
	case FYET_SEQUENCE_END:
	case FYET_MAPPING_END:
		node = builder->depth ? builder->open[--builder->depth] : NULL;
		if (node)
			node->whole = true;
		return node || refuse(builder, "an end without a start is");
	case FYET_STREAM_END:
		builder->ended = true;
		return true;
	default:
		return true;
	}
}

/* Byte offset of a line and column, both from 1 (columns in characters). */
static size_t offset_of(const struct config_report *report, int line, int column)
{
	size_t pos = 0;

	for (; line > 1 && pos < report->len; pos++)
		line -= report->text[pos] == '\n';
	for (; column > 1 && pos < report->len && report->text[pos] != '\n'; column--) {
		size_t step = config_utf8_length(report->text + pos, report->len - pos);

		pos += step ? step : 1;
	}
	return pos;
}

/* libfyaml gave up: its first diagnostic says why. */
static void report_syntax(struct builder *builder, struct fy_diag *diag)
{
	void *iter = NULL;
	const struct fy_diag_error *error = fy_diag_errors_iterate(diag, &iter);
	const struct fy_mark *mark;

	if (!error || !error->msg) {
		config_report_error(builder->report, builder->pos, "not YAML from here on");
		return;
	}
	mark = error->fyt ? fy_token_start_mark(error->fyt) : NULL;
	config_report_error(builder->report,
			    mark ? mark->input_pos :
				   offset_of(builder->report, error->line, error->column),
			    "%s", error->msg);
}

static void discard_output(struct fy_diag *diag, void *user, const char *text, size_t len)
{
	(void)diag;
	(void)user;
	(void)text;
	(void)len;
}

/* Diagnostics are collected and never printed: libfyaml's printing of source
 * lines is where its memory errors were (its issues 57, 127, 185, 223). */
static struct fy_diag *make_diag(void)
{
	struct fy_diag_cfg cfg;
	struct fy_diag *diag;

	fy_diag_cfg_default(&cfg);
	cfg.fp = NULL;
	cfg.output_fn = discard_output;
	cfg.colorize = false;
	diag = fy_diag_create(&cfg);
	if (diag)
		fy_diag_set_collect_errors(diag, true);
	return diag;
}

/* Every event of the text; false when the parser could not even start. */
static bool run_parser(struct builder *builder, struct fy_diag *diag)
{
	struct fy_parse_cfg cfg = { .flags = FYPCF_DISABLE_MMAP_OPT, .diag = diag };
	struct fy_parser *parser = fy_parser_create(&cfg);
	struct fy_event *event;
	bool good = true;

	if (!parser)
		return false;
	if (fy_parser_set_string(parser, builder->report->text, builder->report->len) < 0) {
		fy_parser_destroy(parser);
		return false;
	}
	while (good && (event = fy_parser_parse(parser))) {
		good = take_event(builder, event);
		fy_parser_event_free(parser, event);
	}
	if (good && !builder->ended)
		report_syntax(builder, diag);
	fy_parser_destroy(parser);
	return true;
}

/* Only well-formed text without odd bytes is worth libfyaml's time. */
static bool is_text(struct config_report *report)
{
	for (size_t i = 0; i < report->len;) {
		size_t step = config_utf8_length(report->text + i, report->len - i);

		if (!step || !report->text[i]) {
			config_report_error(report, i, "byte 0x%02x is not text (UTF-8)",
					    (unsigned char)report->text[i]);
			return false;
		}
		i += step;
	}
	return true;
}

struct yaml_node *config_yaml_read(struct config_report *report)
{
	struct builder builder = { .report = report };
	struct fy_diag *diag;
	bool started = false;

	if (is_text(report)) {
		diag = make_diag();
		started = diag && run_parser(&builder, diag);
		if (diag)
			fy_diag_destroy(diag);
		if (!started)
			config_report_error(report, CONFIG_NOWHERE, "out of memory");
	}
	free(builder.key);
	if (builder.root)
		return builder.root;
	builder.root = calloc(1, sizeof(*builder.root));
	if (!builder.root) {
		config_report_error(report, CONFIG_NOWHERE, "out of memory");
		return NULL;
	}
	builder.root->kind = YAML_MAP;
	builder.root->whole = report->n_errors == 0;
	return builder.root;
}
