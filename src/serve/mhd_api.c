/* SPDX-License-Identifier: MIT */
#include "serve/mhd_api.h"

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

int mhd_api_load(struct mhd_api *ret, struct err *err)
{
    void *library = dlopen("libmicrohttpd.so.12", RTLD_NOW | RTLD_LOCAL);
    const char *missing = NULL;

    if (!library)
        return err_set(err, ERR_TOOL,
                       "libmicrohttpd cannot be loaded (%s); try: apt install libmicrohttpd12",
                       dlerror());
#define X(name)                                   \
    if (!find(library, "MHD_" #name, &ret->name)) \
        missing = "MHD_" #name;
    MHD_API_NAMES(X)
#undef X
    return missing ? err_set(err, ERR_TOOL, "this host's libmicrohttpd has no %s", missing) : 0;
}
