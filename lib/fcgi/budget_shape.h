/* A key's budget (model/key/budget.h) as answers show it: the list of keys, and GET /me. */
#pragma once

#include "json/json.h"

extern const struct json_field budget_fields[]; /* of struct budget */
