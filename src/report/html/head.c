/* SPDX-License-Identifier: MIT */
/* The page's head, and the verdict with what is known of the run. Its policy lets nothing run or
 * load but the style and the script that are named by their hashes, whatever a board may have
 * printed. */
#include "report/html/parts.h"

#include "report/html/assets.h"
#include "report/place.h"
#include "report/words.h"

#include <sodium.h>
#include <string.h>

/* 'sha256-...' as Content Security Policy level 2 has it. */
static void policy_hash(struct markup *markup, const char *source)
{
    unsigned char hash[crypto_hash_sha256_BYTES];
    char text[sodium_base64_ENCODED_LEN(sizeof hash, sodium_base64_VARIANT_ORIGINAL)];

    crypto_hash_sha256(hash, (const unsigned char *)source, strlen(source));
    sodium_bin2base64(text, sizeof text, hash, sizeof hash, sodium_base64_VARIANT_ORIGINAL);
    markup_f(markup, "'sha256-%s'", text);
}

void html_head(struct markup *markup, const struct run_result *run)
{
    markup_raw(markup, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
                       "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
                       "base-uri 'none'; form-action 'none'; style-src ");
    policy_hash(markup, html_css);
    markup_raw(markup, "; script-src ");
    policy_hash(markup, html_js);
    markup_f(markup,
             "\">\n<meta name=\"referrer\" content=\"no-referrer\">\n"
             "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
             "<meta name=\"color-scheme\" content=\"light dark\">\n<title>%s: %s</title>\n<style>",
             verdict_name(run->verdict), words_run(&markup->text, run));
    markup_raw(markup, html_css);
    markup_raw(markup, "</style>\n</head>\n");
}

static void origin(struct markup *markup, const struct run_origin *origin)
{
    if (place_commit(&markup->link, origin)) {
        markup_raw(markup, "<div><dt>Commit</dt><dd>");
        html_link(markup, markup->link.data);
        markup_f(markup, "%.10s</a>%s</dd></div>\n", origin->sha,
                 origin->dirty ? " with changes that are not committed" : "");
    } else {
        html_fact(markup, "Commit", origin->sha);
    }
    html_fact(markup, "Described", origin->describe);
    if (place_run(&markup->link, origin)) {
        markup_raw(markup, "<div><dt>Workflow</dt><dd>");
        html_link(markup, markup->link.data);
        markup_raw(markup, "this run</a></dd></div>\n");
    }
}

void html_verdict(struct markup *markup, const struct run_result *run)
{
    static const char *const words[] = {"Pass", "Fail", "Infra"};
    char started[ISO_TIME_SIZE];

    markup_f(markup, "<body>\n<header class=\"%s\">\n<h1>%s</h1>\n<p>%s</p>\n<dl>\n",
             html_verdict_class(run->verdict), words[run->verdict], words_run(&markup->text, run));
    html_fact(markup, "Lab", run->lab);
    html_fact(markup, "Started", words_iso_time(run->started_unix_us, started));
    origin(markup, &run->origin);
    html_fact(markup, "hil", run->version);
    markup_raw(markup, "</dl>\n</header>\n");
}
