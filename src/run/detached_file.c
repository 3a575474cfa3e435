/* SPDX-License-Identifier: MIT */
#include "run/detached_file.h"

#include "base/fs.h"
#include "base/json.h"
#include "run/saved.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int check(const cJSON *json, const char *name, struct detached_file *ret, struct err *err)
{
    const char *server = json_get_string(json, "server", "");
    const char *key = json_get_string(json, "key", "");

    if (json_get_int(json, "schema", 0) != SAVED_SCHEMA)
        return err_set(err, ERR_DATA, "%s: not written by this version of hil run", name);
    if (!*server || strlen(server) >= sizeof ret->server)
        return err_set(err, ERR_DATA, "%s: names no server", name);
    if (!kept_key_valid(key))
        return err_set(err, ERR_DATA, "%s: has no key as hil run writes it", name);
    snprintf(ret->server, sizeof ret->server, "%s", server);
    snprintf(ret->key, sizeof ret->key, "%s", key);
    ret->home = json_get_bool(json, "home", false);
    return 0;
}

int detached_parse(const char *text, size_t size, const char *name, struct detached_file *ret,
                   struct err *err)
{
    cJSON *json = NULL;
    int rc = json_parse(text, size, DETACHED_FILE_MAX, name, &json, err);

    *ret = (struct detached_file){.home = false};
    if (rc == 0)
        rc = check(json, name, ret, err);
    cJSON_Delete(json);
    return rc;
}

int detached_read(const char *work_dir, struct detached_file *ret, struct err *err)
{
    cleanup_free char *file = fs_join(work_dir, DETACHED_FILE);
    cleanup_buf struct buf text = BUF_INIT(DETACHED_FILE_MAX);
    int rc = fs_read(file, &text, err);

    return rc < 0 ? rc : detached_parse(text.data, text.size, file, ret, err);
}

int detached_write(const char *work_dir, const char *server, const char *key, bool home,
                   struct err *err)
{
    cleanup_free char *file = fs_join(work_dir, DETACHED_FILE);
    struct json_out out;
    int rc;

    json_begin(&out, -1, 2);
    json_object(&out);
    json_kv_int(&out, "schema", SAVED_SCHEMA);
    json_kv_string(&out, "server", server);
    json_kv_string(&out, "key", key);
    if (home)
        json_kv_bool(&out, "home", true);
    json_object_end(&out);
    rc = json_end(&out, err);
    if (rc == 0)
        rc = fs_write(file, out.pending.data, out.pending.size, err);
    json_done(&out);
    return rc;
}

void detached_remove(const char *work_dir)
{
    cleanup_free char *file = fs_join(work_dir, DETACHED_FILE);

    unlink(file);
}
