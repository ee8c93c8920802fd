#include "model/privacy/data.h"

/* What is asked once, of each place. */
struct data_asking {
    struct arena *arena;
    int64_t recipients; /* of this installation */
    struct data_held held[HELD__MAX];
};

static enum err data_count(struct db *db, const struct uuid *user_id, struct data_asking *d)
{
    for (enum held_table t = 0; t < HELD__MAX; t++) {
        const struct held *h = &held_tables[t];
        const struct retention *kept = &retentions[h->retention];
        int64_t n = 0;
        enum err e = h->counts ? held_count(db, t, user_id, &n) : OK;
        if (e != OK)
            return e;
        d->held[t] = (struct data_held){.name = str_from(h->name),
                                        .kept = str_from(kept->words),
                                        .kept_n = kept->n,
                                        .kept_unit = (int)kept->unit,
                                        .records = n,
                                        .counts = h->counts,
                                        .has_more = n == HELD_COUNT_MAX};
    }
    return OK;
}

/* Where an item is. What only says whose a row is, or stands elsewhere, too, is no place. */
static struct json_array data_places(const struct data_asking *d, const struct policy_item *item, bool *ret_is_secret)
{
    struct data_held *v = arena_array(d->arena, HELD__MAX, sizeof *v);
    enum held_table last = HELD__MAX;
    size_t n = 0;

    *ret_is_secret = true;
    for (const struct held_column *col = held_columns; col->column != NULL; col++) {
        if (col->kind == HELD_COPY || !str_eqc(str_from(col->item), item->name))
            continue;
        *ret_is_secret = *ret_is_secret && col->kind == HELD_SECRET;
        if (col->table != last)
            v[n++] = d->held[col->table];
        last = col->table;
    }
    return (struct json_array){.v = v, .n = n};
}

static struct json_array data_items(const struct data_asking *d, enum policy_group group)
{
    size_t n = 0;

    for (const struct policy_item *i = policy_items; i->name != NULL; i++)
        n += i->group == group;
    struct data_item *v = arena_array(d->arena, n, sizeof *v);
    n = 0;
    for (const struct policy_item *i = policy_items; i->name != NULL; i++) {
        if (i->group != group)
            continue;
        struct data_item *s = &v[n++];
        *s = (struct data_item){.item = str_from(i->name),
                                .what = str_from(i->what),
                                .promise = str_from(i->promise),
                                .purpose = (int)i->purpose,
                                .for_what = str_from(policy_purpose_words[i->purpose]),
                                .recipients = i->recipients & d->recipients};
        s->held = data_places(d, i, &s->is_secret);
    }
    return (struct json_array){.v = v, .n = n};
}

static struct json_array data_recipients(const struct data_asking *d)
{
    struct data_recipient *v = arena_array(d->arena, POLICY_RECIPIENT__MAX, sizeof *v);
    size_t n = 0;

    for (int i = 0; i < POLICY_RECIPIENT__MAX; i++)
        if (d->recipients >> i & 1)
            v[n++] = (struct data_recipient){.recipient = i, .who = str_from(policy_recipient_whos[i])};
    return (struct json_array){.v = v, .n = n};
}

static struct str data_path(const char *path)
{
    return path[0] == '\0' ? (struct str){0} : str_from(path);
}

enum err data_told(struct db *db, struct arena *arena, const struct conf *conf, const struct uuid *user_id,
                   struct data_told *ret_told)
{
    struct data_asking d = {.arena = arena, .recipients = policy_recipients(conf)};
    struct data_group *groups = arena_array(arena, POLICY_GROUP__MAX, sizeof *groups);

    enum err e = data_count(db, user_id, &d);
    if (e != OK)
        return e;
    for (enum policy_group g = 0; g < POLICY_GROUP__MAX; g++)
        groups[g] = (struct data_group){.group = str_from(policy_groups[g].name),
                                        .what = str_from(policy_groups[g].what),
                                        .see = data_path(policy_groups[g].see),
                                        .change = data_path(policy_groups[g].change),
                                        .items = data_items(&d, g)};
    *ret_told = (struct data_told){.groups = {.v = groups, .n = POLICY_GROUP__MAX}, .recipients = data_recipients(&d)};
    return OK;
}
