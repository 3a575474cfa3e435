/* SPDX-License-Identifier: MIT */
#include "git/git_api.h"

#include "base/library.h"

static const struct library library = {.title = "libgit2",
                                       .files = {"libgit2.so." LIBGIT2_SOVERSION},
                                       .package = "libgit2-" LIBGIT2_SOVERSION};

#define X(name) LIBRARY_SYMBOL(struct git_api, git_##name, name)
static const struct library_symbol symbols[] = {GIT_API_NAMES(X){0}};
#undef X

int git_api_load(struct git_api *ret, struct err *err)
{
    return library_load(&library, symbols, ret, err);
}
