/* SPDX-License-Identifier: MIT */
#include "cmd/lab_store.h"

#include "base/fs.h"
#include "base/str.h"
#include "store/spool.h"

#include <stdio.h>
#include <stdlib.h>

static void tell_waiting(const char *lab, const char *state_dir)
{
    struct spool_waiting waiting;

    spool_look(state_dir, lab, &waiting);
    if (waiting.files)
        fprintf(stderr,
                "hil: what %zu run%s of this host remembered is not in the database yet; hil store"
                " send\n",
                waiting.files, waiting.files == 1 ? "" : "s");
}

int lab_store_find(const char *option, struct lab **ret, struct err *err)
{
    const char *variable = getenv("HIL_LAB");
    bool named = option || (variable && *variable);
    cleanup_free char *path = lab_find(option, named ? err : NULL);
    struct diags diags = {0};
    int rc = 0;

    *ret = NULL;
    if (named && !path)
        return -(int)ERR_CONFIG;
    if (path)
        rc = lab_load(path, ret, &diags, err);
    diags_done(&diags);
    if (rc < 0) {
        lab_free(*ret);
        *ret = NULL;
    }
    return rc;
}

int lab_store_open(const char *option, bool create, struct lab **ret_lab, struct store **ret,
                   struct err *err)
{
    cleanup_free char *dir = fs_state_dir();
    int rc = lab_store_find(option, ret_lab, err);
    const struct lab *lab = *ret_lab;

    if (rc == 0)
        rc = store_open(lab ? &lab->store : NULL, dir, create, ret, err);
    if (lab && lab->store.url)
        tell_waiting(lab->name, dir);
    return rc;
}

void lab_store_free_lab(struct lab **lab)
{
    lab_free(*lab);
}
