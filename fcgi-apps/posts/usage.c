/* How much a user's API keys were used, by day, key or status, of all keys or of one: as JSON, or streamed as CSV. */
#include "posts.h"

#include "base/csv.h"
#include "fcgi/input.h"
#include "model/usage/usage.h"

#define DAYS_DEFAULT 30
#define LATEST_US (INT64_C(253370764800) * US_PER_SEC) /* the year 9999, which has four digits to its end */
#define ROWS_MAX 1000 /* of JSON: 13 months have 427 days at most, and there are fewer statuses; keys may be more */

enum usage_format { USAGE_JSON, USAGE_CSV };
static const char *const usage_formats[] = {[USAGE_JSON] = "json", [USAGE_CSV] = "csv", NULL};

struct usage_question {
    struct usage_asked asked;
    int format;
};

struct usage_answer {
    int64_t from_us, to_us;
    int group;
    int64_t requests, errors;
    struct json_array rows;
};

static const struct json_field *const usage_fields[];

/* The value's place in names, or else stays what it was. */
static void usage_read_name(struct ctx *c, const char *name, const char *const *names, const char *are, int *value)
{
    struct str text = form_get(&c->req.query, name);

    if (text.p == NULL)
        return;
    for (int i = 0; names[i] != NULL; i++)
        if (str_eqc(text, names[i])) {
            *value = i;
            return;
        }
    problem_add_text(&c->problems, ERR_FIELD_VALUE, str_from(name), str_from(are));
}

static void usage_read_time(struct ctx *c, const char *name, int64_t *at_us)
{
    struct str text = form_get(&c->req.query, name);

    if (text.p == NULL)
        return;
    if (!time_parse(text, at_us) || *at_us < 0 || *at_us >= LATEST_US)
        problem_add_text(&c->problems, ERR_FIELD_TYPE, str_from(name),
                         STR("This must be a time from 1970 to 9998 as in RFC 3339, with its offset: "
                             "2026-11-01T00:00:00Z. In an address, write + as %2B."));
}

bool usage_read_days(struct ctx *c, int64_t *ret_from_us, int64_t *ret_to_us)
{
    int64_t from_us, to_us = clock_now_us();

    usage_read_time(c, "to", &to_us);
    from_us = MAX(0, to_us - DAYS_DEFAULT * US_PER_DAY);
    usage_read_time(c, "from", &from_us);
    if (c->problems.n > 0)
        return false;
    *ret_from_us = usage_day_of(from_us);
    *ret_to_us = usage_day_of(to_us + US_PER_DAY - 1);
    if (*ret_from_us < *ret_to_us)
        return true;
    problem_add_text(&c->problems, ERR_FIELD_RANGE, STR("to"), STR("This must be after from."));
    return false;
}

static void usage_read_range(struct ctx *c, struct usage_asked *q)
{
    if (!usage_read_days(c, &q->from_us, &q->to_us))
        return;
    if (q->to_us > usage_month_of(q->from_us, USAGE_MONTHS) + q->from_us - usage_month_of(q->from_us, 0))
        problem_add_text(&c->problems, ERR_FIELD_RANGE, STR("to"),
                         STR("This can be at most 13 months after from. Ask again for the rest."));
}

static void usage_read_key(struct ctx *c, struct usage_asked *q)
{
    struct str text = form_get(&c->req.query, "key_id");

    q->has_key = text.p != NULL;
    if (q->has_key && !uuid_parse(text, &q->key_id))
        problem_add_text(&c->problems, ERR_FIELD_TYPE, STR("key_id"), STR("This must be the id of a key."));
}

static enum err usage_read(struct ctx *c, struct usage_question *q)
{
    static const char *const names[] = {"from", "to", "group_by", "key_id", "format", NULL};

    enum err e = input_query_only(c, names);
    usage_read_name(c, "group_by", usage_group_names, "This must be day, key or status.", &q->asked.group);
    usage_read_name(c, "format", usage_formats, "This must be json or csv.", &q->format);
    usage_read_key(c, &q->asked);
    usage_read_range(c, &q->asked);
    return e != OK || c->problems.n == 0 ? e : ERR_VALIDATION;
}

/* JSON */

struct usage_rows {
    struct ctx *c;
    struct usage_answer *out;
    struct usage_row *v;
};

static enum err usage_keep_row(const void *row, void *arg)
{
    struct usage_rows *rows = arg;
    struct usage_answer *out = rows->out;

    if (out->rows.n == ROWS_MAX) {
        problem_add_text(&rows->c->problems, ERR_FIELD_RANGE, STR("to"),
                         STR("There are more than 1000 keys. Ask for a shorter time, or for format=csv."));
        return ERR_VALIDATION;
    }
    struct usage_row *r = &rows->v[out->rows.n++];
    *r = *(const struct usage_row *)row;
    r->key_name = arena_str(rows->c->arena, r->key_name);
    r->key_prefix = arena_str(rows->c->arena, r->key_prefix);
    out->requests += r->requests;
    out->errors += r->errors;
    return OK;
}

static enum err usage_show(struct ctx *c, const struct usage_asked *q)
{
    struct usage_answer out = {.from_us = q->from_us, .to_us = q->to_us, .group = q->group};
    struct usage_rows rows = {.c = c, .out = &out, .v = arena_array(c->arena, ROWS_MAX, sizeof *rows.v)};

    out.rows.v = rows.v;
    enum err e = usage_each(c->db, q, usage_keep_row, &rows);
    return e == OK ? reply_data(&c->rep, 200, usage_fields[q->group], &out) : e;
}

/* CSV (RFC 4180) */

struct usage_csv {
    struct db *db;
    struct usage_asked q;
    struct sink *sink;
};

static const char *const usage_heads[] = {
    [USAGE_BY_DAY] = "starts_at,span,requests,errors,last_used_at\r\n",
    [USAGE_BY_KEY] = "key_id,key_name,key_prefix,requests,errors,last_used_at\r\n",
    [USAGE_BY_STATUS] = "status,requests,errors,last_used_at\r\n",
};

static void usage_put_group(struct buf *b, const struct usage_row *r, int group)
{
    char text[TIME_TEXT_SIZE];

    switch (group) {
    case USAGE_BY_DAY:
        time_format(r->starts_at_us, text);
        buf_printf(b, "%s,%s", text, usage_span_names[r->span]);
        return;
    case USAGE_BY_KEY:
        buf_printf(b, "%s,", uuid_text(&r->key_id).s);
        csv_put_text(b, r->key_name);
        buf_printf(b, ",%.*s", STR_FMT(r->key_prefix));
        return;
    default:
        buf_printf(b, "%lld", (long long)r->status);
        return;
    }
}

static enum err usage_write_row(const void *row, void *arg)
{
    _cleanup_(buf_done) struct buf b = BUF_MAX(4096);
    const struct usage_row *r = row;
    struct usage_csv *csv = arg;
    char last[TIME_TEXT_SIZE];

    usage_put_group(&b, r, csv->q.group);
    time_format(r->last_at_us, last);
    buf_printf(&b, ",%lld,%lld,%s\r\n", (long long)r->requests, (long long)r->errors, last);
    return b.overflow ? ERR_INTERNAL : sink_put(csv->sink, buf_str(&b));
}

static enum err usage_write_csv(struct sink *sink, void *arg)
{
    struct usage_csv *csv = arg;

    csv->sink = sink;
    enum err e = sink_put(sink, str_from(usage_heads[csv->q.group]));
    if (e != OK)
        return e;
    return usage_each(csv->db, &csv->q, usage_write_row, csv);
}

static enum err usage_get(struct ctx *c)
{
    struct usage_question q = {.asked = {.user_id = c->caller.user_id, .group = USAGE_BY_DAY}, .format = USAGE_JSON};

    enum err e = usage_read(c, &q);
    if (e != OK)
        return e;
    if (q.format == USAGE_JSON)
        return usage_show(c, &q.asked);
    struct usage_csv *csv = arena_alloc(c->arena, sizeof *csv);
    *csv = (struct usage_csv){.db = c->db, .q = q.asked};
    reply_header(&c->rep, "Content-Disposition", STR("attachment; filename=\"usage.csv\""));
    return reply_stream(&c->rep, 200, "text/csv; charset=utf-8", usage_write_csv, csv);
}

#define COUNTS \
    {.name = "requests", JSON_I64(struct usage_row, requests), .help = "Requests that were answered"}, \
        {.name = "errors", JSON_I64(struct usage_row, errors), .help = "Of these, those with status 400 and more"}, \
    { \
        .name = "last_used_at", JSON_TIME(struct usage_row, last_at_us), .help = "The last of them", \
        .policy = "key.last_used" \
    }

static const struct json_field usage_day_fields[] = {
    {.name = "starts_at", JSON_TIME(struct usage_row, starts_at_us), .help = "When it began", .policy = "key.usage"},
    {.name = "span", JSON_ENUM(struct usage_row, span, usage_span_names), .help = "day, or month of long ago"},
    COUNTS,
    JSON_END,
};

static const struct json_field usage_key_fields[] = {
    {.name = "key_id", JSON_UUID(struct usage_row, key_id), .help = "The key's id"},
    {.name = "key_name", JSON_STR(struct usage_row, key_name), .help = "Its name", .policy = "key.name"},
    {.name = "key_prefix", JSON_STR(struct usage_row, key_prefix), .help = "How it begins", .policy = "key.name"},
    COUNTS,
    JSON_END,
};

static const struct json_field usage_status_fields[] = {
    {.name = "status", JSON_I64(struct usage_row, status), .help = "HTTP status of the answers"},
    COUNTS,
    JSON_END,
};

#define ANSWER(row_fields) \
    (const struct json_field[]) \
    { \
        {.name = "from", JSON_TIME(struct usage_answer, from_us), .help = "The first day's beginning"}, \
            {.name = "to", JSON_TIME(struct usage_answer, to_us), .help = "The last day's end"}, \
            {.name = "group_by", \
             JSON_ENUM(struct usage_answer, group, usage_group_names), \
             .help = "What the rows are by"}, \
            {.name = "requests", JSON_I64(struct usage_answer, requests), .help = "Of all rows"}, \
            {.name = "errors", JSON_I64(struct usage_answer, errors), .help = "Of all rows"}, \
            {.name = "rows", \
             JSON_ARRAY(struct usage_answer, rows, struct usage_row, row_fields), \
             .help = "Those that are not empty"}, \
            JSON_END \
    }

static const struct json_field *const usage_fields[] = {
    [USAGE_BY_DAY] = ANSWER(usage_day_fields),
    [USAGE_BY_KEY] = ANSWER(usage_key_fields),
    [USAGE_BY_STATUS] = ANSWER(usage_status_fields),
};

const struct route usage_routes[] = {
    {.method = "GET",
     .pattern = "/api/v1/usage",
     .handler = usage_get,
     .auth = AUTH_ANY,
     .scope = SCOPE_USAGE_READ,
     .rate = RATE_READ,
     .cost = COST_OUTSIDE, /* CSV, for as long as its reader takes: never in the way of whoever sends images */
     .streams = true,
     .summary = "How much API keys were used, by day, key or status; also as CSV"},
    ROUTE_END,
};
