/* SPDX-License-Identifier: MIT */
#include "source/http_url.h"

#include "base/str.h"

#include <string.h>
#include <strings.h>

static char *url_part(const struct curl_api *api, const char *url, CURLUPart part)
{
    CURLU *parsed = api->url();
    char *found = NULL, *copy = NULL;

    if (parsed && api->url_set(parsed, CURLUPART_URL, url, CURLU_DISALLOW_USER) == CURLUE_OK &&
        api->url_get(parsed, part, &found, CURLU_DEFAULT_PORT) == CURLUE_OK)
        copy = xstrdup(found);
    api->free(found);
    api->url_cleanup(parsed);
    return copy;
}

static bool same_part(const struct curl_api *api, const char *a, const char *b, CURLUPart part)
{
    cleanup_free char *of_a = url_part(api, a, part), *of_b = url_part(api, b, part);

    return of_a && of_b && !strcasecmp(of_a, of_b);
}

bool url_same_origin(const struct curl_api *api, const char *a, const char *b)
{
    return same_part(api, a, b, CURLUPART_SCHEME) && same_part(api, a, b, CURLUPART_HOST) &&
           same_part(api, a, b, CURLUPART_PORT);
}

char *url_resolve(const struct curl_api *api, const char *base, const char *location)
{
    CURLU *parsed = api->url();
    char *found = NULL, *copy = NULL;

    if (parsed && api->url_set(parsed, CURLUPART_URL, base, 0) == CURLUE_OK &&
        api->url_set(parsed, CURLUPART_URL, location, CURLU_DISALLOW_USER) == CURLUE_OK &&
        api->url_get(parsed, CURLUPART_URL, &found, 0) == CURLUE_OK)
        copy = xstrdup(found);
    api->free(found);
    api->url_cleanup(parsed);
    return copy;
}

static bool is_loopback(const char *host)
{
    return !strcasecmp(host, "localhost") || str_starts(host, "127.") || str_eq(host, "[::1]");
}

int url_check(const struct curl_api *api, const char *url, bool secret, struct err *err)
{
    cleanup_free char *scheme = url_part(api, url, CURLUPART_SCHEME),
                      *host = url_part(api, url, CURLUPART_HOST);

    if (!scheme || !host || (strcmp(scheme, "http") && strcmp(scheme, "https")))
        return err_set(err, ERR_USAGE,
                       "not a URL to fetch from: http:// or https:// and no user name is needed");
    if (secret && !strcmp(scheme, "http") && !is_loopback(host))
        return err_set(err, ERR_USAGE, "the token is not sent over plain http://; use https://");
    return 0;
}
