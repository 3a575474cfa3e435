/* SPDX-License-Identifier: MIT
 *
 * message: the notices that go out together, in the forms that sinks need.
 *
 * A burst is one message: its subject counts, its text tells the first MESSAGE_SHOWN, and JSON has
 * all. Functions append to a buffer that the caller owns; nothing blocks.
 */
#ifndef HIL_NOTIFY_MESSAGE_H
#define HIL_NOTIFY_MESSAGE_H

#include "base/hash.h"
#include "notify/notice.h"

#define MESSAGE_SHOWN 20
#define MESSAGE_MAX ((size_t)16 << 20) /* of the queue's 200 notices at most */

struct message {
    const struct notice *notices; /* the oldest first; at least one */
    size_t count;
    uint64_t dropped; /* that the queue had no room for */
    char id
        [SHA256_HEX_SIZE]; /* the same for the same notices, so that who got them twice can tell */
};

char *message_subject(const struct message *message); /* one line; caller frees */
void message_text(const struct message *message, struct buf *out);
/* {"schema": 1, "id": ..., "lab": ..., "subject": ..., "dropped": 0, "notices": [...]} */
void message_json(const struct message *message, struct buf *out);
/* {"text": ...} with Slack's marks, as its incoming webhooks and their kin take it; cut to
 * SLACK_MAX bytes of text (https://api.slack.com/reference/surfaces/formatting). */
#define SLACK_MAX 3500
void message_slack(const struct message *message, struct buf *out);

#endif
