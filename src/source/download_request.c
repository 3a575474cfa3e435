/* SPDX-License-Identifier: MIT */
#include "source/download.h"

#include "base/str.h"
#include "source/github.h"
#include "source/github_json.h"

bool download_wanted(const struct download_request *request)
{
    return request->artifact || request->release || request->url;
}

static int lone_option(const struct download_request *request, struct err *err)
{
    const struct {
        const char *name, *with;
        bool given, fits;
    } options[] = {
        {"--run-id", "--artifact", request->run_id, request->artifact},
        {"--commit", "--artifact", request->commit, request->artifact},
        {"--branch", "--artifact", request->branch, request->artifact},
        {"--workflow", "--branch or --commit", request->workflow,
         request->artifact && (request->branch || request->commit)},
        {"--pre", "--release latest", request->pre,
         request->release && str_eq(request->release, "latest")},
        {"--asset", "--release", request->asset, request->release},
        {"--sha256", "--url", request->sha256, request->url},
        {"--minisign", "--release or --url", request->minisign, request->release || request->url},
        {"--repo", "--artifact, --release or --attest", request->repo,
         request->artifact || request->release || request->attest ||
             request->require & PROOF_ATTESTATION},
        {"--member", "--artifact, --release or --url", request->member, download_wanted(request)},
        {"--attest", "--artifact, --release or --url", request->attest, download_wanted(request)},
        {"--token-file", "--artifact or --release", request->token_file,
         request->artifact || request->release || request->attest},
        {"--require digest, signature or attestation", "--artifact, --release or --url",
         request->require, download_wanted(request)},
    };

    for (size_t i = 0; i < ARRAY_SIZE(options); i++)
        if (options[i].given && !options[i].fits)
            return err_set(err, ERR_USAGE, "%s goes with %s", options[i].name, options[i].with);
    return 0;
}

int download_check(const struct download_request *request, struct err *err)
{
    char digest[SHA256_HEX_SIZE];
    int sources = !!request->artifact + !!request->release + !!request->url;
    int runs = !!request->run_id + !!request->commit + !!request->branch;

    if (sources > 1)
        return err_set(err, ERR_USAGE, "--artifact, --release and --url: choose one");
    if (runs > 1)
        return err_set(err, ERR_USAGE, "--run-id, --commit and --branch: choose one");
    if (lone_option(request, err) < 0)
        return -ERR_USAGE;
    if (request->sha256 && !github_digest(request->sha256, digest))
        return err_set(err, ERR_USAGE, "--sha256: 64 hexadecimal digits are needed");
    if (request->repo && !github_repo_ok(request->repo))
        return err_set(err, ERR_USAGE, "--repo: OWNER/NAME is needed");
    if (request->require & PROOF_SIGNATURE && !request->minisign)
        return err_set(err, ERR_USAGE, "--require signature needs the key: --minisign KEYFILE");
    if (request->require & PROOF_DIGEST && request->url && !request->sha256)
        return err_set(err, ERR_USAGE, "--require digest with --url needs --sha256 HEX");
    if ((request->artifact && !*request->artifact) || (request->release && !*request->release))
        return err_set(err, ERR_USAGE, "--artifact and --release need a name");
    return 0;
}
