#include "crypto/password_rule.h"

#include <zxcvbn.h>

#include "base/buf.h"
#include "crypto/password.h"

#define WORDS_MAX 48
#define DATE_CHARS_MAX 32
#define WORD_MIN_BYTES 3 /* shorter ones are in every other password */

/* The user's own words. Each is one NUL-terminated piece of text, which is built first, so that it does not move. */
struct rule_words {
    struct buf text;
    size_t at[WORDS_MAX], n;
};

static void rule_words_done(struct rule_words *w)
{
    buf_done(&w->text);
}

static void rule_word_add(struct rule_words *w, struct str word)
{
    if (word.n < WORD_MIN_BYTES || word.n > PASSWORD_MAX_BYTES || w->n == WORDS_MAX ||
        memchr(word.p, '\0', word.n) != NULL)
        return;
    w->at[w->n++] = w->text.n;
    buf_putstr(&w->text, word);
    buf_putc(&w->text, '\0');
}

static bool rule_is_of_word(char c)
{
    return char_is_alnum(c) || (unsigned char)c >= 0x80;
}

/* What stands between other characters: of "ann.lee@example.com" it is ann, lee, example, com. */
static void rule_words_add_pieces(struct rule_words *w, struct str text)
{
    for (size_t i = 0, n; i < text.n; i += n + 1) {
        for (n = 0; i + n < text.n && rule_is_of_word(text.p[i + n]); n++)
            ;
        rule_word_add(w, str_of(text.p + i, n));
    }
}

static void rule_words_collect(struct rule_words *w, const struct password_about *about)
{
    struct str domain = about->email, local = about->email;

    (void)str_cut(&domain, '@', &local);
    rule_word_add(w, STR("marketingcli"));
    rule_word_add(w, local);
    rule_word_add(w, domain);
    rule_word_add(w, about->name);
    rule_words_add_pieces(w, about->email);
    rule_words_add_pieces(w, about->name);
    rule_words_add_pieces(w, about->host);
}

/*
 * A part that could be of a date is compared with so many others that 72 bytes of them take more than half a second. What follows
 * the first DATE_CHARS_MAX of these characters cannot make a password worse, and few have more of them.
 */
static void rule_bound(struct secret *password)
{
    size_t n = 0;

    for (size_t i = 0; i < password->n; i++) {
        n += strchr("0123456789/\\-_. ", password->p[i]) != NULL;
        if (n > DATE_CHARS_MAX) {
            password->p[i] = '\0';
            return;
        }
    }
}

/* What is said of a part of the password that is on one of the lists; OK: it is on none. */
static enum err rule_fault_of(const ZxcMatch_t *part)
{
    bool repeated = (part->Type & MULTIPLE_MATCH) != 0;

    switch (part->Type & ~MULTIPLE_MATCH) {
    case USER_MATCH:
    case USER_LEET_MATCH:
        return ERR_PASSWORD_PERSONAL;
    case DICTIONARY_MATCH:
    case DICT_LEET_MATCH:
        return repeated ? ERR_PASSWORD_PATTERN : ERR_PASSWORD_COMMON;
    case DATE_MATCH:
    case YEAR_MATCH:
        return repeated ? ERR_PASSWORD_PATTERN : ERR_PASSWORD_DATE;
    case REPEATS_MATCH:
    case SEQUENCE_MATCH:
    case SPATIAL_MATCH:
        return ERR_PASSWORD_PATTERN;
    default: /* characters without a rule, which may be repeated */
        return repeated ? ERR_PASSWORD_PATTERN : OK;
    }
}

/* The fault of most of its characters. A password without any has more bits than are asked for. */
static enum err rule_worst_fault(const ZxcMatch_t *parts)
{
    static const enum err faults[] = {ERR_PASSWORD_COMMON, ERR_PASSWORD_PERSONAL, ERR_PASSWORD_PATTERN,
                                      ERR_PASSWORD_DATE};
    enum err worst = faults[0];
    int most = 0;

    for (size_t i = 0; i < ARRAY_LEN(faults); i++) {
        int chars = 0;
        for (const ZxcMatch_t *part = parts; part != NULL; part = part->Next)
            chars += rule_fault_of(part) == faults[i] ? part->Length : 0;
        if (chars > most) {
            most = chars;
            worst = faults[i];
        }
    }
    return worst;
}

static enum err rule_judge(const char *password, const char *words[])
{
    ZxcMatch_t *parts = NULL;
    double bits = ZxcvbnMatch(password, words, &parts);
    enum err e = bits < PASSWORD_MIN_BITS ? rule_worst_fault(parts) : OK;

    ZxcvbnFreeInfo(parts);
    return e;
}

enum err password_rule(struct str password, const struct password_about *about)
{
    _cleanup_(rule_words_done) struct rule_words words = {.text = BUF_MAX(WORDS_MAX * (PASSWORD_MAX_BYTES + 1))};
    const char *list[WORDS_MAX + 1] = {NULL};

    enum err e = password_check(password);
    if (e != OK)
        return e;
    rule_words_collect(&words, about);
    for (size_t i = 0; i < words.n; i++)
        list[i] = words.text.p + words.at[i];
    _cleanup_(secret_done) struct secret nfc = password_nfc(password);
    rule_bound(&nfc);
    return rule_judge(nfc.p, list);
}
