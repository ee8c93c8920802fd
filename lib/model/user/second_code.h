/*
 * What people type as their second factor, in one field: the six digits of an authenticator app, or one of the recovery codes
 * that they were shown. Spaces and hyphens do not count, because apps and papers show groups.
 *
 *    struct second_code code = second_code_read(STR("123 456"));              SECOND_CODE_TOTP, "123456"
 *    code = second_code_read(STR("7k2m-q9xe-0p5t-w3hd"));                     SECOND_CODE_RECOVERY, "7K2MQ9XE0P5TW3HD"
 *
 * Recovery codes are 80 random bits in Crockford's base32 (https://www.crockford.com/base32.html): letters in either case,
 * and what is easily mistaken for a digit is that digit.
 */
#pragma once

#include "base/str.h"

#define SECOND_CODE_TOTP_CHARS 6
#define SECOND_CODE_RECOVERY_CHARS 16
#define SECOND_CODE_SHOWN_CHARS 19 /* with three hyphens */

enum second_code_kind { SECOND_CODE_NONE, SECOND_CODE_TOTP, SECOND_CODE_RECOVERY };

struct second_code {
    enum second_code_kind kind; /* SECOND_CODE_NONE: neither; it is simply wrong */
    size_t n;
    char text[SECOND_CODE_RECOVERY_CHARS];
};

struct second_code second_code_read(struct str typed);

static inline struct str second_code_str(const struct second_code *code)
{
    return str_of(code->text, code->n);
}

/* A new recovery code, and how it is shown: four groups. */
struct second_code second_code_new(void);
void second_code_show(const struct second_code *code, char ret[static SECOND_CODE_SHOWN_CHARS + 1]);
