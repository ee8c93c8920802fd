#include "net/domain.h"

#include <idn2.h>

#include "base/text.h"
#include "net/mail.h"

#define DOMAIN_MAX_BYTES 1000 /* UTF-8; in ASCII at most 255 */

/* libidn2 also takes empty labels, and signs. */
static bool domain_is_plain(struct str domain)
{
    struct str label;

    if (domain.n == 0 || str_ends(domain, STR(".")))
        return false;
    while (str_next(&domain, '.', &label)) {
        for (size_t i = 0; i < label.n; i++)
            if (!char_is_alnum(label.p[i]) && label.p[i] != '-')
                return false;
        if (label.n == 0)
            return false;
    }
    return true;
}

bool net_domain_ascii(struct arena *arena, struct str domain, struct str *ret_domain)
{
    uint8_t *made = NULL;

    if (domain.n == 0 || domain.n > DOMAIN_MAX_BYTES || memchr(domain.p, '\0', domain.n) != NULL ||
        !text_is_utf8(domain))
        return false;
    int code =
        idn2_lookup_u8((const uint8_t *)arena_strdup(arena, domain), &made, IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL);
    struct str ascii = arena_str(arena, str_from(code == IDN2_OK ? (const char *)made : ""));
    idn2_free(made);
    if (!domain_is_plain(ascii))
        return false;
    *ret_domain = ascii;
    return true;
}

bool net_address_ascii(struct arena *arena, struct str address, struct str *ret_address)
{
    struct str local, domain = address;

    if (!str_cut(&domain, '@', &local) || !net_domain_ascii(arena, domain, &domain))
        return false;
    *ret_address = arena_printf(arena, "%.*s@%.*s", STR_FMT(local), STR_FMT(domain));
    return net_mail_is_address(*ret_address);
}
