#include "base/csv.h"

/* What spreadsheets take for the beginning of a formula (OWASP's "CSV Injection"): also full-width, as ＝ ＋ － ＠, which some
 * turn into the plain ones, and after blanks. */
static bool csv_is_formula(struct str s)
{
    static const char *const begins[] = {"=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠"};

    while (str_starts(s, STR(" ")))
        s = str_skip(s, 1);
    for (size_t i = 0; i < ARRAY_LEN(begins); i++)
        if (str_starts(s, str_from(begins[i])))
            return true;
    return false;
}

void csv_put_text(struct buf *b, struct str s)
{
    struct str piece;

    buf_puts(b, csv_is_formula(s) ? "\"'" : "\"");
    while (str_cut(&s, '"', &piece)) {
        buf_putstr(b, piece);
        buf_puts(b, "\"\"");
    }
    buf_putstr(b, s);
    buf_putc(b, '"');
}
