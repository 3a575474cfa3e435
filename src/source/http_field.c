/* SPDX-License-Identifier: MIT */
#include "source/http_field.h"

#include "base/buf.h"
#include "base/str.h"
#include "base/text.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#define URL_SHOWN_MAX 300

void http_fields_init(struct http_fields *fields)
{
    *fields = (struct http_fields){.length = -1,
                                   .retry_after_s = -1,
                                   .limit_remaining = -1,
                                   .limit_reset_unix = -1,
                                   .date_unix = -1};
}

void http_fields_done(struct http_fields *fields)
{
    free(fields->type);
    free(fields->etag);
    free(fields->link);
    free(fields->location);
    free(fields->disposition);
    free(fields->scopes);
    http_fields_init(fields);
}

static void keep(char **field, const char *value)
{
    free(*field);
    *field = xstrdup(value);
}

static void keep_type(char **field, const char *value)
{
    free(*field);
    *field = xstrndup(value, strcspn(value, "; \t"));
    for (char *at = *field; *at; at++)
        *at = (char)tolower((unsigned char)*at);
}

static int64_t number_of(const char *value)
{
    uint64_t number;

    if (strspn(value, "0123456789") != strlen(value)) /* digits only (RFC 9110, 8.6 and 10.2.3) */
        return -1;
    return str_to_u64(value, INT64_MAX / 1000, "", &number, NULL) == 0 ? (int64_t)number : -1;
}

int64_t http_date(const char *text)
{
    struct tm date = {0};
    const char *end = strptime(text, "%a, %d %b %Y %H:%M:%S GMT", &date);
    time_t seconds = end && !*end ? timegm(&date) : -1;

    return seconds < 0 ? -1 : seconds;
}

/* Seconds, or a date by the server's clock (RFC 9110, 10.2.3), which it has told before or not. */
static int64_t retry_after(const struct http_fields *fields, const char *value)
{
    int64_t seconds = number_of(value), date = http_date(value);

    if (seconds >= 0 || date < 0)
        return seconds;
    seconds = date - (fields->date_unix >= 0 ? fields->date_unix : (int64_t)time(NULL));
    return seconds > 0 ? seconds : 0;
}

static void take(struct http_fields *fields, const char *name, const char *value)
{
    if (!strcasecmp(name, "content-type"))
        keep_type(&fields->type, value);
    else if (!strcasecmp(name, "etag"))
        keep(&fields->etag, value);
    else if (!strcasecmp(name, "link"))
        keep(&fields->link, value);
    else if (!strcasecmp(name, "location"))
        keep(&fields->location, value);
    else if (!strcasecmp(name, "content-disposition"))
        keep(&fields->disposition, value);
    else if (!strcasecmp(name, "x-oauth-scopes"))
        keep(&fields->scopes, value);
    else if (!strcasecmp(name, "content-length"))
        fields->length = number_of(value);
    else if (!strcasecmp(name, "retry-after"))
        fields->retry_after_s = retry_after(fields, value);
    else if (!strcasecmp(name, "x-ratelimit-remaining"))
        fields->limit_remaining = number_of(value);
    else if (!strcasecmp(name, "x-ratelimit-reset"))
        fields->limit_reset_unix = number_of(value);
    else if (!strcasecmp(name, "date"))
        fields->date_unix = http_date(value);
}

int http_fields_take(struct http_fields *fields, const char *line, size_t count, struct err *err)
{
    cleanup_free char *text = NULL;
    size_t bytes = fields->bytes + count;
    char *value;

    if (count > HTTP_FIELDS_MAX || bytes > HTTP_FIELDS_MAX)
        return err_set(err, ERR_LIMIT, "sends more than %zu KiB of header", HTTP_FIELDS_MAX >> 10);
    while (count && isspace((unsigned char)line[count - 1]))
        count--;
    text = xstrndup(line, count);
    if (str_starts(text, "HTTP/")) {
        http_fields_done(fields);
        value = strchr(text, ' ');
        fields->status = value ? strtol(value, NULL, 10) : 0;
    } else if ((value = strchr(text, ':'))) {
        *value++ = '\0';
        take(fields, text, value + strspn(value, " \t"));
    }
    fields->bytes = bytes;
    return 0;
}

/* ---- inside a field -------------------------------------------------------------------------- */

/* A token, or a quoted string with its escapes undone. Moves *at behind it. */
static char *take_word(const char **at, const char *ends)
{
    cleanup_buf struct buf word = BUF_INIT(HTTP_FIELDS_MAX);
    const char *p = *at;

    if (*p == '"') {
        for (p++; *p && *p != '"'; p++) {
            p += *p == '\\' && p[1];
            buf_add(&word, p, 1);
        }
        p += *p == '"';
    } else {
        size_t length = strcspn(p, ends);
        buf_add(&word, p, length);
        p += length;
    }
    *at = p;
    return word.size ? buf_steal(&word) : xstrdup("");
}

/* The next "; name=value"; false where there is none. The caller frees both. */
static bool next_parameter(const char **at, char **ret_name, char **ret_value)
{
    const char *p = *at + strspn(*at, " \t");
    size_t length;

    if (*p != ';')
        return false;
    p += 1 + strspn(p + 1, " \t");
    length = strcspn(p, "=;, \t");
    *ret_name = xstrndup(p, length);
    p += length;
    p += strspn(p, " \t");
    p += *p == '=';
    p += strspn(p, " \t");
    *ret_value = take_word(&p, ";, \t");
    *at = p;
    return true;
}

static bool has_word(const char *list, const char *word)
{
    size_t length = strlen(word);

    while (*list) {
        size_t n = strcspn(list, " \t");
        if (n == length && !strncasecmp(list, word, n))
            return true;
        list += n + strspn(list + n, " \t");
    }
    return false;
}

char *http_link_next(const char *link)
{
    const char *at = link ? link : "";

    while ((at = strchr(at, '<'))) {
        const char *end = strchr(at, '>');
        cleanup_free char *target = end ? xstrndup(at + 1, (size_t)(end - at - 1)) : NULL;
        char *name, *value;
        bool next = false;
        if (!end)
            return NULL;
        for (at = end + 1; next_parameter(&at, &name, &value);) {
            next |= !strcasecmp(name, "rel") && has_word(value, "next");
            free(name);
            free(value);
        }
        if (next)
            return xstrdup(target);
    }
    return NULL;
}

static int hex_digit(char c)
{
    return isdigit((unsigned char)c)    ? c - '0'
           : isxdigit((unsigned char)c) ? tolower((unsigned char)c) - 'a' + 10
                                        : -1;
}

/* "UTF-8''na%20me" (RFC 8187); what is escaped badly stays as it is, an escaped NUL ends it. */
static char *decode_extended(const char *value)
{
    const char *at = strchr(value, '\'');
    char *name, *out;

    at = at ? strchr(at + 1, '\'') : NULL;
    name = xstrdup(at ? at + 1 : value);
    out = name;
    for (const char *in = name; *in; in++) {
        int high = *in == '%' ? hex_digit(in[1]) : -1, low = high >= 0 ? hex_digit(in[2]) : -1;
        *out++ = low >= 0 ? (char)(high * 16 + low) : *in;
        in += low >= 0 ? 2 : 0;
    }
    *out = '\0';
    return name;
}

char *http_disposition_name(const char *disposition)
{
    const char *at = disposition ? disposition + strcspn(disposition, ";") : "";
    char *plain = NULL, *extended = NULL, *name, *value;

    while (next_parameter(&at, &name, &value)) {
        if (!strcasecmp(name, "filename*") && !extended)
            extended = decode_extended(value);
        else if (!strcasecmp(name, "filename") && !plain)
            plain = xstrdup(value);
        free(name);
        free(value);
    }
    if (extended && *extended) {
        free(plain);
        return extended;
    }
    free(extended);
    if (plain && *plain)
        return plain;
    free(plain);
    return NULL;
}

/* RFC 3986, 2.3; not isalnum(), which asks the locale. */
static bool is_unreserved(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           strchr("-._~", c);
}

char *http_escape(const char *text)
{
    cleanup_buf struct buf out = BUF_INIT(HTTP_FIELDS_MAX);

    for (; *text; text++) {
        if (is_unreserved(*text))
            buf_add(&out, text, 1);
        else
            buf_addf(&out, "%%%02X", (unsigned char)*text);
    }
    return out.size ? buf_steal(&out) : xstrdup("");
}

char *http_url_shown(const char *url)
{
    cleanup_free char *plain = xstrndup(url, strcspn(url, "?#"));

    return text_clean_dup(plain, URL_SHOWN_MAX, TEXT_ONE_LINE);
}
