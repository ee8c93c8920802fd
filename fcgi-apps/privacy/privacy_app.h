/* What the files of the app privacy share. */
#pragma once

#include "fcgi/app.h"

extern const struct route data_routes[], erasure_routes[];
