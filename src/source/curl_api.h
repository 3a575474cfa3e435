/* SPDX-License-Identifier: MIT
 *
 * curl_api: libcurl and OpenSSL's SHA-256, loaded when the first of them is needed.
 *
 * Linked as usual they would bring some 27 libraries along, and cost every verb 4 ms at its start.
 * OpenSSL's SHA-256 uses the processor's instructions for it and is ten times as fast as
 * libsodium's, which stands in where it cannot be loaded. Members are called as their functions,
 * less "curl_".
 *
 * May be called from any thread. What was loaded stays until the program ends.
 */
#ifndef HIL_SOURCE_CURL_API_H
#define HIL_SOURCE_CURL_API_H

#include "base/err.h"
#include "base/hash.h"

#include <curl/curl.h>
#include <sodium/crypto_hash_sha256.h>

#define CURL_API_NAMES(X)  \
    X(global_init)         \
    X(easy_init)           \
    X(easy_setopt)         \
    X(easy_getinfo)        \
    X(easy_strerror)       \
    X(easy_cleanup)        \
    X(multi_init)          \
    X(multi_setopt)        \
    X(multi_add_handle)    \
    X(multi_remove_handle) \
    X(multi_perform)       \
    X(multi_poll)          \
    X(multi_info_read)     \
    X(multi_strerror)      \
    X(multi_cleanup)       \
    X(slist_append)        \
    X(slist_free_all)      \
    X(url)                 \
    X(url_set)             \
    X(url_get)             \
    X(url_cleanup)         \
    X(free)

struct curl_api {
#define X(name) __typeof__(curl_##name) *(name);
    CURL_API_NAMES(X)
#undef X
};

/* -ERR_TOOL: libcurl is not installed, or too old. */
int curl_api_load(struct curl_api *ret, struct err *err);
/* Whose certificates are believed: SSL_CERT_FILE, CURL_CA_BUNDLE and SSL_CERT_DIR, which libcurl
 * leaves to its user; it takes the proxies' variables itself. */
void curl_api_trust(const struct curl_api *api, CURL *easy);

/* SHA-256 of a stream. */
struct sha256 {
    void *openssl; /* an EVP_MD_CTX; NULL: libsodium's state is used */
    crypto_hash_sha256_state sodium;
};
void sha256_init(struct sha256 *sha); /* sha256_done() frees */
void sha256_add(struct sha256 *sha, const void *bytes, size_t count);
void sha256_hex_end(struct sha256 *sha, char out[SHA256_HEX_SIZE]);
void sha256_done(struct sha256 *sha); /* zeroed is fine */

#endif
