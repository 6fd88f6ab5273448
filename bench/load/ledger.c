/* What everybody should get against what everybody got. */
#include <stdlib.h>

#include "load.h"

/* Tracks that fit in memory, and events of a room that are none of our messages. */
enum { TRACKS_MOST = 1 << 26, OTHERS_MOST = 1 << 20 };

/* Marks an entry of `order` that somebody has seen, beside those that only the ack told of. */
#define SEEN 0x80000000u

static void count_taken(struct faults *faults, enum taken taken) {
    faults->reordered += taken == LATE;
    faults->duplicated += taken == TWICE;
}

/* Where the server numbers nothing, each member follows each sender of its room. */
void ledger_open(struct load *load) {
    struct plan *plan = &load->plan;
    if (load->options.speech == MADANG)
        return;
    uint64_t tracks = 0;
    for (unsigned i = 0; i < plan->room_count; i++)
        tracks += (uint64_t)plan->rooms[i].count * plan->rooms[i].senders;
    if (tracks > TRACKS_MOST)
        give_up("rooms this big need --senders one");
    for (unsigned i = 0; i < plan->member_count; i++) {
        struct member *member = &plan->members[i];
        unsigned senders = plan->rooms[member->room].senders;
        member->by_sender = must(calloc(senders + 1u, sizeof *member->by_sender));
    }
}

void ledger_welcome(struct load *load, struct member *member, uint64_t last_seq) {
    struct room *room = &load->plan.rooms[member->room];
    if (room->base == NO_BASE)
        room->base = room->high = last_seq;
    member->seen.last = member->cursor == NO_CURSOR ? last_seq : member->cursor;
    member->target = last_seq;
}

/* The place for what *seq* says, or NULL where it was said before this run, or is far from it. */
static uint64_t *entry(const struct load *load, struct room *room, uint64_t seq) {
    if (seq <= room->base || seq - room->base > load->counts.sent + OTHERS_MOST)
        return NULL;
    size_t at = seq - room->base - 1;
    if (at >= room->order_size) {
        size_t size = room->order_size ? room->order_size : 1024;
        while (size <= at)
            size *= 2;
        room->order = must(realloc(room->order, size * sizeof *room->order));
        memset(room->order + room->order_size, 0,
               (size - room->order_size) * sizeof *room->order);
        room->order_size = size;
    }
    return room->order + at;
}

static uint64_t entry_key(struct stamp stamp) {
    return (uint64_t)(stamp.sender + 1) << 32 | stamp.number;
}

void ledger_seq(struct load *load, struct member *member, uint64_t seq) {
    struct room *room = &load->plan.rooms[member->room];
    count_taken(&load->faults, track_take(&member->seen, seq));
    if (seq > room->high)
        room->high = seq;
}

void ledger_gap(struct load *load, struct member *member, uint64_t to) {
    load->gaps++;
    track_jump(&member->seen, to);
}

/* Whether *body* is a message of this run said in *room*, whole; whose goes to *stamp*. */
static bool is_ours(const struct load *load, const struct member *member, struct slice body,
                    struct stamp *stamp) {
    if (body.size != load->options.body)
        return false;
    *stamp = body_read(body.data);
    return stamp->sender < load->plan.member_count &&
           load->plan.members[stamp->sender].room == member->room &&
           stamp->number - 1 < load->plan.members[stamp->sender].sent &&
           memcmp(body.data + BODY_HEAD, body_filler(), body.size - BODY_HEAD) == 0;
}

static void count_delivery(struct load *load, struct member *member, struct stamp stamp) {
    load->counts.delivered++;
    if (in_window(load, stamp.intended_ns))
        histogram_record(&load->deliveries, load->now - stamp.intended_ns);
    last_delivered(load, stamp);
    if (&load->plan.members[stamp.sender] == member)
        pace_own(load, member);
}

/* All must see the same at one seq. */
void ledger_message(struct load *load, struct member *member, uint64_t seq, struct slice body) {
    ledger_seq(load, member, seq);
    if (load->options.mode == STORM)
        return;
    struct stamp stamp;
    uint64_t *place = entry(load, &load->plan.rooms[member->room], seq);
    if (place == NULL || !is_ours(load, member, body, &stamp)) {
        load->faults.foreign++;
        return;
    }
    uint64_t key = entry_key(stamp);
    if (*place == 0 || *place == key) {
        *place = key | SEEN;
    } else if (*place != (key | SEEN)) {
        load->faults.mismatched++;
    }
    count_delivery(load, member, stamp);
}

void ledger_relayed(struct load *load, struct member *member, struct slice body) {
    struct stamp stamp;
    if (!is_ours(load, member, body, &stamp)) {
        load->faults.foreign++;
        return;
    }
    unsigned sender = load->plan.members[stamp.sender].sender;
    count_taken(&load->faults, track_take(&member->by_sender[sender], stamp.number));
    count_delivery(load, member, stamp);
}

/* An ack promises that everybody gets the message at this seq, so it raises what is expected. */
void ledger_ack(struct load *load, struct member *member, struct stamp stamp, uint64_t seq) {
    struct room *room = &load->plan.rooms[member->room];
    uint64_t *place = entry(load, room, seq), key = entry_key(stamp);
    load->counts.acked++;
    load->expected += room->live;
    if (in_window(load, stamp.intended_ns))
        histogram_record(&load->acks, load->now - stamp.intended_ns);
    if (seq > room->high)
        room->high = seq;
    if (place && *place == 0)
        *place = key;
    else if (place == NULL || (*place & ~(uint64_t)SEEN) != key)
        load->faults.mismatched++;
}

/* The server's count against our own: what others said after *upto*, where all of it is known. */
void ledger_unread(struct load *load, struct member *member, uint64_t upto, uint64_t last_seq,
                   uint64_t unread) {
    struct room *room = &load->plan.rooms[member->room];
    uint64_t self = (uint64_t)(member - load->plan.members) + 1, own = 0;
    if (upto < room->base || last_seq - room->base > room->order_size || last_seq < upto)
        return;
    for (uint64_t seq = upto + 1; seq <= last_seq; seq++) {
        uint64_t said = room->order[seq - room->base - 1];
        if (said == 0)
            return;
        own += said >> 32 == self;
    }
    load->unread_checked++;
    load->faults.unread_drifted += unread != last_seq - upto - own;
}

static uint64_t missing_of_senders(const struct load *load, const struct member *member) {
    const struct room *room = &load->plan.rooms[member->room];
    uint64_t missing = 0;
    for (unsigned i = room->first; i < room->first + room->count; i++) {
        const struct member *sender = &load->plan.members[i];
        if (!sender->sends)
            continue;
        const struct track *track = &member->by_sender[sender->sender];
        missing += track_missing(track, sender->live ? sender->sent : track->last);
    }
    return missing;
}

/* By seq, each sender's messages stand once and in the order he sent them, whoever saw them first. */
static void check_senders(struct load *load, const struct room *room) {
    for (size_t at = 0; at < room->order_size; at++) {
        if (!(room->order[at] & SEEN))
            continue;
        struct member *sender = &load->plan.members[(room->order[at] >> 32) - 1];
        uint32_t number = (uint32_t)room->order[at] & ~SEEN;
        count_taken(&load->faults, track_take(&sender->said, number));
    }
}

void ledger_close(struct load *load) {
    for (unsigned i = 0; i < load->plan.room_count; i++)
        check_senders(load, &load->plan.rooms[i]);
    const struct counts *counts = &load->counts;
    uint64_t answered = counts->acked + counts->refused;
    if (answered > counts->sent) /* some send was answered twice */
        load->faults.duplicated += answered - counts->sent;
    else if (load->options.speech == MADANG)
        load->faults.unanswered = counts->sent - answered;
    for (unsigned i = 0; i < load->plan.member_count; i++) {
        const struct member *member = &load->plan.members[i];
        if (!member->live)
            continue;
        if (load->options.speech != MADANG)
            load->faults.lost += missing_of_senders(load, member);
        else
            load->faults.lost += track_missing(
                &member->seen, load->options.mode == STORM ? member->target
                                                           : load->plan.rooms[member->room].high);
    }
}

/* Nothing is under way any more, as far as the sums tell; `ledger_close` looks closer. */
bool ledger_complete(const struct load *load) {
    bool answered = load->options.speech != MADANG ||
                    load->counts.acked + load->counts.refused >= load->counts.sent;
    return answered && load->counts.delivered - load->faults.duplicated >= load->expected;
}
