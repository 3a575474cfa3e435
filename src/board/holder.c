/* SPDX-License-Identifier: MIT */
#include "board/holder.h"

#include "base/buf.h"
#include "base/json.h"
#include "base/str.h"
#include "base/text.h"

#include <limits.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define VALUE_MAX 200 /* bytes of each variable in the record */
#define COMMAND_MAX 500
#define OUT_MAX 4096

static char *user_name(void)
{
    char text[4096];
    struct passwd entry, *found = NULL;

    if (getpwuid_r(geteuid(), &entry, text, sizeof text, &found) == 0 && found)
        return xstrndup(found->pw_name, VALUE_MAX);
    return xasprintf("uid %u", (unsigned)geteuid());
}

static char *join(int argc, char *const *argv)
{
    struct buf line = BUF_INIT(COMMAND_MAX);

    for (int i = 0; i < argc; i++) {
        const char *word = i ? argv[i] : strrchr(argv[0], '/');
        if (!i)
            word = word ? word + 1 : argv[0];
        if ((i && buf_adds(&line, " ") < 0) ||
            buf_add(&line, word, strnlen(word, line.ceiling - line.size)) < 0)
            break;
    }
    return buf_steal(&line);
}

static char *variable(const char *name)
{
    const char *value = getenv(name);

    return value && *value ? xstrndup(value, VALUE_MAX) : NULL;
}

/* https://docs.github.com/en/actions/reference/workflows-and-actions/variables */
static void from_actions(struct holder *ret)
{
    cleanup_free char *server = variable("GITHUB_SERVER_URL");

    ret->repository = variable("GITHUB_REPOSITORY");
    ret->run_id = variable("GITHUB_RUN_ID");
    ret->job = variable("GITHUB_JOB");
    ret->attempt = variable("GITHUB_RUN_ATTEMPT");
    if (server && ret->repository && ret->run_id)
        ret->run_url = xasprintf("%s/%s/actions/runs/%s", server, ret->repository, ret->run_id);
}

void holder_self(int argc, char *const *argv, struct holder *ret)
{
    const char *actions = getenv("GITHUB_ACTIONS");
    const char *behalf = getenv("HIL_FOR");

    *ret = (struct holder){.pid = getpid(),
                           .user = user_name(),
                           .command =
                               behalf && *behalf ? xstrndup(behalf, COMMAND_MAX) : join(argc, argv),
                           .since_unix_s = time(NULL)};
    ret->rank = RANK_DESK;
    if (actions && str_eq(actions, "true"))
        from_actions(ret);
    if (ret->run_url || (behalf && strstr(behalf, "/actions/runs/")))
        ret->rank = RANK_CI;
}

void holder_set_out(struct holder *holder, const char *dir)
{
    char *path = realpath(dir, NULL);

    free(holder->out);
    /* Bytes that JSON would have to escape could make the record longer than anybody reads. */
    holder->out = NULL;
    if (path && strlen(path) <= OUT_MAX && text_is_clean(path, strlen(path)))
        holder->out = path;
    else
        free(path);
}

char *holder_for(const struct holder *holder)
{
    char host[HOST_NAME_MAX + 1] = "";

    gethostname(host, sizeof host - 1);
    return xasprintf("%s@%s: %s%s%s", holder->user, host, holder->command,
                     holder->run_url ? ", " : "", holder->run_url ? holder->run_url : "");
}

static void add_clean(struct buf *out, const char *before, const char *text)
{
    cleanup_free char *clean = text ? text_clean_dup(text, COMMAND_MAX, TEXT_ONE_LINE) : NULL;

    if (clean)
        buf_addf(out, "%s%s", before, clean);
}

/* The time of day; with the date where it was another day. */
static void add_since(struct buf *out, int64_t since_unix_s)
{
    time_t since = (time_t)since_unix_s, now = time(NULL);
    struct tm then, today;
    char text[64];

    if (since_unix_s <= 0 || !localtime_r(&since, &then) || !localtime_r(&now, &today))
        return;
    bool same_day = then.tm_yday == today.tm_yday && then.tm_year == today.tm_year;
    if (strftime(text, sizeof text, same_day ? "%H:%M:%S" : "%Y-%m-%d %H:%M:%S", &then))
        buf_addf(out, " since %s", text);
}

char *holder_describe(const struct holder *holder)
{
    struct buf out = BUF_INIT(4096);

    add_clean(&out, "", holder->user ? holder->user : "somebody");
    add_clean(&out, " on ", holder->host);
    if (holder->pid > 0) {
        buf_addf(&out, " (pid %d", (int)holder->pid);
        add_clean(&out, ", ", holder->command);
        add_clean(&out, ", ", holder->run_url);
        buf_adds(&out, ")");
    }
    add_since(&out, holder->since_unix_s);
    return buf_steal(&out);
}

void holder_done(struct holder *holder)
{
    free(holder->seat);
    free(holder->host);
    free(holder->user);
    free(holder->command);
    free(holder->out);
    free(holder->repository);
    free(holder->run_id);
    free(holder->job);
    free(holder->attempt);
    free(holder->run_url);
    *holder = (struct holder){0};
}

/* ---- the record ---------------------------------------------------------------------------- */

char *holder_to_json(const struct holder *holder, int64_t since_unix_s)
{
    struct json_out json;

    json_begin(&json, -1, 0);
    json_object(&json);
    json_kv_int(&json, "pid", holder->pid);
    if (holder->host)
        json_kv_string(&json, "host", holder->host);
    json_kv_string(&json, "user", holder->user);
    json_kv_string(&json, "command", holder->command);
    json_kv_int(&json, "since", since_unix_s);
    if (holder->out)
        json_kv_string(&json, "out", holder->out);
    json_kv_string(&json, "repository", holder->repository);
    json_kv_string(&json, "run_id", holder->run_id);
    json_kv_string(&json, "job", holder->job);
    json_kv_string(&json, "attempt", holder->attempt);
    json_kv_string(&json, "run_url", holder->run_url);
    json_object_end(&json);
    json_end(&json, NULL);
    return buf_steal(&json.pending);
}

/* A path that is not absolute would be another one for each reader. */
static char *read_out(const cJSON *tree)
{
    const char *out = json_get_string(tree, "out", NULL);

    return out && out[0] == '/' && strlen(out) <= OUT_MAX ? xstrdup(out) : NULL;
}

bool holder_from_json(const char *bytes, size_t count, struct holder *ret)
{
    cJSON *tree = NULL;
    int64_t pid;

    *ret = (struct holder){0};
    if (json_parse(bytes, count, HOLDER_RECORD_MAX, "lock record", &tree, NULL) < 0)
        return false;
    pid = json_get_int(tree, "pid", 0);
    if (pid > 0 && pid <= INT32_MAX)
        *ret = (struct holder){.pid = (pid_t)pid,
                               .host = xstrdup(json_get_string(tree, "host", NULL)),
                               .user = xstrdup(json_get_string(tree, "user", NULL)),
                               .command = xstrdup(json_get_string(tree, "command", NULL)),
                               .since_unix_s = json_get_int(tree, "since", 0),
                               .out = read_out(tree),
                               .repository = xstrdup(json_get_string(tree, "repository", NULL)),
                               .run_id = xstrdup(json_get_string(tree, "run_id", NULL)),
                               .job = xstrdup(json_get_string(tree, "job", NULL)),
                               .attempt = xstrdup(json_get_string(tree, "attempt", NULL)),
                               .run_url = xstrdup(json_get_string(tree, "run_url", NULL))};
    cJSON_Delete(tree);
    return ret->pid > 0;
}
