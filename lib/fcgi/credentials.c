#include "fcgi/credentials.h"

#include "fcgi/serve.h"

enum err credentials_end(struct ctx *c)
{
    ASSERT(c->shared->service->ends_credentials);
    return epoch_end(&c->shared->credential_epoch);
}
