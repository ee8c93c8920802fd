/*
 * Which passwords may be chosen: as long as password.h says, and not soon found by somebody who guesses the likely ones first.
 * libzxcvbn counts the guesses. It knows the passwords and words that many people use, keys beside each other, repeats and
 * dates; here it also knows what strangers know of the user.
 *
 *    struct password_about about = {.email = user.email, .name = user.name, .host = conf->service_url};
 *    e = password_rule(text, &about);
 *
 * A password is looked at when it is chosen, never when it is typed to sign in: one from before the rule stays good.
 *
 * It takes 20 ms at the worst that was found: nothing longer than PASSWORD_MAX_BYTES is looked at, and what is slow is bounded
 * (rule_bound). tests/unit/crypto/password_rule.c tries such passwords.
 */
#pragma once

#include "base/err.h"
#include "base/str.h"

/* 2^30 guesses: at bcrypt's cost of 12, years for one machine and weeks for a hundred. */
#define PASSWORD_MIN_BITS 30

/* What others know of a user, as UTF-8: it and its parts count as the first words to be guessed. Each may be absent. */
struct password_about {
    struct str email, name;
    struct str host; /* of the service; an address is fine, too */
};

/*
 * The errors of password_check; then what makes it too easy to guess: ERR_PASSWORD_PERSONAL, ERR_PASSWORD_COMMON,
 * ERR_PASSWORD_PATTERN, ERR_PASSWORD_DATE.
 */
MUST_CHECK enum err password_rule(struct str password, const struct password_about *about);
