/*
 * marketingcli-admin user create|verify|disable|enable. They need the database and nothing else: no program has to run, and no
 * mail has to arrive. So this is also how the first account of an install is made.
 */
#include "user.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "crypto/digest.h"
#include "crypto/password_rule.h"
#include "model/user/user_admin.h"
#include "model/user/user_state.h"

#define MADE_BYTES 15       /* random bytes of a password that is made up: 120 bits, 21 characters */
#define LINE_MAX_BYTES 1024 /* far above what password_rule takes */

bool user_at_desk(struct desk *desk, const struct given *given, struct user *ret_user)
{
    if (!desk_open(desk, given))
        return false;
    enum err e = user_admin_find(desk->db, &desk->arena, str_from(given->argument), ret_user);
    if (e == OK)
        return true;
    if (e == ERR_NOT_FOUND)
        complain("there is no user %s; name one by address or id", given->argument);
    else
        desk_complain(desk, e);
    desk_close(desk);
    return false;
}

static bool user_hash(struct desk *desk, const struct user *user, struct str text,
                      char ret_hash[static PASSWORD_HASH_SIZE])
{
    _cleanup_(secret_done) struct secret password = secret_copy(text);

    const struct password_about about = {.email = user->email, .name = user->name, .host = desk->conf.service_url};

    enum err e = password_rule(text, &about);
    if (e == OK)
        e = password_hash(&password, (int)desk->conf.password_bcrypt_cost, ret_hash);
    if (e != OK)
        complain("%s", err_sentence(e));
    return e == OK;
}

/* The line may have been written on Windows. */
static bool user_read_password(struct desk *desk, const struct user *user, struct user_password *ret)
{
    char line[LINE_MAX_BYTES];
    size_t n = fread(line, 1, sizeof line, stdin);
    struct str rest = str_of(line, n), text;

    bool hashed = false;
    if (n == 0)
        complain("standard input has no password");
    else if (str_next(&rest, '\n', &text)) {
        text.n -= str_ends(text, STR("\r"));
        hashed = user_hash(desk, user, text, ret->hash);
    }
    explicit_bzero(line, sizeof line);
    return hashed;
}

bool user_take_password(struct desk *desk, const struct given *given, const struct user *user,
                        struct user_password *ret)
{
    *ret = (struct user_password){0};
    if (given->password_stdin != NULL)
        return user_read_password(desk, user, ret);
    ret->made = token_new(&desk->arena, MADE_BYTES);
    return user_hash(desk, user, ret->made, ret->hash);
}

void user_show_password(const struct user_password *password)
{
    if (password->made.p != NULL)
        printf("password: %.*s\n", STR_FMT(password->made));
}

static bool user_name_is_fine(const char *name)
{
    struct str s = str_from(name);

    return name == NULL || (s.n > 0 && s.n <= USER_NAME_MAX_BYTES && text_is_utf8(s) && text_is_printable(s, false));
}

static int user_made(const struct desk *desk, const struct given *given, enum err e, const struct uuid *id,
                     const struct user_password *password)
{
    if (e == ERR_DB_DUPLICATE)
        return complain("%s has an account already, or one whose new address can still be undone", given->argument);
    if (e == ERR_BAD_EMAIL)
        return complain("%s: %s", given->argument, err_sentence(e));
    if (e != OK)
        return desk_complain(desk, e);
    printf("made %s, whose id is %s\n", given->argument, uuid_text(id).s);
    user_show_password(password);
    return EXIT_DONE;
}

static int user_create_at(struct desk *desk, const struct given *given)
{
    const struct user user = {.email = str_from(given->argument), .name = str_from(given->name)};
    struct user_password password;
    struct uuid id;

    if (!user_name_is_fine(given->name))
        return complain("a name is one line of at most %d bytes", USER_NAME_MAX_BYTES);
    if (!user_take_password(desk, given, &user, &password))
        return EXIT_FAILED;
    enum err e = user_admin_create(desk->db, &desk->arena, user.email, user.name, password.hash, &id);
    return user_made(desk, given, e, &id, &password);
}

/* The password that was typed at the registration is not used: who has typed it may not be who asks the admin. */
static int user_verify_at(struct desk *desk, const struct given *given)
{
    const struct user user = {.email = str_from(given->argument)};
    struct user_password password;
    struct uuid id;

    if (!user_take_password(desk, given, &user, &password))
        return EXIT_FAILED;
    enum err e = user_admin_verify(desk->db, &desk->arena, str_from(given->argument), password.hash, &id);
    if (e == ERR_NOT_FOUND)
        return complain("nobody has registered with %s in the last seven days", given->argument);
    return user_made(desk, given, e, &id, &password);
}

static int user_at(const struct given *given, int (*fn)(struct desk *desk, const struct given *given))
{
    struct desk desk;

    if (!desk_open(&desk, given))
        return EXIT_FAILED;
    int code = fn(&desk, given);
    desk_close(&desk);
    return code;
}

int verb_user_create(const struct given *given)
{
    return user_at(given, user_create_at);
}

int verb_user_verify(const struct given *given)
{
    return user_at(given, user_verify_at);
}

static int user_set(const struct given *given, enum user_state state, const char *what)
{
    struct desk desk;
    struct user user;
    bool changed;

    if (!user_at_desk(&desk, given, &user))
        return EXIT_FAILED;
    enum err e = user_set_state(desk.db, &desk.arena, &user.id, state, &changed);
    if (e == OK || e == ERR_OUTCOME_UNKNOWN)
        desk_end_credentials(&desk);
    int code = e == OK ? EXIT_DONE : desk_complain(&desk, e);
    if (e == OK && changed)
        printf("%s is %s\n", given->argument, what);
    else if (e == OK)
        printf("%s was %s before\n", given->argument, what);
    desk_close(&desk);
    return code;
}

int verb_user_disable(const struct given *given)
{
    return user_set(given, USER_DISABLED, "disabled");
}

int verb_user_enable(const struct given *given)
{
    return user_set(given, USER_ACTIVE, "active");
}

int verb_user_deliverable(const struct given *given)
{
    struct desk desk;
    struct user user;
    bool was = false;

    if (!user_at_desk(&desk, given, &user))
        return EXIT_FAILED;
    enum err e = user_admin_deliverable(desk.db, &desk.arena, &user.id, &was);
    int code = e == OK ? EXIT_DONE : desk_complain(&desk, e);
    if (e == OK)
        printf("the address of %s %s\n", given->argument, was ? "gets notifications again" : "was not marked");
    desk_close(&desk);
    return code;
}
