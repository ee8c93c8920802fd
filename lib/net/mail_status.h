/*
 * The enhanced status code (RFC 3463) of a mail server: of its reply to a mail, or of a report that came back (bounce.h).
 *
 *    struct str code;
 *    if (mail_status_read(STR("5.1.1 <ada@example.com>: User unknown"), &code) && mail_status_is_of_address(code))
 *        ... no mail reaches that address, whatever is in it and whoever sends it
 */
#pragma once

#include <stdbool.h>

#include "base/str.h"

/* A code of class 5 (for good) that text begins with: alone, or with a space, a tab or a comment after it. ret_code: of text. */
MUST_CHECK bool mail_status_read(struct str text, struct str *ret_code);

/* Says it that there is no such mailbox, no such domain, or no way there? Other codes may be about one mail. */
bool mail_status_is_of_address(struct str code);
