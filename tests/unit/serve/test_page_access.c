/* SPDX-License-Identifier: MIT */
#include "../scratch.h"
#include "serve/page/access.h"

#include <string.h>

#define TOKEN "correct-horse-battery-staple"

static struct access opened(const char *text, bool tls)
{
    cleanup_scratch char *dir = scratch_make();
    cleanup_free char *path = fs_join(dir, "token");
    cleanup_strv struct strv hosts = {0};
    struct access access;
    struct err err = {0};

    strv_add(&hosts, "lab.example.org");
    if (text)
        cr_assert_eq(fs_write(path, text, strlen(text), NULL), 0);
    cr_assert_eq(access_open(&access, text ? path : NULL, &hosts, tls, &err), 0, "%s", err.message);
    return access;
}

Test(access, only_names_of_ours_are_answered)
{
    struct access access = opened(NULL, false);
    char own[256] = "";
    const struct {
        const char *host;
        bool ok;
    } table[] = {
        {"127.0.0.1:8320", true},
        {"192.168.0.7", true},
        {"[::1]:8320", true},
        {"[fe80::1]", true},
        {"localhost:8320", true},
        {"LOCALHOST", true},
        {"lab.example.org", true},
        {"LAB.example.org:443", true},
        {own, true},
        {NULL, false},
        {"", false},
        {":8320", false},
        {"evil.example", false},
        {"localhost.evil.example", false},
        {"127.0.0.1.evil.example", false},
        {"lab.example.org.evil.example", false},
        {"localhost:80@evil.example", false},
        {"localhost:8320x", false},
        {"[::1", false},
        {"[::1]x", false},
        {"[evil.example]", false},
        {"1.2.3", false},
        {"localhost\n", false},
        {"0x7f000001", false},
    };

    gethostname(own, sizeof own - 1);
    for (size_t i = 0; i < ARRAY_SIZE(table); i++)
        cr_expect_eq(access_host_ok(&access, table[i].host), table[i].ok, "'%s'",
                     table[i].host ? table[i].host : "(none)");
    access_done(&access);
}

Test(access, the_token_opens_and_nothing_else_does)
{
    struct access access = opened(TOKEN "\n", false);

    cr_expect(access_token_ok(&access, TOKEN));
    cr_expect(access_is_known(&access, "Bearer " TOKEN, NULL));
    cr_expect(access_is_known(&access, "bearer " TOKEN, NULL));
    cr_expect(access_is_known(&access, NULL, access.cookie));
    cr_expect_not(access_token_ok(&access, NULL));
    cr_expect_not(access_token_ok(&access, ""));
    cr_expect_not(access_token_ok(&access, TOKEN "x"));
    cr_expect_not(access_is_known(&access, NULL, NULL));
    cr_expect_not(access_is_known(&access, "Bearer ", NULL));
    cr_expect_not(access_is_known(&access, "Basic " TOKEN, NULL));
    cr_expect_not(access_is_known(&access, TOKEN, NULL));
    cr_expect_not(access_is_known(&access, NULL, TOKEN), "the cookie is not the token");
    cr_expect_not(access_is_known(&access, "Bearer wrong-token-wrong", access.cookie),
                  "who says one says it right");
    for (size_t i = 0; i < strlen(TOKEN); i++) {
        char wrong[] = TOKEN;
        wrong[i] ^= 1;
        cr_expect_not(access_token_ok(&access, wrong));
    }
    access_done(&access);
}

Test(access, a_cookie_lasts_as_long_as_its_token)
{
    struct access before = opened(TOKEN, false), after = opened(TOKEN, false),
                  other = opened("another-token-as-long", false);

    cr_expect(access_is_known(&after, NULL, before.cookie));
    cr_expect_not(access_is_known(&other, NULL, before.cookie));
    cr_expect_str_neq(before.key, after.key, "but the key of control is new with each start");
    access_done(&before);
    access_done(&after);
    access_done(&other);
}

Test(access, without_a_token_everybody_is_known)
{
    struct access access = opened(NULL, false);

    cr_expect(access_is_known(&access, NULL, NULL));
    access_done(&access);
}

Test(access, a_token_that_can_be_guessed_is_none)
{
    cleanup_scratch char *dir = scratch_make();
    cleanup_free char *path = fs_join(dir, "token");
    static const char *const bad[] = {"", "\n", "short", "fifteen-chars--\n"};
    struct access access;
    struct err err = {0};

    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        fs_write(path, bad[i], strlen(bad[i]), NULL);
        cr_expect_eq(access_open(&access, path, NULL, false, &err), -ERR_CONFIG);
        access_done(&access);
    }
    fs_write(path, "sixteen-bytes\0and-more", 22, NULL);
    cr_expect_eq(access_open(&access, path, NULL, false, &err), -ERR_CONFIG);
    cr_expect(strstr(err.message, "openssl rand"), "%s", err.message);
    access_done(&access);
}

Test(access, a_post_comes_from_our_own_page)
{
    struct access plain = opened(NULL, false), tls = opened(NULL, true);

    const struct {
        const struct access *access;
        const char *origin, *host, *site;
        bool ok;
    } table[] = {
        {&plain, NULL, "localhost:8320", NULL, true}, /* no browser */
        {&plain, "http://localhost:8320", "localhost:8320", NULL, true},
        {&plain, "http://localhost:8320", "localhost:8320", "same-origin", true},
        {&plain, "null", "localhost:8320", "same-origin", true},
        {&tls, "https://lab:8320", "lab:8320", NULL, true},
        {&plain, "https://lab.example.org", "lab.example.org", NULL, true}, /* by a proxy */
        {&tls, "http://lab:8320", "lab:8320", NULL, false},
        {&plain, "http://localhost:8321", "localhost:8320", NULL, false},
        {&plain, "http://localhost:8321", "localhost:8320", "same-site", false},
        {&plain, "http://evil.example", "localhost:8320", NULL, false},
        {&plain, "null", "localhost:8320", NULL, false},
        {&plain, "null", "localhost:8320", "cross-site", false},
        {&plain, NULL, "localhost:8320", "cross-site", false},
        {&plain, "", "localhost:8320", NULL, false},
        {&plain, "http://x", NULL, NULL, false},
    };

    for (size_t i = 0; i < ARRAY_SIZE(table); i++)
        cr_expect_eq(
            access_origin_ok(table[i].access, table[i].origin, table[i].host, table[i].site),
            table[i].ok, "row %zu", i);
    cr_expect(access_key_ok(&plain, plain.key));
    cr_expect_not(access_key_ok(&plain, tls.key));
    cr_expect_not(access_key_ok(&plain, NULL));
    access_done(&plain);
    access_done(&tls);
}

Test(access, the_form_is_read_as_a_browser_sends_it)
{
    static const struct {
        const char *body, *token;
    } table[] = {
        {"token=abc", "abc"}, {"token=a%2Bb+c%26", "a+b c&"}, {"x=1&token=abc&y=2", "abc"},
        {"token=", ""},       {"token=%zz%4", "%zz%4"},       {"token=%00abc", ""},
        {"", NULL},           {"tokens=abc", NULL},           {"mytoken=abc", NULL},
        {"&&token=x", "x"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
        cleanup_free char *token = access_form_token(table[i].body, strlen(table[i].body));
        cr_expect(str_eq(token, table[i].token), "%s: %s", table[i].body, token ? token : "(none)");
    }
}
