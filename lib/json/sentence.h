/* What a refused field should have been, in a sentence for the user. Of the json module alone. */
#pragma once

#include "json/json.h"

/*
 * Absent when the sentence of the code says enough; lives in the arena or is static. f is the field; of a key that is
 * unknown (FIELD_UNKNOWN) the table in which it is missing.
 */
struct str sentence_of(struct arena *arena, enum err code, const struct json_field *f);
