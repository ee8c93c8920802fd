/*
 * What is held of a user, for what, how long, and who else gets it: the tables of the policy and of held.def, with how many rows there
 * are. GET /privacy/data shows it, and marketingcli-admin privacy access.
 *
 *    e = data_told(db, arena, conf, &user_id, &told);
 */
#pragma once

#include "base/conf.h"
#include "base/policy.h"
#include "json/json.h"
#include "model/privacy/held.h"

struct data_held {
    struct str name, kept;
    int64_t kept_n, records;
    int kept_unit;
    bool counts, has_more;
};

struct data_item {
    struct str item, what, promise, for_what;
    int purpose;
    int64_t recipients;
    bool is_secret;
    struct json_array held; /* of struct data_held */
};

struct data_group {
    struct str group, what, see, change; /* see, change: absent: there is no call */
    struct json_array items;
};

struct data_recipient {
    int recipient;
    struct str who;
};

struct data_told {
    struct json_array groups, recipients;
};

/* In the arena. db needs rights to count what held.def says. */
MUST_CHECK enum err data_told(struct db *db, struct arena *arena, const struct conf *conf, const struct uuid *user_id,
                              struct data_told *ret_told);
