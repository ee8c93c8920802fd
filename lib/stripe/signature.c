#include "stripe/signature.h"

#define SECRET_MAX_BYTES 255

#define SECRET_PREFIX "whsec_"

bool stripe_secrets_parse(struct str text, struct stripe_secrets *ret_secrets, const char **ret_why)
{
    struct stripe_secrets secrets = {.n = 0};
    struct str line;

    while (str_next(&text, '\n', &line)) {
        if (str_ends(line, STR("\r")))
            line.n--;
        line = str_trim(line);
        if (line.n == 0)
            continue;
        *ret_why = "a webhook secret must begin with whsec_ and have no blanks";
        if (!str_starts(line, STR(SECRET_PREFIX)) || line.n == strlen(SECRET_PREFIX) || line.n > SECRET_MAX_BYTES ||
            !str_is_visible(line))
            return false;
        *ret_why = "there are more than 4 webhook secrets";
        if (secrets.n == STRIPE_SECRETS_MAX)
            return false;
        secrets.v[secrets.n++] = line;
    }
    *ret_why = "there is no webhook secret";
    if (secrets.n == 0)
        return false;
    *ret_why = NULL;
    *ret_secrets = secrets;
    return true;
}

enum timed_signature stripe_signature_check(struct str header, struct str body, const struct stripe_secrets *secrets,
                                            int64_t now_us)
{
    static const struct timed_signature_form form = {
        .name = "v1", .age_sec = STRIPE_SIGNATURE_AGE_SEC, .ahead_sec = STRIPE_SIGNATURE_AGE_SEC};

    ASSERT(secrets->n > 0 && secrets->n <= STRIPE_SECRETS_MAX);
    return timed_signature_check(&form, header, body, secrets->v, secrets->n, now_us);
}
