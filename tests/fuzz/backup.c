/*
 * What is read of a backup before anything of it is believed: where a message ends, what stands before each part, and what the backup says of
 * itself. Invariants: a length is within what was allowed; what was written is read back.
 */
#include "fuzz.h"

#include "backup_file.h"

#define MAX_BYTES 1000000

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str text = str_of((const char *)data, size);
    struct backup_about about, again;
    struct backup_head head;

    size_t n = envelope_length(str_head(text, MIN(size, ENVELOPE_HEAD_BYTES)), MAX_BYTES);
    ASSERT(n <= MAX_BYTES && (n == 0 || n >= 2));
    if (backup_head_read(text, &head))
        ASSERT(size >= BACKUP_HEAD_BYTES && data[BACKUP_HEAD_BYTES - 1] == head.is_last);
    if (!backup_about_read(text, &about))
        return 0;
    ASSERT(about.schema > 0 && about.migrations.n > 0 && about.migrations.p + about.migrations.n == text.p + text.n);
    _cleanup_(buf_done) struct buf b = BUF_MAX(MAX_BYTES + size);
    backup_about_write(&b, &about);
    ASSERT(backup_about_read(buf_str(&b), &again) && again.schema == about.schema);
    ASSERT(str_eq(again.made_at, about.made_at) && str_eq(again.migrations, about.migrations));
    return 0;
}
