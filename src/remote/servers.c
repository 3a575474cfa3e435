/* SPDX-License-Identifier: MIT */
#include "remote/servers.h"

#include "conf/name.h"
#include "remote/server.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define ANSWER_MAX ((size_t)16 << 20)
#define ANSWER_MS 30000
#define BOARDS_MAX 1000

struct look {
    struct server_look *result;
    struct ctx ctx;
    struct buf out, errors;
    pthread_t thread;
    bool started;
};

struct join {
    const struct servers_wanted *wanted;
    const struct ctx *ctx;
    struct servers *servers;
};

/* ---- asking ------------------------------------------------------------------------------ */

static void take_output(void *arg, bool errors, const char *bytes, size_t count)
{
    struct look *look = arg;

    buf_add(errors ? &look->errors : &look->out, bytes, count);
}

static int ask(struct look *look, struct err *err)
{
    struct ctx wait = ctx_narrow(&look->ctx, ANSWER_MS);
    struct server_call call = {.verb = "boards", .output = take_output, .arg = look};
    const char *name = look->result->conf->name;
    struct server *server = NULL;
    int code = 0, rc = server_open(look->result->conf, &wait, &server, err);

    strv_add(&call.args, "--json");
    if (rc == 0)
        rc = server_do(server, &call, &wait, &code, err);
    server_close(server);
    strv_done(&call.args);
    if (rc < 0)
        return rc;
    if (code != 0)
        return err_set(err, ERR_TOOL, "server %s: %s", name, look->errors.data);
    rc = json_parse(look->out.data, look->out.size, ANSWER_MAX, "hil boards", &look->result->json,
                    err);
    return rc < 0 ? err_wrap(err, "server %s", name) : 0;
}

static void *ask_one(void *arg)
{
    struct look *look = arg;
    struct err err = {0};

    if (ask(look, &err) < 0)
        look->result->away = xstrdup(err.message);
    return NULL;
}

/* "pi1/nucleo-3", of the server pi1: "nucleo-3"; else NULL. */
static const char *name_there(const struct server_conf *server, const char *selector)
{
    size_t length = strlen(server->name);

    return str_starts(selector, server->name) && selector[length] == '/' ? selector + length + 1
                                                                         : NULL;
}

static size_t selector_count(const struct servers_wanted *wanted)
{
    return wanted->selectors ? wanted->selectors->count : 0;
}

/* True where only this server can say what the selector means. */
static bool is_open_question(const struct lab *lab, const struct server_conf *server,
                             const char *selector)
{
    bool may_have = server->all_boards;

    if (lab_board(lab, selector))
        return false;
    if (strchr(selector, '/'))
        return name_there(server, selector);
    for (size_t i = 0; i < lab->count; i++)
        may_have = may_have || (lab->boards[i].server == server && !lab->boards[i].has_labels);
    return may_have;
}

static bool is_wanted(const struct lab *lab, const struct server_conf *server,
                      const struct servers_wanted *wanted)
{
    bool open = wanted->ask == ASK_ALL;

    if (wanted->ask == ASK_NONE || server->exec)
        return false;
    for (size_t i = 0; i < selector_count(wanted); i++)
        open = open || is_open_question(lab, server, wanted->selectors->items[i]);
    return selector_count(wanted) ? open : open || is_open_question(lab, server, "");
}

static void ask_all(const struct lab *lab, const struct join *join)
{
    struct servers *servers = join->servers;
    struct look *looks = xcalloc(servers->count, sizeof *looks);

    for (size_t i = 0; i < servers->count; i++) {
        struct look *look = &looks[i];
        *look = (struct look){.result = &servers->looks[i],
                              .ctx = *join->ctx,
                              .out = BUF_INIT(ANSWER_MAX),
                              .errors = BUF_INIT(512)};
        if (!is_wanted(lab, &lab->servers.items[i], join->wanted))
            continue;
        look->started = pthread_create(&look->thread, NULL, ask_one, look) == 0;
        if (!look->started)
            ask_one(look);
    }
    for (size_t i = 0; i < servers->count; i++) {
        if (looks[i].started)
            pthread_join(looks[i].thread, NULL);
        buf_done(&looks[i].out);
        buf_done(&looks[i].errors);
    }
    free(looks);
}

/* ---- joining ----------------------------------------------------------------------------- */

static struct board_conf *find_there(struct lab *lab, const struct server_conf *server,
                                     const char *name)
{
    for (size_t i = 0; i < lab->count; i++)
        if (lab->boards[i].server == server && str_eq(lab->boards[i].there, name))
            return &lab->boards[i];
    return NULL;
}

static void take_labels(const cJSON *item, struct board_conf *board)
{
    const cJSON *labels = cJSON_GetObjectItemCaseSensitive(item, "labels");

    if (board->has_labels || !cJSON_IsArray(labels))
        return;
    for (const cJSON *label = labels->child; label; label = label->next)
        if (cJSON_IsString(label) && name_valid(label->valuestring))
            strv_add(&board->labels, label->valuestring);
    board->has_labels = true;
}

static void take_quarantine(const cJSON *item, struct board_conf *board)
{
    const cJSON *quarantine = cJSON_GetObjectItemCaseSensitive(item, "quarantine");
    const char *reason = json_get_string(quarantine, "reason", NULL);
    char since[STR_TIME_SIZE];

    if (reason && !board->barred)
        board->barred = xasprintf("in quarantine on %s since %s: %s; once it is mended, there: hil "
                                  "boards --release %s",
                                  board->server->name,
                                  str_local_time(json_get_int(quarantine, "since", 0), since),
                                  reason, board->there);
}

/* All of a server's boards are the lab's, or this one was asked for by its full name. */
static bool is_to_be_added(const struct server_conf *server, const char *name,
                           const struct servers_wanted *wanted)
{
    bool named = server->all_boards;

    for (size_t i = 0; i < selector_count(wanted); i++)
        named = named || str_eq(name_there(server, wanted->selectors->items[i]), name);
    return named && name_valid(name);
}

static void join_one(struct lab *lab, const struct server_look *look,
                     const struct servers_wanted *wanted)
{
    const cJSON *boards = cJSON_GetObjectItemCaseSensitive(look->json, "boards");
    size_t count = 0;

    for (const cJSON *item = cJSON_IsArray(boards) ? boards->child : NULL;
         item && count < BOARDS_MAX; item = item->next, count++) {
        const char *name = json_get_string(item, "name", "");
        struct board_conf *board = find_there(lab, look->conf, name);
        if (!board && is_to_be_added(look->conf, name, wanted))
            board = lab_add_board(lab, look->conf, name);
        if (board) {
            take_labels(item, board);
            take_quarantine(item, board);
        }
    }
}

static int join(void *arg, struct lab *lab, struct err *err)
{
    struct join *join = arg;
    struct servers *servers = join->servers;

    servers->count = lab->servers.count;
    servers->looks = xcalloc(servers->count + 1, sizeof *servers->looks);
    for (size_t i = 0; i < servers->count; i++)
        servers->looks[i].conf = &lab->servers.items[i];
    ask_all(lab, join);
    for (size_t i = 0; i < servers->count; i++)
        join_one(lab, &servers->looks[i], join->wanted);
    if (ctx_cancelled(join->ctx))
        return err_set(err, ERR_CANCELLED, "cancelled");
    if (lab->count || !servers->count || join->wanted->ask == ASK_NONE)
        return 0;
    err_set(err, ERR_GONE, "%s: none of its boards is to be had", lab->file);
    servers_blame(servers, err);
    return -ERR_GONE;
}

int servers_inventory(const struct servers_wanted *wanted, const struct ctx *ctx,
                      struct inventory *ret, struct servers *ret_servers, struct err *err)
{
    struct join how = {wanted, ctx, ret_servers};

    *ret_servers = (struct servers){0};
    return inventory_open_joined(wanted->lab_option, join, &how, ret, err);
}

void servers_forget(struct servers *servers)
{
    for (size_t i = 0; i < servers->count; i++) {
        cJSON_Delete(servers->looks[i].json);
        free(servers->looks[i].away);
    }
    free(servers->looks);
    *servers = (struct servers){0};
}

const cJSON *servers_board(const struct servers *servers, const struct board_conf *board)
{
    for (size_t i = 0; i < servers->count; i++) {
        const cJSON *boards = cJSON_GetObjectItemCaseSensitive(servers->looks[i].json, "boards");
        if (servers->looks[i].conf != board->server || !cJSON_IsArray(boards))
            continue;
        for (const cJSON *item = boards->child; item; item = item->next)
            if (str_eq(json_get_string(item, "name", NULL), board->there))
                return item;
    }
    return NULL;
}

/* A server that answered does not have every board that we think it has. */
const char *servers_away(const struct servers *servers, const struct board_conf *board)
{
    for (size_t i = 0; i < servers->count; i++)
        if (servers->looks[i].conf == board->server)
            return servers->looks[i].json ? "its server has no such board" : servers->looks[i].away;
    return NULL;
}

void servers_blame(const struct servers *servers, struct err *err)
{
    for (size_t i = 0; i < servers->count; i++) {
        if (!servers->looks[i].away)
            continue;
        err->code = ERR_GONE;
        err_hint(err, "; %s", servers->looks[i].away);
    }
}
