/* Stripe's times are whole seconds since 1970; null or missing: none. For lib/stripe's tables of fields alone. */
#pragma once

#include "json/json.h"

#define STRIPE_TIME_MAX_SEC INT64_C(253402300799) /* the end of the year 9999, which time_format can write */

#define STRIPE_TIME .typed = true, .nullable = true, .min = 0, .max = STRIPE_TIME_MAX_SEC
