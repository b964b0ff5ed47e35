/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the control socket is asked, and who answers it. */
#ifndef OPS_REQUESTS_H
#define OPS_REQUESTS_H

struct control;
struct json_object;

/**
 * requests_answer() - answer one request, as a control_answer_fn does.
 * @gateway:	a struct gateway.
 */
struct json_object *requests_answer(void *gateway, struct control *control,
				    struct json_object *request);

#endif
