/* SPDX-License-Identifier: MIT */
#include "serve/hook.h"

#include "base/hash.h"
#include "base/json.h"
#include "base/str.h"
#include "base/text.h"
#include "source/github_api.h"

#include <ctype.h>
#include <sodium/crypto_auth_hmacsha256.h>
#include <sodium/utils.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define SIGNED "sha256="
#define ID_MAX 64
#define DIGITS_MAX (2 * crypto_auth_hmacsha256_BYTES)

bool hook_signed(const void *secret, size_t size, const void *bytes, size_t count,
                 const char *header)
{
    crypto_auth_hmacsha256_state state;
    unsigned char mac[crypto_auth_hmacsha256_BYTES];
    char digits[DIGITS_MAX + 1], given[DIGITS_MAX + 1] = "";

    crypto_auth_hmacsha256_init(&state, secret, size);
    crypto_auth_hmacsha256_update(&state, bytes, count);
    crypto_auth_hmacsha256_final(&state, mac);
    hex_encode(mac, sizeof mac, digits);
    sodium_memzero(&state, sizeof state);
    if (!header || !str_starts(header, SIGNED) || strlen(header + strlen(SIGNED)) != DIGITS_MAX)
        return false;
    for (size_t i = 0; i < DIGITS_MAX; i++)
        given[i] = (char)tolower((unsigned char)header[strlen(SIGNED) + i]);
    return sodium_memcmp(given, digits, DIGITS_MAX) == 0;
}

/* ---- deliveries ------------------------------------------------------------------------------ */

bool hook_id_ok(const char *id)
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-";

    return id && *id && strlen(id) <= ID_MAX && strspn(id, allowed) == strlen(id);
}

bool hook_is_new(struct hook_memory *memory, const char *id)
{
    for (size_t i = 0; i < HOOK_REMEMBERED; i++)
        if (memory->ids[i] && !strcasecmp(memory->ids[i], id))
            return false;
    free(memory->ids[memory->next]);
    memory->ids[memory->next] = xstrdup(id);
    memory->next = (memory->next + 1) % HOOK_REMEMBERED;
    return true;
}

void hook_memory_done(struct hook_memory *memory)
{
    for (size_t i = 0; i < HOOK_REMEMBERED; i++)
        free(memory->ids[i]);
    *memory = (struct hook_memory){.next = 0};
}

/* ---- events ---------------------------------------------------------------------------------- */

static bool take_text(const cJSON *object, const char *name, char ret[HOOK_TEXT_MAX])
{
    const char *text = json_get_string(object, name, NULL);

    if (!text || strlen(text) >= HOOK_TEXT_MAX)
        return false;
    snprintf(ret, HOOK_TEXT_MAX, "%s", text);
    return true;
}

static int no_event(const char *what, struct err *err)
{
    return err_set(err, ERR_DATA, "the delivery is not as GitHub describes it: '%s'", what);
}

/* Only one that ended well can have what a watch takes. */
static int read_run(const cJSON *tree, struct hook_event *ret, struct err *err)
{
    const cJSON *run = cJSON_GetObjectItemCaseSensitive(tree, "workflow_run");

    if (!cJSON_IsObject(run))
        return no_event("workflow_run", err);
    if (!str_eq(json_get_string(tree, "action", NULL), "completed") ||
        !str_eq(json_get_string(run, "conclusion", NULL), "success"))
        return 0;
    if (!take_text(run, "head_branch", ret->branch))
        return no_event("head_branch", err);
    ret->kind = HOOK_RUN;
    return 0;
}

static int read_event(const char *name, const cJSON *tree, struct hook_event *ret, struct err *err)
{
    const cJSON *repository = cJSON_GetObjectItemCaseSensitive(tree, "repository");

    if (!str_eq(name, "release") && !str_eq(name, "workflow_run") &&
        !str_eq(name, "repository_dispatch"))
        return 0;
    if (!take_text(repository, "full_name", ret->repo) || !github_repo_ok(ret->repo))
        return no_event("full_name", err);
    if (str_eq(name, "workflow_run"))
        return read_run(tree, ret, err);
    ret->kind = str_eq(name, "release") ? HOOK_RELEASE : HOOK_DISPATCH;
    return 0;
}

int hook_read(const char *name, const char *bytes, size_t count, struct hook_event *ret,
              struct err *err)
{
    cJSON *tree = NULL;
    int rc;

    *ret = (struct hook_event){.kind = HOOK_NOTHING};
    rc = json_parse(bytes, count, HOOK_BODY_MAX, "the delivery", &tree, err);
    if (rc == 0)
        rc = read_event(name, tree, ret, err);
    if (rc < 0)
        *ret = (struct hook_event){.kind = HOOK_NOTHING};
    cJSON_Delete(tree);
    return rc;
}

bool hook_wakes(const struct hook_event *event, const struct watch_conf *conf)
{
    if (event->kind == HOOK_NOTHING || strcasecmp(event->repo, conf->repo) != 0)
        return false;
    if (event->kind == HOOK_RELEASE)
        return conf->release;
    if (event->kind == HOOK_RUN)
        return conf->artifact && str_eq(event->branch, conf->branch);
    return true;
}
