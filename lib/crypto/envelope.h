/*
 * Messages that only the owner of a private key can read, which need not be on this machine: CMS AuthEnvelopedData (RFC 5083) with
 * AES-256-GCM, as `openssl cms -decrypt -inform DER` reads them.
 *
 *    e = envelope_to_read("/etc/marketingcli/backup.pem", &to);
 *    e = envelope_seal(to, part, &der);
 *
 *    e = envelope_key_read("/media/stick/backup.key", &key);
 *    e = envelope_open(key, der, &part);
 *
 * A message that was changed is refused. That nobody else has made it is not shown: whoever has the certificate can make one.
 */
#pragma once

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"

struct envelope_to;  /* a certificate */
struct envelope_key; /* a private key */

/* ERR_CONFLICT: the file cannot be read, or holds none. envelope_key_read asks on the terminal for the passphrase of a key that has one. */
MUST_CHECK enum err envelope_to_read(const char *path, struct envelope_to **ret_to);
MUST_CHECK enum err envelope_key_read(const char *path, struct envelope_key **ret_key);
void envelope_to_free(struct envelope_to *to);
void envelope_key_free(struct envelope_key *key);
DEFINE_FREEP(struct envelope_to, envelope_to_free)
DEFINE_FREEP(struct envelope_key, envelope_key_free)

/* Puts the message to the end of der. ERR_CONFLICT: the certificate's key cannot be encrypted to. */
MUST_CHECK enum err envelope_seal(const struct envelope_to *to, struct str text, struct buf *der);

/* Puts what it says to the end of text. ERR_SEALED: it is another key's, or was changed, or is no message. */
MUST_CHECK enum err envelope_open(const struct envelope_key *key, struct str der, struct buf *text);

/*
 * How long the DER element is that begins here, such as a message, by its first bytes: ENVELOPE_HEAD_BYTES of them, or all there are.
 * 0: none begins here, or it has more than max bytes.
 */
#define ENVELOPE_HEAD_BYTES 6
size_t envelope_length(struct str head, size_t max);
