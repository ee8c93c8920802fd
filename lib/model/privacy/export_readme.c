#include "base/clock.h"
#include "base/policy.h"
#include "model/privacy/export_private.h"
#include "model/privacy/held.h"

static void readme_put_files(struct buf *b, const struct export_rows *rows)
{
    for (size_t t = 0; t < export_tables_n; t++)
        buf_printf(b, "  csv/%s.csv, \"%s\" in %s.json: %lld\n", export_tables[t].name, export_tables[t].name,
                   export_tables[t].file, (long long)rows->lists[t].n);
}

static void readme_put_recipients(struct buf *b, int64_t recipients)
{
    bool any = false;

    buf_puts(b, "    Who else gets it: ");
    for (int i = 0; i < POLICY_RECIPIENT__MAX; i++) {
        if (!(recipients >> i & 1))
            continue;
        buf_printf(b, "%s%s", any ? ", " : "", policy_recipient_whos[i]);
        any = true;
    }
    buf_puts(b, any ? "\n" : "nobody\n");
}

static void readme_put_kept(struct buf *b, const struct policy_item *item)
{
    enum held_table last = HELD__MAX;

    for (const struct held_column *c = held_columns; c->column != NULL; c++) {
        if (c->kind == HELD_COPY || c->table == last || !str_eqc(str_from(c->item), item->name))
            continue;
        const struct retention *r = &retentions[held_tables[c->table].retention];
        buf_printf(b, "    Kept (%s): ", held_tables[c->table].name);
        if (r->unit != RETENTION_NONE)
            buf_printf(b, "%d %s ", r->n, retention_unit_names[r->unit]);
        buf_printf(b, "%s\n", r->words);
        last = c->table;
    }
}

static void readme_put_items(struct buf *b, const struct conf *conf)
{
    const int64_t here = policy_recipients(conf);

    for (int group = 0; group < POLICY_GROUP__MAX; group++) {
        buf_printf(b, "\n%s\n", policy_groups[group].what);
        for (const struct policy_item *item = policy_items; item->name != NULL; item++) {
            if ((int)item->group != group)
                continue;
            buf_printf(b, "\n  %s\n    For: %s\n", item->what, policy_purpose_words[item->purpose]);
            readme_put_recipients(b, item->recipients & here);
            readme_put_kept(b, item);
        }
    }
}

void export_put_readme(struct buf *b, const struct conf *conf, const struct export_told *told,
                       const struct export_rows *rows)
{
    char at[TIME_TEXT_SIZE];

    time_format(told->taken_at_us, at);
    buf_printf(b, "Everything that %.*s (%.*s) holds about you, as it was at %s.\n\n", STR_FMT(conf->service_name),
               STR_FMT(conf->service_url), at);
    buf_printf(b, "%lld records and %lld images of %lld bytes.\n\n", (long long)told->rows, (long long)told->images,
               (long long)told->image_bytes);
    buf_puts(
        b,
        "*.json     everything, for programs. Posts have with them what was sent to TikTok, what TikTok said "
        "(attempts), when\n"
        "           each image was fetched (fetches), and what happened when (events).\n"
        "csv/       the same as tables, for spreadsheets. A text that a spreadsheet would take for a formula begins "
        "with '.\n"
        "images/    the images that are still held, each named by the id that uploads.json says it has.\n"
        "SHA256SUMS the last file: the digest of every other. \"sha256sum -c SHA256SUMS\" checks that nothing is "
        "missing or\n"
        "           damaged. Without it, the download broke off. It names the images that were deleted in the "
        "meantime, and\n"
        "           those that could not be read, after a #.\n\n"
        "Times are in UTC. Not in it, because they would open something and tell you nothing: your password's hash, "
        "the hashes of\n"
        "API keys, sessions, links and recovery codes, the secret of your authenticator app, and TikTok's tokens.\n\n"
        "How many records each table has:\n\n");
    readme_put_files(b, rows);
    buf_puts(b, "\nWhat is held, for what, who else gets it, and how long it stays:\n");
    readme_put_items(b, conf);
}
