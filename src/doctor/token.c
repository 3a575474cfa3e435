/* SPDX-License-Identifier: MIT
 *
 * The token: is it accepted, and how much of the hour's rate limit is left?
 */
#include "base/json.h"
#include "base/str.h"
#include "doctor/checks.h"
#include "source/github_api.h"

#include <stdlib.h>

#define ANSWER_MAX ((size_t)64 << 10)
#define WAIT_MS 10000
#define LEFT_WARN 100

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

void check_token(struct exam *exam)
{
    struct http_options options = {
        .version = exam->request->version, .connect_ms = WAIT_MS / 2, .stall_ms = WAIT_MS};
    struct github_asked asked = {"the token", "metadata: read"};
    struct ctx ctx = ctx_narrow(exam->ctx, WAIT_MS);
    cleanup_buf struct buf body = BUF_INIT(ANSWER_MAX);
    cleanup_free char *url = NULL, *next = NULL;
    const char *env = getenv("GITHUB_TOKEN");
    struct github *github = NULL;
    struct err err = {0};
    int rc;

    if (!exam->request->token_file && (!env || !*env)) {
        exam_tell(
            exam, FINDING_NOTE,
            "none (GITHUB_TOKEN): artifacts and private releases cannot be fetched from here");
        return;
    }
    rc = github_open(&github, &options, exam->request->token_file, &err);
    if (rc == 0) {
        url = github_url(github, "/rate_limit");
        rc = github_get(github, url, asked, &ctx, &body, &next, &err);
    }
    if (rc < 0) {
        exam_tell(exam, FINDING_BAD, "%s", err.message);
        exam_mend(exam, "make a new one: https://github.com/settings/personal-access-tokens");
    } else {
        tell_limit(exam, &body);
    }
    github_close(github);
}
