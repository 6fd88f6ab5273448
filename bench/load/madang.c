/* The wire protocol in msgpack. One frame is read in one pass, whatever the order of its keys. */
#include "load.h"
#include "msgpack.h"

struct event {
    struct slice t, room, id, body;
    uint64_t seq, from, to, unread, upto, last_seq;
    struct reader code, rooms; /* where the values begin: text or number, and a list */
};

static void skip_to(struct reader *reader, struct reader *kept) {
    *kept = *reader;
    msgpack_skip(reader);
}

/* The keys that only rare frames have. */
static void take_rare(struct reader *reader, struct slice key, struct event *event) {
    if (SLICE_IS(key, "code"))
        skip_to(reader, &event->code);
    else if (SLICE_IS(key, "rooms"))
        skip_to(reader, &event->rooms);
    else if (SLICE_IS(key, "from"))
        event->from = msgpack_number(reader);
    else if (SLICE_IS(key, "to"))
        event->to = msgpack_number(reader);
    else if (SLICE_IS(key, "upto"))
        event->upto = msgpack_number(reader);
    else if (SLICE_IS(key, "unread"))
        event->unread = msgpack_number(reader);
    else if (SLICE_IS(key, "last_seq"))
        event->last_seq = msgpack_number(reader);
    else
        msgpack_skip(reader);
}

static inline void take_key(struct reader *reader, struct event *event) {
    struct slice key = {0};
    msgpack_string(reader, &key);
    if (SLICE_IS(key, "t"))
        msgpack_string(reader, &event->t);
    else if (SLICE_IS(key, "room"))
        msgpack_string(reader, &event->room);
    else if (SLICE_IS(key, "seq"))
        event->seq = msgpack_number(reader);
    else if (SLICE_IS(key, "body"))
        msgpack_string(reader, &event->body);
    else if (SLICE_IS(key, "id"))
        msgpack_string(reader, &event->id);
    else if (SLICE_IS(key, "at") || SLICE_IS(key, "kind") || SLICE_IS(key, "sender"))
        msgpack_skip(reader);
    else
        take_rare(reader, key, event);
}

static struct member *member_in(struct load *load, struct connection *connection,
                                struct slice room) {
    struct member *members = load->plan.members;
    unsigned first = load->plan.people[connection - load->connections].first_member;
    for (unsigned at = connection->hint, round = 0; round < 2; at = first, round++)
        for (; at != NO_MEMBER; at = members[at].next_of_connection) {
            struct slice id = load->plan.rooms[members[at].room].id;
            if (id.size == room.size && memcmp(id.data, room.data, id.size) == 0) {
                connection->hint = at;
                return &members[at];
            }
        }
    return NULL;
}

static void append_resume(struct load *load, unsigned first, struct buffer *out) {
    const struct member *members = load->plan.members;
    uint32_t pairs = 0;
    for (unsigned at = first; at != NO_MEMBER; at = members[at].next_of_connection)
        pairs += members[at].cursor != NO_CURSOR;
    msgpack_put_wide_map(out, pairs);
    for (unsigned at = first; at != NO_MEMBER; at = members[at].next_of_connection) {
        if (members[at].cursor == NO_CURSOR)
            continue;
        struct slice id = load->plan.rooms[members[at].room].id;
        msgpack_put_string(out, id.data, id.size);
        msgpack_put_number(out, members[at].cursor);
    }
}

static void opened(struct load *load, struct connection *connection) {
    const struct person *person = &load->plan.people[connection - load->connections];
    struct buffer *payload = &load->payload;
    payload->size = 0;
    msgpack_put_map(payload, 3);
    MSGPACK_PUT(payload, "t");
    MSGPACK_PUT(payload, "hello");
    MSGPACK_PUT(payload, "token");
    msgpack_put_string(payload, person->token.data, person->token.size);
    MSGPACK_PUT(payload, "resume");
    append_resume(load, person->first_member, payload);
    frame_write(&connection->out, BINARY, payload->data, payload->size);
}

static void take_room(struct load *load, struct connection *connection, struct reader *reader) {
    struct event event = {0};
    for (uint32_t pairs = msgpack_map(reader); pairs > 0 && !reader->bad; pairs--)
        take_key(reader, &event);
    struct member *member = member_in(load, connection, event.id);
    if (member && !reader->bad)
        ledger_welcome(load, member, event.last_seq);
}

/* Once all rooms of a connection have come to where they were when it was welcomed. */
static void look_whether_resumed(struct load *load, struct connection *connection) {
    unsigned first = load->plan.people[connection - load->connections].first_member;
    if (connection->resumed || connection->state != READY)
        return;
    for (unsigned at = first; at != NO_MEMBER; at = load->plan.members[at].next_of_connection)
        if (load->plan.members[at].seen.last < load->plan.members[at].target)
            return;
    connection->resumed = true;
    load->resumed++;
    histogram_record(&load->resumes, load->now - connection->began_ns);
}

/* A member of whose room the server says nothing is none. */
static void welcome(struct load *load, struct connection *connection, struct reader rooms) {
    unsigned first = load->plan.people[connection - load->connections].first_member;
    for (uint32_t left = msgpack_array(&rooms); left > 0 && !rooms.bad; left--)
        take_room(load, connection, &rooms);
    load->faults.bad_frames += rooms.bad;
    for (unsigned at = first; at != NO_MEMBER; at = load->plan.members[at].next_of_connection)
        if (load->plan.members[at].target == NO_BASE) {
            connection_close(load, connection, "not a member");
            return;
        }
    connection_ready(load, connection);
}

static bool read_id(const struct load *load, const struct member *member, struct slice id,
                    struct stamp *stamp) {
    if (id.size != BODY_HEAD)
        return false;
    *stamp = body_read(id.data);
    return member == &load->plan.members[stamp->sender < load->plan.member_count ? stamp->sender : 0];
}

static void ack(struct load *load, struct member *member, const struct event *event) {
    struct stamp stamp;
    if (member && read_id(load, member, event->id, &stamp))
        ledger_ack(load, member, stamp, event->seq);
    else
        load->faults.foreign++;
}

static void refusal(struct load *load, struct member *member, struct event *event) {
    struct stamp stamp;
    struct slice code = {(const uint8_t *)"?", 1};
    msgpack_string(&event->code, &code);
    tally_add(&load->refusals, code);
    if (member && read_id(load, member, event->id, &stamp))
        pace_refused(load, member);
}

static void take_other(struct load *load, struct connection *connection, struct member *member,
                       struct event *event) {
    tally_add(&load->frames, event->t);
    if (SLICE_IS(event->t, "welcome") && connection->state == OPENING)
        welcome(load, connection, event->rooms);
    else if (SLICE_IS(event->t, "error"))
        refusal(load, member, event);
    else if (member && SLICE_IS(event->t, "gap"))
        ledger_gap(load, member, event->to);
    else if (member && SLICE_IS(event->t, "unread"))
        ledger_unread(load, member, event->upto, event->last_seq, event->unread);
    else if (member && event->seq)
        ledger_seq(load, member, event->seq);
}

static void frame(struct load *load, struct connection *connection, const struct frame *frame) {
    struct reader reader = {frame->payload, frame->payload + frame->size, false};
    struct event event = {0};
    for (uint32_t pairs = msgpack_map(&reader); pairs > 0 && !reader.bad; pairs--)
        take_key(&reader, &event);
    if (reader.bad || event.t.size == 0) {
        load->faults.bad_frames++;
        return;
    }
    struct member *member =
        event.room.size ? member_in(load, connection, event.room) : NULL;
    if (member && SLICE_IS(event.t, "message"))
        ledger_message(load, member, event.seq, event.body);
    else if (SLICE_IS(event.t, "ack"))
        ack(load, member, &event);
    else
        take_other(load, connection, member, &event);
    if (load->options.mode == STORM)
        look_whether_resumed(load, connection);
}

/* The idempotency key is the stamp itself, so that the ack tells when the send was meant to leave. */
static void say(struct load *load, struct connection *connection, const struct member *member,
                struct stamp stamp) {
    struct buffer *payload = &load->payload;
    struct slice room = load->plan.rooms[member->room].id;
    uint8_t id[BODY_HEAD];
    body_write(id, stamp);
    payload->size = 0;
    msgpack_put_map(payload, 4);
    MSGPACK_PUT(payload, "t");
    MSGPACK_PUT(payload, "send");
    MSGPACK_PUT(payload, "room");
    msgpack_put_string(payload, room.data, room.size);
    MSGPACK_PUT(payload, "id");
    msgpack_put_string(payload, id, sizeof id);
    MSGPACK_PUT(payload, "body");
    msgpack_put_string_head(payload, load->options.body);
    body_append(payload, stamp, load->options.body);
    frame_write(&connection->out, BINARY, payload->data, payload->size);
}

const struct dialect madang = {.path = "/ws", .subprotocol = "madang.v1.msgpack",
                               .opened = opened, .frame = frame, .say = say};
