#include "plan.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "buffer.h"

/* The list with room for one more. */
static void *grown(void *list, unsigned used, size_t each) {
    if (used == 0)
        return must(realloc(list, 16 * each));
    bool full = used >= 16 && (used & (used - 1)) == 0;
    return full ? must(realloc(list, 2 * (size_t)used * each)) : list;
}

static unsigned add_room(struct plan *plan, struct slice id) {
    plan->rooms = grown(plan->rooms, plan->room_count, sizeof *plan->rooms);
    plan->rooms[plan->room_count] =
        (struct room){.id = id, .first = plan->member_count, .base = NO_BASE};
    return plan->room_count++;
}

static unsigned add_person(struct plan *plan, struct slice token) {
    plan->people = grown(plan->people, plan->person_count, sizeof *plan->people);
    plan->people[plan->person_count] = (struct person){.token = token, .first_member = NO_MEMBER};
    return plan->person_count++;
}

static void add_member(struct plan *plan, unsigned room, unsigned person, uint64_t cursor) {
    plan->members = grown(plan->members, plan->member_count, sizeof *plan->members);
    plan->members[plan->member_count] =
        (struct member){.connection = person, .room = room, .cursor = cursor, .live = true, .target = NO_BASE,
                        .next_of_connection = plan->people[person].first_member};
    plan->people[person].first_member = plan->member_count++;
    plan->rooms[room].count++;
    plan->rooms[room].live++;
}

/* Where each token was seen first: open addressing, doubled when half full. */
struct index {
    unsigned *slots, size;
};

static unsigned *find(struct index *index, const struct plan *plan, struct slice token) {
    uint32_t hash = 2166136261u;
    for (size_t i = 0; i < token.size; i++)
        hash = (hash ^ token.data[i]) * 16777619u;
    for (unsigned at = hash & (index->size - 1);; at = (at + 1) & (index->size - 1)) {
        unsigned *slot = index->slots + at;
        if (*slot == 0)
            return slot;
        struct slice known = plan->people[*slot - 1].token;
        if (known.size == token.size && memcmp(known.data, token.data, token.size) == 0)
            return slot;
    }
}

static void widen(struct index *index, const struct plan *plan) {
    if (index->size > 2 * plan->person_count + 2)
        return;
    free(index->slots);
    index->size = index->size ? 4 * index->size : 1024;
    index->slots = must(calloc(index->size, sizeof *index->slots));
    for (unsigned i = 0; i < plan->person_count; i++)
        *find(index, plan, plan->people[i].token) = i + 1;
}

static void read_member(struct plan *plan, struct index *index, unsigned room, char *word) {
    char *at = strchr(word, '@');
    uint64_t cursor = at ? strtoull(at + 1, NULL, 10) : NO_CURSOR;
    size_t size = at ? (size_t)(at - word) : strlen(word);
    widen(index, plan);
    unsigned *slot = find(index, plan, (struct slice){(uint8_t *)word, size});
    if (*slot == 0)
        *slot = add_person(plan, (struct slice){(uint8_t *)word, size}) + 1;
    add_member(plan, room, *slot - 1, cursor);
}

/* The text stays: ids and tokens point into it. */
static void read_lines(struct plan *plan, const char *path) {
    FILE *file = fopen(path, "r");
    if (file == NULL)
        give_up("%s: %s", path, strerror(errno));
    struct index index = {0};
    char *line = NULL;
    size_t room_for = 0;
    for (ssize_t size; (size = getline(&line, &room_for, file)) > 0;) {
        char *kept = must(strdup(line)), *rest = NULL;
        char *word = strtok_r(kept, " \t\r\n", &rest);
        if (word == NULL)
            continue;
        unsigned room = add_room(plan, (struct slice){(uint8_t *)word, strlen(word)});
        while ((word = strtok_r(NULL, " \t\r\n", &rest)))
            read_member(plan, &index, room, word);
    }
    free(line);
    free(index.slots);
    fclose(file);
}

/* Rooms of strangers without tokens: a member for each place. */
void plan_blank(struct plan *plan, unsigned rooms, unsigned members) {
    for (unsigned i = 0; i < rooms; i++) {
        unsigned room = add_room(plan, (struct slice){0});
        for (unsigned j = 0; j < members; j++)
            add_member(plan, room, add_person(plan, (struct slice){0}), NO_CURSOR);
    }
}

/* The last ones are stopped: the first member of a room may be its only sender. */
static void choose_stopped(struct plan *plan, unsigned count) {
    if (count > plan->person_count)
        give_up("--stopped %u: there are only %u connections", count, plan->person_count);
    for (unsigned i = plan->person_count - count; i < plan->person_count; i++) {
        plan->people[i].stopped = true;
        for (unsigned at = plan->people[i].first_member; at != NO_MEMBER;
             at = plan->members[at].next_of_connection)
            plan->members[at].live = false, plan->rooms[plan->members[at].room].live--;
    }
}

static void choose_senders(struct plan *plan, bool only_one) {
    for (unsigned i = 0; i < plan->member_count; i++) {
        struct member *member = &plan->members[i];
        struct room *room = &plan->rooms[member->room];
        member->sends = member->live && (!only_one || room->senders == 0);
        if (member->sends)
            member->sender = room->senders++;
    }
}

void plan_read(struct plan *plan, const struct options *options) {
    if (options->plan)
        read_lines(plan, options->plan);
    else
        plan_blank(plan, options->rooms, options->members);
    if (plan->member_count == 0)
        give_up("the plan has no members");
    choose_stopped(plan, options->stopped);
    choose_senders(plan, options->one_sender);
}
