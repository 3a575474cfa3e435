/* SPDX-License-Identifier: MIT */
#include "cmd/there.h"

#include "base/fs.h"
#include "base/guard.h"
#include "board/holder.h"
#include "remote/server.h"
#include "remote/servers.h"
#include "ssh/far.h"

#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

/* ---- doing it ---------------------------------------------------------------------------- */

struct printer {
    const char *prefix[2]; /* of stdout and stderr; NULL: bytes go out as they are */
    bool in_line[2];
    int log_fd;
};

static void print_lines(FILE *out, const char *prefix, bool *in_line, const char *bytes,
                        size_t count)
{
    while (count) {
        const char *end = memchr(bytes, '\n', count);
        size_t piece = end ? (size_t)(end - bytes) + 1 : count;
        if (!*in_line)
            fputs(prefix, out);
        fwrite(bytes, 1, piece, out);
        *in_line = !end;
        bytes += piece;
        count -= piece;
    }
}

static void print(void *arg, bool errors, const char *bytes, size_t count)
{
    struct printer *printer = arg;
    FILE *out = errors ? stderr : stdout;

    if (!errors && printer->log_fd > 0)
        fs_write_all(printer->log_fd, bytes, count, "log", NULL);
    if (printer->prefix[errors])
        print_lines(out, printer->prefix[errors], &printer->in_line[errors], bytes, count);
    else
        fwrite(bytes, 1, count, out);
    fflush(out);
}

/* Keys go there one by one and unchanged; what is printed still gets its carriage returns. */
static bool make_raw(struct termios *ret_saved)
{
    struct termios raw;

    if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO) || tcgetattr(STDIN_FILENO, ret_saved) < 0)
        return false;
    raw = *ret_saved;
    cfmakeraw(&raw);
    raw.c_oflag |= OPOST | ONLCR;
    return tcsetattr(STDIN_FILENO, TCSADRAIN, &raw) == 0;
}

static char *for_us(const struct app *app)
{
    struct holder holder;
    char *text;

    holder_self(app->argc, app->argv, &holder);
    text = holder_for(&holder);
    holder_done(&holder);
    return text;
}

static int call(const struct app *app, const struct server_conf *conf, const struct opt_verb *verb,
                const struct there *how, const struct ctx *ctx, int *ret_code, struct err *err)
{
    cleanup_free char *name = xasprintf("%s: ", conf->name);
    cleanup_free char *behalf = for_us(app);
    cleanup_free char *line = how->prefix ? xasprintf("%s%s", conf->name, how->prefix) : NULL;
    cleanup_close int in_fd = how->talks ? dup(STDIN_FILENO) : -1; /* 0 would mean none */
    struct printer printer = {.prefix = {line, name}, .log_fd = how->log_fd};
    struct server_call what = {.verb = verb->name,
                               .args = how->args,
                               .behalf = behalf,
                               .in_fd = in_fd > 0 ? in_fd : 0,
                               .output = print,
                               .arg = &printer};
    struct server *server = NULL;
    struct termios saved;
    int rc = server_open(conf, ctx, &server, err);
    bool raw = rc == 0 && how->talks && make_raw(&saved);

    if (rc == 0)
        rc = server_do(server, &what, ctx, ret_code, err);
    if (raw)
        tcsetattr(STDIN_FILENO, TCSADRAIN, &saved);
    server_close(server);
    return rc;
}

static void print_far(void *arg, const char *bytes, size_t count)
{
    print(arg, false, bytes, count);
}

/* On a server that has no hil. */
static int call_far(const struct server_conf *conf, const struct opt_verb *verb,
                    const struct there *how, const struct ctx *ctx, int *ret_code, struct err *err)
{
    const char *const argv[] = {conf->programmer ? conf->programmer : "STM32_Programmer_CLI",
                                how->programmer_args, NULL};
    struct printer printer = {.log_fd = how->log_fd};
    struct proc_result result;
    int rc;

    if (!how->programmer_args)
        return err_set(err, ERR_USAGE, "server %s has no hil ('exec') that could do '%s'",
                       conf->name, verb->name);
    rc = far_run(conf,
                 &(struct proc_spec){.argv = argv, .output = print_far, .output_arg = &printer},
                 NULL, 0, ctx, &result, err);
    *ret_code = result.exit_code;
    return rc;
}

static int do_there(const struct app *app, const struct server_conf *conf,
                    const struct opt_verb *verb, const struct there *how)
{
    struct guard *guard = NULL;
    struct err err = {0};
    int code = 0, rc = guard_start(&guard, &err);

    if (rc == 0) {
        struct ctx ctx = ctx_root(app->cancel_fd, guard);
        rc = conf->exec ? call_far(conf, verb, how, &ctx, &code, &err)
                        : call(app, conf, verb, how, &ctx, &code, &err);
    }
    if (rc < 0)
        code = cmd_fail(verb, &err);
    guard_stop(guard);
    return code;
}

/* ---- which server ------------------------------------------------------------------------ */

/* Labs without servers are not read twice for nothing. */
static bool has_servers(const char *lab_option)
{
    cleanup_free char *path = lab_find(lab_option, NULL);
    struct diags diags = {0};
    struct lab *lab = NULL;
    bool has = path && lab_load(path, &lab, &diags, NULL) == 0 && lab->servers.count;

    diags_done(&diags);
    lab_free(lab);
    return has;
}

/* NULL without an error: it is none of a server's, or one that is here comes first. */
static const struct board_conf *find_board(const struct lab *lab, const struct servers *servers,
                                           const char *board, struct err *err)
{
    const struct board_conf *found = NULL;

    for (size_t i = 0; i < lab->count; i++) {
        const struct board_conf *conf = &lab->boards[i];
        if (board && !board_matches(conf, board))
            continue;
        if (!conf->server)
            return NULL;
        if (found && !board) {
            err_set(err, ERR_USAGE, "which board? hil boards lists them");
            return NULL;
        }
        found = found ? found : conf;
    }
    if (!found) {
        err_set(err, ERR_CONFIG, "%s: no board '%s'", lab->file, board);
        lab_hint_boards(lab, board, err);
        servers_blame(servers, err);
    }
    return found;
}

bool there_board(const struct app *app, const struct opt_verb *verb, const char *lab,
                 const char *board, struct there *how, int *ret_code)
{
    cleanup_strv struct strv selectors = {0};
    const struct servers_wanted wanted = {.lab_option = lab, .selectors = &selectors};
    struct ctx ctx = ctx_root(app->cancel_fd, NULL);
    const struct board_conf *conf = NULL;
    struct inventory inventory = {0};
    struct servers servers = {0};
    struct err err = {0};

    if (has_servers(lab)) {
        if (board)
            strv_add(&selectors, board);
        if (servers_inventory(&wanted, &ctx, &inventory, &servers, &err) == 0)
            conf = find_board(inventory.lab, &servers, board, &err);
    }
    if (conf) {
        strv_add(&how->args, conf->there);
        if (how->last)
            strv_add(&how->args, how->last);
        *ret_code = do_there(app, conf->server, verb, how);
    } else if (err.code) {
        *ret_code = cmd_fail(verb, &err);
    }
    if (conf || err.code)
        *ret_code = cmd_exit(app, *ret_code);
    servers_forget(&servers);
    inventory_close(&inventory);
    strv_done(&how->args);
    return conf || err.code;
}

int there_server(const struct app *app, const struct opt_verb *verb, const char *lab,
                 const char *name, struct there *how)
{
    const struct servers_wanted wanted = {.lab_option = lab, .ask = ASK_NONE};
    struct ctx ctx = ctx_root(app->cancel_fd, NULL);
    const struct server_conf *conf = NULL;
    struct inventory inventory = {0};
    struct servers servers = {0};
    struct err err = {0};
    int code;

    if (servers_inventory(&wanted, &ctx, &inventory, &servers, &err) == 0)
        conf = lab_server(inventory.lab, name, &err);
    code = conf ? do_there(app, conf, verb, how) : cmd_fail(verb, &err);
    servers_forget(&servers);
    inventory_close(&inventory);
    strv_done(&how->args);
    return cmd_exit(app, code);
}
