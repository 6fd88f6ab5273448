#include "track.h"

#include "buffer.h"

#include <stdlib.h>

static void open_hole(struct track *track, uint64_t from, uint64_t to) {
    struct holes *holes = track->holes;
    unsigned used = holes ? holes->used : 0, room = holes ? holes->room : 0;
    if (used == room) {
        room = room ? 2 * room : 4;
        holes = must(realloc(holes, sizeof *holes + room * sizeof *holes->list));
        holes->room = room;
    }
    holes->list[used] = (struct hole){from, to};
    holes->used = used + 1;
    track->holes = holes;
}

static bool fill(struct track *track, uint64_t number) {
    struct holes *holes = track->holes;
    for (unsigned i = 0; holes && i < holes->used; i++) {
        struct hole hole = holes->list[i];
        if (number < hole.from || number > hole.to)
            continue;
        holes->list[i] = holes->list[--holes->used];
        if (hole.from < number)
            open_hole(track, hole.from, number - 1);
        if (number < hole.to)
            open_hole(track, number + 1, hole.to);
        return true;
    }
    return false;
}

enum taken track_take_slowly(struct track *track, uint64_t number) {
    if (number <= track->last)
        return fill(track, number) ? LATE : TWICE;
    open_hole(track, track->last + 1, number - 1);
    track->last = number;
    return AFTER_A_HOLE;
}

/* What is between was given up on purpose; nothing of it is missed. */
void track_jump(struct track *track, uint64_t to) {
    if (to > track->last)
        track->last = to;
}

uint64_t track_missing(const struct track *track, uint64_t upto) {
    uint64_t missing = upto > track->last ? upto - track->last : 0;
    for (unsigned i = 0; track->holes && i < track->holes->used; i++)
        missing += track->holes->list[i].to - track->holes->list[i].from + 1;
    return missing;
}
