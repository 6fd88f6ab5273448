// Connections, their buffers, and the rooms they are in.
#ifndef RELAY_H
#define RELAY_H

#include <stdbool.h>
#include <stddef.h>

// Bytes from start to end wait; what is before start is done with.
struct buffer {
    unsigned char *bytes;
    size_t start, end, space;
};

struct room;

struct connection {
    int fd;
    bool opened;   // the handshake is done
    bool closing;  // a close frame waits in `out`: nothing more is read
    bool doomed;   // ends with this turn of the loop
    bool dirty;    // has something to be sent at the end of this turn
    bool blocked;  // its socket is full: epoll tells when it goes on
    unsigned char parts_opcode;
    struct buffer in;     // the beginning of a frame that is not whole yet
    struct buffer parts;  // a message that comes in fragments
    struct buffer out;    // without a bound: a relay that drops nothing has none to offer
    struct room *room;
    size_t place;  // in its room
    struct connection *next_dirty, *next_doomed;
};

// buffer.c
void append(struct buffer *buffer, const void *bytes, size_t count);
void consume(struct buffer *buffer, size_t count);
static inline size_t waiting(const struct buffer *buffer) { return buffer->end - buffer->start; }

// room.c
void enter_room(struct connection *connection, const char *name);
void leave_room(struct connection *connection);
void send_to_room(struct room *room, const void *frame, size_t size);

// frame.c
// Takes the frames that are whole. Returns how many bytes that was.
size_t take_frames(struct connection *connection, unsigned char *bytes, size_t count);

// floor.c
void deliver(struct connection *connection, const void *bytes, size_t count);
void doom(struct connection *connection);

#endif
