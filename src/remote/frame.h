/* SPDX-License-Identifier: MIT
 *
 * frame: one message between hil and `hil agent`: a JSON head, and bytes that are nobody's text.
 *
 *     4 bytes  size of the head, big-endian      {"t": "do", "verb": "run", ...}
 *     4 bytes  size of the body, big-endian      raw: firmware, console, a log
 *     head, body
 *
 * Whatever a user, a file name or a board said travels in frames, and nowhere else: the command
 * line that ssh hands to the other host's shell is a constant (server.c), so there is nothing that
 * a name could be injected into. There, too, words become an argv array and never meet a shell.
 *
 * Bytes from the other side are hostile: both sizes have ceilings, which hold before anything is
 * allocated, and the head is parsed by base/json with its limits. Nothing here blocks.
 */
#ifndef HIL_REMOTE_FRAME_H
#define HIL_REMOTE_FRAME_H

#include "base/json.h"

#include <sys/types.h>

/* Told in the hello; a side that speaks another one is refused. One more with every change of
 * frames, or of the options that one hil gives to another's verbs. */
#define FRAME_PROTOCOL 3
/* The agent's first bytes, before its hello. What a shell's start-up files print comes before them,
 * and is skipped; no text holds their NUL. */
#define FRAME_MAGIC "\0hil agent\n"
#define FRAME_MAGIC_SIZE (sizeof FRAME_MAGIC - 1)

#define FRAME_HEAD_MAX ((size_t)64 << 10)
#define FRAME_BODY_MAX ((size_t)256 << 10)
#define FRAME_SIZES 8

struct frame {
    cJSON *head;
    const char *type; /* head's "t"; never NULL */
    const char *body; /* borrowed from the bytes it was read from */
    size_t size;
};

/* A head is begun, gets its members, and becomes a frame at the end of `out`:
 *
 *     frame_begin(&head, "do");
 *     json_kv_string(&head, "verb", verb);
 *     frame_end(&head, out, NULL, 0);
 *
 * -ERR_LIMIT: beyond a ceiling, or `out` is full; nothing was added. */
void frame_begin(struct json_out *head, const char *type);
int frame_end(struct json_out *head, struct buf *out, const void *body, size_t size);

/* The frame that `bytes` begin with: its size, for the caller to drop once done with it; 0: it is
 * not all there yet; -ERR_PROTOCOL, -ERR_DATA: these bytes are no frame. frame_done() in any
 * case. */
ssize_t frame_read(const char *bytes, size_t count, struct frame *ret, struct err *err);
void frame_done(struct frame *frame);

#endif
