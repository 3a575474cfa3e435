/* SPDX-License-Identifier: MIT */
#include "cmd/lab_name.h"

#include "base/str.h"
#include "conf/lab.h"

int lab_name(const char *option, char **ret, struct err *err)
{
    cleanup_free char *path = option ? lab_find(option, err) : NULL;
    struct diags diags = {0};
    struct lab *lab = NULL;
    int rc;

    *ret = NULL;
    if (!option)
        return 0;
    if (!path)
        return -(int)ERR_CONFIG;
    rc = lab_load(path, &lab, &diags, err);
    if (rc == 0 && lab)
        *ret = xstrdup(lab->name);
    lab_free(lab);
    diags_done(&diags);
    return rc;
}
