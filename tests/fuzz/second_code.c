/*
 * A code as it is typed. Invariants: the same as by a plain reading of the rules; what is read is read again as itself, in any
 * case and with spaces and hyphens anywhere.
 */
#include "fuzz.h"

#include "model/user/second_code.h"

static const char digits[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/* What is left of it without spaces and hyphens, in capitals, with 0 for O and 1 for I and L; 0: something else is in it. */
static size_t plain(const uint8_t *data, size_t size, char ret[static SECOND_CODE_RECOVERY_CHARS])
{
    size_t n = 0;

    for (size_t i = 0; i < size; i++) {
        int c = data[i] >= 'a' && data[i] <= 'z' ? data[i] - 32 : data[i];
        if (c == ' ' || c == '-')
            continue;
        c = c == 'O' ? '0' : c == 'I' || c == 'L' ? '1' : c;
        if (n == SECOND_CODE_RECOVERY_CHARS || c == 0 || strchr(digits, c) == NULL)
            return 0;
        ret[n++] = (char)c;
    }
    return n;
}

static enum second_code_kind kind_of(const char *text, size_t n)
{
    size_t decimal = 0;

    while (decimal < n && text[decimal] <= '9')
        decimal++;
    if (n == SECOND_CODE_TOTP_CHARS && decimal == n)
        return SECOND_CODE_TOTP;
    return n == SECOND_CODE_RECOVERY_CHARS ? SECOND_CODE_RECOVERY : SECOND_CODE_NONE;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char want[SECOND_CODE_RECOVERY_CHARS], shown[SECOND_CODE_SHOWN_CHARS + 1];
    size_t n = plain(data, size, want);
    struct second_code code = second_code_read(str_of(data, size));

    ASSERT(code.kind == kind_of(want, n));
    if (code.kind == SECOND_CODE_NONE) {
        ASSERT(code.n == 0);
        return 0;
    }
    ASSERT(code.n == n && memcmp(code.text, want, n) == 0);
    struct second_code again = second_code_read(second_code_str(&code));
    ASSERT(again.kind == code.kind && again.n == n && memcmp(again.text, want, n) == 0);
    if (code.kind == SECOND_CODE_RECOVERY) {
        second_code_show(&code, shown);
        again = second_code_read(str_from(shown));
        ASSERT(again.kind == code.kind && memcmp(again.text, want, n) == 0);
    }
    return 0;
}
