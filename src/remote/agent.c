/* SPDX-License-Identifier: MIT */
#include "remote/agent.h"

#include "base/guard.h"
#include "base/str.h"
#include "remote/agent_work.h"
#include "remote/image_cache.h"

#include <limits.h>
#include <unistd.h>

#define DETACHED_MS INT64_C(86400000) /* for a run that goes on without a link */
#define END_MS 8000                   /* for a verb to bring its board to rest after SIGTERM */

const char *const agent_verbs[] = {"run",      "flash",  "boards", "power",   "reset",
                                   "hub",      "health", "labels", "console", "rest",
                                   "discover", "doctor", NULL};

struct agent {
    struct link link;
    struct ctx ctx;
    struct agent_dirs dirs;
    struct agent_work *work; /* NULL: nothing runs */
    struct buf image;        /* that comes just now */
    char digest[SHA256_HEX_SIZE];
    size_t left; /* bytes of it that are to come */
};

static int say_hello(struct agent *agent, const char *version, struct err *err)
{
    char host[HOST_NAME_MAX + 1] = "";
    struct json_out head;

    gethostname(host, sizeof host - 1);
    buf_add(&agent->link.out, FRAME_MAGIC, FRAME_MAGIC_SIZE);
    frame_begin(&head, "hello");
    json_kv_int(&head, "protocol", FRAME_PROTOCOL);
    json_kv_string(&head, "version", version);
    json_kv_string(&head, "host", host);
    json_key(&head, "verbs");
    json_array(&head);
    for (size_t i = 0; agent_verbs[i]; i++)
        json_string(&head, agent_verbs[i]);
    json_array_end(&head);
    return link_end(&agent->link, &head, NULL, 0, err);
}

/* ---- images ------------------------------------------------------------------------------ */

static int say_have(struct agent *agent, bool have, struct err *err)
{
    struct json_out head;

    frame_begin(&head, "have");
    json_kv_bool(&head, "have", have);
    return link_end(&agent->link, &head, NULL, 0, err);
}

static int take_image(struct agent *agent, const struct frame *frame, struct err *err)
{
    const char *digest = json_get_string(frame->head, "sha256", "");
    int64_t size = json_get_int(frame->head, "size", -1);

    if (!image_digest_valid(digest) || size < 1 || size > (int64_t)IMAGE_FILE_MAX)
        return err_set(err, ERR_PROTOCOL, "an image without a digest or size");
    memcpy(agent->digest, digest, sizeof agent->digest);
    buf_clear(&agent->image);
    agent->left = (size_t)size;
    return say_have(agent, image_cache_has(agent->dirs.images, digest), err);
}

static int take_data(struct agent *agent, const struct frame *frame, struct err *err)
{
    int rc;

    if (frame->size > agent->left)
        return err_set(err, ERR_PROTOCOL, "an image of more bytes than it was said to have");
    agent->left -= frame->size;
    if (frame->size)
        return buf_add(&agent->image, frame->body, frame->size);
    rc = image_cache_put(agent->dirs.images, agent->digest, agent->image.data, agent->image.size,
                         err);
    buf_done(&agent->image);
    return rc == 0 ? say_have(agent, true, err) : rc;
}

/* ---- requests ---------------------------------------------------------------------------- */

static int take_frame(struct agent *agent, const struct frame *frame, struct err *err)
{
    if (str_eq(frame->type, "do") && !agent->work) {
        agent->work = agent_work_begin(frame, &agent->dirs, &agent->ctx);
        return 0;
    }
    if (str_eq(frame->type, "kept") && !agent->work) {
        agent->work = agent_work_kept(frame, &agent->dirs);
        return 0;
    }
    if (str_eq(frame->type, "image"))
        return take_image(agent, frame, err);
    if (str_eq(frame->type, "data"))
        return take_data(agent, frame, err);
    if (!agent->work) /* it has ended while these were under way */
        return str_eq(frame->type, "in") || str_eq(frame->type, "cancel")
                   ? 0
                   : err_set(err, ERR_PROTOCOL, "a frame '%.40s'", frame->type);
    if (str_eq(frame->type, "in"))
        return agent_work_input(agent->work, frame->body, frame->size, err);
    if (str_eq(frame->type, "cancel")) {
        agent_work_ask(agent->work);
        return 0;
    }
    return err_set(err, ERR_PROTOCOL, "a frame '%.40s' while a request is at work", frame->type);
}

static int take_frames(struct agent *agent, struct err *err)
{
    struct frame frame;
    int rc;

    while ((rc = link_next(&agent->link, &frame, err)) > 0) {
        rc = take_frame(agent, &frame, err);
        frame_done(&frame);
        if (rc < 0)
            break;
    }
    return rc;
}

static int serve(struct agent *agent, struct err *err)
{
    int rc;

    do {
        struct pollfd fds[AGENT_WORK_FDS];
        size_t count = agent_work_fds(agent->work, fds);
        rc = link_turn(&agent->link, fds, count, &agent->ctx, err);
        if (rc == 0)
            rc = agent_work_turn(&agent->work, fds, &agent->link, err);
        if (rc == 0)
            rc = take_frames(agent, err);
    } while (rc == 0);
    return rc;
}

/* Nobody is there to be told, but a board is to be given back. What the verb prints is read, so
 * that it does not stand still. `detached`: it is the link that has ended. */
static void give_back(struct agent *agent, bool detached)
{
    struct ctx wait = ctx_narrow(&agent->ctx, DETACHED_MS);

    if (!agent->work)
        return;
    agent_work_input(agent->work, NULL, 0, NULL);
    if (detached && agent_work_goes_on(agent->work))
        agent_work_drain(agent->work, &wait);
    wait = ctx_cleanup(&agent->ctx, END_MS);
    agent_work_ask(agent->work);
    agent_work_drain(agent->work, &wait);
    agent_work_free(agent->work);
}

/* The other side is told what it did wrong, as far as it takes it. */
static void say_error(struct agent *agent, const struct err *why)
{
    struct ctx wait = ctx_cleanup(&agent->ctx, LINK_PING_MS);
    struct json_out head;

    frame_begin(&head, "error");
    json_kv_string(&head, "message", why->message);
    link_end(&agent->link, &head, NULL, 0, NULL);
    while (agent->link.out.size && link_turn(&agent->link, NULL, 0, &wait, NULL) == 0)
        ;
}

int agent_run(const struct agent_options *options, struct err *err)
{
    struct agent agent = {.image = BUF_INIT(IMAGE_FILE_MAX)};
    struct guard *guard = NULL;
    int rc = guard_start(&guard, err);

    agent.ctx = ctx_root(options->cancel_fd, guard);
    link_init(&agent.link, options->in_fd, options->out_fd);
    if (rc == 0)
        rc = agent_dirs_open(&agent.dirs, &agent.ctx, err);
    if (rc == 0)
        rc = say_hello(&agent, options->version, err);
    if (rc == 0)
        rc = serve(&agent, err);
    if (rc < 0 && rc != -ERR_GONE && !agent.link.ended)
        say_error(&agent, err);
    give_back(&agent, rc == -ERR_GONE || rc == -ERR_TIMEOUT);
    agent_dirs_close(&agent.dirs);
    buf_done(&agent.image);
    link_done(&agent.link);
    guard_stop(guard);
    return rc == -ERR_GONE ? 0 : rc;
}
