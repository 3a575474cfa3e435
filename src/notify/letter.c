/* SPDX-License-Identifier: MIT */
#include "notify/letter.h"

#include "base/text.h"

#include <sodium/utils.h>
#include <stddef.h>
#include <string.h>
#include <time.h>

#define LINE_BYTES 57 /* of text in a line of 76 characters */
#define WORD_BYTES 39 /* of text in an encoded word of at most 75 characters, RFC 2047 */

static void add_base64(struct buf *out, const char *bytes, size_t count)
{
    char text[sodium_base64_ENCODED_LEN(LINE_BYTES, sodium_base64_VARIANT_ORIGINAL)];

    sodium_bin2base64(text, sizeof text, (const unsigned char *)bytes, count,
                      sodium_base64_VARIANT_ORIGINAL);
    buf_adds(out, text);
}

/* RFC 2047, section 5 (3): no character is cut in two. */
static void add_subject(struct buf *out, const char *subject)
{
    cleanup_free char *clean = text_clean_dup(subject, 500, TEXT_ONE_LINE);
    const char *at = clean;

    buf_adds(out, "Subject:");
    while (*at) {
        size_t count = 0, next;
        while (at[count] && (next = text_utf8_length(at + count, strlen(at + count))) &&
               count + next <= WORD_BYTES)
            count += next;
        buf_adds(out, " =?UTF-8?B?");
        add_base64(out, at, count);
        buf_adds(out, "?=\r\n");
        at += count;
    }
    if (!*clean)
        buf_adds(out, "\r\n");
}

static void add_date(struct buf *out)
{
    static const char days[] = "SunMonTueWedThuFriSat";
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    time_t now = time(NULL);
    struct tm utc;

    gmtime_r(&now, &utc); /* not strftime(): its names are those of the locale */
    buf_addf(out, "Date: %.3s, %d %.3s %d %02d:%02d:%02d +0000\r\n",
             days + (ptrdiff_t)3 * utc.tm_wday, utc.tm_mday, months + (ptrdiff_t)3 * utc.tm_mon,
             utc.tm_year + 1900, utc.tm_hour, utc.tm_min, utc.tm_sec);
}

void letter_write(const char *from, const struct strv *to, const struct message *message,
                  struct buf *out)
{
    cleanup_free char *subject = message_subject(message);
    cleanup_buf struct buf text = BUF_INIT(MESSAGE_MAX), clean = BUF_INIT(MESSAGE_MAX);

    buf_addf(out, "From: hil <%s>\r\nTo: ", from);
    for (size_t i = 0; i < to->count; i++)
        buf_addf(out, "%s<%s>", i ? ",\r\n " : "", to->items[i]);
    buf_adds(out, "\r\n");
    add_subject(out, subject);
    add_date(out);
    buf_addf(out,
             "Message-ID: <%.32s.%s>\r\nAuto-Submitted: auto-generated\r\nMIME-Version: 1.0\r\n"
             "Content-Type: text/plain; charset=utf-8\r\n"
             "Content-Transfer-Encoding: base64\r\n\r\n",
             message->id, from);
    message_text(message, &text);
    text_clean(&clean, text.data, text.size, 0);
    for (size_t at = 0; at < clean.size; at += LINE_BYTES) {
        size_t left = clean.size - at;
        add_base64(out, clean.data + at, left < LINE_BYTES ? left : LINE_BYTES);
        buf_adds(out, "\r\n");
    }
}
