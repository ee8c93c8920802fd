/*
 * A file that a worker has left. Invariants: what is read is within its limits and can be written again, and that reads the same;
 * nothing is read beyond the bytes.
 */
#include "fuzz.h"

#include "base/buf.h"
#include "jobs/spool.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    _cleanup_(arena_done) struct arena arena;
    _cleanup_(buf_done) struct buf again = BUF_MAX(SPOOL_FILE_MAX_BYTES);
    struct spooled s;

    arena_init(&arena, FUZZ_ARENA_BYTES);
    if (!spool_parse(&arena, str_of(data, size), &s))
        return 0;
    ASSERT(s.memo.n <= SPOOL_MEMO_MAX_BYTES && s.result.body.n <= SPOOL_BODY_MAX_BYTES && s.runs >= 0);
    ASSERT(s.result.detail == NULL || strlen(s.result.detail) <= size);
    ASSERT(spool_put(&again, &s));
    /* A NUL ends the detail. */
    ASSERT(again.n <= size && (again.n < size || memcmp(again.p, data, size) == 0));
    return 0;
}
