#include "model/user/second_code.h"

#include "base/rand.h"

#define GROUP_CHARS 4

static const char second_code_digits[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"; /* without I, L, O and U */

/* The digit that a character stands for; 0: none. */
static char second_code_digit(char c)
{
    if (c >= 'a' && c <= 'z')
        c = (char)(c - 'a' + 'A');
    if (c == 'O')
        return '0';
    if (c == 'I' || c == 'L')
        return '1';
    return c != '\0' && strchr(second_code_digits, c) != NULL ? c : '\0';
}

static bool second_code_is_decimal(const struct second_code *code)
{
    for (size_t i = 0; i < code->n; i++)
        if (code->text[i] < '0' || code->text[i] > '9')
            return false;
    return true;
}

struct second_code second_code_read(struct str typed)
{
    const struct second_code none = {0};
    struct second_code code = {0};

    for (size_t i = 0; i < typed.n; i++) {
        if (typed.p[i] == ' ' || typed.p[i] == '-')
            continue;
        char digit = second_code_digit(typed.p[i]);
        if (digit == '\0' || code.n == sizeof code.text)
            return none;
        code.text[code.n++] = digit;
    }
    if (code.n == SECOND_CODE_RECOVERY_CHARS)
        code.kind = SECOND_CODE_RECOVERY;
    else if (code.n == SECOND_CODE_TOTP_CHARS && second_code_is_decimal(&code))
        code.kind = SECOND_CODE_TOTP;
    return code.kind == SECOND_CODE_NONE ? none : code;
}

struct second_code second_code_new(void)
{
    struct second_code code = {.kind = SECOND_CODE_RECOVERY, .n = SECOND_CODE_RECOVERY_CHARS};
    uint8_t random[SECOND_CODE_RECOVERY_CHARS];

    rand_bytes(random, sizeof random);
    for (size_t i = 0; i < code.n; i++)
        code.text[i] = second_code_digits[random[i] % 32]; /* 256 is a multiple of 32: all are alike probable */
    return code;
}

void second_code_show(const struct second_code *code, char ret[static SECOND_CODE_SHOWN_CHARS + 1])
{
    size_t at = 0;

    ASSERT(code->kind == SECOND_CODE_RECOVERY && code->n == SECOND_CODE_RECOVERY_CHARS);
    for (size_t i = 0; i < code->n; i++) {
        if (i > 0 && i % GROUP_CHARS == 0)
            ret[at++] = '-';
        ret[at++] = code->text[i];
    }
    ret[at] = '\0';
}
