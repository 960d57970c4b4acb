// OpenSSL's macros do not import into Swift; each one that is needed stands here as a static inline function.
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

static inline int tr_SSL_CTX_set_min_proto_version_1_2(SSL_CTX *context) {
    return (int)SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
}

static inline void tr_SSL_CTX_set_modes(SSL_CTX *context) {
    SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
}

static inline void tr_SSL_CTX_cache_client_sessions_outside(SSL_CTX *context) {
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
}

static inline int tr_SSL_set_tlsext_host_name(SSL *ssl, const char *name) {
    return (int)SSL_set_tlsext_host_name(ssl, name);
}

static inline int tr_SSL_CTX_add_extra_chain_cert(SSL_CTX *context, X509 *certificate) {
    return (int)SSL_CTX_add_extra_chain_cert(context, certificate);
}

static inline EVP_PKEY *tr_EVP_EC_P256_gen(void) { return EVP_EC_gen("P-256"); }

static inline uint64_t tr_SSL_OP_house(void) { return SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION; }

static inline int tr_BIO_mem_data(BIO *bio, const char **data) { return (int)BIO_get_mem_data(bio, (char **)data); }

static inline int tr_ERR_lib(unsigned long code) { return ERR_GET_LIB(code); }

static inline int tr_ERR_reason(unsigned long code) { return ERR_GET_REASON(code); }

// The certificate's subjectAltName as "DNS:a, DNS:b, IP Address:1.2.3.4" in a memory BIO.
static inline int tr_X509_print_names(BIO *out, X509 *certificate) {
    int index = X509_get_ext_by_NID(certificate, NID_subject_alt_name, -1);
    if (index < 0) return 0;
    return X509V3_EXT_print(out, X509_get_ext(certificate, index), 0, 0);
}

static inline int tr_X509_add_extension(X509 *certificate, X509 *issuer, int nid, const char *value) {
    X509V3_CTX context;
    X509V3_set_ctx_nodb(&context);
    X509V3_set_ctx(&context, issuer, certificate, NULL, NULL, 0);
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
    if (extension == NULL) return 0;
    int added = X509_add_ext(certificate, extension, -1);
    X509_EXTENSION_free(extension);
    return added;
}

static inline unsigned long tr_XN_FLAG_oneline(void) { return XN_FLAG_ONELINE; }
