/* SPDX-License-Identifier: MIT */
#include "store/pq_api.h"

#include <dlfcn.h>
#include <stdbool.h>
#include <string.h>

/* POSIX promises that a function's address fits a void pointer; ISO C has no cast for it. */
static bool find(void *library, const char *name, void *ret_function)
{
    void *found = dlsym(library, name);

    memcpy(ret_function, &found, sizeof found);
    return found;
}

int pq_api_load(struct pq_api *ret, struct err *err)
{
    void *library = dlopen("libpq.so.5", RTLD_NOW | RTLD_LOCAL);
    const char *missing = NULL;

    if (!library)
        return err_set(err, ERR_TOOL, "libpq cannot be loaded (%s); try: apt install libpq5",
                       dlerror());
#define X(name)                                 \
    if (!find(library, "PQ" #name, &ret->name)) \
        missing = "PQ" #name;
    PQ_API_NAMES(X)
#undef X
    return missing ? err_set(err, ERR_TOOL, "this host's libpq has no %s", missing) : 0;
}
