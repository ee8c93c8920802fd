#include "http/security_txt.h"

#include "base/clock.h"

/* For str_next, to which an empty text is one empty piece. */
static struct str security_txt_list(struct str s)
{
    return s.n > 0 ? s : (struct str){0};
}

/* RFC 9116 2.5.3: a URI. https, because it says that web addresses must be. */
static bool security_txt_is_uri(struct str s)
{
    return str_starts(s, STR("https://")) || str_starts(s, STR("mailto:")) || str_starts(s, STR("tel:"));
}

static bool security_txt_is_address(struct str s)
{
    struct str local;

    return str_cut(&s, '@', &local) && local.n > 0 && s.n > 0 && memchr(s.p, '@', s.n) == NULL &&
           memchr(local.p, ':', local.n) == NULL;
}

/* RFC 9116 2.5.8: language tags (RFC 5646) with commas between them. */
static bool security_txt_are_languages(struct str s)
{
    struct str tag;

    while (str_next(&s, ',', &tag)) {
        tag = str_trim(tag);
        for (size_t i = 0; i < tag.n; i++)
            if (!char_is_alnum(tag.p[i]) && tag.p[i] != '-')
                return false;
        if (tag.n == 0)
            return false;
    }
    return true;
}

const char *security_txt_fault(const struct conf *conf)
{
    struct str contacts = security_txt_list(conf->security_contact), contact;

    while (str_next(&contacts, ',', &contact)) {
        contact = str_trim(contact);
        if (!str_is_visible(contact) || !(security_txt_is_uri(contact) || security_txt_is_address(contact)))
            return "security.contact must be mail addresses, or addresses that begin with https://, mailto: or tel:, "
                   "with commas between them";
    }
    if (conf->security_policy.n > 0 &&
        (!str_is_visible(conf->security_policy) || !str_starts(conf->security_policy, STR("https://"))))
        return "security.policy must begin with https://";
    if (!security_txt_are_languages(security_txt_list(conf->security_languages)))
        return "security.languages must be language tags such as en, with commas between them";
    return NULL;
}

void security_txt_write(const struct conf *conf, int64_t now_us, struct buf *b)
{
    struct str contacts = conf->security_contact, contact;
    char until[TIME_TEXT_SIZE];

    while (str_next(&contacts, ',', &contact)) {
        contact = str_trim(contact);
        buf_printf(b, "Contact: %s%.*s\n", security_txt_is_uri(contact) ? "" : "mailto:", STR_FMT(contact));
    }
    /* Of a day, so that it is the same file all day long. */
    time_format((now_us / US_PER_DAY + SECURITY_TXT_DAYS) * US_PER_DAY, until);
    buf_printf(b, "Expires: %.19sZ\n", until);
    if (conf->security_policy.n > 0)
        buf_printf(b, "Policy: %.*s\n", STR_FMT(conf->security_policy));
    if (conf->security_languages.n > 0)
        buf_printf(b, "Preferred-Languages: %.*s\n", STR_FMT(conf->security_languages));
    buf_printf(b, "Canonical: %.*s/.well-known/security.txt\n", STR_FMT(conf->service_url));
}
