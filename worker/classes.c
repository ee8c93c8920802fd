#include "classes.h"

/* publish: an init starts within 5 s and takes 60 s at most; the rest is for recording it. */
const struct worker_class worker_classes[JOB_CLASS__MAX] = {
    [JOB_PUBLISH] = {.class = JOB_PUBLISH, .lease_us = 120 * US_PER_SEC, .uses_tiktok = true},
    [JOB_MEDIA] = {.class = JOB_MEDIA, .lease_us = 120 * US_PER_SEC, .uses_store = true},
};
