#include <stdio.h>
#include <stdlib.h>
#include <errno.h>
#include <string.h>

#include "admin.h"
#include "base/io.h"
#include "credentials.h"
#include "passwords.h"

#define RIGHTS_MAX 500 /* of one user; the longest list has some 60 */
#define USERS_MAX 100  /* there are some 15 */

/* One thing a user may do; column is "" for the whole table. As in information_schema, which tells it in capitals. */
struct right {
    struct str privilege, table, column;
};

struct grants_user {
    struct str name, grantee; /* "auth", "'marketingcli_auth'@'localhost'" */
    bool by_socket;           /* is the system's user of the same name, and has no password */
    bool left_out;            /* there is no file with a password */
    struct right rights[RIGHTS_MAX];
    size_t rights_n;
};

struct grants {
    struct db *db;
    struct arena *arena;
    const char *credentials, *database;
    struct str clients; /* database.clients */
    struct str text;
    struct grants_user *users[USERS_MAX]; /* of the file */
    size_t users_n;
};

#define ELSEWHERE_MAX 100 /* hosts that one user may once have come from */

static const struct db_col grants_right_cols[] = {
    DB_COL(struct right, privilege, STR), DB_COL(struct right, table, STR), DB_COL(struct right, column, STR), DB_END};

struct grantee {
    struct str name;
    int64_t here, others; /* whether it has rights on this database, and how many it has on others */
};
static const struct db_col grants_grantee_cols[] = {DB_COL(struct grantee, name, STR), DB_END};
static const struct db_col grants_elsewhere_cols[] = {
    DB_COL(struct grantee, name, STR), DB_COL(struct grantee, here, I64), DB_COL(struct grantee, others, I64), DB_END};

enum { GRANTS_HAS_GLOBAL, GRANTS_HAS_WHOLE, GRANTS_HAS, GRANTS_HOLDERS, GRANTS_ELSEWHERE };
static const struct sql grants_sqls[] = {
    /* Rights on everything or on the whole database: nobody should have any. */
    [GRANTS_HAS_GLOBAL] = {.text = "SELECT COUNT(*) FROM information_schema.USER_PRIVILEGES "
                                   "WHERE grantee = ? AND privilege_type <> 'USAGE'",
                           .in = "s",
                           .cols = db_number_cols},
    [GRANTS_HAS_WHOLE] = {.text = "SELECT COUNT(*) FROM information_schema.SCHEMA_PRIVILEGES "
                                  "WHERE grantee = ? AND table_schema = ? AND privilege_type <> 'USAGE'",
                          .in = "ss",
                          .cols = db_number_cols},
    [GRANTS_HOLDERS] = {.text = "SELECT grantee FROM information_schema.TABLE_PRIVILEGES "
                                "WHERE table_schema = ? AND grantee LIKE '''marketingcli\\_%' UNION "
                                "SELECT grantee FROM information_schema.COLUMN_PRIVILEGES "
                                "WHERE table_schema = ? AND grantee LIKE '''marketingcli\\_%' LIMIT 100",
                        .in = "ss",
                        .cols = grants_grantee_cols},
    [GRANTS_HAS] = {.text = "SELECT privilege_type, table_name, '' FROM information_schema.TABLE_PRIVILEGES "
                            "WHERE grantee = ? AND table_schema = ? AND privilege_type <> 'USAGE' UNION ALL "
                            "SELECT privilege_type, table_name, column_name FROM information_schema.COLUMN_PRIVILEGES "
                            "WHERE grantee = ? AND table_schema = ? LIMIT 500",
                    .in = "ssss",
                    .cols = grants_right_cols},
    /* From before another database.clients; or of another installation on this server, with a database of its own. */
    [GRANTS_ELSEWHERE] = {.text = "SELECT grantee, CAST(COALESCE(SUM(table_schema = ?), 0) AS SIGNED),"
                                  " CAST(COALESCE(SUM(table_schema <> ?), 0) AS SIGNED) FROM (SELECT grantee, NULL AS "
                                  "table_schema FROM information_schema.USER_PRIVILEGES"
                                  " UNION ALL SELECT grantee, table_schema FROM information_schema.SCHEMA_PRIVILEGES"
                                  " UNION ALL SELECT grantee, table_schema FROM information_schema.TABLE_PRIVILEGES"
                                  " UNION ALL SELECT grantee, table_schema FROM information_schema.COLUMN_PRIVILEGES) g"
                                  " WHERE LEFT(grantee, CHAR_LENGTH(?)) = ? AND grantee <> ? GROUP BY grantee LIMIT ?",
                          .in = "sssssi",
                          .cols = grants_elsewhere_cols},
};

/* Runs one statement; what is for the complaint, because the statement itself may hold a password. */
static int grants_run(const struct grants *g, const struct grants_user *u, struct str text, const char *what)
{
    if (db_run_text(g->db, text) == OK)
        return EXIT_DONE;
    return complain("user marketingcli_%.*s: %s: MariaDB says: %s (%u)", STR_FMT(u->name), what, db_error(g->db),
                    db_errno(g->db));
}

static void grants_replace(struct buf *b, struct str text, struct str what, struct str with)
{
    while (text.n > 0) {
        if (str_starts(text, what)) {
            buf_putstr(b, with);
            text = str_skip(text, what.n);
        } else {
            buf_putc(b, *text.p);
            text = str_skip(text, 1);
        }
    }
}

/* "SELECT, UPDATE (a, b)" on a table, into rights. False when it cannot be read. */
static bool grants_read_rights(struct grants_user *u, struct str privileges, struct str table)
{
    while (privileges.n > 0) {
        size_t n = 0;
        while (n < privileges.n && privileges.p[n] != ',' && privileges.p[n] != '(')
            n++;
        struct str privilege = str_trim(str_head(privileges, n)), columns = STR(""), column;
        privileges = str_skip(privileges, n);
        if (privileges.n > 0 && *privileges.p == '(') {
            privileges = str_skip(privileges, 1);
            if (!str_cut(&privileges, ')', &columns))
                return false;
            privileges = str_trim(privileges);
        }
        if (privilege.n == 0 || (privileges.n > 0 && *privileges.p != ','))
            return false;
        privileges = str_skip(privileges, privileges.n > 0);
        if (columns.n == 0)
            columns = STR("*");
        while (str_next(&columns, ',', &column)) {
            if (u->rights_n == RIGHTS_MAX)
                return false;
            column = str_trim(column);
            u->rights[u->rights_n++] = (struct right){privilege, table, str_eqc(column, "*") ? STR("") : column};
        }
    }
    return true;
}

/* GRANT ... ON {db}.table TO {user}; */
static int grants_grant_line(const struct grants *g, struct grants_user *u, struct str line)
{
    _cleanup_(buf_done) struct buf a = BUF_MAX(8192), b = BUF_MAX(8192);
    const char *on = memmem(line.p, line.n, " ON {db}.", 9);
    struct str privileges, table, rest;

    if (!str_starts(line, STR("GRANT ")) || on == NULL || !str_ends(line, STR(" TO {user};")))
        return complain("grants.sql: each line must be GRANT ... ON {db}.TABLE TO {user}; this one is not: %.*s",
                        STR_FMT(line));
    privileges = str_skip(str_of(line.p, (size_t)(on - line.p)), strlen("GRANT "));
    rest = str_of(on + 9, line.n - (size_t)(on + 9 - line.p));
    if (!str_cut(&rest, ' ', &table) || !grants_read_rights(u, privileges, table))
        return complain("grants.sql: cannot read %.*s", STR_FMT(line));
    grants_replace(&a, str_head(line, line.n - 1), STR("{db}"), arena_printf(g->arena, "`%s`", g->database));
    grants_replace(&b, buf_str(&a), STR("{user}"), u->grantee);
    ASSERT(!a.overflow && !b.overflow);
    return grants_run(g, u, buf_str(&b), arena_strdup(g->arena, line));
}

/* "-- user NAME", or "-- system user NAME". */
static bool grants_begins_user(struct str line, struct grants_user *ret)
{
    static const struct str beginnings[] = {{"-- user ", 8}, {"-- system user ", 15}};

    for (size_t i = 0; i < ARRAY_LEN(beginnings); i++)
        if (str_starts(line, beginnings[i])) {
            ret->name = str_trim(str_skip(line, beginnings[i].n));
            ret->by_socket = i == 1;
            return true;
        }
    return false;
}

/* The lines below "-- user NAME", or "-- system user NAME"; for_all: those below "-- every user". */
static int grants_grant_section(const struct grants *g, struct grants_user *u, bool for_all)
{
    struct grants_user of = {.name = {0}};
    struct str text = g->text, line;
    bool in = false;
    int code = EXIT_DONE;

    while (code == EXIT_DONE && str_next(&text, '\n', &line)) {
        line = str_trim(line);
        if (grants_begins_user(line, &of))
            in = !for_all && str_eq(of.name, u->name);
        else if (str_eqc(line, "-- every user"))
            in = for_all;
        else if (in && line.n > 0 && !str_starts(line, STR("--")))
            code = grants_grant_line(g, u, line);
    }
    return code;
}

static bool grants_wants(const struct grants_user *u, const struct right *r)
{
    for (size_t i = 0; i < u->rights_n; i++)
        if (str_ieq(u->rights[i].privilege, r->privilege) && str_eq(u->rights[i].table, r->table) &&
            str_ieq(u->rights[i].column, r->column))
            return true;
    return false;
}

static int grants_revoke(const struct grants *g, const struct grants_user *u, const struct right *r)
{
    struct str column = r->column.n == 0 ? STR("") : arena_printf(g->arena, " (%.*s)", STR_FMT(r->column));
    struct str text = arena_printf(g->arena, "REVOKE %.*s%.*s ON `%s`.%.*s FROM %.*s", STR_FMT(r->privilege),
                                   STR_FMT(column), g->database, STR_FMT(r->table), STR_FMT(u->grantee));
    int code = grants_run(g, u, text, text.p);

    if (code == EXIT_DONE)
        printf("revoked from marketingcli_%.*s: %.*s%.*s on %.*s\n", STR_FMT(u->name), STR_FMT(r->privilege),
               STR_FMT(column), STR_FMT(r->table));
    return code;
}

/* What grants.sql does not list goes, or is only counted. */
static int grants_look_at_excess(const struct grants *g, const struct grants_user *u, bool revoke, size_t *ret_n)
{
    struct db_arg grantee = db_str(u->grantee), database = db_cstr(g->database);
    struct right *have;
    void *rows;
    size_t n;
    int code = EXIT_DONE;

    *ret_n = 0;
    if (db_rows(g->db, &grants_sqls[GRANTS_HAS], DB_ARGS(grantee, database, grantee, database), g->arena, sizeof *have,
                RIGHTS_MAX, &rows, &n) != OK)
        return complain("the grants cannot be read. MariaDB says: %s", db_error(g->db));
    have = rows;
    for (size_t i = 0; code == EXIT_DONE && i < n; i++) {
        if (grants_wants(u, &have[i]))
            continue;
        (*ret_n)++;
        code = revoke ? grants_revoke(g, u, &have[i]) : EXIT_DONE;
    }
    return code;
}

/* The option first: without a right there is no row that it could be taken from. */
static int grants_revoke_level(const struct grants *g, const struct grants_user *u, struct str level)
{
    static const char *const what[] = {"GRANT OPTION", "ALL PRIVILEGES"};
    int code = EXIT_DONE;

    for (size_t i = 0; code == EXIT_DONE && i < ARRAY_LEN(what); i++)
        code = grants_run(
            g, u, arena_printf(g->arena, "REVOKE %s ON %.*s FROM %.*s", what[i], STR_FMT(level), STR_FMT(u->grantee)),
            "REVOKE");
    return code;
}

/* From everything or from the whole database, so that a right on a single table stays all the while. */
static int grants_look_at_wide(const struct grants *g, const struct grants_user *u, bool revoke, size_t *ret_n)
{
    struct db_arg grantee = db_str(u->grantee);
    struct str whole = arena_printf(g->arena, "`%s`.*", g->database);
    int64_t global, in_whole;
    int code = EXIT_DONE;

    if (db_number(g->db, &grants_sqls[GRANTS_HAS_GLOBAL], DB_ARGS(grantee), &global) != OK ||
        db_number(g->db, &grants_sqls[GRANTS_HAS_WHOLE], DB_ARGS(grantee, db_cstr(g->database)), &in_whole) != OK)
        return complain("the grants cannot be read. MariaDB says: %s", db_error(g->db));
    *ret_n = (size_t)(global + in_whole);
    if (!revoke || *ret_n == 0)
        return EXIT_DONE;
    if (global > 0)
        code = grants_revoke_level(g, u, STR("*.*"));
    if (code == EXIT_DONE && in_whole > 0)
        code = grants_revoke_level(g, u, whole);
    printf("revoked from marketingcli_%.*s: rights on more than single tables\n", STR_FMT(u->name));
    return code;
}

static int grants_set_socket(const struct grants *g, const struct grants_user *u)
{
    int code = grants_run(
        g, u, arena_printf(g->arena, "CREATE USER IF NOT EXISTS %.*s IDENTIFIED VIA unix_socket", STR_FMT(u->grantee)),
        "CREATE USER");

    return code == EXIT_DONE /* a restore that was given up has locked it */
               ? grants_run(g, u, arena_printf(g->arena, "ALTER USER %.*s ACCOUNT UNLOCK", STR_FMT(u->grantee)),
                            "ALTER USER")
               : code;
}

static int grants_make_user(const struct grants *g, struct grants_user *u)
{
    static const char *const statements[] = {"CREATE USER IF NOT EXISTS", "ALTER USER"};
    struct passwords passwords;

    if (u->by_socket)
        return grants_set_socket(g, u);
    int code = passwords_read(g->arena, g->credentials, u->name, &passwords);
    if (code == EXIT_DONE && passwords.n == 0) {
        printf("left out marketingcli_%.*s: there is no %s/%.*s/" PASSWORD_FILE "\n", STR_FMT(u->name), g->credentials,
               STR_FMT(u->name));
        u->left_out = true;
    }
    /* A restore that was given up has locked it. */
    for (size_t i = 0; code == EXIT_DONE && passwords.n > 0 && i < ARRAY_LEN(statements); i++)
        code = grants_run(
            g, u, passwords_statement(g->arena, statements[i], u->name, g->clients, &passwords, " ACCOUNT UNLOCK"),
            statements[i]);
    return code;
}

static int grants_grant_user(struct grants *g, const struct grants_user *begun)
{
    struct grants_user *u = arena_alloc(g->arena, sizeof *u);
    struct str name = begun->name;

    if (strspn(name.p, "abcdefghijklmnopqrstuvwxyz0123456789_") < name.n || name.n == 0)
        return complain("grants.sql: %.*s is not a valid user name: use a-z, 0-9 and _", STR_FMT(name));
    if (g->users_n == USERS_MAX)
        return complain("grants.sql has more than %d users", USERS_MAX);
    *u = *begun;
    g->users[g->users_n++] = u;
    u->grantee = passwords_grantee(g->arena, name, u->by_socket ? STR("localhost") : g->clients);
    int code = grants_make_user(g, u);
    if (u->left_out)
        return EXIT_DONE;
    if (code == EXIT_DONE)
        code = grants_grant_section(g, u, true);
    if (code == EXIT_DONE)
        code = grants_grant_section(g, u, false);
    if (code == EXIT_DONE)
        printf("granted marketingcli_%.*s\n", STR_FMT(name));
    return code;
}

/* One that grants.sql does not name, or not from there: of a service that is gone, or of another database.clients. */
static bool grants_is_gone(const struct grants *g, struct str grantee)
{
    for (size_t i = 0; i < g->users_n; i++)
        if (str_eq(g->users[i]->grantee, grantee))
            return false;
    return true;
}

static int grants_add_gone(struct grants *g)
{
    const struct grantee *holders;
    void *rows;
    size_t n;

    if (db_rows(g->db, &grants_sqls[GRANTS_HOLDERS], DB_ARGS(db_cstr(g->database), db_cstr(g->database)), g->arena,
                sizeof *holders, USERS_MAX, &rows, &n) != OK)
        return complain("the grants cannot be read. MariaDB says: %s", db_error(g->db));
    holders = rows;
    for (size_t i = 0; i < n; i++) {
        if (!grants_is_gone(g, holders[i].name))
            continue;
        if (g->users_n == USERS_MAX)
            return complain("MariaDB has more than %d of our users", USERS_MAX);
        struct grants_user *u = arena_alloc(g->arena, sizeof *u);
        struct str name = str_skip(holders[i].name, strlen("'marketingcli_"));
        *u = (struct grants_user){.grantee = holders[i].name};
        if (!str_cut(&name, '\'', &u->name))
            return complain("MariaDB has a user %.*s", STR_FMT(holders[i].name));
        g->users[g->users_n++] = u;
    }
    return EXIT_DONE;
}

/* Only who is surely this installation's: has rights here, and nowhere else. From others it takes what they have here, as from whoever is gone
 * (grants_add_gone). */
static int grants_drop(const struct grants *g, const struct grants_user *u, const struct grantee *of)
{
    if (of->here == 0 || of->others > 0) {
        printf("kept %.*s, which database.clients does not name: %s\n", STR_FMT(of->name),
               of->here == 0 ? "it has no right on this database" : "it has rights on other databases, too");
        return EXIT_DONE;
    }
    struct str text = arena_printf(g->arena, "DROP USER IF EXISTS %.*s", STR_FMT(of->name));
    int code = grants_run(g, u, text, text.p);
    if (code == EXIT_DONE)
        printf("dropped %.*s, which database.clients does not name any more\n", STR_FMT(of->name));
    return code;
}

/* Of a name that is ours, and from where nobody should sign in any more. */
static int grants_drop_elsewhere(const struct grants *g, const struct grants_user *u)
{
    struct db_arg of_name = db_str(arena_printf(g->arena, "'marketingcli_%.*s'@", STR_FMT(u->name)));
    struct db_arg database = db_cstr(g->database);
    const struct grantee *grantees;
    int code = EXIT_DONE;
    void *rows;
    size_t n;

    if (db_rows(g->db, &grants_sqls[GRANTS_ELSEWHERE],
                DB_ARGS(database, database, of_name, of_name, db_str(u->grantee), db_i64(ELSEWHERE_MAX)), g->arena,
                sizeof *grantees, ELSEWHERE_MAX, &rows, &n) != OK)
        return complain("the users cannot be read. MariaDB says: %s", db_error(g->db));
    grantees = rows;
    for (size_t i = 0; i < n && code == EXIT_DONE; i++)
        code = grants_drop(g, u, &grantees[i]);
    return code;
}

/* After all grants, for all users, so that nobody is without a right that has only moved. */
static int grants_look_back(struct grants *g, bool revoke)
{
    size_t all = 0, wide = 0, excess = 0, of_file = g->users_n;
    int code = grants_add_gone(g);

    for (size_t i = 0; code == EXIT_DONE && i < g->users_n; i++) {
        if (g->users[i]->left_out)
            continue;
        code = grants_look_at_wide(g, g->users[i], revoke, &wide);
        if (code == EXIT_DONE)
            code = grants_look_at_excess(g, g->users[i], revoke, &excess);
        if (code == EXIT_DONE && revoke && i < of_file)
            code = grants_drop_elsewhere(g, g->users[i]);
        if (code == EXIT_DONE)
            all += wide + excess;
    }
    if (code == EXIT_DONE && !revoke && all > 0)
        printf("left: %zu rights that only programs of before need; once these are gone, migrate --revoke takes them\n",
               all);
    return code;
}

int grants_apply(struct db *db, struct arena *arena, const char *sql_dir, const char *credentials, const char *database,
                 struct str clients, bool revoke)
{
    struct grants g = {.db = db, .arena = arena, .credentials = credentials, .database = database, .clients = clients};
    struct grants_user *u = arena_alloc(arena, sizeof *u);
    int code = EXIT_DONE;
    _cleanup_(fd_closep) int lock = credentials_lock(credentials, true);
    struct str text, line;

    if (lock < 0)
        return complain("%s: %s", credentials, strerror(errno));
    if (!passwords_is_host(clients))
        return complain("database.clients is no host as MariaDB names them");
    if (!file_read(arena, arena_printf(arena, "%s/grants.sql", sql_dir).p, &g.text))
        return EXIT_FAILED;
    text = g.text;
    while (code == EXIT_DONE && str_next(&text, '\n', &line))
        if (grants_begins_user(line, u))
            code = grants_grant_user(&g, u);
    return code == EXIT_DONE ? grants_look_back(&g, revoke) : code;
}
