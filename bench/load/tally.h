/* Counts by name: error codes, close codes, kinds of frames. */
#pragma once

#include <stdint.h>
#include <stdio.h>

#include "slice.h"

enum { TALLY_MOST = 48, TALLY_NAME = 40 };

struct tally {
    uint64_t total;
    unsigned used;
    struct { char name[TALLY_NAME]; uint64_t count; } entries[TALLY_MOST];
};

void tally_add(struct tally *tally, struct slice name);
void tally_text(struct tally *tally, const char *name);
void tally_print(const struct tally *tally, FILE *out);
