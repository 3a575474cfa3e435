/* SPDX-License-Identifier: MIT */
#include "base/fs.h"
#include "base/json.h"
#include "base/str.h"
#include "base/term.h"
#include "cmd/cmd.h"
#include "notify/kind.h"
#include "notify/sender.h"
#include "notify/spool.h"
#include "report/words.h"

#include <stdio.h>

#define FLUSH_MS 120000

static const struct opt_row rows[] = {
    CMD_ROW_LAB,
    {"test", 't', "SINK", "Send a test message to this sink at once, and say whether it went.",
     NULL},
    {"flush", 0, NULL,
     "Send what waits, until nothing does or --for is over. Runs do that by themselves.", NULL},
    {"for", 0, "TIME", "With --flush: for how long to try (2m).", NULL},
    CMD_ROW_JSON,
    {0},
};

static const char *const examples[] = {"Who is told what, and does anything wait?",
                                       "hil notify",
                                       "Does the new webhook work?",
                                       "hil notify --test slack",
                                       "From a timer, on a host whose network comes and goes",
                                       "hil notify --flush --for 30s",
                                       NULL};

static const char *const see_also[] = {"run", "watch", "boards", "history", NULL};

struct request {
    const char *lab, *test;
    bool flush, json;
    int64_t for_ms; /* 0: not given */
};

static int take(void *arg, const struct opt_row *row, const char *value, struct err *err)
{
    struct request *request = arg;

    if (str_eq(row->name, "lab"))
        request->lab = value;
    else if (str_eq(row->name, "test"))
        request->test = value;
    else if (str_eq(row->name, "flush"))
        request->flush = true;
    else if (str_eq(row->name, "json"))
        request->json = true;
    else
        return str_to_ms(value, "--for", &request->for_ms, err);
    return 0;
}

/* ---- what there is --------------------------------------------------------------------------- */

static char *joined(const struct strv *list, const char *empty)
{
    cleanup_buf struct buf out = BUF_INIT(4096);

    if (!list->count)
        return xstrdup(empty);
    for (size_t i = 0; i < list->count; i++)
        buf_addf(&out, "%s%s", i ? " " : "", list->items[i]);
    return buf_steal(&out);
}

static size_t count_waiting(const char *root, const struct sink *sink)
{
    cleanup_strv struct strv files = {0};

    spool_list(root, sink->name, &files);
    return files.count;
}

static void print_table(const struct sinks *sinks, const char *root)
{
    struct term term = term_open(stdout);
    struct term_table *table = term_table_new(8);

    term_table_row(table, TERM_DIM,
                   (const char *const[]){"SINK", "KIND", "TO", "ON", "BOARDS", "WAITING",
                                         "LAST SENT", "TROUBLE"});
    for (size_t i = 0; i < sinks->count; i++) {
        const struct sink *sink = &sinks->items[i];
        struct spool_state state;
        char when[STR_TIME_SIZE];
        cleanup_free char *on = joined(&sink->on, "fail infra quarantine pool-low");
        cleanup_free char *boards = joined(&sink->boards, "all");
        cleanup_free char *waiting = xasprintf("%zu", count_waiting(root, sink));
        spool_state_read(root, sink->name, &state);
        term_table_row(
            table, *state.error ? TERM_RED : TERM_PLAIN,
            (const char *const[]){
                sink->name, sink->kind->name, sink->kind->where(sink->conf), on, boards, waiting,
                state.sent_us ? str_local_time(state.sent_us / 1000000, when) : "-", state.error});
    }
    term_table_print(table, &term);
    term_table_free(table);
}

static void json_time(struct json_out *out, const char *name, int64_t unix_us)
{
    char text[ISO_TIME_SIZE];

    json_kv_string(out, name, words_iso_time(unix_us, text));
}

static void json_sink(struct json_out *out, const struct sink *sink, const char *root)
{
    struct spool_state state;

    spool_state_read(root, sink->name, &state);
    json_object(out);
    json_kv_string(out, "name", sink->name);
    json_kv_string(out, "kind", sink->kind->name);
    json_key(out, "on");
    json_array(out);
    for (int kind = 0; kind < NOTICE_TEST; kind++)
        if (sink_wants(sink, (enum notice_kind)kind))
            json_string(out, notice_kind_names[kind]);
    json_array_end(out);
    json_kv_strv(out, "boards", &sink->boards);
    json_kv_int(out, "waiting", (int64_t)count_waiting(root, sink));
    json_time(out, "last_sent", state.sent_us);
    json_time(out, "not_before", state.next_us);
    json_kv_int(out, "failures", state.failures);
    json_kv_string(out, "error", *state.error ? state.error : NULL);
    json_object_end(out);
}

static int print_json(const struct sinks *sinks, const char *root, struct err *err)
{
    struct json_out out;

    cmd_json_begin(&out);
    json_kv_string(&out, "lab", sinks->lab->name);
    json_key(&out, "sinks");
    json_array(&out);
    for (size_t i = 0; i < sinks->count; i++)
        json_sink(&out, &sinks->items[i], root);
    json_array_end(&out);
    return cmd_json_end(&out, err);
}

/* ---- sending --------------------------------------------------------------------------------- */

static int test(const struct sinks *sinks, const struct request *request, const char *version,
                const struct ctx *ctx, struct err *err)
{
    const struct sink *sink = sinks_find(sinks, request->test);

    if (!sink)
        return err_set(err, ERR_CONFIG,
                       "%s has no sink '%.80s' under notify; hil notify lists them",
                       sinks->lab->file, request->test);
    if (sender_test(sinks, sink, version, ctx, err) < 0)
        return err_wrap(err, "%s", sink->name);
    printf("%s: it was taken\n", sink->name);
    return 0;
}

static int flush(const struct sinks *sinks, const char *root, const struct request *request,
                 const char *version, const struct ctx *ctx, struct err *err)
{
    struct ctx limit = ctx_narrow(ctx, request->for_ms ? request->for_ms : FLUSH_MS);
    size_t left = 0;
    int rc = sender_run(sinks, root, version, &limit, &left, err);

    if (rc < 0)
        return rc;
    if (left)
        return err_set(err, ERR_TIMEOUT, "%zu notice%s still wait%s; hil notify shows why", left,
                       left == 1 ? "" : "s", left == 1 ? "s" : "");
    return 0;
}

static int load(const struct request *request, struct lab **ret_lab, struct sinks *ret,
                struct err *err)
{
    cleanup_free char *path = lab_find(request->lab, err);
    struct diags diags = {0};
    int rc;

    if (!path)
        return -(int)ERR_CONFIG;
    rc = lab_load(path, ret_lab, &diags, err);
    if (rc == 0) {
        sinks_read(*ret_lab, ret, &diags);
        rc = diags_check(&diags, err);
    }
    diags_done(&diags);
    if (rc == 0 && !ret->count && !request->json && !request->flush)
        rc = err_set(err, ERR_CONFIG,
                     "%s has no sinks: nobody is told anything; hil help notify "
                     "shows how to write notify:",
                     path);
    return rc;
}

static int act(const struct app *app, const struct request *request, struct err *err)
{
    struct ctx ctx = ctx_root(app->cancel_fd, NULL);
    cleanup_free char *state_dir = fs_state_dir(), *root = NULL;
    struct sinks sinks = {0};
    struct lab *lab = NULL;
    int rc = load(request, &lab, &sinks, err);

    if (rc == 0)
        root = spool_root(state_dir, lab->name);
    if (rc == 0 && request->test)
        rc = test(&sinks, request, app->version, &ctx, err);
    else if (rc == 0 && request->flush)
        rc = flush(&sinks, root, request, app->version, &ctx, err);
    else if (rc == 0 && request->json)
        rc = print_json(&sinks, root, err);
    else if (rc == 0)
        print_table(&sinks, root);
    sinks_done(&sinks);
    lab_free(lab);
    return rc;
}

static int run(const struct app *app, int argc, char **argv)
{
    struct request request = {0};
    struct err err = {0};
    int first, code;

    if (!cmd_parse(&verb_notify, argc, argv, take, &request, &first, &code))
        return code;
    if (first < argc)
        err_set(&err, ERR_USAGE, "'%s': notify takes no operands; a sink is named with --test",
                argv[first]);
    else if (request.test && request.flush)
        err_set(&err, ERR_USAGE, "--test and --flush are two different things");
    else if (request.for_ms && !request.flush)
        err_set(&err, ERR_USAGE, "--for goes with --flush");
    if (err.code || act(app, &request, &err) < 0)
        return cmd_exit(app, cmd_fail(&verb_notify, &err));
    return 0;
}

const struct opt_verb verb_notify = {
    .name = "notify",
    .operands = "",
    .summary = "who is told what: Slack, webhooks, mail, commands",
    .description =
        "lab.yaml's notify: lists sinks, each with what it wants to hear of. What happens is put "
        "into a queue on disk; a process of its own sends it, so no run ever waits for a mail "
        "server. What cannot be sent is tried again, with pauses that double up to an hour, for "
        "three days. What happens within a sink's every: is one message.\n\n"
        "  notify:\n"
        "    - slack: {url-file: slack.url}         # kept out of lab.yaml; or url-env: SLACK_URL\n"
        "      on: [fail, infra, quarantine]\n"
        "    - webhook: {url: 'https://ops.example.org/hil', secret-file: hmac.key}\n"
        "      on: [all]\n"
        "      boards: [stm32f4]                    # names, or labels\n"
        "    - email: {server: 'smtps://mail.example.org', from: lab@example.org,\n"
        "              to: [firmware@example.org], user: lab, password-file: mail.password}\n"
        "      every: 15m\n"
        "    - command: {run: [./bell.py]}          # gets JSON on its stdin\n"
        "      name: bell\n\n"
        "on: pass, fail and infra are verdicts of runs; quarantine and release are boards that go "
        "into quarantine and come out of it; watch is an image that hil watch put onto a board, or "
        "failed to; rig and pool-low are of hil rig.",
    .rows = rows,
    .examples = examples,
    .see_also = see_also,
    .run = run,
};
