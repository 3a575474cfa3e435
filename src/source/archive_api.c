/* SPDX-License-Identifier: MIT */
#include "source/archive_api.h"

#include "base/library.h"

static const struct library library = {
    .title = "libarchive", .files = {"libarchive.so.13"}, .package = "libarchive13"};

#define X(name) LIBRARY_SYMBOL(struct archive_api, archive_##name, name)
static const struct library_symbol symbols[] = {ARCHIVE_API_NAMES(X){0}};
#undef X

int archive_api_load(struct archive_api *ret, struct err *err)
{
    return library_load(&library, symbols, ret, err);
}
