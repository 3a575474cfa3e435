/* SPDX-License-Identifier: MIT */
#include "store/pool_value.h"

#include "base/hash.h"
#include "base/str.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define MAC_DIGITS 12
#define GROUP_BIT 0x010000000000 /* IEEE 802: the first bit on the wire; nobody's own address */
#define SHOWN_DIGITS 12

const char *const pool_kind_names[POOL_KINDS + 1] = {"mac", "serial", "key", NULL};

/* ---- MAC addresses --------------------------------------------------------------------------- */

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* Six pairs, all of them parted by the same of ':' and '-', or by nothing. */
static bool read_mac(const char *text, size_t length, int64_t *ret)
{
    size_t step = length == 17 ? 3 : length == MAC_DIGITS ? 2 : 0;

    *ret = 0;
    if (!step)
        return false;
    for (size_t i = 0; i < 6; i++) {
        int high = hex_digit(text[i * step]), low = hex_digit(text[i * step + 1]);
        if (high < 0 || low < 0)
            return false;
        *ret = *ret << 8 | high << 4 | low;
        if (step == 3 && i < 5 &&
            ((text[i * 3 + 2] != ':' && text[i * 3 + 2] != '-') || text[i * 3 + 2] != text[2]))
            return false;
    }
    return true;
}

static char *mac_text(int64_t mac)
{
    return xasprintf("%02x:%02x:%02x:%02x:%02x:%02x", (unsigned)(mac >> 40 & 0xff),
                     (unsigned)(mac >> 32 & 0xff), (unsigned)(mac >> 24 & 0xff),
                     (unsigned)(mac >> 16 & 0xff), (unsigned)(mac >> 8 & 0xff),
                     (unsigned)(mac & 0xff));
}

static bool mac_is_ours(int64_t mac, struct err *err)
{
    if (mac && !(mac & GROUP_BIT))
        return true;
    cleanup_free char *text = mac_text(mac);
    err_set(err, ERR_USAGE, "'%s' is %s, and can be no board's own", text,
            mac ? "a group's address" : "no address at all");
    return false;
}

/* ---- values ---------------------------------------------------------------------------------- */

static bool is_printable(const char *text)
{
    for (; *text; text++)
        if (*text < '!' || *text > '~')
            return false;
    return true;
}

char *pool_value(enum pool_kind kind, const char *text, struct err *err)
{
    size_t length = strlen(text);
    int64_t mac;

    if (kind == POOL_MAC) {
        if (read_mac(text, length, &mac))
            return mac_is_ours(mac, err) ? mac_text(mac) : NULL;
        err_set(err, ERR_USAGE, "'%.60s' is not a MAC address such as 02:00:00:00:10:00", text);
        return NULL;
    }
    if (length && length <= POOL_VALUE_MAX && is_printable(text))
        return xstrdup(text);
    err_set(err, ERR_USAGE, "a %s must have 1 to %d characters, no blanks and none beyond ASCII",
            pool_kind_names[kind], POOL_VALUE_MAX);
    return NULL;
}

char *pool_value_shown(enum pool_kind kind, const char *value)
{
    char digest[SHA256_HEX_SIZE];

    if (kind != POOL_KEY)
        return xstrdup(value);
    sha256_hex(value, strlen(value), digest);
    return xasprintf("sha256:%.*s", SHOWN_DIGITS, digest);
}

/* ---- ranges ---------------------------------------------------------------------------------- */

static size_t digits_at_end(const char *text, size_t length)
{
    size_t digits = 0;

    while (digits < length && text[length - 1 - digits] >= '0' && text[length - 1 - digits] <= '9')
        digits++;
    return digits < POOL_DIGITS_MAX ? digits : POOL_DIGITS_MAX;
}

static int64_t number(const char *text, size_t digits)
{
    int64_t value = 0;

    for (size_t i = 0; i < digits; i++)
        value = value * 10 + (text[i] - '0');
    return value;
}

/* How many digits at the end count: both ends have the same text before them. */
static size_t common_digits(const char *first, const char *last, size_t length)
{
    size_t digits = digits_at_end(first, length), others = digits_at_end(last, length);

    if (others < digits)
        digits = others;
    return digits && !memcmp(first, last, length - digits) ? digits : 0;
}

static int check_order(const struct pool_span *span, const char *text, struct err *err)
{
    return span->first <= span->last
               ? 1
               : err_set(err, ERR_USAGE, "'%.120s': the last comes before the first", text);
}

/* Both ends of a range are equally long, so the '-' between them is the one in the middle. */
int pool_span_parse(enum pool_kind kind, const char *text, struct pool_span *ret, struct err *err)
{
    size_t length = strlen(text), half = length / 2;
    const char *last = text + half + 1;

    *ret = (struct pool_span){.digits = 0};
    if (kind == POOL_KEY || length % 2 == 0 || length < 3 || text[half] != '-')
        return 0;
    if (kind == POOL_MAC) {
        if (!read_mac(text, half, &ret->first) || !read_mac(last, half, &ret->last))
            return 0;
        if (!mac_is_ours(ret->first, err) || !mac_is_ours(ret->last, err))
            return -ERR_USAGE;
        if (ret->first >> 40 != ret->last >> 40) /* or groups' addresses would lie within */
            return err_set(err, ERR_USAGE, "'%s': the first bytes of both ends must be the same",
                           text);
        return check_order(ret, text, err);
    }
    ret->digits = (int)common_digits(text, last, half);
    if (!ret->digits || half > POOL_VALUE_MAX || !is_printable(text))
        return 0;
    memcpy(ret->prefix, text, half - (size_t)ret->digits);
    ret->first = number(text + half - ret->digits, (size_t)ret->digits);
    ret->last = number(last + half - ret->digits, (size_t)ret->digits);
    return check_order(ret, text, err);
}

char *pool_span_value(const struct pool_span *span, int64_t at)
{
    return span->digits ? xasprintf("%s%0*" PRId64, span->prefix, span->digits, at) : mac_text(at);
}
