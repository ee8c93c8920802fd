#include "jpeg_check.h"

#include <setjmp.h>
#include <stdio.h>

#include "base/defs.h"

#include <jpeglib.h> /* after stdio.h, which it needs */

#include <jerror.h>

#define SHRINK 8 /* the coefficients are what is looked at, so the fewest pixels will do */

struct jpeg_check_errors {
    struct jpeg_error_mgr public;
    jmp_buf out;
};

/* Those after which libjpeg goes on with pixels that were not in the file. */
static bool jpeg_check_is_damage(int code)
{
    return code == JWRN_HIT_MARKER || code == JWRN_HUFF_BAD_CODE || code == JWRN_ARITH_BAD_CODE ||
           code == JWRN_MUST_RESYNC || code == JWRN_JPEG_EOF;
}

static NORETURN void jpeg_check_exit(j_common_ptr j)
{
    longjmp(((struct jpeg_check_errors *)j->err)->out, 1);
}

static void jpeg_check_message(j_common_ptr j, int level)
{
    if (level < 0 && jpeg_check_is_damage(j->err->msg_code))
        jpeg_check_exit(j);
}

enum err jpeg_check(const uint8_t *p, size_t n)
{
    struct jpeg_check_errors errors;
    struct jpeg_decompress_struct j = {.err = jpeg_std_error(&errors.public)};

    errors.public.error_exit = jpeg_check_exit;
    errors.public.emit_message = jpeg_check_message;
    if (setjmp(errors.out) != 0) {
        jpeg_destroy_decompress(&j);
        return ERR_IMAGE_CORRUPT;
    }
    jpeg_create_decompress(&j);
    jpeg_mem_src(&j, p, n);
    (void)jpeg_read_header(&j, TRUE);
    j.scale_num = 1;
    j.scale_denom = SHRINK;
    (void)jpeg_start_decompress(&j);
    JSAMPARRAY row =
        j.mem->alloc_sarray((j_common_ptr)&j, JPOOL_IMAGE, j.output_width * (JDIMENSION)j.output_components, 1);
    while (j.output_scanline < j.output_height)
        (void)jpeg_read_scanlines(&j, row, 1);
    jpeg_destroy_decompress(&j);
    return OK;
}
