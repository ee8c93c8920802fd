#include "store/calls.h"

#include <stdio.h>
#include <string.h>

#include "store/private.h"

bool store_has_bucket(const struct store *s)
{
    return s->s3.endpoint != NULL;
}

static struct str store_call_name(struct arena *arena, const struct uuid *id)
{
    char path[STORE_PATH_SIZE];

    store_path(id, path);
    return str_from(arena_strdup(arena, str_from(path)));
}

void store_call_look(const struct store *s, struct arena *arena, const struct uuid *id, struct net_call *ret_call)
{
    s3_call_object(arena, &s->s3, "HEAD", store_call_name(arena, id), ret_call);
}

void store_call_find(const struct store *s, struct arena *arena, const struct uuid *id, struct net_call *ret_call)
{
    const struct s3_wish wish = {.prefix = store_call_name(arena, id), .max = 1};

    s3_call_list(arena, &s->s3, &wish, ret_call);
}

void store_call_delete(const struct store *s, struct arena *arena, const struct uuid *id, struct net_call *ret_call)
{
    s3_call_object(arena, &s->s3, "DELETE", store_call_name(arena, id), ret_call);
}

void store_call_list(const struct store *s, struct arena *arena, struct str after, int max, struct net_call *ret_call)
{
    const struct s3_wish wish = {.prefix = STR(""), .after = after, .max = max};

    s3_call_list(arena, &s->s3, &wish, ret_call);
}

static enum err store_call_ended(struct arena *arena, const struct net_result *r, struct store_said *said)
{
    struct s3_said s;
    enum err e = s3_called(arena, r, &s);

    if (said != NULL)
        store_tell(&s, said);
    return e;
}

enum err store_called_look(struct arena *arena, const struct net_result *r, struct store_said *said)
{
    enum err e = store_call_ended(arena, r, said);

    return e != OK && r->err == OK && r->status == 404 ? ERR_NOT_FOUND : e;
}

enum err store_called_delete(struct arena *arena, const struct net_result *r, struct store_said *said)
{
    enum err e = store_call_ended(arena, r, said);

    return e == ERR_NOT_FOUND ? OK : e;
}

static bool store_call_goes_on(const struct s3_listing *l, struct str after)
{
    for (size_t i = 0; i < l->n; i++) {
        struct str key = l->v[i].key;
        int order = memcmp(key.p, after.p == NULL ? "" : after.p, MIN(key.n, after.n));
        if (order < 0 || (order == 0 && key.n <= after.n))
            return false;
        after = key;
    }
    return true;
}

enum err store_called_list(struct arena *arena, const struct net_result *r, struct str after,
                           struct s3_listing *ret_listing, struct store_said *said)
{
    struct s3_listing l;
    enum err e = store_call_ended(arena, r, said);

    if (e == OK)
        e = s3_read_listing(arena, r->body, &l);
    if (e == OK && !store_call_goes_on(&l, after)) {
        if (said != NULL)
            (void)snprintf(said->error, sizeof said->error, "its list does not go on by the order of names");
        return ERR_STORE;
    }
    if (e == OK)
        *ret_listing = l;
    return e == ERR_NOT_FOUND ? ERR_STORE : e;
}
