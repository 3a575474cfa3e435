/* SPDX-License-Identifier: MIT */
#include "source/curl_api.h"

#include "base/library.h"

#include <openssl/evp.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* Debian's libcurl4 is with OpenSSL, and libcurl3-gnutls has the same functions. */
static const struct library libcurl = {
    .title = "libcurl", .files = {"libcurl.so.4", "libcurl-gnutls.so.4"}, .package = "libcurl4"};

#define X(name) LIBRARY_SYMBOL(struct curl_api, curl_##name, name)
static const struct library_symbol curl_symbols[] = {CURL_API_NAMES(X){0}};
#undef X

int curl_api_load(struct curl_api *ret, struct err *err)
{
    int rc = library_load(&libcurl, curl_symbols, ret, err);

    if (rc == 0 && ret->global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
        rc = err_set(err, ERR_TOOL, "libcurl does not start");
    return rc;
}

void curl_api_trust(const struct curl_api *api, CURL *easy)
{
    const char *file = getenv("SSL_CERT_FILE"), *dir = getenv("SSL_CERT_DIR");

    if (!file || !*file)
        file = getenv("CURL_CA_BUNDLE");
    if (file && *file)
        api->easy_setopt(easy, CURLOPT_CAINFO, file);
    if (dir && *dir)
        api->easy_setopt(easy, CURLOPT_CAPATH, dir);
}

/* ---- SHA-256 --------------------------------------------------------------------------------- */

#define EVP_NAMES(X) \
    X(MD_CTX_new)    \
    X(MD_CTX_free)   \
    X(sha256)        \
    X(DigestInit_ex) \
    X(DigestUpdate)  \
    X(DigestFinal_ex)

struct evp {
#define X(name) __typeof__(EVP_##name) *(name);
    EVP_NAMES(X)
#undef X
};

#define X(name) LIBRARY_SYMBOL(struct evp, EVP_##name, name)
static const struct library_symbol evp_symbols[] = {EVP_NAMES(X){0}};
#undef X

static const struct library libcrypto = {
    .title = "libcrypto", .files = {"libcrypto.so.3"}, .package = "libssl3"};

/* Cheap once libcurl has brought it in. */
static bool load_evp(struct evp *ret)
{
    return library_load(&libcrypto, evp_symbols, ret, NULL) == 0;
}

void sha256_init(struct sha256 *sha)
{
    struct evp evp;

    *sha = (struct sha256){0};
    crypto_hash_sha256_init(&sha->sodium);
    if (!load_evp(&evp))
        return;
    sha->openssl = evp.MD_CTX_new();
    if (sha->openssl && evp.DigestInit_ex(sha->openssl, evp.sha256(), NULL) != 1)
        sha256_done(sha);
}

void sha256_add(struct sha256 *sha, const void *bytes, size_t count)
{
    struct evp evp;

    if (sha->openssl && load_evp(&evp))
        evp.DigestUpdate(sha->openssl, bytes, count);
    else
        crypto_hash_sha256_update(&sha->sodium, bytes, count);
}

void sha256_hex_end(struct sha256 *sha, char out[SHA256_HEX_SIZE])
{
    unsigned char digest[crypto_hash_sha256_BYTES];
    struct evp evp;

    if (sha->openssl && load_evp(&evp))
        evp.DigestFinal_ex(sha->openssl, digest, NULL);
    else
        crypto_hash_sha256_final(&sha->sodium, digest);
    hex_encode(digest, sizeof digest, out);
}

void sha256_done(struct sha256 *sha)
{
    struct evp evp;

    if (sha->openssl && load_evp(&evp))
        evp.MD_CTX_free(sha->openssl);
    sha->openssl = NULL;
}
