/*
 * Sealing: AES-256-GCM under a ring of keys (the credential files "token-keys" and "totp-keys"), so that keys can be rotated
 * (marketingcli-admin credentials rotate).
 *
 * The file has one key on each line, the current one first: ID HEX64. ID is 1 to 255, HEX64 the 32 bytes of the key; #
 * starts a comment. A sealed value is the key id (1 byte), a random nonce (12), the ciphertext and a tag (16):
 * KEYRING_OVERHEAD bytes more than the plain text.
 * The associated data binds it to its place ("accounts.access_token:" and the row's id), so that a sealed value that
 * was moved to another row or column does not open.
 */
#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/secret.h"

#define KEYRING_OVERHEAD (1 + 12 + 16)

struct keyring;

MUST_CHECK enum err keyring_parse(struct str text, struct keyring **ret_ring); /* ERR_VALIDATION */
/* Of the credential name; an error also has a sentence in why. */
MUST_CHECK enum err keyring_read(const char *name, struct keyring **ret_ring, struct buf *why);
void keyring_free(struct keyring *ring); /* wipes */
DEFINE_FREEP(struct keyring, keyring_free)

/* Into the arena. Thread-safe: the ring is read-only. */
MUST_CHECK enum err keyring_seal(const struct keyring *ring, struct str plain, struct str aad, struct arena *arena,
                                 struct str *ret_sealed);
MUST_CHECK enum err keyring_open(const struct keyring *ring, struct str sealed, struct str aad,
                                 struct secret *ret_plain);

/* The same under the ring's current key: itself, where it is so already. */
MUST_CHECK enum err keyring_seal_again(const struct keyring *ring, struct str sealed, struct str aad,
                                       struct arena *arena, struct str *ret_sealed);

/* Which key sealed a value, and which is the ring's current one. They differ if the value should be sealed again. */
int keyring_sealed_id(struct str sealed);
int keyring_current_id(const struct keyring *ring);
bool keyring_has(const struct keyring *ring, int id);
