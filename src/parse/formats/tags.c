/* SPDX-License-Identifier: MIT */
#include "parse/formats/tags.h"

#include <string.h>

#define TAG_BYTES 12
#define TRIES_MAX 64 /* places in a line where a tag may stand */

/* in the order of enum tag, from TAG_RUN on */
const char *const tag_texts[] = {
    "[ RUN      ]", "[       OK ]", "[  FAILED  ]", "[  SKIPPED ]", "[ DISABLED ]", "[  ERROR   ]",
    "[   LINE   ]", "[  PASSED  ]", "[==========]", "[----------]", NULL,
};

enum tag tag_find(struct text line, struct scan *ret_rest)
{
    const char *end = line.at + line.size, *at = line.at;
    for (int tries = 0; tries < TRIES_MAX && end - at >= TAG_BYTES; tries++, at++) {
        at = memchr(at, '[', (size_t)(end - at));
        if (!at || end - at < TAG_BYTES)
            return TAG_NONE;
        for (size_t i = 0; at[TAG_BYTES - 1] == ']' && tag_texts[i]; i++) {
            if (memcmp(at, tag_texts[i], TAG_BYTES) != 0)
                continue;
            *ret_rest = (struct scan){.at = at + TAG_BYTES, .end = end};
            scan_word(ret_rest, " ");
            return (enum tag)(TAG_RUN + i);
        }
    }
    return TAG_NONE;
}

bool tag_read_count(struct scan scan, uint64_t *ret)
{
    return scan_number(&scan, ret) && scan_word(&scan, " test");
}
