/* SPDX-License-Identifier: MIT */
#include "notify/notice.h"

#include "base/str.h"

#include <stdlib.h>

#define BOARDS_MAX 10000

const char *const notice_kind_names[NOTICE_KINDS + 1] = {
    [NOTICE_PASS] = "pass",       [NOTICE_FAIL] = "fail",
    [NOTICE_INFRA] = "infra",     [NOTICE_QUARANTINE] = "quarantine",
    [NOTICE_RELEASE] = "release", [NOTICE_WATCH] = "watch",
    [NOTICE_RIG] = "rig",         [NOTICE_POOL_LOW] = "pool-low",
    [NOTICE_TEST] = "test",
};

void notice_write(struct json_out *out, const struct notice *notice)
{
    json_object(out);
    json_kv_string(out, "kind", notice_kind_names[notice->kind]);
    json_kv_string(out, "lab", notice->lab);
    json_kv_strings(out, "boards", notice->boards);
    json_kv_string(out, "title", notice->title);
    json_kv_string(out, "text", notice->text);
    json_kv_string(out, "url", notice->url);
    json_kv_int(out, "time", notice->unix_us / 1000000);
    json_kv_int(out, "dropped", (int64_t)notice->dropped);
    json_object_end(out);
}

static bool find_kind(const char *name, enum notice_kind *ret)
{
    for (int kind = 0; name && kind < NOTICE_KINDS; kind++) {
        if (str_eq(name, notice_kind_names[kind])) {
            *ret = (enum notice_kind)kind;
            return true;
        }
    }
    return false;
}

static int read_boards(const cJSON *list, struct notice_read *ret, struct err *err)
{
    int count = cJSON_IsArray(list) ? cJSON_GetArraySize(list) : 0, at = 0;
    const cJSON *item;

    if (count > BOARDS_MAX)
        return err_set(err, ERR_DATA, "a notice of %d boards", count);
    if (!count)
        return 0;
    ret->boards = xcalloc((size_t)count + 1, sizeof *ret->boards);
    cJSON_ArrayForEach(item, list)
    {
        if (cJSON_IsString(item))
            ret->boards[at++] = item->valuestring;
    }
    ret->notice.boards = ret->boards;
    return 0;
}

int notice_read(const char *bytes, size_t count, struct notice_read *ret, struct err *err)
{
    struct notice *notice = &ret->notice;
    int64_t dropped;
    int rc;

    *ret = (struct notice_read){0};
    rc = json_parse(bytes, count, NOTICE_MAX, "a notice", &ret->json, err);
    if (rc < 0)
        return rc;
    notice->lab = json_get_string(ret->json, "lab", NULL);
    notice->title = json_get_string(ret->json, "title", NULL);
    notice->text = json_get_string(ret->json, "text", NULL);
    notice->url = json_get_string(ret->json, "url", NULL);
    notice->unix_us = json_get_int(ret->json, "time", 0);
    dropped = json_get_int(ret->json, "dropped", 0);
    notice->dropped = dropped > 0 ? (uint64_t)dropped : 0;
    if (!find_kind(json_get_string(ret->json, "kind", NULL), &notice->kind) || !notice->lab ||
        !notice->title || notice->unix_us < 0 || notice->unix_us > INT64_MAX / 1000000)
        rc = err_set(err, ERR_DATA, "no notice: it has no kind, lab, title or time");
    else
        rc = read_boards(cJSON_GetObjectItemCaseSensitive(ret->json, "boards"), ret, err);
    notice->unix_us = rc == 0 ? notice->unix_us * 1000000 : 0;
    if (rc < 0)
        notice_read_done(ret);
    return rc;
}

void notice_read_done(struct notice_read *read)
{
    cJSON_Delete(read->json);
    free(read->boards);
    *read = (struct notice_read){0};
}
