/* SPDX-License-Identifier: MIT */
#include "source/curl_api.h"

#include <dlfcn.h>
#include <openssl/evp.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* POSIX promises that a function's address fits a void pointer; ISO C has no cast for it. */
static bool find(void *library, const char *name, void *ret_function)
{
    void *found = dlsym(library, name);

    memcpy(ret_function, &found, sizeof found);
    return found;
}

int curl_api_load(struct curl_api *ret, struct err *err)
{
    void *library = dlopen("libcurl.so.4", RTLD_NOW | RTLD_LOCAL);
    const char *missing = NULL;

    if (!library)
        library = dlopen("libcurl-gnutls.so.4", RTLD_NOW | RTLD_LOCAL);
    if (!library)
        return err_set(err, ERR_TOOL, "libcurl cannot be loaded (%s); try: apt install libcurl4",
                       dlerror());
#define X(name)                                    \
    if (!find(library, "curl_" #name, &ret->name)) \
        missing = "curl_" #name;
    CURL_API_NAMES(X)
#undef X
    if (missing)
        return err_set(err, ERR_TOOL, "this host's libcurl is too old: it has no %s", missing);
    if (ret->global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
        return err_set(err, ERR_TOOL, "libcurl does not start");
    return 0;
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

struct evp {
    __typeof__(EVP_MD_CTX_new) *context_new;
    __typeof__(EVP_MD_CTX_free) *context_free;
    __typeof__(EVP_sha256) *sha256;
    __typeof__(EVP_DigestInit_ex) *init;
    __typeof__(EVP_DigestUpdate) *update;
    __typeof__(EVP_DigestFinal_ex) *final;
};

/* Cheap once libcurl has brought it in. */
static bool load_evp(struct evp *ret)
{
    void *library = dlopen("libcrypto.so.3", RTLD_NOW | RTLD_LOCAL);

    return library && find(library, "EVP_MD_CTX_new", &ret->context_new) &&
           find(library, "EVP_MD_CTX_free", &ret->context_free) &&
           find(library, "EVP_sha256", &ret->sha256) &&
           find(library, "EVP_DigestInit_ex", &ret->init) &&
           find(library, "EVP_DigestUpdate", &ret->update) &&
           find(library, "EVP_DigestFinal_ex", &ret->final);
}

void sha256_init(struct sha256 *sha)
{
    struct evp evp;

    *sha = (struct sha256){0};
    crypto_hash_sha256_init(&sha->sodium);
    if (!load_evp(&evp))
        return;
    sha->openssl = evp.context_new();
    if (sha->openssl && evp.init(sha->openssl, evp.sha256(), NULL) != 1)
        sha256_done(sha);
}

void sha256_add(struct sha256 *sha, const void *bytes, size_t count)
{
    struct evp evp;

    if (sha->openssl && load_evp(&evp))
        evp.update(sha->openssl, bytes, count);
    else
        crypto_hash_sha256_update(&sha->sodium, bytes, count);
}

void sha256_hex_end(struct sha256 *sha, char out[SHA256_HEX_SIZE])
{
    unsigned char digest[crypto_hash_sha256_BYTES];
    struct evp evp;

    if (sha->openssl && load_evp(&evp))
        evp.final(sha->openssl, digest, NULL);
    else
        crypto_hash_sha256_final(&sha->sodium, digest);
    hex_encode(digest, sizeof digest, out);
}

void sha256_done(struct sha256 *sha)
{
    struct evp evp;

    if (sha->openssl && load_evp(&evp))
        evp.context_free(sha->openssl);
    sha->openssl = NULL;
}
