/*
 * Domains as mail and DNS take them: ASCII, by libidn2 (IDNA2008, with TR46's mapping as browsers do it). libcurl would do
 * it by the locale's character set.
 *
 *    if (!net_domain_ascii(arena, STR("bücher.example"), &domain)) ...    // xn--bcher-kva.example
 */
#pragma once

#include "base/arena.h"

/* False: it is no domain. What is ASCII already is only put into lower case and looked at. */
MUST_CHECK bool net_domain_ascii(struct arena *arena, struct str domain, struct str *ret_domain);

/* The same of a mail address, whose part before the at sign must be ASCII. False: no mail can go there. */
MUST_CHECK bool net_address_ascii(struct arena *arena, struct str address, struct str *ret_address);
