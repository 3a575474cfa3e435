/* SPDX-License-Identifier: MIT */
#include "runner/runner_json.h"

#include "base/json.h"
#include "source/github_json.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define ID_MAX ((int64_t)1 << 53)
#define WHAT "GitHub's answer"
#define OTHERS_MAX 8
#define LABELS_MAX 1000

#define cleanup_json __attribute__((cleanup(json_free)))
static void json_free(cJSON **tree)
{
    cJSON_Delete(*tree);
}

static const cJSON *member(const cJSON *object, const char *name)
{
    return cJSON_GetObjectItemCaseSensitive(object, name);
}

static int not_as_described(const char *name, struct err *err)
{
    return err_set(err, ERR_DATA, WHAT ": '%s' is missing, or not what it should be", name);
}

void runner_done(struct runner *runner)
{
    free(runner->name);
    strv_done(&runner->custom);
    *runner = (struct runner){0};
}

static int take_labels(const cJSON *list, struct strv *ret, struct err *err)
{
    const cJSON *label;

    if (!cJSON_IsArray(list) || cJSON_GetArraySize(list) > LABELS_MAX)
        return not_as_described("labels", err);
    cJSON_ArrayForEach(label, list)
    {
        const char *name = json_get_string(label, "name", NULL);
        if (!name || !*name)
            return not_as_described("labels", err);
        if (!str_eq(json_get_string(label, "type", "custom"), "read-only"))
            strv_add(ret, name);
    }
    return 0;
}

static int take_runner(const cJSON *object, struct runner *ret, struct err *err)
{
    const char *name = json_get_string(object, "name", NULL);
    int64_t id = json_get_int(object, "id", -1);
    int rc;

    *ret = (struct runner){0};
    if (id < 1 || id > ID_MAX)
        return not_as_described("id", err);
    if (!name || !*name)
        return not_as_described("name", err);
    ret->id = id;
    ret->name = xstrdup(name);
    ret->online = str_eq(json_get_string(object, "status", ""), "online");
    ret->busy = json_get_bool(object, "busy", false);
    rc = take_labels(member(object, "labels"), &ret->custom, err);
    if (rc < 0)
        runner_done(ret);
    return rc;
}

int runner_read(const char *bytes, size_t count, struct runner *ret, struct err *err)
{
    cleanup_json cJSON *tree = NULL;
    int rc = json_parse(bytes, count, GITHUB_JSON_MAX, WHAT, &tree, err);

    *ret = (struct runner){0};
    return rc < 0 ? rc : take_runner(tree, ret, err);
}

int runner_read_page(const char *bytes, size_t count, const char *name, struct runner *ret,
                     struct strv *others, struct err *err)
{
    cleanup_json cJSON *tree = NULL;
    const cJSON *list, *item;
    int rc = json_parse(bytes, count, GITHUB_JSON_MAX, WHAT, &tree, err);

    if (rc < 0)
        return rc;
    list = member(tree, "runners");
    if (!cJSON_IsArray(list))
        return not_as_described("runners", err);
    cJSON_ArrayForEach(item, list)
    {
        struct runner runner;
        rc = take_runner(item, &runner, err);
        if (rc < 0)
            return rc;
        if (!ret->id && runner.name && !strcasecmp(runner.name, name)) {
            *ret = runner;
            continue;
        }
        if (others->count < OTHERS_MAX)
            strv_add(others, runner.name);
        runner_done(&runner);
    }
    return 0;
}

int runner_read_jit(const char *bytes, size_t count, struct runner *ret, char **ret_config,
                    struct err *err)
{
    cleanup_json cJSON *tree = NULL;
    int rc = json_parse(bytes, count, GITHUB_JSON_MAX, WHAT, &tree, err);
    const char *config;

    *ret = (struct runner){0};
    *ret_config = NULL;
    if (rc < 0)
        return rc;
    config = json_get_string(tree, "encoded_jit_config", NULL);
    if (!config || !*config)
        return not_as_described("encoded_jit_config", err);
    rc = take_runner(member(tree, "runner"), ret, err);
    if (rc == 0)
        *ret_config = xstrdup(config);
    return rc;
}
