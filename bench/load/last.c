/* When the last member of a room has a message; asked in open loop only, where few are under way. */
#include <stdlib.h>

#include "load.h"

enum { UNDER_WAY = 1024 };

/* A message that is on its way, in the slot of its number. */
struct waiting {
    uint32_t number, left;
};

void last_said(const struct load *load, struct member *member, uint32_t number) {
    if (load->options.mode != OPEN_LOOP)
        return;
    if (member->waiting == NULL)
        member->waiting = must(calloc(UNDER_WAY, sizeof *member->waiting));
    member->waiting[number % UNDER_WAY] =
        (struct waiting){number, load->plan.rooms[member->room].live};
}

void last_delivered(struct load *load, struct stamp stamp) {
    struct waiting *list = load->plan.members[stamp.sender].waiting;
    if (list == NULL)
        return;
    struct waiting *waiting = &list[stamp.number % UNDER_WAY];
    if (waiting->number != stamp.number || waiting->left == 0 || --waiting->left > 0)
        return;
    if (in_window(load, stamp.intended_ns))
        histogram_record(&load->lasts, load->now - stamp.intended_ns);
}
