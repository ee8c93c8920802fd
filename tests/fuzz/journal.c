/*
 * A line of the journal. Invariants: a line that is taken has been written under the key; one that is written is taken, and says what was
 * written; with one byte changed it is not.
 */
#include "fuzz.h"

#include "model/privacy/journal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static char key_text[] = "0123456789abcdef0123456789abcdef";
    const struct secret_ring keys = {.v = {{key_text, sizeof key_text - 1}}, .n = 1};
    struct journal_entry entry = {.at_us = 1764259200000000};
    char line[JOURNAL_LINE_MAX];
    struct journal_line read;

    (void)journal_read_line(&keys, str_of(data, size), &read);
    if (size < 18)
        return 0;
    entry.what = data[16] % JOURNAL_WHAT__MAX;
    memcpy(entry.subject_id.b, data, sizeof entry.subject_id.b);
    size_t n = journal_write_line(&keys.v[0], &entry, line);
    ASSERT(journal_read_line(&keys, str_of(line, n - 1), &read) && read.what == entry.what &&
           read.at_us == entry.at_us);
    struct sha256 name = journal_name(&keys.v[0], (enum journal_what)entry.what, &entry.subject_id);
    ASSERT(memcmp(name.b, read.name.b, sizeof name.b) == 0);
    line[data[17] % (n - 1)] ^= 1;
    ASSERT(!journal_read_line(&keys, str_of(line, n - 1), &read));
    return 0;
}
