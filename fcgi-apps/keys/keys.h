/* What the files of app keys share. */
#pragma once

#include "fcgi/app.h"

struct keys_state {
    struct ready_watch *ready; /* ready.h */
    struct clear *clear;       /* clear.h */
    atomic_int background_begun;
};

extern const struct route keys_routes[], clear_routes[], health_routes[], well_known_routes[];
