/*
 * Mails as files, where there is no relay (smtp.host is empty): FOLDER/ID.eml, as any mail program opens them. They hold links, so
 * nobody but their owner may read them, and they are gone after a day.
 */
#pragma once

#include "mail/compose.h"

#define EML_KEPT_US US_PER_DAY

/* Whole, or not at all. One of the same mail is replaced. ERR_STORE, ERR_STORE_FULL. */
MUST_CHECK enum err eml_write(const char *folder, const struct uuid *id, const struct composed *mail);

/* Deletes those that were written before this time; OK also without the folder. */
MUST_CHECK enum err eml_purge(const char *folder, int64_t before_us);
