/* Who is in which room. Members of a room lie side by side; whoever is in several rooms (the same
 * token on several lines) has one connection and several memberships. */
#pragma once

#include "options.h"
#include "slice.h"
#include "track.h"

struct member {
    unsigned connection, room, next_of_connection;
    unsigned sender;          /* its place among the room's senders */
    bool sends, live;         /* live: it counts for the ledger */
    uint32_t sent, in_flight;
    uint64_t cursor, target;  /* resume from; replayed when `seen` is there */
    struct track seen;        /* seqs of the room, where the server numbers them */
    struct track *by_sender;  /* the number of each sender, where it does not */
    struct track said;        /* own numbers, in the order the room has them */
    struct waiting *waiting;  /* own messages that not everybody has, in open loop */
};

struct room {
    struct slice id;
    unsigned first, count, senders, live;
    uint64_t base, high;      /* the last seq before this run, and of it; NO_BASE until a welcome tells */
    uint64_t *order;          /* who said what as seq base + 1, base + 2, ...: sender and number */
    size_t order_size;
};

struct person {
    struct slice token;
    unsigned first_member;    /* the others follow by next_of_connection */
    bool stopped;
};

struct plan {
    struct room *rooms;
    struct member *members;
    struct person *people;
    unsigned room_count, member_count, person_count;
};

#define NO_MEMBER UINT32_MAX
#define NO_BASE UINT64_MAX
#define NO_CURSOR UINT64_MAX

void plan_read(struct plan *plan, const struct options *options);
void plan_blank(struct plan *plan, unsigned rooms, unsigned members);
