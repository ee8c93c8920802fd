/*
 * /.well-known/security.txt: whom to tell about a hole, from section [security] of the configuration (RFC 9116).
 *
 *    if (security_txt_fault(conf) != NULL) ... say so, and do not start
 *    if (conf->security_contact.n > 0)
 *        security_txt_write(conf, clock_now_us(), &buf);
 *
 * It is written for each request, because it ends (RFC 9116 2.5.5): a file would go stale.
 */
#pragma once

#include "base/buf.h"
#include "base/conf.h"

#define SECURITY_TXT_DAYS 30 /* until it ends; less than a year is recommended, and readers may keep it for so long */

/* What is wrong with the section, as a sentence; NULL: nothing. */
const char *security_txt_fault(const struct conf *conf);

/* conf has a contact, and no fault. 2 KB are enough. */
void security_txt_write(const struct conf *conf, int64_t now_us, struct buf *b);
