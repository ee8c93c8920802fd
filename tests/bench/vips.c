/*
 * libvips alone on the job that an upload is: what `vipsthumbnail` does with our size and quality, N times. Prints the
 * CPU milliseconds of one, after a first one that warms up.
 *
 *    vips FILE WIDTH HEIGHT QUALITY N
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <vips/vips.h>

static int thumbnail(char **argv)
{
    VipsImage *im = NULL;
    void *p = NULL;
    size_t n = 0;

    int failed =
        vips_thumbnail(argv[1], &im, atoi(argv[2]), "height", atoi(argv[3]), "size", VIPS_SIZE_DOWN, NULL) != 0 ||
        vips_jpegsave_buffer(im, &p, &n, "Q", atoi(argv[4]), "optimize_coding", TRUE, "strip", TRUE, NULL) != 0;
    g_free(p);
    g_clear_object(&im);
    return failed;
}

int main(int argc, char **argv)
{
    int n = argc == 6 ? atoi(argv[5]) : 0;
    clock_t since = 0;

    if (n < 1 || VIPS_INIT(argv[0]) != 0)
        return 2;
    vips_concurrency_set(1);
    vips_cache_set_max(0); /* no answer from memory */
    for (int i = 0; i <= n; i++) {
        if (i == 1)
            since = clock();
        if (thumbnail(argv) != 0) {
            fprintf(stderr, "%s\n", vips_error_buffer());
            return 1;
        }
    }
    printf("%.2f\n", (double)(clock() - since) * 1000 / CLOCKS_PER_SEC / n);
    return 0;
}
