#include "media/places.h"

#include "model/upload/upload_folder.h"
#include "store/calls.h"

void places_begin(struct places *p, const struct upload_place *place)
{
    *p = (struct places){
        .id = place->id, .v = {place->store, place->store_other}, .n = place->store == place->store_other ? 1 : 2};
}

/* What a bucket says of a failure is for the log. */
void places_note(struct job_run *run, const struct store_said *said)
{
    if (said->error[0] != '\0')
        run->note = arena_printf(run->arena, "%s %s", said->error, said->request_id).p;
}

enum err places_folder(struct job_run *run, bool has_image)
{
    const char *why = NULL;
    enum err e = has_image ? upload_folder_check(run->db, run->arena, run->worker->store, &why)
                           : upload_folder_start(run->db, run->arena, run->worker->store, &why);

    if (e != ERR_CONFLICT)
        return e;
    run->note = why;
    return ERR_STORE;
}

static enum err places_delete_file(struct job_run *run, const struct places *p)
{
    enum err e = places_folder(run, true);

    return e == OK ? store_delete(run->worker->store, STORE_DIRECTORY, &p->id, NULL) : e;
}

static enum err places_called(struct job_run *run, struct places *p)
{
    struct store_said said = {.error = ""};
    enum err e = store_called_delete(run->arena, run->result, &said);

    p->asked = false;
    places_note(run, &said);
    return e;
}

enum job_step places_delete(struct job_run *run, struct places *p)
{
    const struct store *store = run->worker->store;
    enum err e = OK;

    while (p->at < p->n) {
        if (p->asked) {
            e = places_called(run, p);
        } else if (p->v[p->at] == STORE_DIRECTORY) {
            e = places_delete_file(run, p);
        } else if (store_has_bucket(store)) {
            store_call_delete(store, run->arena, &p->id, &run->call);
            p->asked = true;
            return JOB_CALL;
        } else {
            run->note = "s3.endpoint is not set";
            e = ERR_STORE;
        }
        if (e != OK)
            return job_run_failed(run, e);
        p->at++;
    }
    return JOB_DONE;
}
