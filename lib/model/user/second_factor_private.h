/* What the files of the second factor share. */
#pragma once

#include "model/mail/outbox.h"
#include "model/user/activity.h"
#include "model/user/second_factor.h"

struct second_factor_row {
    struct str secret; /* sealed; absent: there is no row */
    int64_t created_at_us, enabled_at_us;
};

/* To which its sealed secret is bound. */
struct str second_factor_place(struct arena *arena, const struct uuid *user_id);

/* Without a row: all zero. */
MUST_CHECK enum err second_factor_get(struct db *db, struct arena *arena, const struct uuid *user_id,
                                      struct second_factor_row *ret_row);

/* Which step it is the code of. ERR_WRONG_CODE, ERR_SEALED. */
MUST_CHECK enum err second_factor_find_step(struct arena *arena, const struct keyring *ring, const struct uuid *user_id,
                                            const struct second_factor_row *row, const struct second_code *code,
                                            int64_t now_us, int64_t *ret_step);

/* In place of those that there are. */
MUST_CHECK enum err second_factor_make_codes(struct db *db, const struct uuid *user_id,
                                             struct recovery_codes *ret_codes);

/* By a mail and in the activity. */
MUST_CHECK enum err second_factor_tell(struct db *db, const struct uuid *user_id, enum activity_what what,
                                       enum mail_template template, const struct mail_params *params,
                                       struct str request_id);
