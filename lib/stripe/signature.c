#include "stripe/signature.h"

#define SECRET_MAX_BYTES 255

#define SECRET_PREFIX "whsec_"

bool stripe_secrets_of(const struct secret_ring *ring, struct stripe_secrets *ret_secrets, const char **ret_why)
{
    *ret_why = "there is no webhook secret";
    if (ring->n == 0)
        return false;
    for (size_t i = 0; i < ring->n; i++) {
        struct str secret = secret_str(&ring->v[i]);
        *ret_why = "a webhook secret must begin with whsec_ and have no blanks";
        if (!str_starts(secret, STR(SECRET_PREFIX)) || secret.n == strlen(SECRET_PREFIX) ||
            secret.n > SECRET_MAX_BYTES || !str_is_visible(secret))
            return false;
    }
    *ret_why = NULL;
    ret_secrets->n = secret_ring_texts(ring, ret_secrets->v);
    return true;
}

enum timed_signature stripe_signature_check(struct str header, struct str body, const struct stripe_secrets *secrets,
                                            int64_t now_us)
{
    static const struct timed_signature_form form = {
        .name = "v1", .age_sec = STRIPE_SIGNATURE_AGE_SEC, .ahead_sec = STRIPE_SIGNATURE_AGE_SEC};

    ASSERT(secrets->n > 0 && secrets->n <= SECRET_RING_MAX);
    return timed_signature_check(&form, header, body, secrets->v, secrets->n, now_us);
}
