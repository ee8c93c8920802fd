/* What the files of the app privacy share. */
#pragma once

#include "fcgi/app.h"
#include "store/store.h"

struct privacy {
    struct store store; /* for reading */
};

extern const struct route data_routes[], export_routes[], erasure_routes[], policy_routes[];
