/* What stands in a backup's parts beside the dump: read from bytes that may be anybody's. */
#include <string.h>

#include "backup_file.h"

#define ABOUT_FIRST "marketingcli backup 1\n"

void backup_about_write(struct buf *b, const struct backup_about *about)
{
    buf_printf(b, ABOUT_FIRST "made_at %.*s\ndatabase %.*s\nschema %lld\n\n", STR_FMT(about->made_at),
               STR_FMT(about->database), (long long)about->schema);
    buf_putstr(b, about->migrations);
}

static bool about_line(struct str *rest, const char *name, struct str *ret_value)
{
    struct str line, word;

    if (!str_cut(rest, '\n', &line) || !str_cut(&line, ' ', &word) || !str_eqc(word, name))
        return false;
    *ret_value = line;
    return line.n > 0 && memchr(line.p, '\0', line.n) == NULL;
}

bool backup_about_read(struct str text, struct backup_about *ret_about)
{
    struct backup_about about = {.schema = 0};
    struct str rest = text, schema;

    if (!str_starts(rest, STR(ABOUT_FIRST)))
        return false;
    rest = str_skip(rest, strlen(ABOUT_FIRST));
    if (!about_line(&rest, "made_at", &about.made_at) || !about_line(&rest, "database", &about.database) ||
        !about_line(&rest, "schema", &schema) || !str_to_i64(schema, &about.schema) || about.schema <= 0)
        return false;
    if (!str_starts(rest, STR("\n")))
        return false;
    about.migrations = str_skip(rest, 1);
    *ret_about = about;
    return about.migrations.n > 0;
}

bool backup_head_read(struct str text, struct backup_head *ret_head)
{
    struct backup_head head = {.number = 0};

    if (text.n < BACKUP_HEAD_BYTES || !str_starts(text, STR(BACKUP_MAGIC)))
        return false;
    const uint8_t *p = (const uint8_t *)text.p + strlen(BACKUP_MAGIC);
    memcpy(head.backup.b, p, sizeof head.backup.b);
    p += sizeof head.backup.b;
    for (int i = 0; i < 8; i++)
        head.number = head.number << 8 | *p++;
    if (*p > 1)
        return false;
    head.is_last = *p == 1;
    *ret_head = head;
    return true;
}
