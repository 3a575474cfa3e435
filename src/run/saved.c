/* SPDX-License-Identifier: MIT */
#include "run/saved.h"

#include "base/fs.h"

#include <inttypes.h>
#include <string.h>

#define JSON_MAX ((size_t)16 * 1024 * 1024)

int saved_read(const char *path, cJSON **ret, struct err *err)
{
    cleanup_buf struct buf text = BUF_INIT(JSON_MAX);
    int rc = fs_read(path, &text, err);

    if (rc == 0)
        rc = json_parse(text.data, text.size, JSON_MAX, path, ret, err);
    if (rc < 0 || json_get_int(*ret, "schema", 0) == SAVED_SCHEMA)
        return rc;
    cJSON_Delete(*ret);
    *ret = NULL;
    return err_set(err, ERR_DATA, "%s: not written by this version of hil run", path);
}

const char **saved_strings(struct arena *arena, const cJSON *list)
{
    size_t count = cJSON_IsArray(list) ? (size_t)cJSON_GetArraySize(list) : 0, n = 0;
    const char **items = arena_alloc(arena, (count + 1) * sizeof *items);

    for (const cJSON *item = count ? list->child : NULL; item; item = item->next)
        if (cJSON_IsString(item))
            items[n++] = arena_strdup(arena, item->valuestring);
    return items;
}

const char *saved_string(struct arena *arena, const cJSON *object, const char *name)
{
    return arena_strdup(arena, json_get_string(object, name, NULL));
}

int64_t saved_number(struct saved_reader *reader, const cJSON *object, const char *name,
                     int64_t max)
{
    int64_t value = json_get_int(object, name, -1);

    if (value >= 0 && value <= max)
        return value;
    if (reader->rc == 0)
        reader->rc = err_set(reader->err, ERR_DATA, "%s: '%s' is no number from 0 to %" PRId64,
                             reader->path, name, max);
    return 0;
}

bool saved_lies_below(const char *dir)
{
    for (const char *part = dir;; part++) {
        size_t length = strcspn(part, "/");
        if (!length || part[0] == '.')
            return false;
        part += length;
        if (!*part)
            return true;
    }
}
