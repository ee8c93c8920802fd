/* What the files of app keys share. */
#pragma once

#include "app.h"

extern const struct route keys_routes[], health_routes[];
