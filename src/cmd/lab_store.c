/* SPDX-License-Identifier: MIT */
#include "cmd/lab_store.h"

#include "base/fs.h"
#include "base/str.h"
#include "conf/lab.h"

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
    if (rc == 0 || !option) /* what is wrong with a lab that nobody named is not asked here */
        rc = store_open(lab ? &lab->store : NULL, dir, create, ret, err);
    lab_free(lab);
    diags_done(&diags);
    return rc;
}
