/* SPDX-License-Identifier: MIT
 *
 * The token: is it accepted, how much of the hour's rate limit is left, what is it allowed, and
 * does it see the repositories that it is for? Only classic tokens tell their scopes
 * (X-OAuth-Scopes); of all others the answers tell.
 */
#include "base/json.h"
#include "base/str.h"
#include "doctor/checks.h"
#include "serve/watch_conf.h"
#include "source/github_api.h"

#include <stdlib.h>
#include <string.h>

#define ANSWER_MAX ((size_t)64 << 10)
#define WAIT_MS 10000
#define LEFT_WARN 100
#define NEW_TOKEN "https://github.com/settings/personal-access-tokens"

static void tell_limit(struct exam *exam, const struct buf *body)
{
    struct err err = {0};
    cJSON *answer = NULL;
    int rc = json_parse(body->data, body->size, ANSWER_MAX, "rate limit", &answer, &err);
    const cJSON *resources = cJSON_GetObjectItemCaseSensitive(answer, "resources");
    const cJSON *core = cJSON_GetObjectItemCaseSensitive(resources, "core");
    int64_t limit = json_get_int(core, "limit", -1);
    int64_t left = json_get_int(core, "remaining", -1);

    if (rc < 0 || limit < 0 || left < 0)
        exam_tell(exam, FINDING_NOTE, "accepted; the server tells no rate limit");
    else if (left < LEFT_WARN)
        exam_tell(exam, FINDING_WARN, "accepted, but only %lld of %lld requests an hour are left",
                  (long long)left, (long long)limit);
    else
        exam_tell(exam, FINDING_OK, "accepted; %lld of %lld requests an hour are left",
                  (long long)left, (long long)limit);
    cJSON_Delete(answer);
}

/* ---- what it may do -------------------------------------------------------------------------- */

static void tell_scopes(struct exam *exam, const char *text)
{
    static const char *const broad[] = {"admin:org",     "admin:enterprise", "delete_repo",
                                        "admin:gpg_key", "admin:org_hook",   "admin:public_key",
                                        "site_admin"};
    cleanup_strv struct strv words = {0};
    cleanup_buf struct buf more = BUF_INIT(1024);

    strv_split(&words, text, ',');
    for (size_t i = 0; i < words.count; i++) {
        const char *word = words.items[i] + strspn(words.items[i], " ");
        memmove(words.items[i], word, strlen(word) + 1);
    }
    if (!strv_has(&words, "repo")) {
        exam_tell(
            exam, FINDING_WARN,
            "its scopes (%s) do not have `repo`: artifacts and private releases are out of its "
            "reach",
            words.count ? text : "none");
        exam_mend(exam,
                  "a fine-grained token with `contents: read` and `actions: read`: " NEW_TOKEN);
    }
    for (size_t i = 0; i < ARRAY_SIZE(broad); i++)
        if (strv_has(&words, broad[i]))
            buf_addf(&more, "%s%s", more.size ? ", " : "", broad[i]);
    if (!more.size)
        return;
    exam_tell(exam, FINDING_WARN, "it may do far more than hil ever does: %s", more.data);
    exam_mend(exam, "a fine-grained token with `contents: read` and `actions: read`: " NEW_TOKEN);
}

static void look_at_repo(struct exam *exam, struct github *github, const char *repo,
                         const struct ctx *ctx)
{
    cleanup_free char *url = github_url(github, "/repos/%s", repo), *next = NULL;
    struct github_asked asked = {repo, "metadata: read"};
    cleanup_buf struct buf body = BUF_INIT(ANSWER_MAX);
    struct err err = {0};

    if (github_get(github, url, asked, ctx, &body, &next, &err) == 0) {
        exam_tell(exam, FINDING_OK, "%s can be seen", repo);
        return;
    }
    exam_tell(exam, FINDING_BAD, "%s", err.message);
    exam_mend(exam, "correct its name, or give the token that repository: " NEW_TOKEN);
}

/* Those that a watch looks at, and the one of the workflow that this runs in. */
static void find_repos(const struct exam *exam, struct strv *ret)
{
    const struct lab *lab = exam->inventory ? exam->inventory->lab : NULL;
    const char *here = getenv("GITHUB_REPOSITORY");
    struct diags diags = {.file = lab ? lab->file : NULL};
    struct watch_plan plan;

    if (here && github_repo_ok(here))
        strv_add(ret, here);
    if (!lab)
        return;
    watch_conf_read(lab, &plan, &diags);
    for (size_t i = 0; i < plan.count; i++) {
        const char *repo = plan.items[i].repo;
        if (repo && github_repo_ok(repo) && !strv_has(ret, repo))
            strv_add(ret, repo);
    }
    watch_plan_done(&plan);
    diags_done(&diags);
}

/* ---- the check ------------------------------------------------------------------------------- */

static int begin(void *arg, const struct http_answer *answer, struct err *err)
{
    buf_clear(arg); /* a retry begins again */
    if (answer->fields.type && str_eq(answer->fields.type, "text/html"))
        return err_set(err, ERR_PROTOCOL,
                       "a web page came where JSON was due: is GITHUB_API_URL right?");
    return 0;
}

static int keep(void *arg, const void *bytes, size_t count, const struct ctx *ctx, struct err *err)
{
    (void)ctx;
    return buf_add(arg, bytes, count) < 0 ? err_set(err, ERR_LIMIT, "the answer is too large") : 0;
}

/* -ERR_*: the token is no good, or nobody answers. */
static int ask_limit(struct exam *exam, struct github *github, const struct ctx *ctx,
                     struct err *err)
{
    cleanup_free char *url = github_url(github, "/rate_limit");
    cleanup_buf struct buf body = BUF_INIT(ANSWER_MAX);
    struct http_request request = {
        .url = url, .accept = GITHUB_ACCEPT, .with_token = true, .sink = {begin, keep, &body}};
    struct http_answer answer = {0};
    int rc = http_call(github_http(github), &request, ctx, &answer, err);

    if (rc == 0 && answer.fields.status != 200)
        rc = github_explain(github, &answer, (struct github_asked){"the token", "metadata: read"},
                            err);
    if (rc == 0) {
        tell_limit(exam, &body);
        if (answer.fields.scopes)
            tell_scopes(exam, answer.fields.scopes);
    }
    http_answer_done(&answer);
    return rc;
}

static void tell_none(struct exam *exam, const struct strv *repos)
{
    exam_tell(exam, FINDING_NOTE,
              "none (GITHUB_TOKEN): artifacts and private releases cannot be fetched from here");
    if (!repos->count)
        return;
    exam_mend(exam,
              "where %s is private, or is asked more than 60 times an hour: GITHUB_TOKEN or "
              "--token-file with a token from " NEW_TOKEN,
              repos->items[0]);
}

void check_token(struct exam *exam)
{
    struct http_options options = {
        .version = exam->request->version, .connect_ms = WAIT_MS / 2, .stall_ms = WAIT_MS};
    struct ctx ctx = ctx_narrow(exam->ctx, WAIT_MS);
    cleanup_strv struct strv repos = {0};
    const char *env = getenv("GITHUB_TOKEN");
    struct github *github = NULL;
    struct err err = {0};
    int rc;

    find_repos(exam, &repos);
    if (!exam->request->token_file && (!env || !*env)) {
        tell_none(exam, &repos);
        return;
    }
    rc = github_open(&github, &options, exam->request->token_file, &err);
    if (rc == 0)
        rc = ask_limit(exam, github, &ctx, &err);
    if (rc < 0) {
        exam_tell(exam, FINDING_BAD, "%s", err.message);
        exam_mend(exam, "make a new one: " NEW_TOKEN);
    }
    for (size_t i = 0; i < repos.count && rc == 0; i++)
        look_at_repo(exam, github, repos.items[i], &ctx);
    github_close(github);
}
