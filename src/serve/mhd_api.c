/* SPDX-License-Identifier: MIT */
#include "serve/mhd_api.h"

#include "base/library.h"

static const struct library library = {
    .title = "libmicrohttpd", .files = {"libmicrohttpd.so.12"}, .package = "libmicrohttpd12"};

#define X(name) LIBRARY_SYMBOL(struct mhd_api, MHD_##name, name)
static const struct library_symbol symbols[] = {MHD_API_NAMES(X){0}};
#undef X

int mhd_api_load(struct mhd_api *ret, struct err *err)
{
    return library_load(&library, symbols, ret, err);
}
