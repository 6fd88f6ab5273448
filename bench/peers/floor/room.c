// Rooms by name. An empty room stays: a run of the benchmark has a few hundred names.
#include "relay.h"

#include <stdlib.h>
#include <string.h>

enum { BUCKETS = 4096 };

struct room {
    char *name;
    struct connection **members;
    size_t count, space;
    struct room *next;
};

static struct room *buckets[BUCKETS];

static struct room **bucket_of(const char *name) {
    unsigned hash = 2166136261u;  // FNV-1a
    for (; *name; name++) hash = (hash ^ (unsigned char)*name) * 16777619u;
    return &buckets[hash % BUCKETS];
}

static struct room *room_named(const char *name) {
    struct room **bucket = bucket_of(name);
    for (struct room *room = *bucket; room; room = room->next)
        if (strcmp(room->name, name) == 0) return room;
    struct room *room = calloc(1, sizeof *room);
    if (room == NULL || (room->name = strdup(name)) == NULL) abort();
    room->next = *bucket;
    return *bucket = room;
}

void enter_room(struct connection *connection, const char *name) {
    struct room *room = room_named(name);
    if (room->count == room->space) {
        room->space = room->space ? 2 * room->space : 2;
        room->members = realloc(room->members, room->space * sizeof *room->members);
        if (room->members == NULL) abort();
    }
    connection->room = room;
    connection->place = room->count;
    room->members[room->count++] = connection;
}

void leave_room(struct connection *connection) {
    struct room *room = connection->room;
    if (room == NULL) return;
    struct connection *last = room->members[--room->count];
    room->members[last->place = connection->place] = last;
    connection->room = NULL;
}

// Nobody leaves meanwhile: a connection that fails is only marked.
void send_to_room(struct room *room, const void *frame, size_t size) {
    for (size_t i = 0; i < room->count; i++) deliver(room->members[i], frame, size);
}
