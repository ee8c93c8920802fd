#include "classes.h"

/* publish: an init starts within 5 s and takes 60 s at most; the rest is for recording it. mail: one waits for a connection
 * for MAIL_START_US (mail/send.c) at most, and then takes 60 s until the relay has it all. Only when the relay looks at it for longer
 * than usual must the lease be extended, which the runner does while the run is open. call_sec, for which a stop waits,
 * does not count that time: a stop, also the machine's, would take ten minutes for the sake of a mail that comes twice. */
const struct worker_class worker_classes[JOB_CLASS__MAX] = {
    [JOB_PUBLISH] = {.class = JOB_PUBLISH,
                     .lease_us = 120 * US_PER_SEC,
                     .call_sec = SETTING(tiktok_timeout_sec),
                     .uses_tiktok = true},
    [JOB_MEDIA] = {.class = JOB_MEDIA,
                   .lease_us = 120 * US_PER_SEC,
                   .call_sec = SETTING(s3_timeout_sec),
                   .uses_store = true},
    [JOB_MAIL] = {.class = JOB_MAIL,
                  .lease_us = 240 * US_PER_SEC,
                  .call_sec = SETTING(smtp_timeout_sec),
                  .aside = SETTING(smtp_connections),
                  .uses_smtp = true},
    [JOB_BILLING] = {.class = JOB_BILLING,
                     .lease_us = 120 * US_PER_SEC,
                     .call_sec = SETTING(stripe_timeout_sec),
                     .uses_stripe = true},
    [JOB_PRIVACY] = {.class = JOB_PRIVACY, .lease_us = 120 * US_PER_SEC, .keeps_journal = true},
};
