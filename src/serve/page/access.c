/* SPDX-License-Identifier: MIT */
#include "serve/page/access.h"

#include "base/fs.h"
#include "base/hash.h"

#include <arpa/inet.h>
#include <sodium/crypto_auth_hmacsha256.h>
#include <sodium/randombytes.h>
#include <sodium/utils.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#define HOST_MAX 256
#define COOKIE_FOR "hil serve: cookie 1"

/* ---- beginning ------------------------------------------------------------------------------- */

static void mac_of(const char *secret, const char *text, char ret[ACCESS_KEY_SIZE])
{
    crypto_auth_hmacsha256_state state;
    unsigned char mac[crypto_auth_hmacsha256_BYTES];

    crypto_auth_hmacsha256_init(&state, (const unsigned char *)secret, strlen(secret));
    crypto_auth_hmacsha256_update(&state, (const unsigned char *)text, strlen(text));
    crypto_auth_hmacsha256_final(&state, mac);
    hex_encode(mac, sizeof mac, ret);
    sodium_memzero(&state, sizeof state);
}

static int read_token(const char *path, char **ret, struct err *err)
{
    struct buf text = BUF_INIT(ACCESS_TOKEN_MAX);
    int rc = fs_read(path, &text, err);

    if (rc < 0) {
        buf_done(&text);
        if (err)
            err->code = ERR_CONFIG;
        return err_wrap(err, "--token-file");
    }
    while (text.size && strchr(" \t\r\n", text.data[text.size - 1]))
        text.data[--text.size] = '\0';
    if (text.size < ACCESS_TOKEN_MIN || strlen(text.data) != text.size) {
        sodium_memzero(text.data, text.size);
        buf_done(&text);
        return err_set(err, ERR_CONFIG,
                       "--token-file: %s has no token of %d characters or more; try: openssl rand "
                       "-hex 24",
                       path, ACCESS_TOKEN_MIN);
    }
    *ret = buf_steal(&text);
    return 0;
}

int access_open(struct access *access, const char *token_file, const struct strv *hosts, bool tls,
                struct err *err)
{
    unsigned char random[32];
    char name[HOST_MAX] = "";
    int rc = 0;

    *access = (struct access){.tls = tls};
    if (token_file)
        rc = read_token(token_file, &access->token, err);
    if (rc < 0)
        return rc;
    if (access->token)
        mac_of(access->token, COOKIE_FOR, access->cookie);
    randombytes_buf(random, sizeof random);
    hex_encode(random, sizeof random, access->key);
    for (size_t i = 0; hosts && i < hosts->count; i++)
        strv_add(&access->hosts, hosts->items[i]);
    if (gethostname(name, sizeof name - 1) == 0 && *name) {
        strv_add(&access->hosts, name);
        strv_addf(&access->hosts, "%s.local", name);
    }
    return 0;
}

void access_done(struct access *access)
{
    if (access->token)
        sodium_memzero(access->token, strlen(access->token));
    free(access->token);
    strv_done(&access->hosts);
    *access = (struct access){0};
}

/* ---- questions ------------------------------------------------------------------------------- */

/* "name:port", "[::1]:port" → "name", "::1"; false: it is neither. */
static bool host_name(const char *host, char ret[HOST_MAX])
{
    bool bracket = *host == '[';
    const char *begin = host + bracket;
    const char *end = bracket ? strchr(begin, ']') : begin + strcspn(begin, ":");
    size_t length = end ? (size_t)(end - begin) : 0;
    const char *port = end ? end + bracket : NULL;

    if (!length || length >= HOST_MAX || (*port && *port != ':'))
        return false;
    if (*port && strspn(port + 1, "0123456789") != strlen(port + 1))
        return false;
    memcpy(ret, begin, length);
    ret[length] = '\0';
    return true;
}

bool access_host_ok(const struct access *access, const char *host)
{
    char name[HOST_MAX];
    struct in6_addr address;

    if (!host || !host_name(host, name))
        return false;
    if (*host == '[')
        return inet_pton(AF_INET6, name, &address) == 1;
    if (inet_pton(AF_INET, name, &address) == 1 || !strcasecmp(name, "localhost"))
        return true;
    for (size_t i = 0; i < access->hosts.count; i++)
        if (!strcasecmp(name, access->hosts.items[i]))
            return true;
    return false;
}

/* Of digests, whose length says nothing of the secret's. */
static bool is_same(const struct access *access, const char *given, const char *secret)
{
    char left[ACCESS_KEY_SIZE], right[ACCESS_KEY_SIZE];

    mac_of(access->key, given, left);
    mac_of(access->key, secret, right);
    return sodium_memcmp(left, right, sizeof left) == 0;
}

bool access_token_ok(const struct access *access, const char *token)
{
    return !access->token || (token && is_same(access, token, access->token));
}

bool access_is_known(const struct access *access, const char *authorization, const char *cookie)
{
    static const char scheme[] = "Bearer ";
    bool bearer = authorization && !strncasecmp(authorization, scheme, strlen(scheme));

    if (!access->token)
        return true;
    if (bearer)
        return access_token_ok(access, authorization + strlen(scheme));
    return cookie && is_same(access, cookie, access->cookie);
}

/* Before us may be a proxy that speaks TLS; behind TLS of our own is nothing else. */
static const char *origin_host(const struct access *access, const char *origin)
{
    static const char secure[] = "https://", plain[] = "http://";

    if (str_starts(origin, secure))
        return origin + strlen(secure);
    return !access->tls && str_starts(origin, plain) ? origin + strlen(plain) : NULL;
}

bool access_origin_ok(const struct access *access, const char *origin, const char *host,
                      const char *fetch_site)
{
    const char *from = origin ? origin_host(access, origin) : NULL;

    if (fetch_site && !str_eq(fetch_site, "same-origin"))
        return false;
    if (!origin || (fetch_site && str_eq(origin, "null")))
        return true;
    return from && host && !strcasecmp(from, host);
}

bool access_key_ok(const struct access *access, const char *key)
{
    return key && is_same(access, key, access->key);
}

/* ---- the login form -------------------------------------------------------------------------- */

static int digit_of(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

static char *decoded(const char *text, size_t count)
{
    char *ret = xmalloc(count + 1), *at = ret;

    for (size_t i = 0; i < count; i++) {
        bool code = text[i] == '%' && i + 2 < count && digit_of(text[i + 1]) >= 0 &&
                    digit_of(text[i + 2]) >= 0;
        if (code) {
            *at++ = (char)(digit_of(text[i + 1]) * 16 + digit_of(text[i + 2]));
            i += 2;
        } else {
            *at++ = text[i] == '+' ? ' ' : text[i];
        }
    }
    *at = '\0';
    return ret;
}

char *access_form_token(const char *body, size_t count)
{
    static const char name[] = "token=";
    size_t from = 0;

    while (from < count) {
        const char *amp = memchr(body + from, '&', count - from);
        size_t to = amp ? (size_t)(amp - body) : count;
        if (to - from >= strlen(name) && !memcmp(body + from, name, strlen(name)))
            return decoded(body + from + strlen(name), to - from - strlen(name));
        from = to + 1;
    }
    return NULL;
}
