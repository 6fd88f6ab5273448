/* What people do beside talking, each by its own clock: they read, type, look back, come and go. */
#include "load.h"
#include "msgpack.h"

static const uint8_t yes = 0xc3;

static uint64_t dice = 88172645463325252u;

/* The same people at the same moments in every run. */
static uint64_t roll(void) {
    dice ^= dice << 13;
    dice ^= dice >> 7;
    dice ^= dice << 17;
    return dice;
}

static void begin(struct buffer *out, uint8_t pairs, const char *kind) {
    out->size = 0;
    msgpack_put_map(out, pairs);
    MSGPACK_PUT(out, "t");
    msgpack_put_string(out, kind, strlen(kind));
}

static void put_room(struct buffer *out, struct slice id) {
    MSGPACK_PUT(out, "room");
    msgpack_put_string(out, id.data, id.size);
}

static void read_all(struct buffer *out, const struct member *member, struct slice room) {
    begin(out, 3, "read");
    put_room(out, room);
    MSGPACK_PUT(out, "seq");
    msgpack_put_number(out, member->seen.last);
}

static void type(struct buffer *out, const struct member *member, struct slice room) {
    (void)member;
    begin(out, 3, "typing");
    put_room(out, room);
    MSGPACK_PUT(out, "on");
    buffer_append(out, &yes, 1);
}

static void look_back(struct buffer *out, const struct member *member, struct slice room) {
    (void)member;
    begin(out, 2, "history");
    put_room(out, room);
}

static void go_or_come(struct buffer *out, const struct member *member, struct slice room) {
    (void)member;
    (void)room;
    begin(out, 2, "status");
    MSGPACK_PUT(out, "state");
    if (roll() & 1)
        MSGPACK_PUT(out, "away");
    else
        MSGPACK_PUT(out, "online");
}

static void (*const writers[MIXED])(struct buffer *, const struct member *, struct slice) = {
    read_all, type, look_back, go_or_come};

static void act(struct load *load, unsigned kind) {
    struct member *member = &load->plan.members[roll() % load->plan.member_count];
    struct connection *connection = &load->connections[member->connection];
    if (!member->live || connection->state != READY)
        return;
    writers[kind](&load->payload, member, load->plan.rooms[member->room].id);
    frame_write(&connection->out, BINARY, load->payload.data, load->payload.size);
    connection_flush(load, connection);
    load->mixed++;
}

void mix_turn(struct load *load) {
    static uint64_t began, done[MIXED];
    if (began == 0)
        began = load->now;
    for (unsigned kind = 0; kind < MIXED; kind++)
        for (double due = (double)(load->now - began) * 1e-9 * load->options.mix[kind];
             (double)done[kind] < due; done[kind]++)
            act(load, kind);
}
