/* SPDX-License-Identifier: MIT
 *
 * run.sh (actions/runner, src/Misc/layoutroot) ends with 0 whatever happened, so whether a job was
 * done is asked of GitHub: a runner that did its job is gone from the list.
 */
#include "runner/ephemeral.h"

#include "base/fs.h"
#include "base/proc.h"
#include "base/text.h"

#include <inttypes.h>
#include <poll.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/utsname.h>
#include <unistd.h>

#define CONFIG_VARIABLE "ACTIONS_RUNNER_INPUT_JITCONFIG"
#define SOON_MS 10000   /* no job is done that quickly, start of the runner included */
#define REMOVE_MS 10000 /* for taking back a registration when we were cancelled */
#define REMOVE_TRIES 6
#define REMOVE_WAIT_MS 1000
#define ANSWER_MS 120000 /* for the requests of one step, their repetitions included */
#define PREFIX_MAX 50    /* GitHub takes 64, and we add nine */
#define NOTE_MAX 2048

struct account { /* that the runner runs as */
    char *name, *home;
    char user_id[16], group_id[16];
};

struct turn { /* one runner's life */
    struct runner runner;
    struct strv labels; /* the custom ones it has */
    struct proc *process;
    int64_t lasted_ms; /* it has run */
};

struct loop {
    const struct ephemeral_request *request;
    struct github *github;
    struct account account;
    char *program;
    unsigned failures; /* in a row */
    bool registered;   /* once, so that the token and all are good */
};

__attribute__((format(printf, 2, 3))) static void note(const struct loop *loop, const char *format,
                                                       ...)
{
    char text[NOTE_MAX];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    cleanup_free char *clean = text_clean_dup(text, sizeof text, TEXT_ONE_LINE);
    if (loop->request->sync.note)
        loop->request->sync.note(loop->request->sync.arg, clean);
}

/* ---- before ---------------------------------------------------------------------------------- */

static int find_account(const char *name, struct account *ret, struct err *err)
{
    struct passwd entry, *found = NULL;
    char text[4096];

    if (getpwnam_r(name, &entry, text, sizeof text, &found) != 0 || !found)
        return err_set(err, ERR_USAGE, "--user: there is no user '%s'", name);
    if (found->pw_uid == 0)
        return err_set(err, ERR_USAGE, "--user: a runner does not run as root");
    ret->name = xstrdup(found->pw_name);
    ret->home = xstrdup(found->pw_dir);
    snprintf(ret->user_id, sizeof ret->user_id, "%u", (unsigned)found->pw_uid);
    snprintf(ret->group_id, sizeof ret->group_id, "%u", (unsigned)found->pw_gid);
    return 0;
}

static int check_user(struct loop *loop, struct err *err)
{
    const char *user = loop->request->user;
    int rc = user ? find_account(user, &loop->account, err) : 0;

    if (rc < 0)
        return rc;
    if (!user && geteuid() == 0)
        return err_set(err, ERR_USAGE,
                       "a runner does not run as root: name the user that jobs run as (--user)");
    if (user && geteuid() != 0)
        return err_set(err, ERR_USAGE, "--user: only root can become '%s'", user);
    if (!user)
        note(loop, "jobs run as this same user, and could read its token; as root with --user they "
                   "cannot");
    return 0;
}

static int check_program(struct loop *loop, struct err *err)
{
    loop->program = fs_join(loop->request->dir, "run.sh");
    if (access(loop->program, X_OK) == 0)
        return 0;
    return err_set(err, ERR_USAGE,
                   "--dir: %s is no program; unpack GitHub's runner there (scripts/setup-runner "
                   "--download)",
                   loop->program);
}

static int64_t pause_ms(const struct loop *loop)
{
    int64_t ms = loop->request->pause_ms;

    for (unsigned i = 1; i < loop->failures && ms < EPHEMERAL_PAUSE_MAX_MS; i++)
        ms *= 2;
    return ms < EPHEMERAL_PAUSE_MAX_MS ? ms : EPHEMERAL_PAUSE_MAX_MS;
}

/* ---- the registration ------------------------------------------------------------------------ */

static char *make_name(const char *prefix)
{
    uint32_t number = 0;

    if (getrandom(&number, sizeof number, 0) != sizeof number)
        number = (uint32_t)ctx_now_ns();
    return xasprintf("%.*s-%08" PRIx32, PREFIX_MAX, prefix, number);
}

/* What config.sh gives by itself; a just-in-time runner has only what is asked for. */
static void add_own_labels(struct strv *ret)
{
    static const struct {
        const char *machine, *label;
    } names[] = {{"x86_64", "X64"}, {"aarch64", "ARM64"}, {"armv7l", "ARM"}, {"armv8l", "ARM"}};
    struct utsname host;

    strv_add(ret, "self-hosted");
    strv_add(ret, "Linux");
    if (uname(&host) < 0)
        return;
    for (size_t i = 0; i < ARRAY_SIZE(names); i++)
        if (str_eq(host.machine, names[i].machine))
            strv_add(ret, names[i].label);
}

static int enrol(struct loop *loop, const struct ctx *ctx, struct turn *turn, char **ret_config,
                 struct err *err)
{
    const struct ephemeral_request *request = loop->request;
    cleanup_free char *name = make_name(request->sync.runner);
    struct ctx limit = ctx_narrow(ctx, ANSWER_MS);
    cleanup_strv struct strv wanted = {0};
    struct labels labels;
    int rc = sync_look(&request->sync, &limit, &labels, err);

    add_own_labels(&wanted);
    for (size_t i = 0; i < labels.given.count; i++)
        labels_add(&wanted, labels.given.items[i]);
    labels_done(&labels);
    if (rc == 0)
        rc = labels_check(&wanted, err);
    if (rc == 0)
        rc = runner_new_jit(loop->github, &request->sync.place,
                            &(struct runner_order){name, request->group, request->work, &wanted},
                            &limit, &turn->runner, ret_config, err);
    if (rc != 0)
        return rc;
    for (size_t i = 0; i < turn->runner.custom.count; i++)
        labels_add(&turn->labels, turn->runner.custom.items[i]);
    cleanup_free char *all = labels_join(&wanted, ", ");
    note(loop, "%s waits for a job: %s", turn->runner.name, all);
    return 0;
}

/* GitHub may take a moment to see that it did its job, and refuses until then. */
static int take_back(struct loop *loop, const struct ctx *limit, const struct runner *runner,
                     bool *ret_gone, struct err *err)
{
    int rc = -ERR_PROTOCOL;

    for (int i = 0; rc == -ERR_PROTOCOL && i < REMOVE_TRIES; i++) {
        if (i > 0 && ctx_sleep(limit, REMOVE_WAIT_MS, NULL) < 0)
            break;
        rc = runner_delete(loop->github, &loop->request->sync.place, runner, limit, ret_gone, err);
    }
    return rc;
}

/* Whether it did its job. No registration is left, also where we are cancelled in the middle. */
static bool sign_off(struct loop *loop, const struct ctx *ctx, const struct runner *runner)
{
    struct ctx limit = ctx_narrow(ctx, ANSWER_MS);
    struct err err = {0};
    bool gone = false;
    int rc = ctx_cancelled(ctx) ? -ERR_CANCELLED : take_back(loop, &limit, runner, &gone, &err);

    if (rc < 0 && ctx_cancelled(ctx)) {
        limit = ctx_cleanup(ctx, REMOVE_MS);
        rc = take_back(loop, &limit, runner, &gone, &err);
    }
    if (rc < 0)
        note(loop, "%s", err.message);
    return gone;
}

/* ---- the process ----------------------------------------------------------------------------- */

static int start(const struct loop *loop, const char *config, const struct ctx *ctx,
                 struct proc **ret, struct err *err)
{
    const struct account *account = &loop->account;
    const char *const as_is[] = {loop->program, NULL};
    const char *const as_user[] = {
        "setpriv",       "--reuid",         account->user_id, "--regid",     account->group_id,
        "--init-groups", "--inh-caps=-all", "--no-new-privs", loop->program, NULL};
    cleanup_free char *secret = xasprintf("%s=%s", CONFIG_VARIABLE, config);
    cleanup_free char *home = xasprintf("HOME=%s", account->home ? account->home : "");
    cleanup_free char *user = xasprintf("USER=%s", account->name ? account->name : "");
    cleanup_free char *logname = xasprintf("LOGNAME=%s", account->name ? account->name : "");
    const char *const env[] = {secret, "GITHUB_TOKEN", account->name ? home : NULL,
                               user,   logname,        NULL};
    struct proc_spec spec = {.argv = account->name ? as_user : as_is,
                             .dir = loop->request->dir,
                             .env = env,
                             .out_fd = STDOUT_FILENO,
                             .hint = "it is in Debian's package util-linux",
                             .grace_ms = loop->request->grace_ms};
    int rc = proc_start(&spec, ctx, ret, err);

    explicit_bzero(secret, strlen(secret));
    return rc;
}

/* A board died or came back while the runner waits. Trouble here is no reason to end it. */
static void follow_boards(struct loop *loop, struct turn *turn, const struct ctx *ctx)
{
    const struct sync_request *sync = &loop->request->sync;
    struct ctx limit = ctx_narrow(ctx, ANSWER_MS);
    cleanup_strv struct strv wanted = {0};
    struct err err = {0};
    struct labels labels;
    int rc = sync_look(sync, &limit, &labels, &err);

    if (rc == 0)
        labels_merge(&turn->labels, &labels, false, &wanted);
    labels_done(&labels);
    if (rc == 0 && labels_same(&turn->labels, &wanted))
        return;
    if (rc == 0)
        rc = runner_set_labels(loop->github, &sync->place, &turn->runner, &wanted, &limit, &err);
    if (rc < 0) {
        if (!ctx_cancelled(ctx))
            note(loop, "%s: %s", turn->runner.name, err.message);
        return;
    }
    cleanup_free char *change = sync_difference(&turn->labels, &wanted);
    note(loop, "%s: %s", turn->runner.name, change);
    strv_done(&turn->labels);
    turn->labels = wanted;
    wanted = (struct strv){0};
}

/* Until it has ended, or we are cancelled: then it is ended. */
static int attend(struct loop *loop, struct turn *turn, const struct ctx *ctx)
{
    int64_t began_ns = ctx_now_ns();
    int rc = -ERR_TIMEOUT, code;

    while (rc == -ERR_TIMEOUT) {
        struct ctx round = ctx_narrow(ctx, loop->request->sync.every_ms);
        rc = ctx_wait(&round, proc_pidfd(turn->process), POLLIN, NULL);
        if (rc == -ERR_TIMEOUT)
            follow_boards(loop, turn, ctx);
    }
    if (rc < 0)
        note(loop, "ends %s; it has %.1f s for that", turn->runner.name,
             (double)loop->request->grace_ms / 1000);
    code = rc > 0 ? proc_exit_code(turn->process) : 0;
    turn->lasted_ms = (ctx_now_ns() - began_ns) / 1000000;
    proc_stop(turn->process);
    turn->process = NULL;
    return code;
}

/* ---- turns ----------------------------------------------------------------------------------- */

static void judge_turn(struct loop *loop, const struct turn *turn, int code, bool did_job)
{
    if (did_job) {
        loop->failures = 0;
        note(loop, "%s did its job", turn->runner.name);
    } else if (code != 0 || turn->lasted_ms < SOON_MS) {
        loop->failures++;
        note(loop, "%s ended without a job after %.1f s (exit code %d); the next one in %.1f s",
             turn->runner.name, (double)turn->lasted_ms / 1000, code,
             (double)pause_ms(loop) / 1000);
    } else {
        loop->failures = 0;
        note(loop, "%s ended without a job", turn->runner.name);
    }
}

static int take_turn(struct loop *loop, const struct ctx *ctx, bool *ret_did_job, struct err *err)
{
    struct turn turn = {0};
    char *config = NULL;
    int rc = enrol(loop, ctx, &turn, &config, err);

    *ret_did_job = false;
    if (rc == 0) {
        loop->registered = true;
        rc = start(loop, config, ctx, &turn.process, err);
        explicit_bzero(config, strlen(config));
        int code = rc == 0 ? attend(loop, &turn, ctx) : 0;
        *ret_did_job = sign_off(loop, ctx, &turn.runner);
        if (rc == 0 && !ctx_cancelled(ctx))
            judge_turn(loop, &turn, code, *ret_did_job);
    }
    free(config);
    strv_done(&turn.labels);
    runner_done(&turn.runner);
    return rc;
}

static int go_round(struct loop *loop, const struct ctx *ctx, struct err *err)
{
    bool did_job = false;
    int rc;

    for (;;) {
        rc = take_turn(loop, ctx, &did_job, err);
        if (ctx_cancelled(ctx))
            return ctx_check(ctx, err);
        if (rc == -ERR_TOOL || (rc < 0 && !loop->registered))
            return rc;
        if (rc < 0) {
            loop->failures++;
            note(loop, "%s; again in %.1f s", err->message, (double)pause_ms(loop) / 1000);
        }
        if (did_job && loop->request->once)
            return 0;
        if (loop->failures && ctx_sleep(ctx, pause_ms(loop), err) < 0)
            return ctx_check(ctx, err);
    }
}

int ephemeral_run(const struct ephemeral_request *request, struct github *github,
                  const struct ctx *ctx, struct err *err)
{
    struct loop loop = {.request = request, .github = github};
    int rc = check_program(&loop, err);

    if (rc == 0)
        rc = check_user(&loop, err);
    if (rc == 0)
        rc = go_round(&loop, ctx, err);
    free(loop.account.name);
    free(loop.account.home);
    free(loop.program);
    return rc;
}
