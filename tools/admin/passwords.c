#include "passwords.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "crypto/digest.h"

static const char *const passwords_files[PASSWORD_FILES] = {PASSWORD_FILE, PASSWORD_FILE PASSWORD_NEW,
                                                            PASSWORD_FILE PASSWORD_OLD};

/* The release before puts it between quotes in a statement, so nothing that would need escaping. */
const char *password_fault(struct str text)
{
    static const char others[] = "_.+/=-";
    size_t n = 0;

    text.n -= str_ends(text, STR("\n"));
    while (n < text.n && (char_is_alnum(text.p[n]) || memchr(others, text.p[n], sizeof others - 1) != NULL))
        n++;
    return n == text.n && n >= 16 && n <= 200 ? NULL : "must have 16 to 200 characters of 0-9 A-Z a-z _ . + / = -";
}

static int passwords_add(struct arena *arena, const char *path, struct str text, struct passwords *p)
{
    if (password_fault(text) != NULL)
        return complain("%s %s", path, password_fault(text));
    text.n -= str_ends(text, STR("\n"));
    text = str_from(arena_strdup(arena, text));
    for (size_t i = 0; i < p->n; i++)
        if (str_eq(p->v[i], text))
            return EXIT_DONE;
    p->v[p->n++] = text;
    return EXIT_DONE;
}

int passwords_read(struct arena *arena, const char *credentials, struct str name, struct passwords *ret)
{
    struct passwords p = {.n = 0};
    int code = EXIT_DONE;

    for (size_t i = 0; code == EXIT_DONE && i < ARRAY_LEN(passwords_files); i++) {
        const char *path = arena_printf(arena, "%s/%.*s/%s", credentials, STR_FMT(name), passwords_files[i]).p;
        struct stat st;
        struct str text;
        if (stat(path, &st) == 0)
            code = file_read(arena, path, &text) ? passwords_add(arena, path, text, &p) : EXIT_FAILED;
    }
    *ret = p;
    return code;
}

bool passwords_is_host(struct str clients)
{
    static const char plain[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz.:%_/-";

    return strspn(clients.p, plain) == clients.n;
}

struct str passwords_grantee(struct arena *arena, struct str name, struct str clients)
{
    return arena_printf(arena, "'marketingcli_%.*s'@'%.*s'", STR_FMT(name), STR_FMT(clients));
}

/*
 * As PASSWORD() makes it. MariaDB writes statements down as they come: into its general log, its binary log and its list of what is
 * slow. So no password stands in one. From this hash of 32 random bytes nobody comes back to them.
 */
static struct str passwords_hash(struct arena *arena, struct str password)
{
    struct sha1 once = sha1_of(password), twice = sha1_of(str_of(once.b, sizeof once.b));
    char hex[2 * SHA1_BYTES + 1];

    for (size_t i = 0; i < SHA1_BYTES; i++)
        (void)snprintf(hex + 2 * i, 3, "%02X", twice.b[i]);
    explicit_bzero(&once, sizeof once); /* who has it can sign in */
    return arena_printf(arena, "*%s", hex);
}

struct str passwords_statement(struct arena *arena, const char *statement, struct str name, struct str clients,
                               const struct passwords *p, const char *end)
{
    _cleanup_(buf_done) struct buf b = BUF_MAX(2048);

    buf_printf(&b, "%s %.*s IDENTIFIED", statement, STR_FMT(passwords_grantee(arena, name, clients)));
    for (size_t i = 0; i < p->n; i++)
        buf_printf(&b, " %s mysql_native_password USING '%.*s'", i == 0 ? "VIA" : "OR",
                   STR_FMT(passwords_hash(arena, p->v[i])));
    /* By the socket there is no TLS. */
    buf_printf(&b, " REQUIRE %s%s", str_eqc(clients, "localhost") ? "NONE" : "SSL", end);
    ASSERT(!b.overflow);
    return arena_str(arena, buf_str(&b));
}

int passwords_apply(struct db *db, struct arena *arena, const char *credentials, struct str clients, struct str name)
{
    struct passwords p;

    if (!passwords_is_host(clients))
        return complain("database.clients is no host as MariaDB names them");
    int code = passwords_read(arena, credentials, name, &p);
    if (code != EXIT_DONE)
        return code;
    if (p.n == 0)
        return complain("there is no %s/%.*s/" PASSWORD_FILE, credentials, STR_FMT(name));
    if (db_run_text(db, passwords_statement(arena, "ALTER USER", name, clients, &p, "")) == OK)
        return EXIT_DONE;
    return complain("the passwords of marketingcli_%.*s: MariaDB says: %s (%u)", STR_FMT(name), db_error(db),
                    db_errno(db));
}
