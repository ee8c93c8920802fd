#include "net/mail_status.h"

#include <string.h>

#include "base/defs.h"

static const char *const mail_status_of_address[];

static size_t mail_status_digits(struct str s)
{
    size_t n = 0;

    while (n < s.n && s.p[n] >= '0' && s.p[n] <= '9')
        n++;
    return n;
}

/* RFC 3463 2: class, subject and detail, of which the last two have 1 to 3 digits. */
bool mail_status_read(struct str text, struct str *ret_code)
{
    size_t end = 2, subject, detail;

    if (!str_starts(text, STR("5.")))
        return false;
    subject = mail_status_digits(str_skip(text, end));
    end += subject;
    if (subject < 1 || subject > 3 || end >= text.n || text.p[end] != '.')
        return false;
    detail = mail_status_digits(str_skip(text, ++end));
    end += detail;
    if (detail < 1 || detail > 3 || (end < text.n && strchr(" \t(", text.p[end]) == NULL))
        return false;
    *ret_code = str_head(text, end);
    return true;
}

bool mail_status_is_of_address(struct str code)
{
    for (const char *const *of = mail_status_of_address; *of != NULL; of++)
        if (str_eqc(code, *of))
            return true;
    return false;
}

/* RFC 3463 and RFC 7505 of what is wrong with the address. Others may be said of one mail: its words, its size, who sends it, a
 * mailbox that is full. */
static const char *const mail_status_of_address[] = {
    "5.1.1",  /* no such mailbox */
    "5.1.2",  /* no such domain */
    "5.1.3",  /* no address */
    "5.1.6",  /* has moved, nobody knows where */
    "5.1.10", /* the domain takes no mail */
    "5.2.1",  /* the mailbox is closed */
    "5.4.4",  /* there is no way to the domain */
    NULL,
};
