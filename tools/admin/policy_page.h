/*
 * The pages of the privacy policy and of the terms, made from their words in policy/ and from what the configuration and the tables
 * say. The same input makes the same bytes.
 *
 * The words are blocks with blank lines between them: "# Title", "## Heading", a list of "- " lines, a paragraph, or a line that
 * is made from a table:
 *
 *    @items GROUP    what is held (base/policy.def, model/privacy/held.def), with what for, who gets it, and how long it stays
 *    @purposes  @recipients  @retention
 *
 * Each but a heading ends with the promises that it makes, [C1 D3]: ids of tests/policy/promises.py, which end up in the page's HTML
 * as an attribute. In a paragraph each sentence may end so, and in the policy each must. {name} is a value.
 */
#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "base/conf.h"

struct policy_page {
    const struct conf *conf;
    const char *words; /* "privacy", "terms": the name of the file in policy/ */
    struct str version;
    int64_t effective_at_us;
};

/* Who answers for the data: section controller of the configuration, without which there is no policy. */
struct policy_controller {
    const char *name; /* of the setting, and of the value in the words */
    size_t offset;    /* in struct conf, of a struct str */
};
extern const struct policy_controller policy_controller[];
extern const size_t policy_controller_n;
struct str policy_controller_value(const struct conf *conf, size_t i);

#define POLICY_PAGE_MAX_BYTES (256u << 10)

void policy_page_write(struct arena *arena, const struct policy_page *page, struct buf *html);

/* "27 November 2026" */
struct str policy_page_day(struct arena *arena, int64_t at_us);
