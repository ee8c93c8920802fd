/* How the outbox keeps struct mail_params: outbox.c writes, sending.c reads. */
#pragma once

#include "json/json.h"
#include "model/mail/outbox.h"

extern const struct json_field mail_param_fields[];
