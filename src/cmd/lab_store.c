/* SPDX-License-Identifier: MIT */
#include "cmd/lab_store.h"

#include "base/fs.h"
#include "base/str.h"
#include "conf/lab.h"
#include "store/spool.h"

#include <stdio.h>

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

int lab_store_open(const char *option, bool create, char **ret_name, struct store **ret,
                   struct err *err)
{
    cleanup_free char *path = lab_find(option, option ? err : NULL), *dir = fs_state_dir();
    struct diags diags = {0};
    struct lab *lab = NULL;
    int rc = 0;

    *ret_name = NULL;
    if (option && !path)
        return -(int)ERR_CONFIG;
    if (path)
        rc = lab_load(path, &lab, &diags, err);
    if (rc == 0 && lab && option)
        *ret_name = xstrdup(lab->name);
    /* Who only looks needs no more of a lab that nobody named than where its store is. Who writes
     * must not write into another one. */
    if (rc == 0 || (!option && !create))
        rc = store_open(lab ? &lab->store : NULL, dir, create, ret, err);
    if (lab && lab->store.url)
        tell_waiting(lab->name, dir);
    lab_free(lab);
    diags_done(&diags);
    return rc;
}
