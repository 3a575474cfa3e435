/* SPDX-License-Identifier: MIT */
#include "gate/check_run.h"

#include "base/json.h"
#include "base/text.h"
#include "gate/tell.h"
#include "report/words.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define BATCH 50
#define ANNOTATIONS_MAX 1000    /* nobody reads so many, and each batch is a request */
#define SUMMARY_MAX (24 * 1024) /* of 65535: the answer repeats it */
#define TITLE_MAX 255
#define MESSAGE_MAX (60 * 1024) /* of 64 KB */
#define DESCRIPTION_MAX 140     /* characters; ours are ASCII, or cut by bytes */
#define SHA_DIGITS 40

int check_place_check(const struct check_place *place, struct err *err)
{
    if (!place->repo || !github_repo_ok(place->repo))
        return err_set(err, ERR_USAGE,
                       "whose commit? name --repo OWNER/NAME, or set $GITHUB_REPOSITORY");
    if (!place->sha || strlen(place->sha) != SHA_DIGITS ||
        strspn(place->sha, "0123456789abcdef") != SHA_DIGITS)
        return err_set(err, ERR_USAGE,
                       "which commit? name --commit SHA with all of its 40 digits, or set "
                       "$GITHUB_SHA");
    if (!*place->name || strlen(place->name) > TITLE_MAX)
        return err_set(err, ERR_USAGE, "--name: 1 to %d characters", TITLE_MAX);
    return 0;
}

static void kv_text(struct json_out *out, const char *name, const char *raw, size_t max)
{
    cleanup_buf struct buf text = BUF_INIT(SIZE_MAX / 4);

    json_kv_string(out, name, words_clean(&text, raw, max, 0));
}

/* ---- annotations ------------------------------------------------------------------------- */

static void write_annotation(struct json_out *out, const struct red *red)
{
    uint32_t line = red->line ? red->line : 1;

    json_object(out);
    json_kv_string(out, "path", red->path);
    json_kv_int(out, "start_line", line);
    json_kv_int(out, "end_line", line);
    json_kv_string(out, "annotation_level", "failure");
    kv_text(out, "title", red->test, TITLE_MAX - 5);
    kv_text(out, "message", red->text, MESSAGE_MAX);
    if (red->detail && *red->detail)
        kv_text(out, "raw_details", red->detail, MESSAGE_MAX);
    json_object_end(out);
}

/* The next batch, from *at on. */
static void write_batch(struct json_out *out, const struct ruling *ruling, size_t *at,
                        size_t *ret_count)
{
    size_t batch = 0;

    json_key(out, "annotations");
    json_array(out);
    for (; *at < ruling->count && batch < BATCH; ++*at) {
        if (!ruling->reds[*at].path || *ret_count == ANNOTATIONS_MAX)
            continue;
        write_annotation(out, &ruling->reds[*at]);
        batch++;
        ++*ret_count;
    }
    json_array_end(out);
}

static bool more_places(const struct ruling *ruling, size_t at, size_t count)
{
    for (; at < ruling->count && count < ANNOTATIONS_MAX; at++)
        if (ruling->reds[at].path)
            return true;
    return false;
}

/* ---- the check run ----------------------------------------------------------------------- */

static void write_output(struct json_out *out, const struct ruling *ruling, size_t *at,
                         size_t *ret_count)
{
    cleanup_buf struct buf title = BUF_INIT(SIZE_MAX / 4), page = BUF_INIT(SUMMARY_MAX);

    ruling_title(ruling, &title);
    ruling_markdown(ruling, SUMMARY_MAX, &page);
    json_key(out, "output");
    json_object(out);
    kv_text(out, "title", title.data, TITLE_MAX);
    json_kv_string(out, "summary", page.data);
    write_batch(out, ruling, at, ret_count);
    json_object_end(out);
}

static int send(struct github *github, struct github_change change, struct json_out *out,
                const struct check_place *place, const struct ctx *ctx, struct buf *ret,
                struct err *err)
{
    cleanup_free char *what =
        xasprintf("check run '%s' of %s at %.12s", place->name, place->repo, place->sha);

    change.body = out->pending.data;
    return github_send(github, &change, (struct github_asked){what, "checks: write"}, ctx, ret,
                       err);
}

static int create(struct github *github, const struct check_place *place,
                  const struct ruling *ruling, const struct ctx *ctx, size_t *at, size_t *ret_count,
                  int64_t *ret_id, struct err *err)
{
    cleanup_free char *url = github_url(github, "/repos/%s/check-runs", place->repo);
    cleanup_buf struct buf answer = BUF_INIT(HTTP_TEXT_MAX);
    struct json_out out;
    cJSON *root = NULL;
    int rc;

    json_begin(&out, -1, 0);
    json_object(&out);
    json_kv_string(&out, "name", place->name);
    json_kv_string(&out, "head_sha", place->sha);
    if (place->run_url)
        json_kv_string(&out, "details_url", place->run_url);
    json_kv_string(&out, "status", "completed");
    json_kv_string(&out, "conclusion", ruling->verdict == VERDICT_PASS ? "success" : "failure");
    write_output(&out, ruling, at, ret_count);
    json_object_end(&out);
    rc = send(github, (struct github_change){HTTP_POST, url, NULL, true}, &out, place, ctx, &answer,
              err);
    json_done(&out);
    if (rc == 0)
        rc = json_parse(answer.data, answer.size, HTTP_TEXT_MAX, "the new check run", &root, err);
    *ret_id = rc == 0 ? json_get_int(root, "id", 0) : 0;
    cJSON_Delete(root);
    if (rc == 0 && *ret_id <= 0)
        rc = err_set(err, ERR_PROTOCOL, "GitHub's answer has no number of the check run");
    return rc;
}

/* GitHub appends the annotations of an update to those that are there. */
static int add_more(struct github *github, const struct check_place *place,
                    const struct ruling *ruling, int64_t id, const struct ctx *ctx, size_t *at,
                    size_t *ret_count, struct err *err)
{
    cleanup_free char *url = github_url(github, "/repos/%s/check-runs/%" PRId64, place->repo, id);
    struct json_out out;
    int rc;

    json_begin(&out, -1, 0);
    json_object(&out);
    write_output(&out, ruling, at, ret_count);
    json_object_end(&out);
    rc = send(github, (struct github_change){HTTP_PATCH, url, NULL, true}, &out, place, ctx, NULL,
              err);
    json_done(&out);
    return rc;
}

int check_run_post(struct github *github, const struct check_place *place,
                   const struct ruling *ruling, const struct ctx *ctx, size_t *ret_annotations,
                   struct err *err)
{
    size_t at = 0;
    int64_t id = 0;
    int rc;

    *ret_annotations = 0;
    rc = create(github, place, ruling, ctx, &at, ret_annotations, &id, err);
    while (rc == 0 && more_places(ruling, at, *ret_annotations))
        rc = add_more(github, place, ruling, id, ctx, &at, ret_annotations, err);
    return rc;
}

/* ---- the status -------------------------------------------------------------------------- */

int commit_status_post(struct github *github, const struct check_place *place,
                       const struct ruling *ruling, const struct ctx *ctx, struct err *err)
{
    static const char *const states[] = {
        [VERDICT_PASS] = "success", [VERDICT_FAIL] = "failure", [VERDICT_INFRA] = "error"};
    cleanup_free char *url = github_url(github, "/repos/%s/statuses/%s", place->repo, place->sha);
    cleanup_free char *what = xasprintf("status of %s at %.12s", place->repo, place->sha);
    cleanup_buf struct buf title = BUF_INIT(SIZE_MAX / 4);
    struct github_change change = {HTTP_POST, url, NULL, false};
    struct json_out out;
    int rc;

    ruling_title(ruling, &title);
    json_begin(&out, -1, 0);
    json_object(&out);
    json_kv_string(&out, "state", states[ruling->verdict]);
    json_kv_string(&out, "context", place->name);
    kv_text(&out, "description", title.data, DESCRIPTION_MAX);
    if (place->run_url)
        json_kv_string(&out, "target_url", place->run_url);
    json_object_end(&out);
    change.body = out.pending.data;
    rc = github_send(github, &change, (struct github_asked){what, "statuses: write"}, ctx, NULL,
                     err);
    json_done(&out);
    return rc;
}
