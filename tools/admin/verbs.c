#include <stddef.h>

#include "admin.h"

const struct option verbs_sql = {"--sql", "DIR", offsetof(struct given, sql), SQL_DIR,
                                 "The folder with the schema files and grants.sql."};
const struct option verbs_dir = {"--dir", "DIR", offsetof(struct given, dir), CREDENTIALS_DIR,
                                 "The folder of the secrets."};
static const struct option verbs_credentials = {
    "--credentials", "DIR", offsetof(struct given, credentials), NULL,
    "Also make the MariaDB users and grant them what grants.sql lists. Their passwords are the files NAME/db-password "
    "below this folder. A user without a password file is left out, and a line says so."};
static const struct option verbs_revoke = {
    "--revoke", NULL, offsetof(struct given, revoke), NULL,
    "With --credentials: also take from the MariaDB users every grant that grants.sql does not list. Programs of the "
    "release before may need one of these: so not before all programs have been restarted."};
const struct option verbs_database = {"--database", "NAME", offsetof(struct given, database), NULL,
                                      "The database. Without this option it is the one that the configuration names."};
const struct option verbs_user = {"--user", "NAME", offsetof(struct given, user), "root",
                                  "The MariaDB user to connect as, over MariaDB's socket and without a password."};
static const struct option verbs_section = {"--section", "NUMBER", offsetof(struct given, section), "8",
                                            "8 for marketingcli-admin(8), 5 for marketingcli.conf(5)."};

static const struct option verbs_name = {"--name", "NAME", offsetof(struct given, name), NULL,
                                         "What to call the person, in one line of at most 100 bytes."};
static const struct option verbs_password_stdin = {
    "--password-stdin", NULL, offsetof(struct given, password_stdin), NULL,
    "Take the first line of standard input, which may end with CR LF, for the password. Without this option one is "
    "made up, and shown once. There is no "
    "way to give it on the command line, where everybody on the machine can see it."};
static const struct option verbs_begins = {"--begins", "TEXT", offsetof(struct given, begins), NULL,
                                           "Only users whose address begins so, in either case."};
static const struct option verbs_after = {"--after", "ADDRESS", offsetof(struct given, after), NULL,
                                          "Only users whose address comes after this one: the next page."};
static const struct option verbs_limit = {"--limit", "NUMBER", offsetof(struct given, limit), "50",
                                          "How many users at most, up to 1000."};
static const struct option verbs_state = {"--state", "STATE", offsetof(struct given, state), NULL,
                                          "Only users in this state: active, disabled or erasing."};
static const struct option verbs_end = {"--end", NULL, offsetof(struct given, end), NULL, "End all of them."};
static const struct option verbs_uses = {"--uses", "NUMBER", offsetof(struct given, uses), "1",
                                         "How many people can register with it, up to 10000."};
static const struct option verbs_days = {"--days", "NUMBER", offsetof(struct given, days), "14",
                                         "After how many days it expires, up to 366."};
static const struct option verbs_mail_state = {
    "--state", "STATE", offsetof(struct given, state), "failed",
    "Which mails: queued, sent, failed or dropped; or bounced, which came back for good."};

static const struct option verbs_bounce_user = {
    "--user", "NAME", offsetof(struct given, user), "marketingcli_bounce",
    "The MariaDB user to connect as, over MariaDB's socket and without a password: the system's user of that name."};
static const struct option verbs_recipient = {
    "--recipient", "ADDRESS", offsetof(struct given, recipient), NULL,
    "Whom the bounce is for, by its envelope. Without this option it is the first of our addresses in the headers "
    "Delivered-To, X-Original-To, Envelope-To and To."};

static const struct option verbs_until = {"--until", "DATE", offsetof(struct given, until), NULL,
                                          "The last day, as 2026-12-31, in UTC, or a time as "
                                          "2026-12-31T18:00:00+01:00. Without this option the plan has no end."};

static const struct option verbs_version = {"--version", "VERSION", offsetof(struct given, version), NULL,
                                            "What to call it: a part of its address, such as 2026-12."};
static const struct option verbs_effective = {"--effective", "DATE", offsetof(struct given, effective), NULL,
                                              "The day from which it is in force, as 2026-12-31, in UTC."};
static const struct option verbs_material = {"--material", NULL, offsetof(struct given, material), NULL,
                                             "It changes something that matters to users: each of them is told by "
                                             "mail, once, and the day is 14 days ahead at least."};
static const struct option verbs_dry_run = {"--dry-run", NULL, offsetof(struct given, dry_run), NULL,
                                            "Check everything, say what would be done, and do nothing."};
static const struct option verbs_preview = {"--preview", NULL, offsetof(struct given, preview), NULL,
                                            "Print both pages, and do nothing."};
static const struct option verbs_without_plans = {
    "--without-plans", NULL, offsetof(struct given, without_plans), NULL,
    "Leave out the file of the plans, as programs do that do not need it."};

static const struct option *const verbs_no_options[] = {NULL};
static const struct option *const verbs_config_check_options[] = {&verbs_without_plans, NULL};
static const struct option *const verbs_migrate_options[] = {&verbs_sql,      &verbs_credentials, &verbs_revoke,
                                                             &verbs_database, &verbs_user,        NULL};
static const struct option *const verbs_desk_options[] = {&verbs_database, &verbs_user, NULL};
static const struct option *const verbs_policy_publish_options[] = {
    &verbs_version, &verbs_effective, &verbs_material, &verbs_dry_run, &verbs_preview, &verbs_user, NULL};
static const struct option *const verbs_user_create_options[] = {&verbs_name, &verbs_password_stdin, &verbs_database,
                                                                 &verbs_user, NULL};
static const struct option *const verbs_user_password_options[] = {&verbs_password_stdin, &verbs_database, &verbs_user,
                                                                   NULL};
static const struct option *const verbs_user_list_options[] = {
    &verbs_begins, &verbs_state, &verbs_after, &verbs_limit, &verbs_database, &verbs_user, NULL};
static const struct option *const verbs_user_sessions_options[] = {&verbs_end, &verbs_database, &verbs_user, NULL};
static const struct option *const verbs_invitation_create_options[] = {&verbs_uses, &verbs_days, &verbs_database,
                                                                       &verbs_user, NULL};
static const struct option *const verbs_billing_grant_options[] = {&verbs_until, &verbs_database, &verbs_user, NULL};
static const struct option verbs_of = {"--of", "USER", offsetof(struct given, of), NULL,
                                       "Only events about this user, by address or id, who sees in their activity that "
                                       "an administrator looked."};
static const struct option verbs_events_state = {"--state", "STATE", offsetof(struct given, state), NULL,
                                                 "Only events in this state: waiting, done or ignored."};
static const struct option *const verbs_billing_events_options[] = {&verbs_of, &verbs_events_state, &verbs_database,
                                                                    &verbs_user, NULL};
static const struct option verbs_reason = {
    "--reason", "TEXT", offsetof(struct given, reason), NULL,
    "Why, in one line of at most 500 bytes: how the request came, and how you know whose it is. It must be given."};
static const struct option verbs_received = {"--received", "DATE", offsetof(struct given, received), NULL,
                                             "When it came, as 2026-12-31. Without this option it has come now."};
static const struct option verbs_request_of = {
    "--of", "USER", offsetof(struct given, of), NULL,
    "Who asks, by address or id. Without this option: somebody without an account."};
static const struct option verbs_all = {"--all", NULL, offsetof(struct given, all), NULL,
                                        "Also those that were done, the newest first."};
static const struct option verbs_new_name = {"--name", "NAME", offsetof(struct given, name), NULL,
                                             "The name, in one line of at most 100 bytes; empty: none."};
static const struct option verbs_email = {
    "--email", "ADDRESS", offsetof(struct given, email), NULL,
    "The address. It gets a mail with a link, and counts when that was followed, as when the user changes it."};
static const struct option verbs_verified = {
    "--verified", NULL, offsetof(struct given, verified), NULL,
    "You know that the address is the user's: it counts at once, and all sessions end."};
static const struct option *const verbs_privacy_note_options[] = {&verbs_request_of, &verbs_reason, &verbs_received,
                                                                  &verbs_database,   &verbs_user,   NULL};
static const struct option *const verbs_privacy_requests_options[] = {&verbs_all, &verbs_database, &verbs_user, NULL};
static const struct option *const verbs_privacy_options[] = {&verbs_reason, &verbs_database, &verbs_user, NULL};
static const struct option *const verbs_privacy_correct_options[] = {
    &verbs_reason, &verbs_new_name, &verbs_email, &verbs_verified, &verbs_database, &verbs_user, NULL};
static const struct option verbs_secrets = {
    "--dir", "DIR", offsetof(struct given, dir), CREDENTIALS_DIR,
    "The folder with the secrets: that of the bucket is worker_media/s3-secret-key."};
static const struct option verbs_file = {
    "--file", "FILE", offsetof(struct given, file), NULL,
    "The ZIP, which must not be there yet. Only you may read it. It must be given."};
static const struct option verbs_account = {"--account", "ID", offsetof(struct given, account), NULL,
                                            "Only this one. Without this option: all of the user's."};
static const struct option *const verbs_privacy_disconnect_options[] = {&verbs_reason, &verbs_account, &verbs_database,
                                                                        &verbs_user, NULL};
static const struct option *const verbs_privacy_export_options[] = {&verbs_reason,   &verbs_file, &verbs_secrets,
                                                                    &verbs_database, &verbs_user, NULL};
static const struct option *const verbs_manual_options[] = {&verbs_section, NULL};
static const struct option *const verbs_database_options[] = {&verbs_user, NULL};
static const struct option *const verbs_mail_list_options[] = {&verbs_mail_state, &verbs_user, NULL};
static const struct option *const verbs_mail_bounce_options[] = {&verbs_recipient, &verbs_bounce_user, NULL};

static const struct option verbs_digests = {"--digests", NULL, offsetof(struct given, digests), NULL,
                                            "Also read each image, and compare it with its digest."};
static const struct option verbs_delete = {"--delete", NULL, offsetof(struct given, delete), NULL,
                                           "Delete files without an image."};
static const struct option *const verbs_store_check_options[] = {&verbs_digests, &verbs_delete, &verbs_secrets,
                                                                 &verbs_user, NULL};
static const struct option *const verbs_store_adopt_options[] = {&verbs_secrets, &verbs_user, NULL};
static const struct option *const verbs_store_move_options[] = {&verbs_secrets, &verbs_user, NULL};

const struct verb verbs[] = {
    {.name = "migrate",
     .help = "Bring the database schema up to date and, with --credentials, the MariaDB users and their grants.",
     .more =
         "Makes the database if it is missing, then applies the schema files that the database does not have yet, in "
         "the order of their numbers. The table schema_migrations records them. Each file is applied once; if a run "
         "is interrupted, the next one carries on where it stopped. A file that has been applied must not change. "
         "The services may keep running. Of two runs at once the second waits a minute for the first, then gives up. "
         "A database that a newer release has migrated is left as it is, if the programs of this one still run beside "
         "it; "
         "their grants are made all the same.",
     .options = verbs_migrate_options,
     .run = verb_migrate},
    {.name = "user create",
     .argument = "ADDRESS",
     .help = "Make an account, and print its password.",
     .more =
         "No program has to run and no mail has to arrive, so this also makes the first account of a server. Hand the "
         "password over in a safe way; its owner can change it. What was registered with the address is dropped.",
     .options = verbs_user_create_options,
     .run = verb_user_create},
    {.name = "user list",
     .help = "List accounts in the order of their addresses: ID STATE SINCE ADDRESS NAME.",
     .more = "Each user who is listed sees in their activity that an administrator looked.",
     .options = verbs_user_list_options,
     .run = verb_user_list},
    {.name = "user show",
     .argument = "USER",
     .help = "Print what the service knows of a user, by address or id.",
     .more = "Counts against their caps, posts that have not ended, API keys by their first characters, TikTok "
             "accounts; no secrets. The user sees in their activity that an administrator looked.",
     .options = verbs_desk_options,
     .run = verb_user_show},
    {.name = "user verify",
     .argument = "ADDRESS",
     .help = "Make the account that somebody has registered for, when the mail with the link does not arrive.",
     .more =
         "Make sure that whoever asks owns the address: anybody can have registered with it. So the password that was "
         "typed then is not used. A new one is printed, as by user create.",
     .options = verbs_user_password_options,
     .run = verb_user_verify},
    {.name = "user disable",
     .argument = "USER",
     .help = "Refuse sign-in, sessions and API keys of a user, and hold their posts.",
     .more =
         "Programs on this machine refuse with their next request, those on other machines within a second. Posts that "
         "TikTok does not have wait until the user is enabled, or fail when the time of their images is over; those "
         "that it "
         "has are followed to their end. Images are deleted when their time is over. While an update runs, a worker of "
         "the release before may still send: wait until all programs have been restarted.",
     .options = verbs_desk_options,
     .run = verb_user_disable},
    {.name = "user enable",
     .argument = "USER",
     .help = "Undo user disable: sessions and API keys work again, and posts that wait are sent.",
     .options = verbs_desk_options,
     .run = verb_user_enable},
    {.name = "user deliverable",
     .argument = "USER",
     .help = "Take the mark away that mail to a user's address comes back for good.",
     .more = "For a mail server that has said so by mistake, or a mailbox that is open again. Notifications are mailed "
             "there from then on. The user sees it in the activity of the account.",
     .options = verbs_desk_options,
     .run = verb_user_deliverable},
    {.name = "user reset-password",
     .argument = "USER",
     .help = "Give a user a new password, and print it.",
     .more = "All sessions end, and links that were mailed to reset the password are void; API keys go on. The user is "
             "told "
             "by mail, unless there is none. Each run makes another password. Make sure that it is the owner of the "
             "account who asks.",
     .options = verbs_user_password_options,
     .run = verb_user_reset_password},
    {.name = "user reset-totp",
     .argument = "USER",
     .help = "Let a user sign in without a code, who has lost their authenticator app and the recovery codes.",
     .more = "The password is asked for as before. The user is told by mail. Make sure that it is the owner of the "
             "account who asks.",
     .options = verbs_desk_options,
     .run = verb_user_reset_totp},
    {.name = "user sessions",
     .argument = "USER",
     .help = "List the sessions of a user, or end them.",
     .options = verbs_user_sessions_options,
     .run = verb_user_sessions},
    {.name = "invitation create",
     .help = "Make a code with which people can register where registration.mode is invitation.",
     .more = "The code is printed once; only its digest is kept.",
     .options = verbs_invitation_create_options,
     .run = verb_invitation_create},
    {.name = "invitation list",
     .help = "List the invitations, the oldest first.",
     .options = verbs_desk_options,
     .run = verb_invitation_list},
    {.name = "invitation revoke",
     .argument = "ID",
     .help = "End an invitation, also for those who have registered with it and did not follow their link yet.",
     .options = verbs_desk_options,
     .run = verb_invitation_revoke},
    {.name = "billing plans",
     .help = "Check the file of the plans, and print what is in it.",
     .more = "Programs read it when they start, and do not start with a wrong one. So check it before they are "
             "restarted: the complaint has the line.",
     .options = verbs_no_options,
     .run = verb_billing_plans},
    {.name = "billing show",
     .argument = "USER",
     .help = "Print which plan a user has, why, until when, and what of it is used.",
     .more = "The user sees in their activity that an administrator looked.",
     .options = verbs_desk_options,
     .run = verb_billing_show},
    {.name = "billing grant",
     .argument = "USER PLAN",
     .help = "Give a user a plan, in place of one that was given before.",
     .more = "It ends by itself. A better plan that the user pays for goes on beside it. It holds with the next "
             "request on this machine, and on others within a second. The user sees it in their activity.",
     .options = verbs_billing_grant_options,
     .run = verb_billing_grant},
    {.name = "billing revoke-grant",
     .argument = "USER",
     .help = "Take back the plan that was given to a user.",
     .more = "What the user has beyond their plan then stays; only nothing more is made. The user sees it in their "
             "activity.",
     .options = verbs_desk_options,
     .run = verb_billing_revoke_grant},
    {.name = "billing events",
     .help = "List the last 100 events of Stripe's, the newest first: ID TYPE STATE RECEIVED, and what they are about.",
     .more =
         "waiting: the worker has yet to ask Stripe what holds now. done: it has. ignored: it is about none of our "
         "users, and "
         "why says so: other_mode, other_account, unknown_type, unknown_customer, foreign_price, gone. Events are kept "
         "for 30 days.",
     .options = verbs_billing_events_options,
     .run = verb_billing_events},
    {.name = "billing replay",
     .argument = "EVENT",
     .help = "Have an event of Stripe's, evt_..., worked off once more.",
     .more = "The worker asks Stripe what holds now, as it does with each event. One that was ignored because nobody "
             "had its customer is looked at anew.",
     .options = verbs_desk_options,
     .run = verb_billing_replay},
    {.name = "billing sync",
     .argument = "USER",
     .help = "Have worker@billing ask Stripe what the user has.",
     .more = "That is what every event of Stripe's comes to, so it mends what events did not. Nothing, for a user whom "
             "Stripe does not know.",
     .options = verbs_desk_options,
     .run = verb_billing_sync},
    {.name = "billing sync-all",
     .help = "The same for all users whom Stripe knows.",
     .more = "After an outage, a change of the plans' prices, or a restored backup. Others' jobs have their turn "
             "meanwhile.",
     .options = verbs_desk_options,
     .run = verb_billing_sync_all},
    {.name = "billing forget",
     .argument = "USER",
     .help = "Delete the user's customer at Stripe, with what it subscribes to, and what is kept of it here.",
     .more = "worker@billing does it: checkouts that are open end, the customer is deleted, and the user has the free "
             "plan, or the one that was given. Money is not given back: that is done at Stripe, before.",
     .options = verbs_desk_options,
     .run = verb_billing_forget},
    {.name = "billing disown",
     .argument = "USER",
     .help = "Take it that the user's customer is not at Stripe, and let go what is kept of it here.",
     .more = "For one that is of an account or a mode which no key reaches any more, after it was deleted there by "
             "hand: Stripe is not asked, and an erasure that waits for it ends. The user has the free plan, or the one "
             "that was given.",
     .options = verbs_desk_options,
     .run = verb_billing_disown},
    {.name = "policy publish",
     .help = "Publish a version of the privacy policy and of the terms, with --version and --effective.",
     .more =
         "They are made from the configuration, section controller, and from what the programs hold, for how long, and "
         "who gets it; and they say what is promised, which the tests hold the programs to. Each is a file below "
         "policy.dir, "
         "which never changes. A program does not start with a recipient that the version in force does not name, so "
         "publish before a recipient is added. Run again after an interruption, the same command ends what was begun.",
     .options = verbs_policy_publish_options,
     .run = verb_policy_publish},
    {.name = "policy list",
     .help = "List the versions of the privacy policy and the terms, the newest first, and how many users were told.",
     .options = verbs_desk_options,
     .run = verb_policy_list},
    {.name = "privacy note",
     .argument = "WHAT",
     .help = "Note a request that came by mail: access, correct, export, erase or disconnect. Prints ID DUE.",
     .more = "It is due 28 days after it came. What the verb of that name does for the user is then noted as done.",
     .options = verbs_privacy_note_options,
     .run = verb_privacy_note},
    {.name = "privacy requests",
     .help = "List the requests that are open, by when they are due: ID WHAT USER CAME DUE REASON.",
     .options = verbs_privacy_requests_options,
     .run = verb_privacy_requests},
    {.name = "privacy close",
     .argument = "ID",
     .help = "Say that a request is done for which there is no verb, such as one of somebody without an account.",
     .options = verbs_desk_options,
     .run = verb_privacy_close},
    {.name = "privacy access",
     .argument = "USER",
     .help = "Print what is held of a user, for what, how long, and who else gets it, as GET /privacy/data shows it.",
     .more = "Make sure that it is the owner of the account who asks. The user sees it in the activity.",
     .options = verbs_privacy_options,
     .run = verb_privacy_access},
    {.name = "privacy correct",
     .argument = "USER",
     .help = "Change the name or the address of a user, as the user could.",
     .more = "Make sure that it is the owner of the account who asks. The user sees it in the activity, and the old "
             "address gets a mail by which a change of the address is undone.",
     .options = verbs_privacy_correct_options,
     .run = verb_privacy_correct},
    {.name = "privacy export",
     .argument = "USER",
     .help = "Write everything that is held of a user into a ZIP, as POST /privacy/export gives it.",
     .more = "Make sure that it is the owner of the account who asks, hand it over in a safe way, and delete it then. "
             "The user sees it in the activity.",
     .options = verbs_privacy_export_options,
     .run = verb_privacy_export},
    {.name = "privacy disconnect",
     .argument = "USER",
     .help = "Have a user's TikTok accounts disconnected, as the user could.",
     .more = "worker@publish wipes the tokens and ends the grants at TikTok. Make sure that it is the owner of the "
             "account who asks. The user sees it in the activity.",
     .options = verbs_privacy_disconnect_options,
     .run = verb_privacy_disconnect},
    {.name = "privacy erase",
     .argument = "USER",
     .help = "Erase an account, as the user could, and print the receipt.",
     .more = "Keys, tokens and images go at once. Until erasure.grace_days are over it can be canceled. The receipt is "
             "mailed, and GET /privacy/erasure/{receipt} shows it. Make sure that it is the owner who asks.",
     .options = verbs_privacy_options,
     .run = verb_privacy_erase},
    {.name = "privacy cancel",
     .argument = "USER",
     .help = "Cancel the erasure of an account while that is still possible, as the user could.",
     .more = "For an owner who cannot sign in. Make sure that it is they who ask. What went does not come back.",
     .options = verbs_privacy_options,
     .run = verb_privacy_cancel},
    {.name = "routes",
     .help = "Print every route: METHOD PATH AUTH SCOPE SUMMARY.",
     .options = verbs_no_options,
     .run = verb_routes},
    {.name = "tables",
     .help = "Print the routes and the errors as JSON.",
     .more = "The build makes nginx's site from them.",
     .options = verbs_no_options,
     .run = verb_tables},
    {.name = "privacy erasures",
     .help = "List the erasures of accounts that are under way, and what each waits for.",
     .options = verbs_desk_options,
     .run = verb_privacy_erasures},
    {.name = "store check",
     .help = "Look whether each image is where its row says, and whether there is anything else in the folder and the "
             "bucket.",
     .more = "The services may keep running. Each fault is a line: missing and damaged ID, an image that is lost; "
             "stray ID, a file "
             "whose image is deleted or elsewhere, such as one that a store which had stopped to answer took after "
             "all; foreign NAME, what is none of the service's. The exit code is 1 when one is left.",
     .options = verbs_store_check_options,
     .run = verb_store_check},
    {.name = "store move",
     .argument = "STORE",
     .help = "Move all images to directory or to s3, while the services run.",
     .more = "First set store.kind, so that new images go there, and restart the services. Each image is copied, "
             "compared with its "
             "digest, and then deleted where it was; whenever the run is interrupted, the next one carries on. One "
             "that is missing or damaged is told and left. Of two runs at once the second gives up.",
     .options = verbs_store_move_options,
     .run = verb_store_move},
    {.name = "store adopt",
     .help = "Say that the folder store.dir of this machine is the one with the images, whatever was said before.",
     .more = "After the disk with them came to another machine or to another folder, and after a database was "
             "restored on another machine. The programs that work on images do not start anywhere else. What is not "
             "in this folder is lost: store check tells.",
     .options = verbs_store_adopt_options,
     .run = verb_store_adopt},
    {.name = "nginx",
     .help = "Write the files from which nginx knows the limits of the section rates, the bucket of the section s3 and "
             "tiktok.verification: nginx-rates.conf, nginx-s3.conf and nginx-tiktok.conf in service.socket_dir.",
     .more =
         "nginx says the limits on the answers that it makes by itself, gets images from the bucket, and shows TikTok "
         "whose host this is. Its unit runs this before nginx starts or is reloaded, so after a "
         "change of the configuration it is enough to say systemctl reload nginx.",
     .options = verbs_no_options,
     .run = verb_nginx},
    {.name = "config check",
     .help = "Look whether the configuration and the file of the plans can be read.",
     .more = "Nothing is printed if so; otherwise the sentence says which key or line is wrong, and the exit code is "
             "1. The units run this before each program, so that systemctl restart fails at once.",
     .options = verbs_config_check_options,
     .run = verb_config_check},
    {.name = "config",
     .help = "Print a sample configuration file: every key with its default and its meaning.",
     .options = verbs_no_options,
     .run = verb_config},
    {.name = "manual",
     .help = "Print a manual page in the mdoc language.",
     .more = "The build runs this to make the pages that are installed.",
     .options = verbs_manual_options,
     .run = verb_manual},
    {.name = "mail list",
     .help = "List the newest 100 mails in a state, a line each.",
     .more = "Of those that came back, the last to come is the first. A line has the mail's number, its time, state "
             "and template, how often the relay was asked, and the relay's last "
             "reply code. Mail stays listed for 90 days after its end.",
     .options = verbs_mail_list_options,
     .run = verb_mail_list},
    {.name = "mail show",
     .argument = "ID",
     .help = "Show what is known of a mail: for whom it is, what became of it, and what the relay said.",
     .more = "Its user sees in the activity of the account that an administrator has looked.",
     .options = verbs_database_options,
     .run = verb_mail_show},
    {.name = "mail retry",
     .argument = "ID",
     .help = "Send a mail that has failed again, or one that waits at once.",
     .more = "It is tried for two days from the first try. Its user sees this in the activity of the account.",
     .options = verbs_database_options,
     .run = verb_mail_retry},
    {.name = "mail bounce",
     .help = "Read a mail that came back from standard input, and note it.",
     .more =
         "For a pipe of the mail server. If the report says that a mail failed for good, with a status of class 5, "
         "the mail is marked, and so is the address of its user if by that status no mail can reach it. Anything "
         "else is ignored. The exit code is 75 when that could not be done, be it that the database does not answer "
         "or that the pipe's command line is wrong: then the mail server must come again with it.",
     .options = verbs_mail_bounce_options,
     .run = verb_mail_bounce,
     .if_not_done = EXIT_TRY_AGAIN},
    {.name = NULL},
};
