/* SPDX-License-Identifier: MIT */
#include "git/git_api.h"

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

int git_api_load(struct git_api *ret, struct err *err)
{
    void *library = dlopen("libgit2.so." LIBGIT2_SOVERSION, RTLD_LAZY | RTLD_LOCAL);
    const char *missing = NULL;

    if (!library)
        return err_set(err, ERR_TOOL,
                       "git: libgit2 cannot be loaded (%s); try: apt install libgit2-%s", dlerror(),
                       LIBGIT2_SOVERSION);
#define X(name)                                   \
    if (!find(library, "git_" #name, &ret->name)) \
        missing = "git_" #name;
    GIT_API_NAMES(X)
#undef X
    return missing ? err_set(err, ERR_TOOL, "git: this host's libgit2 has no %s", missing) : 0;
}
