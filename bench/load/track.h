/* What came of a numbered series: the highest number, and the holes below it. A number that fills a
 * hole came late (reordered), one that fills none came twice, and a hole that stays is a loss. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct hole {
    uint64_t from, to;
};

struct holes {
    unsigned used, room;
    struct hole list[];
};

struct track {
    uint64_t last;
    struct holes *holes;
};

enum taken { IN_ORDER, AFTER_A_HOLE, LATE, TWICE };

enum taken track_take_slowly(struct track *track, uint64_t number);
void track_jump(struct track *track, uint64_t to);
uint64_t track_missing(const struct track *track, uint64_t upto);

static inline enum taken track_take(struct track *track, uint64_t number) {
    if (number == track->last + 1) {
        track->last = number;
        return IN_ORDER;
    }
    return track_take_slowly(track, number);
}
