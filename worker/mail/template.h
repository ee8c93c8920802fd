/*
 * The words of mails. templates/<name>.txt holds those of a row of model/mail/mail.def, once for both parts:
 *
 *    Subject: Confirm your address           the first line
 *
 *    {hello}                                 paragraphs, with a blank line between them
 *
 *    [Confirm the address]                   the one button: the mail's link, with these words
 *
 * {x} is a field of struct template_values. A paragraph that names one which this mail does not have is left out. In the HTML part
 * everything is escaped; templates/layout.html is what stands around it. Nothing is loaded when the mail is opened.
 *
 *    template_write(arena, MAIL_VERIFY_EMAIL, &values, &letter);
 */
#pragma once

#include "base/arena.h"
#include "model/mail/outbox.h"

/* Absent: this mail does not have it. */
struct template_values {
    struct str service, url; /* what the service is called, and where it is */
    struct str hello;        /* "Hello Ann," */
    struct str link;         /* of the button */
    struct str key_name, about, why, at, count;
};

struct letter {
    struct str subject, text, html; /* UTF-8; text and html end with a line end */
};

/* Any text will do for a value: what is no UTF-8 becomes "?", control characters become blanks. */
void template_write(struct arena *arena, enum mail_template template, const struct template_values *values,
                    struct letter *ret_letter);

/* The page of ours to which a token of this purpose goes: "verify-email". */
const char *template_page(enum token_purpose purpose);

/* A template's whole text, for its test. */
struct str template_text(enum mail_template template);
