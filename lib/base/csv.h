/*
 * Fields of CSV (RFC 4180), for spreadsheets, too.
 *
 *    csv_put_text(&line, key->name);
 *    buf_puts(&line, "\r\n");
 */
#pragma once

#include "base/buf.h"

/* In quotes, and led in by an apostrophe if a spreadsheet would take it for a formula. */
void csv_put_text(struct buf *b, struct str s);
