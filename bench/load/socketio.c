/* Socket.IO 5 on Engine.IO 4, over WebSocket alone: one text event `m` with the body. */
#include "load.h"

static const char before[] = "42[\"m\",\"", after[] = "\"]";

enum { BEFORE = sizeof before - 1, AFTER = sizeof after - 1 };

static void query(const struct load *load, const struct connection *connection, char *out,
                  size_t room) {
    char place[96];
    raw.query(load, connection, place, sizeof place);
    snprintf(out, room, "?EIO=4&transport=websocket&%s", place + 1);
}

/* The server opens first. */
static void opened(struct load *load, struct connection *connection) {
    (void)load;
    (void)connection;
}

static void event(struct load *load, struct connection *connection, const struct frame *frame) {
    if (frame->size < BEFORE + AFTER || memcmp(frame->payload, before, BEFORE) != 0 ||
        memcmp(frame->payload + frame->size - AFTER, after, AFTER) != 0) {
        load->faults.foreign++;
        return;
    }
    ledger_relayed(load, &load->plan.members[connection->hint],
                   (struct slice){frame->payload + BEFORE, frame->size - BEFORE - AFTER});
}

static void frame(struct load *load, struct connection *connection, const struct frame *frame) {
    uint8_t kind = frame->size ? frame->payload[0] : 0;
    uint8_t inner = frame->size > 1 ? frame->payload[1] : 0;
    if (kind == '4' && inner == '2')
        event(load, connection, frame);
    else if (kind == '0')
        frame_write(&connection->out, TEXT, (const uint8_t *)"40", 2);
    else if (kind == '2')
        frame_write(&connection->out, TEXT, (const uint8_t *)"3", 1);
    else if (kind == '4' && inner == '0' && connection->state == OPENING)
        connection_ready(load, connection);
    else if (kind == '1' || (kind == '4' && (inner == '1' || inner == '4')))
        connection_close(load, connection, inner == '4' ? "refused" : "disconnected");
    else
        tally_add(&load->frames, (struct slice){frame->payload, frame->size < 2 ? frame->size : 2});
}

static void say(struct load *load, struct connection *connection, const struct member *member,
                struct stamp stamp) {
    struct buffer *payload = &load->payload;
    (void)member;
    payload->size = 0;
    buffer_append(payload, before, BEFORE);
    body_append(payload, stamp, load->options.body);
    buffer_append(payload, after, AFTER);
    frame_write(&connection->out, TEXT, payload->data, payload->size);
}

const struct dialect socketio = {
    .path = "/socket.io/", .query = query, .opened = opened, .frame = frame, .say = say};
