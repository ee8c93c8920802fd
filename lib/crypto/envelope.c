#include "crypto/envelope.h"

#include <openssl/bio.h>
#include <openssl/cms.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <stdlib.h>

#include "base/arena.h"

#define DER_SEQUENCE 0x30
#define DER_LONG 0x80
#define DER_LENGTH_BYTES_MAX 4

struct envelope_to {
    STACK_OF(X509) * certificates; /* one */
};

struct envelope_key {
    EVP_PKEY *key;
};

static BIO *envelope_file(const char *path)
{
    BIO *bio = BIO_new_file(path, "r");

    ERR_clear_error();
    return bio;
}

enum err envelope_to_read(const char *path, struct envelope_to **ret_to)
{
    BIO *bio = envelope_file(path);
    X509 *certificate = bio == NULL ? NULL : PEM_read_bio_X509(bio, NULL, NULL, NULL);

    BIO_free(bio);
    ERR_clear_error();
    if (certificate == NULL)
        return ERR_CONFLICT;
    struct envelope_to *to = xcalloc(1, sizeof *to);
    to->certificates = sk_X509_new_null();
    ASSERT(to->certificates != NULL && sk_X509_push(to->certificates, certificate) == 1);
    *ret_to = to;
    return OK;
}

enum err envelope_key_read(const char *path, struct envelope_key **ret_key)
{
    BIO *bio = envelope_file(path);
    EVP_PKEY *pkey = bio == NULL ? NULL : PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL);

    BIO_free(bio);
    ERR_clear_error();
    if (pkey == NULL)
        return ERR_CONFLICT;
    struct envelope_key *key = xcalloc(1, sizeof *key);
    key->key = pkey;
    *ret_key = key;
    return OK;
}

void envelope_to_free(struct envelope_to *to)
{
    if (to == NULL)
        return;
    sk_X509_pop_free(to->certificates, X509_free);
    free(to);
}

void envelope_key_free(struct envelope_key *key)
{
    if (key == NULL)
        return;
    EVP_PKEY_free(key->key);
    free(key);
}

static void envelope_take(BIO *bio, struct buf *to)
{
    char *p = NULL;
    long n = BIO_get_mem_data(bio, &p);

    if (n > 0)
        buf_put(to, p, (size_t)n);
}

enum err envelope_seal(const struct envelope_to *to, struct str text, struct buf *der)
{
    BIO *in = BIO_new_mem_buf(text.p, (int)text.n), *out = BIO_new(BIO_s_mem());

    ASSERT(in != NULL && out != NULL);
    CMS_ContentInfo *cms = CMS_encrypt(to->certificates, in, EVP_aes_256_gcm(), CMS_BINARY);
    bool is_done = cms != NULL && i2d_CMS_bio(out, cms) == 1;
    if (is_done)
        envelope_take(out, der);
    CMS_ContentInfo_free(cms);
    BIO_free(in);
    BIO_free(out);
    ERR_clear_error();
    return is_done ? OK : ERR_CONFLICT;
}

enum err envelope_open(const struct envelope_key *key, struct str der, struct buf *text)
{
    BIO *in = BIO_new_mem_buf(der.p, (int)der.n), *out = BIO_new(BIO_s_mem());

    ASSERT(in != NULL && out != NULL);
    CMS_ContentInfo *cms = d2i_CMS_bio(in, NULL);
    bool is_done = cms != NULL && BIO_pending(in) == 0 &&
                   OBJ_obj2nid(CMS_get0_type(cms)) == NID_id_smime_ct_authEnvelopedData &&
                   CMS_decrypt(cms, key->key, NULL, NULL, out, CMS_BINARY) == 1;
    if (is_done)
        envelope_take(out, text);
    CMS_ContentInfo_free(cms);
    BIO_free(in);
    BIO_free(out);
    ERR_clear_error();
    return is_done ? OK : ERR_SEALED;
}

size_t envelope_length(struct str head, size_t max)
{
    const uint8_t *p = (const uint8_t *)head.p;
    size_t n = 0, length_bytes;

    if (head.n < 2 || p[0] != DER_SEQUENCE)
        return 0;
    if (p[1] < DER_LONG)
        return 2u + p[1] <= max ? 2u + p[1] : 0;
    length_bytes = p[1] & 0x7f;
    if (length_bytes == 0 || length_bytes > DER_LENGTH_BYTES_MAX || head.n < 2 + length_bytes)
        return 0;
    for (size_t i = 0; i < length_bytes; i++)
        n = n << 8 | p[2 + i];
    return n <= max && n + 2 + length_bytes <= max ? n + 2 + length_bytes : 0;
}
