/* A relay: room and user in the query; what one sends, all members get, the sender too. */
#include "load.h"

static void query(const struct load *load, const struct connection *connection, char *out,
                  size_t room) {
    const struct person *person = &load->plan.people[connection - load->connections];
    const struct member *member = &load->plan.members[person->first_member];
    unsigned user = person->first_member - load->plan.rooms[member->room].first;
    snprintf(out, room, "?room=%u&user=%u", member->room, user);
}

static void frame(struct load *load, struct connection *connection, const struct frame *frame) {
    ledger_relayed(load, &load->plan.members[connection->hint],
                   (struct slice){frame->payload, frame->size});
}

static void say(struct load *load, struct connection *connection, const struct member *member,
                struct stamp stamp) {
    struct buffer *payload = &load->payload;
    (void)member;
    payload->size = 0;
    body_append(payload, stamp, load->options.body);
    frame_write(&connection->out, BINARY, payload->data, payload->size);
}

const struct dialect raw = {
    .path = "/", .query = query, .opened = connection_ready, .frame = frame, .say = say};
