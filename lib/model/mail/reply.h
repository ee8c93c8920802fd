/*
 * What a mail server has said of a mail, as its row in the outbox keeps it: without the addresses that most of them name. The
 * row stays for 90 days (tidy.h), and must not tell where somebody can be reached who has never made an account, or who has
 * another address by now.
 *
 *    mail_reply(arena, STR("5.1.1 <ada@example.com>: User unknown"))    // 5.1.1 <(address)>: User unknown
 */
#pragma once

#include "base/arena.h"
#include "base/str.h"

struct str mail_reply(struct arena *arena,
                      struct str said); /* of any bytes, and cut off after MAIL_REPLY_CHARS; absent stays absent */
