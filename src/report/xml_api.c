/* SPDX-License-Identifier: MIT */
#include "report/xml_api.h"

#include "base/library.h"

/* Its ABI, and with it the name, changed with 2.14. */
#if LIBXML_VERSION < 21400
#define LIBXML2_FILE "libxml2.so.2"
#define LIBXML2_PACKAGE "libxml2"
#else
#define LIBXML2_FILE "libxml2.so.16"
#define LIBXML2_PACKAGE "libxml2-16"
#endif

static const struct library library = {
    .title = "libxml2", .files = {LIBXML2_FILE}, .package = LIBXML2_PACKAGE};

#define X(name) LIBRARY_SYMBOL(struct xml_api, xml##name, name)
static const struct library_symbol symbols[] = {XML_API_NAMES(X){0}};
#undef X

int xml_api_load(struct xml_api *ret, struct err *err)
{
    return library_load(&library, symbols, ret, err);
}
