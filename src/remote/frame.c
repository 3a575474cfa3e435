/* SPDX-License-Identifier: MIT */
#include "remote/frame.h"

#include <string.h>

static void put_size(uint8_t *at, size_t size)
{
    for (int i = 0; i < 4; i++)
        at[i] = (uint8_t)(size >> (24 - 8 * i));
}

static size_t get_size(const char *at)
{
    size_t size = 0;

    for (int i = 0; i < 4; i++)
        size = size << 8 | (uint8_t)at[i];
    return size;
}

void frame_begin(struct json_out *head, const char *type)
{
    json_begin(head, -1, 0);
    json_object(head);
    json_kv_string(head, "t", type);
}

int frame_end(struct json_out *head, struct buf *out, const void *body, size_t size)
{
    uint8_t sizes[FRAME_SIZES];
    size_t before = out->size;
    int rc;

    json_object_end(head);
    rc = json_end(head, NULL);
    if (head->pending.size > FRAME_HEAD_MAX || size > FRAME_BODY_MAX)
        rc = -ERR_LIMIT;
    put_size(sizes, head->pending.size);
    put_size(sizes + 4, size);
    if (rc == 0)
        rc = buf_add(out, sizes, sizeof sizes);
    if (rc == 0)
        rc = buf_add(out, head->pending.data, head->pending.size);
    if (rc == 0 && size)
        rc = buf_add(out, body, size);
    if (rc < 0 && out->size > before) {
        out->size = before;
        out->data[before] = '\0';
    }
    json_done(head);
    return rc;
}

ssize_t frame_read(const char *bytes, size_t count, struct frame *ret, struct err *err)
{
    size_t head, body;
    int rc;

    *ret = (struct frame){.type = ""};
    if (count < FRAME_SIZES)
        return 0;
    head = get_size(bytes);
    body = get_size(bytes + 4);
    if (head > FRAME_HEAD_MAX || body > FRAME_BODY_MAX)
        return err_set(err, ERR_PROTOCOL, "a frame of %zu and %zu bytes is none of hil's", head,
                       body);
    if (count < FRAME_SIZES + head + body)
        return 0;
    rc = json_parse(bytes + FRAME_SIZES, head, FRAME_HEAD_MAX, "frame", &ret->head, err);
    if (rc < 0)
        return rc;
    ret->type = json_get_string(ret->head, "t", "");
    ret->body = bytes + FRAME_SIZES + head;
    ret->size = body;
    return (ssize_t)(FRAME_SIZES + head + body);
}

void frame_done(struct frame *frame)
{
    cJSON_Delete(frame->head);
    *frame = (struct frame){.type = ""};
}
