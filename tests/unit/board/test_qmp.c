/* SPDX-License-Identifier: MIT */
#include "board/qmp.h"

#include "../scratch.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>

#define GREETING "{\"QMP\": {\"version\": {}, \"capabilities\": [\"oob\"]}}\r\n"

static void ignore_sigpipe(void)
{
    signal(SIGPIPE, SIG_IGN);
}

TestSuite(qmp, .init = ignore_sigpipe);

/* A QEMU whose answers are all written beforehand: ids count from 1, so they are known. */
struct session {
    struct qmp qmp;
    struct ctx ctx;
    struct err err;
    int fd, far;
};

static struct session start(const char *answers)
{
    struct session session = {.ctx = scratch_patience()};
    int ends[2];

    cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    fcntl(ends[0], F_SETFL, O_NONBLOCK);
    session.fd = ends[0];
    session.far = ends[1];
    cr_assert_eq(write(session.far, answers, strlen(answers)), (ssize_t)strlen(answers));
    return session;
}

static void end(struct session *session)
{
    qmp_done(&session->qmp);
    close(session->fd);
    close(session->far);
}

Test(qmp, tells_lines_apart)
{
    static const struct {
        const char *line;
        enum qmp_line kind;
        unsigned watched;
    } rows[] = {
        {"{\"QMP\": {}}", QMP_GREETING, 0},
        {"{\"return\": {}, \"id\": 7}", QMP_RETURN, 0},
        {"{\"id\": 7, \"return\": [1, {\"a\": null}]}", QMP_RETURN, 0},
        {"{\"return\": {}, \"id\": 6}", QMP_OTHER, 0},
        {"{\"return\": {}, \"id\": \"7\"}", QMP_OTHER, 0},
        {"{\"return\": {}}", QMP_OTHER, 0},
        {"{\"error\": {\"desc\": \"not ours\"}, \"id\": 6}", QMP_OTHER, 0},
        {"{\"event\": \"RESET\", \"data\": {\"guest\": false}}", QMP_EVENT, 1},
        {"{\"event\": \"RESUME\"}", QMP_EVENT, 0},
        {"{\"event\": 4}", QMP_OTHER, 0},
        {"{}", QMP_OTHER, 0},
        {"[]", QMP_OTHER, 0},
        {"1", QMP_OTHER, 0},
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct qmp qmp = {.watch = "RESET"};
        enum qmp_line kind;
        struct err err = {0};
        cr_expect_eq(qmp_read_line(&qmp, rows[i].line, strlen(rows[i].line), 7, &kind, &err), 0,
                     "%s: %s", rows[i].line, err.message);
        cr_expect_eq(kind, rows[i].kind, "%s", rows[i].line);
        cr_expect_eq(qmp.watched, rows[i].watched, "%s", rows[i].line);
    }
}

Test(qmp, errors_speak_in_qemus_words)
{
    static const struct {
        const char *line;
        int rc;
        const char *message;
    } rows[] = {
        {"{\"error\": {\"class\": \"GenericError\", \"desc\": \"No\\nway\"}, \"id\": 7}",
         -ERR_REFUSED, "QEMU refuses: No way"},
        {"{\"error\": {}, \"id\": 7}", -ERR_REFUSED, "QEMU refuses: no reason given"},
        {"{\"error\": {\"desc\": \"Invalid JSON\"}}", -ERR_REFUSED, "QEMU refuses: Invalid JSON"},
    };
    struct qmp qmp = {0};

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        enum qmp_line kind;
        struct err err = {0};
        cr_expect_eq(qmp_read_line(&qmp, rows[i].line, strlen(rows[i].line), 7, &kind, &err),
                     rows[i].rc);
        cr_expect_str_eq(err.message, rows[i].message, "%s", err.message);
    }
}

Test(qmp, skips_what_comes_between)
{
    struct session session = start(GREETING "{\"return\": {}}\r\n"
                                            "{\"event\": \"STOP\"}\r\n"
                                            "{\"event\": \"RESET\"}\r\n"
                                            "{\"return\": {}, \"id\": 7}\r\n"
                                            "{\"return\": {}, \"id\": 1}\r\n"
                                            "{\"return\": {}, \"id\": 2}\r\n");
    char sent[256];

    cr_assert_eq(qmp_open(&session.qmp, session.fd, &session.ctx, &session.err), 0, "%s",
                 session.err.message);
    session.qmp.watch = "RESET";
    cr_expect_eq(qmp_call(&session.qmp, "stop", NULL, &session.ctx, &session.err), 0);
    cr_expect_eq(session.qmp.watched, 1);
    cr_expect_eq(qmp_await(&session.qmp, &session.ctx, &session.err), 0);
    cJSON *arguments = cJSON_CreateObject();
    cJSON_AddStringToObject(arguments, "filename", "a\"b");
    cr_expect_eq(qmp_call(&session.qmp, "pmemsave", arguments, &session.ctx, &session.err), 0);
    ssize_t n = read(session.far, sent, sizeof sent - 1);
    sent[n > 0 ? n : 0] = '\0';
    cr_expect_str_eq(sent, "{\"execute\":\"qmp_capabilities\"}"
                           "{\"execute\":\"stop\",\"id\":1}"
                           "{\"execute\":\"pmemsave\",\"id\":2,"
                           "\"arguments\":{\"filename\":\"a\\\"b\"}}");
    end(&session);
}

Test(qmp, waits_for_an_event)
{
    struct session session = start(GREETING "{\"return\": {}}\r\n"
                                            "{\"return\": {}, \"id\": 1}\r\n"
                                            "{\"event\": \"STOP\"}\r\n"
                                            "{\"event\": \"RESET\"}\r\n");

    cr_assert_eq(qmp_open(&session.qmp, session.fd, &session.ctx, &session.err), 0);
    session.qmp.watch = "RESET";
    cr_expect_eq(qmp_call(&session.qmp, "system_reset", NULL, &session.ctx, &session.err), 0);
    cr_expect_eq(session.qmp.watched, 0);
    cr_expect_eq(qmp_await(&session.qmp, &session.ctx, &session.err), 0);
    session.qmp.watched = 0;
    shutdown(session.far, SHUT_RDWR);
    cr_expect_eq(qmp_await(&session.qmp, &session.ctx, &session.err), -ERR_GONE);
    cr_expect_str_eq(session.err.message, "waiting for RESET: QEMU closed its QMP socket");
    end(&session);
}

static void *write_rubbish(void *arg)
{
    static char rubbish[2 * QMP_LINE_MAX];
    const char *at = rubbish, *stop = rubbish + sizeof rubbish;
    ssize_t n;

    memset(rubbish, 'x', sizeof rubbish);
    while (at < stop && (n = write(*(int *)arg, at, (size_t)(stop - at))) > 0)
        at += n;
    return NULL;
}

Test(qmp, a_line_that_does_not_end_meets_a_ceiling)
{
    struct session session = start("");
    pthread_t thread;

    cr_assert_eq(pthread_create(&thread, NULL, write_rubbish, &session.far), 0);
    cr_expect_eq(qmp_open(&session.qmp, session.fd, &session.ctx, &session.err), -ERR_PROTOCOL);
    shutdown(session.fd, SHUT_RDWR);
    pthread_join(thread, NULL);
    end(&session);
}

Test(qmp, says_what_went_wrong)
{
    static const struct {
        const char *answers;
        bool hang_up;
        int rc;
        const char *message;
    } rows[] = {
        {"", true, -ERR_GONE, "QEMU closed its QMP socket"},
        {GREETING, true, -ERR_GONE, "cont: QEMU closed its QMP socket"},
        {"{\"return\": {}}\n", false, -ERR_PROTOCOL, "QMP: no greeting"},
        {GREETING, false, -ERR_TIMEOUT, "cont: timed out"},
        {GREETING "{\"error\": {\"desc\": \"busy\"}}\n", false, -ERR_REFUSED,
         "cont: QEMU refuses: busy"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct session session = start(rows[i].answers);
        struct ctx brief = ctx_narrow(&session.ctx, 50);
        if (rows[i].hang_up)
            shutdown(session.far, SHUT_RDWR);
        int rc = qmp_open(&session.qmp, session.fd, &brief, &session.err);
        if (rc == 0)
            rc = qmp_call(&session.qmp, "cont", NULL, &brief, &session.err);
        cr_expect_eq(rc, rows[i].rc, "%zu", i);
        cr_expect_str_eq(session.err.message, rows[i].message, "%s", session.err.message);
        end(&session);
    }
}

Test(qmp, a_line_that_is_no_json_is_refused)
{
    struct session session = start("SSH-2.0-OpenSSH_9.2\r\n");

    cr_expect_eq(qmp_open(&session.qmp, session.fd, &session.ctx, &session.err), -ERR_DATA);
    end(&session);
}
