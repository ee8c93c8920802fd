/* What a refused field should have been, in a sentence for the user. Of the json module alone. */
#pragma once

#include "json/json.h"

/* Absent when the sentence of the code says enough. It lives in the arena or is static. */
struct str sentence_of(struct arena *arena, enum err code, const struct json_field *f);

/* Of a key that is not among fields: which there are. */
struct str sentence_of_unknown(struct arena *arena, const struct json_field *fields);
