#include "kinds.h"

#include "billing/kinds.h"
#include "mail/kinds.h"
#include "media/kinds.h"
#include "privacy/kinds.h"
#include "publish/kinds.h"

const struct job_kind *const kinds[] = {
    &turn_kind,           &publish_kind,         &poll_kind,      &creator_kind,
    &refresh_kind,        &housekeeping_kind,    &purge_kind,     &sweep_kind,
    &usage_kind,          &check_kind,           &send_kind,      &tidy_kind,
    &notices_kind,        &expiring_kind,        &customer_kind,  &charge_kind,
    &customer_email_kind, &customer_delete_kind, &reconcile_kind, &events_tidy_kind,
    &lapsed_kind,         &account_erase_kind,   &erase_kind,     &journal_kind,
    &erasures_tidy_kind,  &policy_notice_kind,   &removed_kind,   NULL,
};
