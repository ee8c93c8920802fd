/*
 * Sealing: AES-256-GCM under a ring of keys (the credential file "token-keys"), so that keys can be rotated.
 *
 * The file has one key a line, the current one first:  ID HEX64   (ID 1 to 255, HEX64 the 32 bytes); # comments.
 * A sealed value is: key id (1 byte), nonce (12, random), ciphertext, tag (16): plain length + KEYRING_OVERHEAD bytes.
 * The associated data binds it to its place ("accounts.access_token:" and the row's id), so that a sealed value moved
 * to another row or column does not open.
 */
#pragma once

#include "base/arena.h"
#include "base/err.h"
#include "base/secret.h"

#define KEYRING_OVERHEAD (1 + 12 + 16)

struct keyring;

MUST_CHECK enum err keyring_parse(struct str text, struct keyring **ret_ring); /* ERR_VALIDATION */
void keyring_free(struct keyring *ring);                                       /* wipes */
DEFINE_FREEP(struct keyring, keyring_free)

/* Into the arena. Thread-safe: the ring is read-only. */
MUST_CHECK enum err keyring_seal(const struct keyring *ring, struct str plain, struct str aad, struct arena *arena,
                                 struct str *ret_sealed);
MUST_CHECK enum err keyring_open(const struct keyring *ring, struct str sealed, struct str aad,
                                 struct secret *ret_plain);

/* The key id a sealed value is under; current id of the ring (for re-sealing). */
int keyring_sealed_id(struct str sealed);
int keyring_current_id(const struct keyring *ring);
