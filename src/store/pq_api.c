/* SPDX-License-Identifier: MIT */
#include "store/pq_api.h"

#include "base/library.h"

static const struct library library = {
    .title = "libpq", .files = {"libpq.so.5"}, .package = "libpq5"};

#define X(name) LIBRARY_SYMBOL(struct pq_api, PQ##name, name)
static const struct library_symbol symbols[] = {PQ_API_NAMES(X){0}};
#undef X

int pq_api_load(struct pq_api *ret, struct err *err)
{
    return library_load(&library, symbols, ret, err);
}
