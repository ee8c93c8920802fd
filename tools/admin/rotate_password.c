/*
 * db-password: MariaDB takes the passwords of all files that are there (passwords.h), so each step is a change of files, and telling it:
 *
 *    db-password  db-password.new  db-password.old    MariaDB takes    programs that start have
 *    A                                                A                A
 *    A            B                                   A, B             A
 *    B                             A                  A, B             B        and all are restarted
 *    B                                                B                B
 *
 * --abort goes up again from any of these: a password that MariaDB does not take, say, would stand in the way of each migration.
 *
 * migrate --credentials does the same from the same files, whenever it runs. Connections that there are go on, whatever changes.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "crypto/digest.h"
#include "passwords.h"
#include "rotate.h"

#define PASSWORD_BYTES 32

static int password_begin(struct rotation *r)
{
    for (const struct service *s = rotation_next(r, NULL); s != NULL; s = rotation_next(r, s))
        if (access(rotation_path(r, s, ""), R_OK) != 0)
            return complain("there is no %s: marketingcli-admin credentials makes it", rotation_path(r, s, ""));
    return EXIT_DONE;
}

static int password_make(struct rotation *r)
{
    int code = EXIT_DONE;

    for (const struct service *s = rotation_next(r, NULL); code == EXIT_DONE && s != NULL; s = rotation_next(r, s))
        if (access(rotation_path(r, s, PASSWORD_NEW), F_OK) != 0)
            code = credentials_write(r->arena, rotation_path(r, s, PASSWORD_NEW),
                                     arena_printf(r->arena, "%.*s\n", STR_FMT(token_new(r->arena, PASSWORD_BYTES))));
    return code;
}

static int password_tell(struct rotation *r)
{
    int code = EXIT_DONE;

    for (const struct service *s = rotation_next(r, NULL); code == EXIT_DONE && s != NULL; s = rotation_next(r, s))
        code = passwords_apply(r->desk->db, r->arena, r->dir, r->desk->conf.database_clients,
                               service_database(r->arena, s));
    return code;
}

/* Before any program needs it. Users of other machines cannot be tried from here. */
static int password_try(struct rotation *r, const struct service *s)
{
    struct db_options options = db_options_of(&r->desk->conf);
    struct str text;

    if (!str_eqc(r->desk->conf.database_clients, "localhost") || access(rotation_path(r, s, PASSWORD_NEW), F_OK) != 0)
        return EXIT_DONE;
    if (!file_read(r->arena, rotation_path(r, s, PASSWORD_NEW), &text))
        return EXIT_FAILED;
    text.n -= str_ends(text, STR("\n"));
    _cleanup_(secret_done) struct secret password = secret_copy(text);
    options.user = arena_printf(r->arena, "marketingcli_%.*s", STR_FMT(service_database(r->arena, s))).p;
    options.password = &password;
    _cleanup_(db_freep) struct db *db = db_new(&options);
    if (db_run_text(db, STR("DO 1")) == OK)
        return EXIT_DONE;
    return complain("MariaDB does not take the new password of %s: %s (%u)", options.user, db_error(db), db_errno(db));
}

static int password_tell_both(struct rotation *r)
{
    int code = password_tell(r);

    for (const struct service *s = rotation_next(r, NULL); code == EXIT_DONE && s != NULL; s = rotation_next(r, s))
        code = password_try(r, s);
    return code;
}

/* In place of what is there, which gets the ending out. Nothing to do: a run that was killed has done it. */
static int password_change_one(struct rotation *r, const struct service *s, const char *in, const char *out)
{
    struct str text;

    if (access(rotation_path(r, s, in), F_OK) != 0)
        return EXIT_DONE;
    if (!file_read(r->arena, rotation_path(r, s, ""), &text))
        return EXIT_FAILED;
    int code = credentials_write(r->arena, rotation_path(r, s, out), text);
    return code == EXIT_DONE ? credentials_rename(r->arena, rotation_path(r, s, in), rotation_path(r, s, "")) : code;
}

static int password_change_all(struct rotation *r, const char *in, const char *out)
{
    int code = EXIT_DONE;

    for (const struct service *s = rotation_next(r, NULL); code == EXIT_DONE && s != NULL; s = rotation_next(r, s))
        code = password_change_one(r, s, in, out);
    return code;
}

static int password_change(struct rotation *r)
{
    return password_change_all(r, PASSWORD_NEW, PASSWORD_OLD);
}

static int password_change_back(struct rotation *r)
{
    return password_change_all(r, PASSWORD_OLD, PASSWORD_NEW);
}

static int password_forget(struct rotation *r, const char *ending)
{
    int code = EXIT_DONE;

    for (const struct service *s = rotation_next(r, NULL); code == EXIT_DONE && s != NULL; s = rotation_next(r, s))
        code = credentials_remove(r->arena, rotation_path(r, s, ending));
    return code == EXIT_DONE ? password_tell(r) : code;
}

static int password_forget_old(struct rotation *r)
{
    return password_forget(r, PASSWORD_OLD);
}

static int password_forget_new(struct rotation *r)
{
    return password_forget(r, PASSWORD_NEW);
}

static const struct rotation_step password_steps[] = {{"new passwords are made", password_make},
                                                      {"MariaDB takes the old and the new ones", password_tell_both},
                                                      {"the files have the new ones", password_change},
                                                      {"the services have been restarted", rotation_restart},
                                                      {"MariaDB takes the new ones alone", password_forget_old},
                                                      {NULL, NULL}};

static const struct rotation_step password_back[] = {
    {"the files have the old ones, where these were there still", password_change_back},
    {"the services have been restarted", rotation_restart},
    {"MariaDB takes what the files have alone", password_forget_new},
    {NULL, NULL}};

const struct rotation_way rotate_password = {
    .begin = password_begin, .courses = {[ROTATE] = password_steps, [ABORT] = password_back}, .with_database = true};
