/* SPDX-License-Identifier: MIT */
#include "store/dump.h"

#include "base/json.h"
#include "base/str.h"
#include "store/parts.h"

#include <stdlib.h>
#include <string.h>

#define EXACT_MAX (INT64_C(1) << 53) /* what any reader of JSON has exactly */
#define PENDING_MAX 65536

const struct dump_table dump_tables[DUMP_TABLES + 1] = {
    {"totals", "lab,board,verdict,jobs,took_us", "sssii"},
    {"names", "id,suite,name,seen_day", "issi"},
    {"runs", "id,lab,verdict,started_us,took_us,repository,sha,ref,describe,url", "issiisssss"},
    {"jobs",
     "id,run_id,lab,board,test,image_file,image_sha256,image_build_id,verdict,reason,blame,"
     "started_us,at_us,took_us,flash_us,test_us,attempt,last,passed,failed,errors,skipped,flaky",
     "iisssssssssiiiiiiiiiiii"},
    {"cases", "job_id,name_id,seq,result,duration_us", "iiiii"},
    {"quarantine", "lab,board,reason,since_us,image", "sssis"},
    {"events", "at_us,lab,board,kind,text", "issss"},
    {"carried", "lab,board,image_sha256,image_file,since_us", "ssssi"},
    {"watched",
     "lab,board,image,image_sha256,tag,asset,flashed_us,failed,failures,retry_us,reason,aside,"
     "verdict",
     "ssssssisiisss"},
    {"attempts",
     "lab,board,tool,probe,image,image_sha256,tag,asset,golden,started_us,took_us,exit_code,"
     "verdict,reason,wrote,run_id",
     "ssssssssiiiissii"},
    {"rigged",
     "lab,board,slot,path,image_sha256,image_file,started_us,took_us,outcome,step,reason,identity",
     "ssisssiissss"},
    {"pools", "name,kind", "ss"},
    {"pool_ranges", "pool,prefix,digits,first,last,next", "ssiiii"},
    {"identities", "pool,kind,value,state,board,drawn_us,since_us,note", "sssssiis"},
    {NULL, NULL, NULL},
};

static void write_number(struct json_out *out, int64_t value)
{
    char text[32];

    if (value < EXACT_MAX && value > -EXACT_MAX) {
        json_int(out, value);
        return;
    }
    snprintf(text, sizeof text, "%lld", (long long)value);
    json_string(out, text);
}

static void write_row(struct json_out *out, struct statement *row, const char *kinds)
{
    json_array(out);
    for (int i = 0; kinds[i]; i++) {
        if (statement_null(row, i))
            json_null(out);
        else if (kinds[i] == 's')
            json_string(out, statement_text(row, i));
        else
            write_number(out, statement_int(row, i));
    }
    json_array_end(out);
}

/* A document of its own a line. */
static int end_line(struct json_out *out, int fd, struct err *err)
{
    int rc = json_end(out, err);

    json_begin(out, fd, 0);
    return rc;
}

static int write_head(struct json_out *out, int fd, const struct dump_table *table,
                      struct err *err)
{
    cleanup_strv struct strv names = {0};

    strv_split(&names, table->columns, ',');
    json_object(out);
    json_kv_string(out, "table", table->name);
    json_key(out, "columns");
    json_array(out);
    for (size_t i = 0; i < names.count; i++)
        json_string(out, names.items[i]);
    json_array_end(out);
    json_object_end(out);
    return end_line(out, fd, err);
}
