/* SPDX-License-Identifier: MIT
 *
 * The first line is the event's name, the rest the body of a delivery. What is taken for an event
 * names a repository as GitHub allows it, and whatever it says, no signature that was not made with
 * the secret is good. The same body as another host's news names a repository, too, or is none.
 */
#include "base/str.h"
#include "serve/hook.h"
#include "serve/relay.h"
#include "source/github_api.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count);

static void must(bool holds)
{
    if (!holds)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count)
{
    const char *text = (const char *)bytes, *end = memchr(text, '\n', count);
    size_t length = end ? (size_t)(end - text) : count;
    cleanup_free char *name = xstrndup(text, length);
    cleanup_free char *body = xstrndup(text + length, count - length);
    struct hook_event event;
    int rc = hook_read(name, text + length, count - length, &event, NULL);

    must(rc == 0 || event.kind == HOOK_NOTHING);
    if (event.kind != HOOK_NOTHING)
        must(github_repo_ok(event.repo) && strlen(event.branch) < HOOK_TEXT_MAX);
    must(event.kind != HOOK_RUN || str_eq(name, "workflow_run"));
    must(!hook_signed("secret", 6, body, strlen(body), name));
    if (relay_read(body, "bench", "self", &event))
        must(event.kind != HOOK_NOTHING && github_repo_ok(event.repo) &&
             strlen(event.branch) < HOOK_TEXT_MAX);
    if (hook_id_ok(name))
        must(strlen(name) <= 64);
    return 0;
}
