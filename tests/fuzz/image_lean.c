/*
 * A file without what is thrown away. Invariants: it is a part of the file, in its order; there is nothing more to throw away in
 * it; however it is read, it is the same; and a look at it tells what a look at the file tells.
 */
#include "fuzz.h"

#include <stdlib.h>

#include "image/lean.h"

static size_t read_all(enum image_type type, const uint8_t *p, size_t n, size_t piece, uint8_t *to)
{
    struct image_lean lean;
    size_t all = 0, got;

    image_lean_init(&lean, type, p, n);
    while ((got = image_lean_read(&lean, to + all, MIN(piece, n - all))) > 0)
        all += got;
    ASSERT(all <= n);
    return all;
}

static void check_part(const uint8_t *whole, size_t n, const uint8_t *lean, size_t lean_n)
{
    size_t at = 0;

    for (size_t i = 0; i < n && at < lean_n; i++)
        at += whole[i] == lean[at];
    ASSERT(at == lean_n);
}

static void check_type(enum image_type type, const uint8_t *data, size_t size)
{
    uint8_t *once = malloc(size), *twice = malloc(size);
    struct image_header of_whole = {0}, of_lean = {0};

    ASSERT(once != NULL && twice != NULL);
    size_t n = read_all(type, data, size, size, once);
    check_part(data, size, once, n);
    ASSERT(read_all(type, data, size, 1 + data[0] % 7, twice) == n && memcmp(once, twice, n) == 0);
    if (n > 0)
        ASSERT(read_all(type, once, n, n, twice) == n && memcmp(once, twice, n) == 0);
    enum err e = image_sniff(data, size, &of_whole);
    if (e == OK && of_whole.type == type) {
        ASSERT(image_sniff(once, n, &of_lean) == OK && of_lean.width == of_whole.width);
        ASSERT(of_lean.height == of_whole.height && of_lean.need_bytes == of_whole.need_bytes);
    }
    free(once);
    free(twice);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    check_type(IMAGE_PNG, data, size);
    check_type(IMAGE_JPEG, data, size);
    return 0;
}
