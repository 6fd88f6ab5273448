/* One WebSocket to the server, from connect(2) to the close. */
#pragma once

#include "frame.h"

struct load;
struct member;
struct stamp;

enum state { UNUSED, CONNECTING, UPGRADING, OPENING, READY, STOPPED, CLOSED };

struct connection {
    int fd;
    enum state state;
    bool waits_to_write, resumed;
    unsigned hint; /* the membership of the last event: mostly that of the next one too */
    uint64_t began_ns;
    struct buffer in, out; /* a frame that is not whole yet, and what the socket did not take */
};

/* How to speak with a kind of server. */
struct dialect {
    const char *path, *subprotocol;
    void (*query)(const struct load *load, const struct connection *connection, char *out,
                  size_t room);
    void (*opened)(struct load *load, struct connection *connection);
    void (*frame)(struct load *load, struct connection *connection, const struct frame *frame);
    void (*say)(struct load *load, struct connection *connection, const struct member *member,
                struct stamp stamp);
};

extern const struct dialect madang, raw, socketio;

void connection_start(struct load *load, struct connection *connection);
void connection_event(struct load *load, struct connection *connection, uint32_t events);
void connection_read(struct load *load, struct connection *connection);
void connection_ready(struct load *load, struct connection *connection);
void connection_flush(struct load *load, struct connection *connection);
void connection_close(struct load *load, struct connection *connection, const char *reason);
void connection_leave(struct connection *connection);
