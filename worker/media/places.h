/*
 * Deletes an image wherever its row says, by steps: the folder at once, the bucket by a call.
 *
 *    places_begin(&d, &place);
 *    step = places_delete(run, &d);     // JOB_CALL: return it, and call this again with the result. JOB_DONE: it is nowhere any more
 *
 * JOB_ERROR: run->err says why, and in run->note is what a bucket said. It may be begun anew.
 */
#pragma once

#include "jobs/kind.h"
#include "model/upload/upload.h"

struct places {
    struct uuid id;
    int v[2]; /* enum store_kind */
    size_t n, at;
    bool asked; /* the bucket, about v[at] */
};

void places_begin(struct places *p, const struct upload_place *place);
enum job_step places_delete(struct job_run *run, struct places *p);

/* Whether this worker may touch the folder (model/upload/upload_folder.h); the note says why not. has_image: a row says that an image
 * is there, so it is somebody's from now on. */
MUST_CHECK enum err places_folder(struct job_run *run, bool has_image);
void places_note(struct job_run *run, const struct store_said *said);
