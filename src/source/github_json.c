/* SPDX-License-Identifier: MIT */
#include "source/github_json.h"

#include "base/json.h"
#include "base/str.h"
#include "base/text.h"

#include <stdlib.h>
#include <string.h>

#define ID_MAX ((int64_t)1 << 53)
#define WHAT "GitHub's answer"
#define MESSAGE_MAX 200

#define cleanup_json __attribute__((cleanup(json_free)))
static void json_free(cJSON **tree)
{
    cJSON_Delete(*tree);
}

static int parse(const char *bytes, size_t count, cJSON **ret, struct err *err)
{
    *ret = NULL;
    return json_parse(bytes, count, GITHUB_JSON_MAX, WHAT, ret, err);
}

static int not_as_described(const char *member, struct err *err)
{
    return err_set(err, ERR_DATA, WHAT ": '%s' is missing, or not what it should be", member);
}

static const cJSON *member(const cJSON *object, const char *name)
{
    return cJSON_GetObjectItemCaseSensitive(object, name);
}

bool github_digest(const char *text, char ret[SHA256_HEX_SIZE])
{
    if (str_starts(text, "sha256:"))
        text += strlen("sha256:");
    if (strlen(text) != SHA256_HEX_SIZE - 1 ||
        strspn(text, "0123456789abcdefABCDEF") != SHA256_HEX_SIZE - 1)
        return false;
    for (size_t i = 0; i < SHA256_HEX_SIZE; i++)
        ret[i] = text[i] >= 'A' && text[i] <= 'F' ? (char)(text[i] - 'A' + 'a') : text[i];
    return true;
}

/* ---- artifacts and assets -------------------------------------------------------------------- */

static int add_file(struct github_files *files, const cJSON *item, struct err *err)
{
    struct github_file file = {.id = json_get_int(item, "id", -1),
                               .size = json_get_int(item, "size_in_bytes", -1),
                               .expired = json_get_bool(item, "expired", false)};
    const char *name = json_get_string(item, "name", NULL);
    const char *digest = json_get_string(item, "digest", "");

    if (file.id < 1 || file.id > ID_MAX)
        return not_as_described("id", err);
    if (!name || !*name)
        return not_as_described("name", err);
    if (*digest && !github_digest(digest, file.sha256) && str_starts(digest, "sha256:"))
        return not_as_described("digest", err);
    if (file.size < 0)
        file.size = json_get_int(item, "size", -1);
    file.incomplete = !str_eq(json_get_string(item, "state", "uploaded"), "uploaded");
    file.run_id = json_get_int(member(item, "workflow_run"), "id", 0);
    file.name = xstrdup(name);
    file.expires_at = xstrdup(json_get_string(item, "expires_at", NULL));
    files->items = xrealloc(files->items, files->count + 1, sizeof file);
    files->items[files->count++] = file;
    return 0;
}

static int add_files(struct github_files *files, const cJSON *object, const char *list,
                     struct err *err)
{
    const cJSON *array = member(object, list), *item;

    if (!cJSON_IsArray(array))
        return not_as_described(list, err);
    cJSON_ArrayForEach(item, array)
    {
        int rc = add_file(files, item, err);
        if (rc < 0)
            return rc;
    }
    return 0;
}

int github_read_files(const char *bytes, size_t count, const char *list, struct github_files *ret,
                      struct err *err)
{
    cleanup_json cJSON *tree;
    int rc = parse(bytes, count, &tree, err);

    return rc < 0 ? rc : add_files(ret, tree, list, err);
}

void github_files_done(struct github_files *files)
{
    for (size_t i = 0; i < files->count; i++) {
        free(files->items[i].name);
        free(files->items[i].expires_at);
    }
    free(files->items);
    *files = (struct github_files){0};
}

/* ---- runs ------------------------------------------------------------------------------------ */

/* A fork's pull request runs under its own branch's name, which may be "main" as well. A fork that
 * is gone is null. */
static bool is_foreign(const cJSON *run)
{
    const cJSON *head = member(run, "head_repository");

    return head && json_get_int(head, "id", -1) != json_get_int(member(run, "repository"), "id", 0);
}

int github_read_runs(const char *bytes, size_t count, bool own_only, struct github_runs *ret,
                     struct err *err)
{
    cleanup_json cJSON *tree;
    const cJSON *array, *item;
    int rc = parse(bytes, count, &tree, err);

    if (rc < 0)
        return rc;
    array = member(tree, "workflow_runs");
    if (!cJSON_IsArray(array))
        return not_as_described("workflow_runs", err);
    cJSON_ArrayForEach(item, array)
    {
        int64_t id = json_get_int(item, "id", -1);
        if (id < 1 || id > ID_MAX)
            return not_as_described("id", err);
        if (own_only && is_foreign(item)) {
            ret->foreign++;
            continue;
        }
        ret->ids = xrealloc(ret->ids, ret->count + 1, sizeof id);
        ret->ids[ret->count++] = id;
    }
    return 0;
}

void github_runs_done(struct github_runs *runs)
{
    free(runs->ids);
    *runs = (struct github_runs){0};
}

/* ---- releases, commits, errors --------------------------------------------------------------- */

static int read_release(const cJSON *release, char **ret_tag, struct github_files *ret,
                        struct err *err)
{
    const char *tag = json_get_string(release, "tag_name", NULL);
    int rc;

    if (!tag)
        return not_as_described("tag_name", err);
    rc = add_files(ret, release, "assets", err);
    if (rc == 0)
        *ret_tag = xstrdup(tag);
    return rc;
}

int github_read_release(const char *bytes, size_t count, const char *tags, char **ret_tag,
                        struct github_files *ret, struct err *err)
{
    cleanup_json cJSON *tree;
    const cJSON *item;
    int rc = parse(bytes, count, &tree, err);

    *ret_tag = NULL;
    if (rc < 0)
        return rc;
    if (!cJSON_IsArray(tree))
        return read_release(tree, ret_tag, ret, err);
    cJSON_ArrayForEach(item, tree)
    {
        const char *tag = json_get_string(item, "tag_name", NULL);
        if (!json_get_bool(item, "draft", false) && (!tags || !tag || str_glob(tags, tag)))
            return read_release(item, ret_tag, ret, err);
    }
    return 0;
}

int github_read_commit(const char *bytes, size_t count, char **ret, struct err *err)
{
    cleanup_json cJSON *tree;
    int rc = parse(bytes, count, &tree, err);
    const char *sha;

    if (rc < 0)
        return rc;
    sha = json_get_string(tree, "sha", "");
    if (strlen(sha) != 40 || strspn(sha, "0123456789abcdef") != 40)
        return not_as_described("sha", err);
    *ret = xstrdup(sha);
    return 0;
}

char *github_read_message(const char *bytes, size_t count)
{
    cleanup_json cJSON *tree;
    int rc = parse(bytes, count, &tree, NULL);

    return text_clean_dup(rc < 0 ? "" : json_get_string(tree, "message", ""), MESSAGE_MAX,
                          TEXT_ONE_LINE);
}
