/* SPDX-License-Identifier: MIT */
#include "notify/letter.h"

#include <criterion/criterion.h>
#include <sodium/utils.h>
#include <stdlib.h>
#include <string.h>

static void write_letter(const char *title, const char *text, struct buf *out)
{
    struct notice notice = {.kind = NOTICE_FAIL,
                            .lab = "bench",
                            .title = title,
                            .text = text,
                            .unix_us = INT64_C(1700000000000000)};
    struct message message = {.notices = &notice, .count = 1, .id = "0123456789abcdef"};
    cleanup_strv struct strv to = {0};

    setenv("TZ", "UTC", 1);
    strv_add(&to, "one@example.org");
    strv_add(&to, "two@example.org");
    letter_write("lab@example.org", &to, &message, out);
}

/* The base64 that begins at `at`, up to `end`, without its line ends. Caller frees. */
static char *decoded(const char *at, const char *end)
{
    size_t size = 0, room = (size_t)(end - at);
    char *bytes = xcalloc(room + 1, 1);

    cr_assert_eq(sodium_base642bin((unsigned char *)bytes, room, at, room, "\r\n", &size, NULL,
                                   sodium_base64_VARIANT_ORIGINAL),
                 0);
    bytes[size] = '\0';
    return bytes;
}

/* Each encoded word of the subject, joined. */
static char *subject_of(const char *letter)
{
    const char *at = strstr(letter, "Subject:"), *end = strstr(letter, "\r\nDate:");
    struct buf out = BUF_INIT(4096);

    while ((at = strstr(at, "=?UTF-8?B?")) && at < end) {
        const char *stop = strstr(at += 10, "?=");
        cleanup_free char *word = decoded(at, stop);
        buf_adds(&out, word);
    }
    return buf_steal(&out);
}

Test(letter, header_and_text)
{
    cleanup_buf struct buf out = BUF_INIT(1 << 20);
    cleanup_free char *subject = NULL, *text = NULL;

    write_letter("bench: fail", "\xC3\xBC first\nsecond", &out);
    subject = subject_of(out.data);
    cr_expect_str_eq(subject, "bench: fail");
    cr_expect(str_starts(out.data, "From: hil <lab@example.org>\r\n"
                                   "To: <one@example.org>,\r\n <two@example.org>\r\nSubject: "),
              "%s", out.data);
    cr_expect(strstr(out.data, "\r\nContent-Transfer-Encoding: base64\r\n\r\n"));
    text = decoded(strstr(out.data, "\r\n\r\n") + 4, out.data + out.size);
    cr_expect_str_eq(text, "bench: fail\n2023-11-14 22:13\n\xC3\xBC first\nsecond\n");
}

Test(letter, nothing_that_was_printed_is_a_header_or_a_long_line)
{
    cleanup_buf struct buf out = BUF_INIT(1 << 20);
    cleanup_free char *title = xcalloc(1, 1000), *text = xcalloc(1, 5000), *subject = NULL;

    strcpy(title, "bench: \r\nBcc: evil@example.org\r\n\r\n");
    for (size_t i = 0; i < 200; i++)
        strcat(title, "\xC3\xBC");
    memset(text, 'x', 4999);
    memcpy(text + 100, "\r\n.\r\nQUIT\r\n", 11);
    write_letter(title, text, &out);
    subject = subject_of(out.data);
    cr_expect(strstr(subject, "Bcc: evil@example.org"), "as text: %s", subject);
    cr_expect_null(strpbrk(subject, "\r\n"), "one line");
    cr_expect_null(strstr(out.data, "Bcc:"));
    cr_expect_null(strstr(out.data, "QUIT"));
    cr_expect(strstr(subject, "\xC3\xBC\xC3\xBC\xC3\xBC"), "no character is cut in two");
    cr_expect_null(strstr(subject, "\xEF\xBF\xBD"));
    for (const char *line = out.data; *line;) {
        size_t length = strcspn(line, "\r");
        cr_expect_leq(length, 76, "%.80s", line);
        line += length + 2;
    }
}
