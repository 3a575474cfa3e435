/* SPDX-License-Identifier: MIT */
#include "report/event_read.h"

#include "base/str.h"

#include <limits.h>

static uint64_t count_of(const cJSON *json, const char *name)
{
    int64_t value = json_get_int(json, name, 0);

    return value > 0 ? (uint64_t)value : 0;
}

static bool find_kind(const cJSON *json, enum event_kind *ret)
{
    const char *name = json_get_string(json, "kind", "");

    for (int kind = EVENT_RUN_START; kind <= EVENT_TICK; kind++) {
        if (!str_eq(event_kind_name((enum event_kind)kind), name))
            continue;
        *ret = (enum event_kind)kind;
        return true;
    }
    return false;
}

static const char *find_text(const cJSON *json, enum event_kind kind)
{
    static const char *const members[] = {
        [EVENT_STATE] = "state",     [EVENT_PROGRESS] = "what", [EVENT_COMMAND] = "command",
        [EVENT_CASE_START] = "name", [EVENT_DROPPED] = "text",  [EVENT_RETRY] = "text",
        [EVENT_NOTE] = "text",       [EVENT_WARNING] = "text",  [EVENT_LINE] = "text"};

    if ((size_t)kind >= ARRAY_SIZE(members) || !members[kind])
        return NULL;
    return json_get_string(json, members[kind], "");
}

static uint64_t find_number(const cJSON *json, enum event_kind kind)
{
    switch (kind) {
    case EVENT_RUN_START:
        return count_of(json, "jobs");
    case EVENT_STATE:
        return count_of(json, "reset_bytes");
    case EVENT_PROGRESS:
        return count_of(json, "bytes");
    case EVENT_DROPPED:
        return count_of(json, "cases");
    case EVENT_RETRY:
        return count_of(json, "attempt");
    default:
        return 0;
    }
}

static void read_case(const cJSON *json, struct test_case *ret)
{
    const char *result = json_get_string(json, "result", "");

    *ret = (struct test_case){.name = json_get_string(json, "name", ""),
                              .message = json_get_string(json, "message", NULL),
                              .file = json_get_string(json, "file", NULL),
                              .error_type = json_get_string(json, "error_type", NULL),
                              .line = (uint32_t)(count_of(json, "line") & UINT32_MAX),
                              .result = CASE_ERROR,
                              .start_us = -1,
                              .end_us = -1,
                              .duration_us = json_get_int(json, "duration_us", -1)};
    for (int i = CASE_PASS; i <= CASE_SKIP; i++)
        if (str_eq(case_result_name((enum case_result)i), result))
            ret->result = (enum case_result)i;
}

int event_read(const char *line, size_t size, struct event_line *ret, struct err *err)
{
    struct event *event = &ret->event;
    int rc;

    *ret = (struct event_line){.json = NULL};
    rc = json_parse(line, size, EVENT_LINE_MAX, "event", &ret->json, err);
    if (rc < 0)
        return rc;
    if (!find_kind(ret->json, &event->kind))
        return err_set(err, ERR_DATA, "event: no kind that hil knows");
    event->time_us = json_get_int(ret->json, "time_us", 0);
    event->board = json_get_string(ret->json, "board", NULL);
    event->test = json_get_string(ret->json, "test", NULL);
    event->suite = json_get_string(ret->json, event->kind == EVENT_STATE ? "why" : "suite", NULL);
    event->text = find_text(ret->json, event->kind);
    event->number = find_number(ret->json, event->kind);
    event->total = count_of(ret->json, event->kind == EVENT_RETRY   ? "attempts_max"
                                       : event->kind == EVENT_STATE ? "reset_us"
                                                                    : "total");
    if (event->kind == EVENT_CASE_END) {
        read_case(ret->json, &ret->test_case);
        event->test_case = &ret->test_case;
    }
    return 0;
}

void event_line_done(struct event_line *line)
{
    cJSON_Delete(line->json);
    *line = (struct event_line){.json = NULL};
}
