/* SPDX-License-Identifier: MIT
 *
 * http_url: URLs compared, resolved and judged before anything is sent to them.
 *
 * Nothing here blocks; strings returned belong to the caller.
 */
#ifndef HIL_SOURCE_HTTP_URL_H
#define HIL_SOURCE_HTTP_URL_H

#include "source/curl_api.h"

#include <stdbool.h>

/* The same scheme, host and port; false where one of them is no URL. */
bool url_same_origin(const struct curl_api *api, const char *a, const char *b);
/* What `location` means on the page `base`; NULL: nothing. */
char *url_resolve(const struct curl_api *api, const char *base, const char *location);
/* -ERR_USAGE: neither http nor https, or with a user name in it; or, where a `secret` would go
 * along, http to another host than this one. */
int url_check(const struct curl_api *api, const char *url, bool secret, struct err *err);

#endif
