/* SPDX-License-Identifier: MIT */
#include "cmd/source_options.h"

#include "base/str.h"

#include <string.h>

#define RETRIES_MAX 100

static int take_times(const char *value, struct download_request *request, struct err *err)
{
    cleanup_strv struct strv parts = {0};

    strv_split(&parts, value, ',');
    if (!parts.count)
        return err_set(err, ERR_USAGE, "--fetch-timeout: a time is needed, such as 10m");
    for (size_t i = 0; i < parts.count; i++) {
        const char *part = parts.items[i], *equals = strchr(part, '=');
        int64_t *time = !equals || str_starts(part, "total=") ? &request->total_ms
                        : str_starts(part, "connect=")        ? &request->connect_ms
                        : str_starts(part, "stall=")          ? &request->stall_ms
                                                              : NULL;
        if (!time)
            return err_set(err, ERR_USAGE,
                           "--fetch-timeout: '%s' is none of connect=, stall=, total=", part);
        if (str_to_ms(equals ? equals + 1 : part, "--fetch-timeout", time, err) < 0)
            return -(int)ERR_USAGE;
        if (*time <= 0)
            return err_set(err, ERR_USAGE, "--fetch-timeout: '%s' leaves no time at all", part);
    }
    return 0;
}

static int take_number(const char *name, const char *value, uint64_t max, uint64_t *ret,
                       struct err *err)
{
    int rc = str_to_u64(value, max, name, ret, err);

    return rc < 0 ? rc : 1;
}

static int take_retries(const char *value, struct download_request *request, struct err *err)
{
    uint64_t retries = 0;
    int rc = take_number("--fetch-retries", value, RETRIES_MAX, &retries, err);

    request->retries = (unsigned)retries;
    return rc;
}

static int take_proof(const char *value, struct download_request *request)
{
    static const struct {
        const char *name;
        enum download_proof proof;
    } proofs[] = {{"digest", PROOF_DIGEST},
                  {"signature", PROOF_SIGNATURE},
                  {"attestation", PROOF_ATTESTATION}};

    for (size_t i = 0; i < ARRAY_SIZE(proofs); i++) {
        if (str_eq(value, proofs[i].name)) {
            request->require |= proofs[i].proof;
            return 1;
        }
    }
    return 0;
}

static bool take_text(const char *name, const char *value, struct download_request *request)
{
    const struct {
        const char *name;
        const char **text;
    } texts[] = {
        {"artifact", &request->artifact}, {"commit", &request->commit},
        {"branch", &request->branch},     {"workflow", &request->workflow},
        {"repo", &request->repo},         {"release", &request->release},
        {"asset", &request->asset},       {"url", &request->url},
        {"sha256", &request->sha256},     {"member", &request->member},
        {"minisign", &request->minisign}, {"token-file", &request->token_file},
    };

    for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
        if (str_eq(name, texts[i].name)) {
            *texts[i].text = value;
            return true;
        }
    }
    return false;
}

int source_options_take(const struct opt_row *row, const char *value,
                        struct download_request *request, struct err *err)
{
    if (take_text(row->name, value, request))
        return 1;
    if (str_eq(row->name, "require"))
        return take_proof(value, request);
    if (str_eq(row->name, "run-id"))
        return take_number("--run-id", value, INT64_MAX, &request->run_id, err);
    if (str_eq(row->name, "fetch-retries"))
        return take_retries(value, request, err);
    if (str_eq(row->name, "fetch-timeout"))
        return take_times(value, request, err) < 0 ? -1 : 1;
    if (str_eq(row->name, "pre"))
        request->pre = true;
    else if (str_eq(row->name, "attest"))
        request->attest = true;
    else
        return 0;
    return 1;
}
