/* What a user is told at a limit of their plan: which it is, how much of it is used, and which plan would allow more. */
#pragma once

#include "fcgi/app.h"

/* ERR_PLAN_LIMIT for the errors of the model that are about a limit (model/billing/billing.h), with a problem that says all
 * this; any other error as it is. Reads what is used; where that fails, the answer is without the numbers. */
enum err plan_told(struct ctx *c, enum err e);
