/* SPDX-License-Identifier: MIT
 *
 * https://docs.github.com/en/rest/actions/self-hosted-runners
 */
#include "runner/runner_api.h"

#include "base/json.h"
#include "source/http_field.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

int runner_place_check(const struct runner_place *place, struct err *err)
{
    if (place->repo && place->org)
        return err_set(err, ERR_USAGE, "a runner belongs to --repo or to --org, not to both");
    if (!place->repo && !place->org)
        return err_set(err, ERR_USAGE,
                       "whose runner? name --repo OWNER/NAME (or $GITHUB_REPOSITORY) or --org ORG");
    if (place->repo && !github_repo_ok(place->repo))
        return err_set(err, ERR_USAGE, "--repo: '%s' is not OWNER/NAME", place->repo);
    if (place->org && (!*place->org || strchr(place->org, '/')))
        return err_set(err, ERR_USAGE, "--org: '%s' is no organisation's name", place->org);
    return 0;
}

const char *runner_place_name(const struct runner_place *place)
{
    return place->repo ? place->repo : place->org;
}

static const char *permission_of(const struct runner_place *place)
{
    return place->repo ? "administration: write" : "organization_self_hosted_runners: write";
}

/* Below .../actions/runners; `tail` may be "". Caller frees. */
static char *runners_url(const struct github *github, const struct runner_place *place,
                         const char *tail)
{
    cleanup_free char *org = place->org ? http_escape(place->org) : NULL;

    return place->repo ? github_url(github, "/repos/%s/actions/runners%s", place->repo, tail)
                       : github_url(github, "/orgs/%s/actions/runners%s", org, tail);
}

static int hint(const struct github *github, int rc, struct err *err)
{
    if (github_token(github) && (rc == -ERR_REFUSED || rc == -ERR_NOT_FOUND))
        err_hint(err, "; a job's GITHUB_TOKEN cannot have it: use a fine-grained token of an "
                      "administrator or a GitHub App's");
    return rc;
}

/* ---- questions ------------------------------------------------------------------------------- */

int runner_get(struct github *github, const struct runner_place *place, int64_t id,
               const struct ctx *ctx, struct runner *ret, struct err *err)
{
    cleanup_free char *tail = xasprintf("/%" PRId64, id), *next = NULL;
    cleanup_free char *what = xasprintf("runner %" PRId64 " of %s", id, runner_place_name(place));
    cleanup_free char *url = runners_url(github, place, tail);
    cleanup_buf struct buf body = BUF_INIT(HTTP_TEXT_MAX);
    struct github_asked asked = {what, permission_of(place)};
    int rc = github_get(github, url, asked, ctx, &body, &next, err);

    *ret = (struct runner){0};
    if (rc < 0)
        return hint(github, rc, err);
    rc = runner_read(body.data, body.size, ret, err);
    return rc < 0 ? err_wrap(err, "%s", what) : 0;
}

struct search {
    const char *name;
    struct runner found;
    struct strv others;
};

static int read_page(void *arg, const struct buf *page, struct err *err)
{
    struct search *search = arg;

    return runner_read_page(page->data, page->size, search->name, &search->found, &search->others,
                            err);
}

static int not_there(const struct search *search, const struct runner_place *place, struct err *err)
{
    cleanup_buf struct buf list = BUF_INIT(512);

    for (size_t i = 0; i < search->others.count; i++)
        buf_addf(&list, "%s%s", i ? ", " : "", search->others.items[i]);
    return err_set(err, ERR_NOT_FOUND, "%s has no runner called '%s'%s%s", runner_place_name(place),
                   search->name, list.size ? "; there are: " : "; it has none at all", list.data);
}

/* The API filters by name; a GitHub Enterprise of old does not, and lists all. */
static int search_pages(struct github *github, const struct runner_place *place, const char *query,
                        unsigned pages_max, const struct ctx *ctx, struct search *search,
                        struct err *err)
{
    cleanup_free char *what = xasprintf("runners of %s", runner_place_name(place));
    cleanup_free char *url = runners_url(github, place, query);
    int rc = github_pages(github, url, (struct github_asked){what, permission_of(place)}, pages_max,
                          ctx, read_page, search, err);

    return hint(github, rc, err);
}

int runner_find(struct github *github, const struct runner_place *place, const char *which,
                const struct ctx *ctx, struct runner *ret, struct err *err)
{
    cleanup_free char *name = http_escape(which);
    cleanup_free char *query = xasprintf("?name=%s&per_page=100", name);
    struct search search = {.name = which};
    uint64_t id;
    int rc;

    *ret = (struct runner){0};
    if (str_to_u64(which, INT64_MAX, "--runner", &id, NULL) == 0 && id > 0)
        return runner_get(github, place, (int64_t)id, ctx, ret, err);
    rc = search_pages(github, place, query, GITHUB_PAGES_MAX, ctx, &search, err);
    if (rc == 0 && !search.found.id) /* for the message */
        rc = search_pages(github, place, "?per_page=100", 1, ctx, &search, err);
    if (rc == 0 && !search.found.id)
        rc = not_there(&search, place, err);
    strv_done(&search.others);
    if (rc < 0)
        runner_done(&search.found);
    *ret = search.found;
    return rc;
}

/* ---- changes --------------------------------------------------------------------------------- */

int runner_set_labels(struct github *github, const struct runner_place *place,
                      const struct runner *runner, const struct strv *labels, const struct ctx *ctx,
                      struct err *err)
{
    cleanup_free char *tail = xasprintf("/%" PRId64 "/labels", runner->id);
    cleanup_free char *what =
        xasprintf("labels of runner '%s' of %s", runner->name, runner_place_name(place));
    cleanup_free char *url = runners_url(github, place, tail);
    struct github_asked asked = {what, permission_of(place)};
    struct json_out out;
    int rc;

    json_begin(&out, -1, 0);
    json_object(&out);
    json_kv_strv(&out, "labels", labels);
    json_object_end(&out);
    rc = github_send(github, &(struct github_change){HTTP_PUT, url, out.pending.data, false}, asked,
                     ctx, NULL, err);
    json_done(&out);
    return hint(github, rc, err);
}

int runner_new_jit(struct github *github, const struct runner_place *place,
                   const struct runner_order *order, const struct ctx *ctx, struct runner *ret,
                   char **ret_config, struct err *err)
{
    cleanup_free char *what = xasprintf("a just-in-time runner for %s", runner_place_name(place));
    cleanup_free char *url = runners_url(github, place, "/generate-jitconfig");
    cleanup_buf struct buf body = BUF_INIT(HTTP_TEXT_MAX);
    struct github_asked asked = {what, permission_of(place)};
    struct json_out out;
    int rc;

    *ret = (struct runner){0};
    *ret_config = NULL;
    json_begin(&out, -1, 0);
    json_object(&out);
    json_kv_string(&out, "name", order->name);
    json_kv_int(&out, "runner_group_id", order->group);
    json_kv_strv(&out, "labels", order->labels);
    json_kv_string(&out, "work_folder", order->work ? order->work : "_work");
    json_object_end(&out);
    rc = github_send(github, &(struct github_change){HTTP_POST, url, out.pending.data, true}, asked,
                     ctx, &body, err);
    json_done(&out);
    if (rc < 0)
        return hint(github, rc, err);
    rc = runner_read_jit(body.data, body.size, ret, ret_config, err);
    explicit_bzero(body.data, body.size);
    return rc < 0 ? err_wrap(err, "%s", what) : 0;
}

int runner_delete(struct github *github, const struct runner_place *place,
                  const struct runner *runner, const struct ctx *ctx, bool *ret_gone,
                  struct err *err)
{
    cleanup_free char *tail = xasprintf("/%" PRId64, runner->id);
    cleanup_free char *what =
        xasprintf("removal of runner '%s' of %s", runner->name, runner_place_name(place));
    cleanup_free char *url = runners_url(github, place, tail);
    struct github_asked asked = {what, permission_of(place)};
    int rc = github_send(github, &(struct github_change){HTTP_DELETE, url, NULL, false}, asked, ctx,
                         NULL, err);

    *ret_gone = rc == -ERR_NOT_FOUND;
    return *ret_gone ? 0 : rc;
}
