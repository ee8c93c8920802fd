#include "things.h"

#include <dlfcn.h>
#include <mysql.h>
#include <pthread.h>
#include <signal.h>
#include <sys/time.h>

#include "base/clock.h"

enum { ALL, IDS, SUM, WRONG, IDLE };

static const struct sql sqls[] = {
    [ALL] = {.text = "SELECT " THING_COLS " FROM things ORDER BY number LIMIT 20", .in = "", .cols = thing_cols},
    [IDS] = {.text = "SELECT id FROM things ORDER BY number LIMIT 20", .in = "", .cols = db_uuid_cols},
    [SUM] = {.text = "SELECT SUM(number) FROM things WHERE id = ?", .in = "u", .cols = db_number_cols},
    [IDLE] = {.text = "SELECT @@idle_transaction_timeout", .in = "", .cols = db_number_cols},
    [WRONG] = {.text = "SELECT nothing FROM nowhere", .in = "", .cols = db_number_cols},
};

static struct uuid insert(struct fixture *f, struct str name, int64_t number, const char *colour)
{
    struct uuid id = uuid_new();

    assert_int_equal(db_exec(f->db, &thing_sqls[THING_INSERT],
                             DB_ARGS(db_uuid(&id), db_str(name), db_bytes("\0\1", 2), db_i64(number), db_i64(1),
                                     db_cstr(colour), db_bytes("abcd", 4)),
                             NULL),
                     OK);
    return id;
}

static void all_types_come_back(void **state)
{
    struct fixture *f = *state;
    char text[1000];
    struct thing t = {.untouched = 7};

    memset(text, 'x', sizeof text);
    struct uuid id = insert(f, str_of(text, sizeof text), INT64_MAX, "green");
    assert_int_equal(db_row(f->db, &thing_sqls[THING_BY_ID], DB_ARGS(db_uuid(&id)), &f->arena, &t), OK);
    assert_true(uuid_eq(&t.id, &id));
    assert_true(str_eq(t.name, str_of(text, sizeof text)));
    assert_true(str_eq(t.bytes, str_of("\0\1", 2)));
    assert_true(t.number == INT64_MAX && t.flag && t.colour == 1 && t.untouched == 7);
    assert_memory_equal(t.digest, "abcd", 4);
}

static void nulls_are_absent(void **state)
{
    struct fixture *f = *state;
    struct uuid id = uuid_new();
    struct thing t = {.colour = 1, .flag = true};

    assert_int_equal(db_exec(f->db, &thing_sqls[THING_INSERT],
                             DB_ARGS(db_uuid(&id), db_str((struct str){0}), db_bytes(NULL, 0), db_i64(0),
                                     db_i64_or_null(0), db_cstr(NULL), db_bytes(NULL, 0)),
                             NULL),
                     OK);
    assert_int_equal(db_row(f->db, &thing_sqls[THING_BY_ID], DB_ARGS(db_uuid(&id)), &f->arena, &t), OK);
    assert_null(t.name.p);
    assert_null(t.bytes.p);
    assert_true(!t.flag && t.colour == 0 && t.digest[0] == 0);
}

static void rows_and_their_limit(void **state)
{
    struct fixture *f = *state;
    void *rows;
    size_t n;

    for (int i = 0; i < 20; i++)
        insert(f, STR("n"), i, "red");
    assert_int_equal(db_rows(f->db, &sqls[ALL], DB_NO_ARGS, &f->arena, sizeof(struct thing), 20, &rows, &n), OK);
    assert_int_equal(n, 20);
    assert_int_equal(((struct thing *)rows)[19].number, 19);
    assert_int_equal(db_rows(f->db, &sqls[ALL], DB_NO_ARGS, &f->arena, sizeof(struct thing), 19, &rows, &n),
                     ERR_DB_FAILED);
    assert_int_equal(db_rows(f->db, &sqls[ALL], DB_NO_ARGS, &f->arena, sizeof(struct thing), 20, &rows, &n), OK);
}

static void ids_alone(void **state)
{
    struct fixture *f = *state;
    struct uuid one = insert(f, STR("a"), 1, "red"), two = insert(f, STR("b"), 2, "red"), *ids;
    void *rows;
    size_t n;

    assert_int_equal(db_rows(f->db, &sqls[IDS], DB_NO_ARGS, &f->arena, sizeof *ids, 20, &rows, &n), OK);
    ids = rows;
    assert_int_equal(n, 2);
    assert_true(uuid_eq(&ids[0], &one) && uuid_eq(&ids[1], &two));
}

static void a_change_must_match(void **state)
{
    struct fixture *f = *state;
    struct uuid id = insert(f, STR("a"), 1, "red"), stranger = uuid_new();
    int64_t n;

    assert_int_equal(db_change(f->db, &thing_sqls[THING_BUMP], DB_ARGS(db_uuid(&id))), OK);
    assert_int_equal(db_number(f->db, &thing_sqls[THING_NUMBER], DB_ARGS(db_uuid(&id)), &n), OK);
    assert_int_equal(n, 2);
    assert_int_equal(db_change(f->db, &thing_sqls[THING_BUMP], DB_ARGS(db_uuid(&stranger))), ERR_CONFLICT);
}

static void a_number(void **state)
{
    struct fixture *f = *state;
    struct uuid id = uuid_new();
    int64_t n = 7;

    assert_int_equal(db_number(f->db, &sqls[SUM], DB_ARGS(db_uuid(&id)), &n), OK); /* NULL: the sum of nothing */
    assert_int_equal(n, 0);
    id = insert(f, STR("a"), INT64_MAX, "red");
    assert_int_equal(db_number(f->db, &sqls[SUM], DB_ARGS(db_uuid(&id)), &n), OK);
    assert_true(n == INT64_MAX);
    id = uuid_new();
    assert_int_equal(db_number(f->db, &thing_sqls[THING_NUMBER], DB_ARGS(db_uuid(&id)), &n), ERR_NOT_FOUND);
    assert_true(n == INT64_MAX);
}

static void errors_have_their_names(void **state)
{
    struct fixture *f = *state;
    int64_t number;
    struct thing t;
    struct uuid id = insert(f, STR("a"), 1, "red"), none = uuid_new(), blue;

    assert_int_equal(db_row(f->db, &thing_sqls[THING_BY_ID], DB_ARGS(db_uuid(&none)), &f->arena, &t), ERR_NOT_FOUND);
    assert_int_equal(db_number(f->db, &sqls[WRONG], DB_NO_ARGS, &number), ERR_DB_FAILED);
    assert_int_equal(db_errno(f->db), 1146);
    assert_int_equal(db_exec(f->db, &thing_sqls[THING_INSERT],
                             DB_ARGS(db_uuid(&id), db_str(STR("b")), db_bytes(NULL, 0), db_i64(0), db_i64(0),
                                     db_cstr("red"), db_bytes(NULL, 0)),
                             NULL),
                     ERR_DB_DUPLICATE);
    blue = insert(f, STR("c"), 1, "blue");
    assert_int_equal(db_row(f->db, &thing_sqls[THING_BY_ID], DB_ARGS(db_uuid(&blue)), &f->arena, &t), ERR_DB_FAILED);
}

static void a_read_survives_a_lost_connection(void **state)
{
    struct fixture *f = *state;
    struct uuid id = insert(f, STR("a"), 5, "red");
    int64_t number;

    kill_connection(f);
    assert_int_equal(db_number(f->db, &thing_sqls[THING_NUMBER], DB_ARGS(db_uuid(&id)), &number), OK);
    assert_int_equal(number, 5);
}

struct tx_arg {
    struct fixture *f;
    struct uuid id, second;
    int runs;
    bool kill_once, kill_last;
    enum err end;
    pthread_barrier_t *barrier;
};

static enum err bump_in_tx(struct db *db, void *arg)
{
    struct tx_arg *a = arg;

    a->runs++;
    enum err e = db_exec(db, &thing_sqls[THING_BUMP], DB_ARGS(db_uuid(&a->id)), NULL);
    if (e != OK)
        return e;
    if (a->kill_once && a->runs == 1)
        kill_connection(a->f);
    e = db_exec(db, &thing_sqls[THING_BUMP], DB_ARGS(db_uuid(&a->id)), NULL);
    if (a->kill_last && a->runs == 1)
        kill_connection(a->f);
    return e != OK ? e : a->end;
}

static int64_t number_of(struct fixture *f, const struct uuid *id)
{
    int64_t number;

    assert_int_equal(db_number(f->other, &thing_sqls[THING_NUMBER], DB_ARGS(db_uuid(id)), &number), OK);
    return number;
}

static void a_transaction_happens_whole_or_not(void **state)
{
    struct fixture *f = *state;
    struct tx_arg a = {.f = f, .id = insert(f, STR("a"), 0, "red"), .end = ERR_CONFLICT};

    assert_int_equal(db_tx(f->db, bump_in_tx, &a), ERR_CONFLICT);
    assert_int_equal(number_of(f, &a.id), 0);
    a.end = OK;
    assert_int_equal(db_tx(f->db, bump_in_tx, &a), OK);
    assert_int_equal(number_of(f, &a.id), 2);
}

/* A statement that fails, once: the server gets to see it only if it is done, and the error is of the server if it has a
 * number. */
static const char *refused_statement;
static unsigned refused_with;
static bool refused_when_done;

/* Stands in for libmariadb's. */
int mysql_real_query(MYSQL *conn, const char *text, unsigned long n)
{
    int (*real)(MYSQL *, const char *, unsigned long);
    char signal[80];

    *(void **)&real = dlsym(RTLD_NEXT, "mysql_real_query");
    if (refused_statement != NULL && str_eqc(str_of(text, n), refused_statement)) {
        refused_statement = NULL;
        if (refused_when_done)
            assert_int_equal(real(conn, text, n), 0);
        (void)snprintf(signal, sizeof signal, "SIGNAL SQLSTATE '45000' SET MYSQL_ERRNO = %u", refused_with);
        return refused_with == 0 ? 1 : real(conn, signal, strlen(signal));
    }
    return real(conn, text, n);
}

/* With its locks. The server ends it. */
static void a_transaction_of_who_stands_still_does_not_last(void **state)
{
    struct fixture *f = *state;
    int64_t sec;

    assert_int_equal(db_number(f->db, &sqls[IDLE], DB_NO_ARGS, &sec), OK);
    assert_in_range(sec, 1, 60);
}

/* Else START TRANSACTION would commit what is left of it. */
static void nothing_is_left_of_a_transaction_that_could_not_be_ended(void **state)
{
    static const char *const statements[] = {"ROLLBACK", "COMMIT"};
    static const enum err ends[] = {ERR_CONFLICT, OK}, seen[] = {ERR_CONFLICT, ERR_OUTCOME_UNKNOWN};
    struct fixture *f = *state;

    for (size_t i = 0; i < ARRAY_LEN(statements); i++) {
        struct tx_arg a = {.f = f, .id = insert(f, STR("a"), 0, "red"), .end = ends[i]};
        struct tx_arg b = {.f = f, .id = insert(f, STR("b"), 0, "red")};
        refused_statement = statements[i];
        assert_int_equal(db_tx(f->db, bump_in_tx, &a), seen[i]);
        assert_null(refused_statement);
        assert_int_equal(db_tx(f->db, bump_in_tx, &b), OK);
        assert_int_equal(number_of(f, &a.id), 0);
        assert_int_equal(number_of(f, &b.id), 2);
    }
}

static void an_error_to_commit_leaves_open_whether_it_is_done(void **state)
{
    static const struct {
        unsigned error;
        bool done;
        enum err seen;
    } answers[] = {
        {1290, false, ERR_DB_UNAVAILABLE},                                     /* read only */
        {1047, false, ERR_DB_UNAVAILABLE},                                     /* Galera: not ready */
        {1969, false, ERR_OUTCOME_UNKNOWN},                                    /* max_statement_time */
        {1969, true, ERR_OUTCOME_UNKNOWN},  {1021, true, ERR_OUTCOME_UNKNOWN}, /* disk full */
    };
    struct fixture *f = *state;

    for (size_t i = 0; i < ARRAY_LEN(answers); i++) {
        struct tx_arg a = {.f = f, .id = insert(f, STR("a"), 0, "red")};
        refused_statement = "COMMIT";
        refused_with = answers[i].error;
        refused_when_done = answers[i].done;
        assert_int_equal(db_tx(f->db, bump_in_tx, &a), answers[i].seen);
        assert_int_equal(number_of(f, &a.id), answers[i].done ? 2 : 0);
    }
    refused_with = 0;
    refused_when_done = false;
}

static void a_transaction_runs_again_when_the_connection_is_lost(void **state)
{
    struct fixture *f = *state;
    struct tx_arg a = {.f = f, .id = insert(f, STR("a"), 0, "red"), .kill_once = true};

    assert_int_equal(db_tx(f->db, bump_in_tx, &a), OK);
    assert_int_equal(a.runs, 2);
    assert_int_equal(number_of(f, &a.id), 2);
}

/* The COMMIT could not even be sent, so nothing has happened. */
static void a_transaction_runs_again_when_the_connection_is_lost_before_its_commit(void **state)
{
    struct fixture *f = *state;
    struct tx_arg a = {.f = f, .id = insert(f, STR("a"), 0, "red"), .kill_last = true};

    assert_int_equal(db_tx(f->db, bump_in_tx, &a), OK);
    assert_int_equal(a.runs, 2);
    assert_int_equal(number_of(f, &a.id), 2);
}

static enum err cross(struct db *db, void *arg)
{
    struct tx_arg *a = arg;

    enum err e = db_exec(db, &thing_sqls[THING_BUMP], DB_ARGS(db_uuid(&a->id)), NULL);
    if (a->runs++ == 0)
        (void)pthread_barrier_wait(a->barrier);
    return e != OK ? e : db_exec(db, &thing_sqls[THING_BUMP], DB_ARGS(db_uuid(&a->second)), NULL);
}

static void *cross_thread(void *arg)
{
    struct tx_arg *a = arg;

    a->end = db_tx(a->f->other, cross, a);
    return NULL;
}

static void both_sides_of_a_deadlock_commit(void **state)
{
    struct fixture *f = *state;
    struct uuid x = insert(f, STR("x"), 0, "red"), y = insert(f, STR("y"), 0, "red");
    pthread_barrier_t barrier;
    pthread_t thread;
    struct tx_arg a = {.f = f, .id = x, .second = y, .barrier = &barrier};
    struct tx_arg b = {.f = f, .id = y, .second = x, .barrier = &barrier};

    assert_int_equal(pthread_barrier_init(&barrier, NULL, 2), 0);
    assert_int_equal(pthread_create(&thread, NULL, cross_thread, &b), 0);
    assert_int_equal(db_tx(f->db, cross, &a), OK);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(b.end, OK);
    assert_true(a.runs + b.runs == 3);
    assert_int_equal(number_of(f, &x), 2);
    assert_int_equal(number_of(f, &y), 2);
}

static void no_server_is_unavailable(void **state)
{
    struct db_options options = {.socket = "/nonexistent/socket", .name = "test_db", .user = "root", .timeout_sec = 2};
    _cleanup_(db_freep) struct db *db = db_new(&options);
    struct fixture *f = *state;
    int64_t id;
    struct tx_arg a = {.f = f};

    assert_int_equal(db_number(db, &connections_id, DB_NO_ARGS, &id), ERR_DB_UNAVAILABLE);
    assert_int_equal(db_tx(db, bump_in_tx, &a), ERR_DB_UNAVAILABLE);
    assert_int_equal(a.runs, 0);
}

/* test_db has no schema_migrations; test_schema has all. */
static void a_database_that_does_not_fit_is_refused(void **state)
{
    struct db_gate gate = {0};
    struct db_options options = {.name = "test_db", .user = "root", .timeout_sec = 10, .gate = &gate, .must_fit = true};
    int64_t n;

    (void)state;
    options.socket = getenv("TEST_DB_SOCKET");
    struct db *first = db_new(&options), *second = db_new(&options);
    assert_int_equal(db_fit(first), ERR_CONFLICT);
    assert_non_null(strstr(db_unfit(first), "marketingcli-admin migrate"));
    assert_string_equal(db_error(first), db_unfit(first));
    assert_int_equal(db_number(second, &connections_id, DB_NO_ARGS, &n), ERR_DB_UNAVAILABLE);
    assert_ptr_equal(db_unfit(second), db_unfit(first));
    db_free(first);
    db_free(second);
    options.name = "test_schema";
    first = db_new(&options);
    assert_int_equal(db_fit(first), OK);
    assert_null(db_unfit(first));
    assert_int_equal(db_number(first, &connections_id, DB_NO_ARGS, &n), OK);
    assert_null(atomic_load(&gate.unfit));
    db_free(first);
}

static struct db_gate tried; /* at which another thread tries to connect */

static void it_got_a_connection(int signo)
{
    (void)signo;
    atomic_store(&tried.failing, false);
    atomic_store(&tried.trying_since_us, 0);
}

/* The other thread is a signal here: it comes a moment later, however slow the machine is. */
static void a_thread_waits_for_the_one_that_tries(void **state)
{
    struct db_options options = {.name = "test_db", .user = "root", .timeout_sec = 10, .gate = &tried};
    struct sigaction action = {.sa_handler = it_got_a_connection};
    int64_t n;

    (void)state;
    options.socket = getenv("TEST_DB_SOCKET");
    _cleanup_(db_freep) struct db *db = db_new(&options);
    atomic_store(&tried.failing, true);
    atomic_store(&tried.trying_since_us, 1); /* for long */
    assert_int_equal(db_number(db, &connections_id, DB_NO_ARGS, &n), ERR_DB_UNAVAILABLE);
    atomic_store(&tried.trying_since_us, clock_mono_us() + 3600 * US_PER_SEC); /* not yet for too long */
    assert_int_equal(sigaction(SIGALRM, &action, NULL), 0);
    assert_int_equal(setitimer(ITIMER_REAL, &(struct itimerval){.it_value.tv_usec = 20000}, NULL), 0);
    assert_int_equal(db_number(db, &connections_id, DB_NO_ARGS, &n), OK);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, things_setup, connections_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(all_types_come_back),
        TEST(nulls_are_absent),
        TEST(rows_and_their_limit),
        TEST(a_number),
        TEST(ids_alone),
        TEST(a_change_must_match),
        TEST(errors_have_their_names),
        TEST(a_read_survives_a_lost_connection),
        TEST(a_transaction_happens_whole_or_not),
        TEST(a_transaction_of_who_stands_still_does_not_last),
        TEST(nothing_is_left_of_a_transaction_that_could_not_be_ended),
        TEST(an_error_to_commit_leaves_open_whether_it_is_done),
        TEST(a_transaction_runs_again_when_the_connection_is_lost),
        TEST(a_transaction_runs_again_when_the_connection_is_lost_before_its_commit),
        TEST(both_sides_of_a_deadlock_commit),
        TEST(no_server_is_unavailable),
        TEST(a_database_that_does_not_fit_is_refused),
        TEST(a_thread_waits_for_the_one_that_tries),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
