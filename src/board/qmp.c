/* SPDX-License-Identifier: MIT */
#include "board/qmp.h"

#include "base/json.h"
#include "base/str.h"
#include "base/text.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int gone(int rc, struct err *err)
{
    if (rc == -ERR_IO && err && (err->sys_errno == EPIPE || err->sys_errno == ECONNRESET))
        return err_set(err, ERR_GONE, "QEMU closed its QMP socket");
    return rc;
}

static int refusal(const cJSON *object, struct err *err)
{
    const char *words = json_get_string(object, "desc", "no reason given");
    cleanup_free char *clean = text_clean_dup(words, 300, TEXT_ONE_LINE);

    return err_set(err, ERR_REFUSED, "QEMU refuses: %s", clean);
}

int qmp_read_line(struct qmp *qmp, const char *line, size_t size, int64_t id, enum qmp_line *ret,
                  struct err *err)
{
    cJSON *object = NULL;
    const cJSON *error;
    const char *event;
    int rc = json_parse(line, size, QMP_LINE_MAX, "QMP", &object, err);

    if (rc < 0)
        return rc;
    *ret = QMP_OTHER;
    event = json_get_string(object, "event", NULL);
    error = cJSON_GetObjectItemCaseSensitive(object, "error");
    if (cJSON_GetObjectItemCaseSensitive(object, "QMP")) {
        *ret = QMP_GREETING;
    } else if (event) {
        *ret = QMP_EVENT;
        if (qmp->watch && !strcmp(event, qmp->watch))
            qmp->watched++;
    } else if (cJSON_IsObject(error) && json_get_int(object, "id", id) == id) {
        /* Without an id: QEMU could not even read the command (section "Error"). */
        rc = refusal(error, err);
    } else if (cJSON_GetObjectItemCaseSensitive(object, "return") &&
               json_get_int(object, "id", -1) == id) {
        *ret = QMP_RETURN;
    }
    cJSON_Delete(object);
    return rc;
}

/* Waits for a whole line and says what it is. */
static int next_line(struct qmp *qmp, int64_t id, enum qmp_line *ret, const struct ctx *ctx,
                     struct err *err)
{
    const char *end;
    char bytes[4096];

    while (!(end = memchr(qmp->in.data, '\n', qmp->in.size))) {
        ssize_t n = ctx_read(ctx, qmp->fd, bytes, sizeof bytes, err);
        if (n < 0)
            return gone((int)n, err);
        if (n == 0)
            return err_set(err, ERR_GONE, "QEMU closed its QMP socket");
        if (buf_add(&qmp->in, bytes, (size_t)n) < 0)
            return err_set(err, ERR_PROTOCOL, "QMP: a line that does not end");
    }
    size_t size = (size_t)(end - qmp->in.data);
    int rc = qmp_read_line(qmp, qmp->in.data, size, id, ret, err);
    buf_drop_front(&qmp->in, size + 1);
    return rc;
}

int qmp_open(struct qmp *qmp, int fd, const struct ctx *ctx, struct err *err)
{
    enum qmp_line line;
    int rc;

    *qmp = (struct qmp){.fd = fd, .in = BUF_INIT(QMP_LINE_MAX)};
    rc = next_line(qmp, 0, &line, ctx, err);
    if (rc == 0 && line != QMP_GREETING)
        rc = err_set(err, ERR_PROTOCOL, "QMP: no greeting");
    return rc;
}

int qmp_call(struct qmp *qmp, const char *command, cJSON *arguments, const struct ctx *ctx,
             struct err *err)
{
    /* Without an id, so that a refusal of it counts as one of the command. */
    const char *before = qmp->last_id ? "" : "{\"execute\":\"qmp_capabilities\"}";
    cJSON *object = cJSON_CreateObject();
    cleanup_free char *text = NULL, *both = NULL;
    enum qmp_line line = QMP_OTHER;
    int64_t id = ++qmp->last_id;
    int rc;

    cJSON_AddStringToObject(object, "execute", command);
    cJSON_AddNumberToObject(object, "id", (double)id);
    if (arguments)
        cJSON_AddItemToObject(object, "arguments", arguments);
    text = cJSON_PrintUnformatted(object);
    cJSON_Delete(object);
    both = xasprintf("%s%s", before, text);
    rc = gone(ctx_write(ctx, qmp->fd, both, strlen(both), err), err);
    while (rc == 0 && line != QMP_RETURN)
        rc = next_line(qmp, id, &line, ctx, err);
    return rc < 0 ? err_wrap(err, "%s", command) : 0;
}

int qmp_await(struct qmp *qmp, const struct ctx *ctx, struct err *err)
{
    enum qmp_line line;
    int rc = 0;

    while (rc == 0 && !qmp->watched)
        rc = next_line(qmp, qmp->last_id, &line, ctx, err);
    return rc < 0 ? err_wrap(err, "waiting for %s", qmp->watch) : 0;
}

void qmp_done(struct qmp *qmp)
{
    buf_done(&qmp->in);
}
