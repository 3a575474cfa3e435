/* SPDX-License-Identifier: MIT */
#include "remote/agent_work.h"

#include "base/fs.h"
#include "base/proc.h"
#include "base/str.h"
#include "remote/agent.h"
#include "remote/agent_files.h"
#include "remote/image_cache.h"
#include "remote/kept.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define ARGS_MAX 256
#define CHUNK ((size_t)64 << 10)
#define INPUT_MAX ((size_t)4 << 20)
#define GRACE_MS 8000
#define LOCK_MS 5000 /* for others who make a directory of their own */
#define LOCK_STEP_MS 20

enum { OUT, ERR, IN, ENDED };

struct agent_work {
    struct proc *proc; /* NULL: could not be started, or has ended */
    int out_fd[2];     /* of its stdout and stderr; -1: at its end */
    int in_fd;         /* to its stdin; -1: closed */
    struct buf input;  /* that it has not taken yet */
    bool input_ended;
    int code;
    char *why; /* it could not be started */
    struct agent_files files;
    int kept_fd; /* holds files.dir, which outlives the link; -1: it does not */
    bool begun;  /* its client has let it begin */
};

/* ---- directories ------------------------------------------------------------------------- */

/* What no living agent has locked is nobody's. */
static void remove_orphans(const char *base)
{
    struct dirent **entries = NULL;
    int count = scandir(base, &entries, NULL, NULL);

    for (int i = 0; i < count; i++) {
        cleanup_free char *path = fs_join(base, entries[i]->d_name);
        cleanup_close int fd = -1;
        if (str_starts(entries[i]->d_name, "job-"))
            fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0)
            fs_remove_tree(path);
        free(entries[i]);
    }
    free(entries);
}

/* With the directory above locked, so that nobody takes a new one for an orphan. */
static int make_scratch(const char *base, struct agent_dirs *dirs, const struct ctx *ctx,
                        struct err *err)
{
    cleanup_close int base_fd = open(base, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    struct ctx wait = ctx_narrow(ctx, LOCK_MS);
    int rc = 0;

    while (rc == 0 && base_fd >= 0 && flock(base_fd, LOCK_EX | LOCK_NB) < 0)
        rc = errno == EWOULDBLOCK ? ctx_sleep(&wait, LOCK_STEP_MS, err)
                                  : err_sys(err, errno, "%s", base);
    if (rc < 0)
        return rc == -ERR_TIMEOUT ? err_wrap(err, "%s is locked", base) : rc;
    if (base_fd < 0)
        return err_sys(err, errno, "%s", base);
    remove_orphans(base);
    dirs->scratch = fs_join(base, "job-XXXXXX");
    if (!mkdtemp(dirs->scratch))
        return err_sys(err, errno, "%s", dirs->scratch);
    dirs->lock_fd = open(dirs->scratch, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (dirs->lock_fd < 0 || flock(dirs->lock_fd, LOCK_EX | LOCK_NB) < 0)
        return err_sys(err, errno, "%s", dirs->scratch);
    return 0;
}

int agent_dirs_open(struct agent_dirs *dirs, const struct ctx *ctx, struct err *err)
{
    cleanup_free char *state = fs_state_dir();
    cleanup_free char *base = fs_join(state, "agent");
    int rc = fs_mkdirs(base, 0700, err);

    *dirs = (struct agent_dirs){
        .images = fs_join(base, "images"), .kept = fs_join(base, "kept"), .lock_fd = -1};
    if (rc < 0)
        return rc;
    kept_sweep(dirs->kept, KEPT_MAX, KEPT_BYTES_MAX);
    return make_scratch(base, dirs, ctx, err);
}

void agent_dirs_close(struct agent_dirs *dirs)
{
    if (dirs->scratch)
        fs_remove_tree(dirs->scratch);
    close_fd(&dirs->lock_fd);
    free(dirs->scratch);
    free(dirs->images);
    free(dirs->kept);
}

/* ---- the command line -------------------------------------------------------------------- */

static int lend_image(const cJSON *item, const struct agent_dirs *dirs, struct strv *argv,
                      struct err *err)
{
    cleanup_free char *name = fs_safe_name(json_get_string(item, "name", "image"));
    cleanup_free char *dir = xasprintf("%s/fw%zu", dirs->scratch, argv->count);
    cleanup_free char *path = fs_join(dir, name);
    int rc = fs_mkdirs(dir, 0700, err);

    if (rc == 0)
        rc = image_cache_lend(dirs->images, json_get_string(item, "image", ""), path, err);
    if (rc == 0)
        strv_add(argv, path);
    return rc;
}

static int add_arg(const cJSON *item, const struct agent_dirs *dirs, struct agent_work *work,
                   struct strv *argv, struct err *err)
{
    if (cJSON_IsString(item))
        strv_add(argv, item->valuestring);
    else if (json_get_string(item, "image", NULL))
        return lend_image(item, dirs, argv, err);
    else if (json_get_bool(item, "out", false)) {
        if (!work->files.dir)
            work->files.dir = fs_join(dirs->scratch, "out");
        strv_add(argv, work->files.dir);
    } else
        return err_set(err, ERR_PROTOCOL, "an argument that is neither text, image nor out");
    return 0;
}

static void add_self(struct strv *argv)
{
    char path[PATH_MAX];
    ssize_t length = readlink("/proc/self/exe", path, sizeof path - 1);

    path[length > 0 ? length : 0] = '\0';
    /* Of a program that was replaced meanwhile, only the link leads to it. */
    strv_add(argv, length > 0 && access(path, X_OK) == 0 ? path : "/proc/self/exe");
}

static int make_argv(const struct frame *frame, const struct agent_dirs *dirs,
                     struct agent_work *work, struct strv *argv, struct err *err)
{
    const char *verb = json_get_string(frame->head, "verb", "");
    const char *key = json_get_string(frame->head, "keep", NULL);
    const cJSON *args = cJSON_GetObjectItemCaseSensitive(frame->head, "args");
    const cJSON *follow = cJSON_GetObjectItemCaseSensitive(frame->head, "follow"), *name;
    size_t known = 0;
    int rc = 0;

    while (agent_verbs[known] && strcmp(agent_verbs[known], verb) != 0)
        known++;
    if (!agent_verbs[known])
        return err_set(err, ERR_USAGE, "this agent does no '%.40s'", verb);
    if (!cJSON_IsArray(args) || cJSON_GetArraySize(args) > ARGS_MAX)
        return err_set(err, ERR_PROTOCOL, "a request without arguments, or with too many");
    cJSON_ArrayForEach(name, follow)
    {
        if (cJSON_IsString(name))
            strv_add(&work->files.follow, name->valuestring);
    }
    add_self(argv);
    strv_add(argv, verb);
    if (key)
        rc = kept_begin(dirs->kept, key, &work->files.dir, &work->kept_fd, err);
    for (const cJSON *item = args->child; item && rc == 0; item = item->next)
        rc = add_arg(item, dirs, work, argv, err);
    return rc;
}

/* ---- the process ------------------------------------------------------------------------- */

static void no_waiting(int fd)
{
    fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
}

/* `behalf`: NULL: nobody's. */
static int start(struct agent_work *work, const struct strv *argv, const char *behalf,
                 const struct ctx *ctx, struct err *err)
{
    cleanup_free char *variable = behalf ? xasprintf("HIL_FOR=%s", behalf) : NULL;
    const char *const env[] = {variable, NULL};
    int out[2] = {-1, -1}, errors[2] = {-1, -1}, in[2] = {-1, -1}, rc;

    if (pipe2(out, O_CLOEXEC) < 0 || pipe2(errors, O_CLOEXEC) < 0 || pipe2(in, O_CLOEXEC) < 0)
        rc = err_sys(err, errno, "pipe");
    else
        rc = proc_start(&(struct proc_spec){.argv = (const char *const *)argv->items,
                                            .env = env,
                                            .in_fd = in[0],
                                            .out_fd = out[1],
                                            .err_fd = errors[1],
                                            .grace_ms = GRACE_MS},
                        ctx, &work->proc, err);
    close_fd(&out[1]);
    close_fd(&errors[1]);
    close_fd(&in[0]);
    work->out_fd[OUT] = out[0];
    work->out_fd[ERR] = errors[0];
    work->in_fd = in[1];
    if (rc == 0) {
        no_waiting(out[0]);
        no_waiting(errors[0]);
        no_waiting(in[1]);
    }
    return rc;
}

/* What the last request has left. */
static void clear_scratch(const struct agent_dirs *dirs)
{
    struct dirent **entries = NULL;
    int count = scandir(dirs->scratch, &entries, NULL, NULL);

    for (int i = 0; i < count; i++) {
        cleanup_free char *path = fs_join(dirs->scratch, entries[i]->d_name);
        if (strcmp(entries[i]->d_name, ".") != 0 && strcmp(entries[i]->d_name, "..") != 0)
            fs_remove_tree(path);
        free(entries[i]);
    }
    free(entries);
}

static struct agent_work *new_work(void)
{
    struct agent_work *work = xcalloc(1, sizeof *work);

    work->input = (struct buf)BUF_INIT(INPUT_MAX);
    work->out_fd[OUT] = work->out_fd[ERR] = work->in_fd = work->kept_fd = -1;
    return work;
}

struct agent_work *agent_work_kept(const struct frame *frame, const struct agent_dirs *dirs)
{
    const char *key = json_get_string(frame->head, "key", "");
    struct agent_work *work = new_work();
    struct err why = {0};
    int rc;

    work->begun = true;
    if (json_get_bool(frame->head, "forget", false)) {
        kept_forget(dirs->kept, key);
        return work;
    }
    rc = kept_open(dirs->kept, key, &work->files.dir, &work->kept_fd, &why);
    if (rc < 0) {
        work->code = rc == -ERR_BUSY ? KEPT_AT_WORK : KEPT_NONE;
        work->why = xstrdup(why.message);
    }
    return work;
}

bool agent_work_goes_on(const struct agent_work *work)
{
    return work->kept_fd >= 0 && work->begun;
}

struct agent_work *agent_work_begin(const struct frame *frame, const struct agent_dirs *dirs,
                                    const struct ctx *ctx)
{
    struct agent_work *work = new_work();
    cleanup_strv struct strv argv = {0};
    struct err why = {0};
    int rc;

    clear_scratch(dirs);
    rc = make_argv(frame, dirs, work, &argv, &why);
    if (rc == 0)
        rc = start(work, &argv, json_get_string(frame->head, "for", NULL), ctx, &why);
    if (rc < 0) {
        work->code = err_exit_code(why.code);
        work->why = xstrdup(why.message);
    }
    return work;
}

void agent_work_ask(struct agent_work *work)
{
    if (work->proc)
        proc_ask(work->proc);
}

void agent_work_free(struct agent_work *work)
{
    if (!work)
        return;
    proc_stop(work->proc);
    for (int i = OUT; i <= ERR; i++)
        close_fd(&work->out_fd[i]);
    close_fd(&work->in_fd);
    if (work->kept_fd >= 0 && !work->begun) { /* nothing was done */
        cleanup_free char *dir = fs_dirname(work->files.dir);
        fs_remove_tree(dir);
    }
    close_fd(&work->kept_fd);
    buf_done(&work->input);
    agent_files_done(&work->files);
    free(work->why);
    free(work);
}

/* ---- its input and output ---------------------------------------------------------------- */

static void close_input(struct agent_work *work)
{
    close_fd(&work->in_fd);
}

int agent_work_input(struct agent_work *work, const char *bytes, size_t count, struct err *err)
{
    if (!count)
        work->input_ended = true;
    else if (work->in_fd >= 0 && buf_add(&work->input, bytes, count) < 0)
        return err_set(err, ERR_LIMIT, "more input than is taken");
    work->begun = work->begun || count;
    if (work->input_ended && !work->input.size)
        close_input(work);
    return 0;
}

static void give_input(struct agent_work *work)
{
    ssize_t n = write(work->in_fd, work->input.data, work->input.size);

    if (n > 0)
        buf_drop_front(&work->input, (size_t)n);
    if ((n < 0 && errno != EAGAIN && errno != EINTR) || (work->input_ended && !work->input.size))
        close_input(work);
}

/* `link` NULL: to nobody. What the files have got comes first: a run writes to its log what a board
 * has said before it tells what that means, so a link may break anywhere, and no case is told of
 * that the log over there does not have. */
static int take_output(struct agent_work *work, int which, struct link *link, struct err *err)
{
    char chunk[CHUNK];
    ssize_t n = read(work->out_fd[which], chunk, sizeof chunk);
    int rc;

    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return 0;
    if (n <= 0) {
        close(work->out_fd[which]);
        work->out_fd[which] = -1;
        return 0;
    }
    if (!link)
        return 0;
    rc = agent_files_follow(&work->files, link, err);
    return rc < 0 ? rc : link_say(link, which == OUT ? "out" : "err", chunk, (size_t)n, err);
}

static bool has_ended(const struct agent_work *work)
{
    return !work->proc && work->out_fd[OUT] < 0 && work->out_fd[ERR] < 0;
}

size_t agent_work_fds(const struct agent_work *work, struct pollfd *fds)
{
    if (!work)
        return 0;
    for (int i = OUT; i <= ERR; i++)
        fds[i] = (struct pollfd){.fd = work->out_fd[i], .events = POLLIN};
    fds[IN] = (struct pollfd){.fd = work->input.size ? work->in_fd : -1, .events = POLLOUT};
    fds[ENDED] = (struct pollfd){.fd = work->proc ? proc_pidfd(work->proc) : -1, .events = POLLIN};
    return AGENT_WORK_FDS;
}

static int take_all(struct agent_work *work, const struct pollfd *fds, struct link *link,
                    struct err *err)
{
    int rc = 0;

    for (int i = OUT; i <= ERR && rc == 0; i++)
        if (work->out_fd[i] >= 0 && fds[i].revents)
            rc = take_output(work, i, link, err);
    if (work->in_fd >= 0 && work->input.size && fds[IN].revents)
        give_input(work);
    if (work->proc && fds[ENDED].revents) {
        work->code = proc_exit_code(work->proc);
        proc_stop(work->proc);
        work->proc = NULL;
    }
    return rc;
}

void agent_work_drain(struct agent_work *work, const struct ctx *ctx)
{
    while (!has_ended(work) && ctx_check(ctx, NULL) == 0) {
        struct pollfd fds[AGENT_WORK_FDS];
        int64_t left = ctx_left_ms(ctx);
        agent_work_fds(work, fds);
        if (poll(fds, AGENT_WORK_FDS, left > 1000 ? 1000 : (int)left) > 0)
            take_all(work, fds, NULL, NULL);
    }
    kept_end(work->kept_fd);
}

/* ---- its end ----------------------------------------------------------------------------- */

static int say_end(const struct agent_work *work, struct link *link, struct err *err)
{
    struct json_out head;

    frame_begin(&head, "end");
    json_kv_int(&head, "code", work->code);
    json_kv_string(&head, "why", work->why);
    return link_end(link, &head, NULL, 0, err);
}

int agent_work_turn(struct agent_work **all, const struct pollfd *fds, struct link *link,
                    struct err *err)
{
    struct agent_work *work = *all;
    int rc = work ? take_all(work, fds, link, err) : 0;

    if (!work || rc < 0)
        return rc;
    if (!has_ended(work))
        return agent_files_follow(&work->files, link, err);
    rc = agent_files_send(&work->files, link, err);
    if (rc <= 0)
        return rc;
    rc = say_end(work, link, err);
    agent_work_free(work);
    *all = NULL;
    return rc;
}
