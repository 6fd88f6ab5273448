// The floor under every peer: a room relay of WebSockets in C, with as little as there can be above
// the system calls. `--each` makes one send() for every delivery; `--joined` makes one for every
// socket and turn of the loop, with all the frames that wait for it.
#define _GNU_SOURCE
#include "handshake.h"
#include "relay.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BACKLOG = 4096, READY_MOST = 1024, READ_MOST = 1 << 16, HEAD_MOST = 8192 };

static int epoll_fd, listener;
static bool joined;
static struct connection *first_dirty, *first_doomed;

static void stop_because(const char *what) {
    perror(what);
    exit(1);
}

static void watch(struct connection *connection, int how, uint32_t events) {
    struct epoll_event event = {.events = events, .data.ptr = connection};
    int fd = connection ? connection->fd : listener;
    if (epoll_ctl(epoll_fd, how, fd, &event)) stop_because("epoll_ctl");
}

void doom(struct connection *connection) {
    if (connection->doomed) return;
    connection->doomed = true;
    connection->next_doomed = first_doomed;
    first_doomed = connection;
}

static void set_blocked(struct connection *connection, bool blocked) {
    if (connection->blocked == blocked) return;
    connection->blocked = blocked;
    watch(connection, EPOLL_CTL_MOD, blocked ? EPOLLIN | EPOLLOUT : EPOLLIN);
}

// How many bytes the socket took.
static size_t send_some(struct connection *connection, const void *bytes, size_t count) {
    ssize_t sent = send(connection->fd, bytes, count, MSG_NOSIGNAL);
    if (sent >= 0) return (size_t)sent;
    if (errno != EAGAIN && errno != EINTR) doom(connection);
    return 0;
}

static void flush(struct connection *connection) {
    struct buffer *out = &connection->out;
    if (waiting(out)) consume(out, send_some(connection, out->bytes + out->start, waiting(out)));
    if (connection->doomed) return;
    set_blocked(connection, waiting(out) > 0);
    if (connection->closing && !connection->blocked) doom(connection);
}

static void mark_dirty(struct connection *connection) {
    if (connection->dirty) return;
    connection->dirty = true;
    connection->next_dirty = first_dirty;
    first_dirty = connection;
}

// What the socket does not take at once waits in `out`, and all that comes after it as well.
void deliver(struct connection *connection, const void *bytes, size_t count) {
    if (connection->doomed) return;
    size_t sent = 0;
    if (!joined && !waiting(&connection->out)) sent = send_some(connection, bytes, count);
    if (sent < count) append(&connection->out, (const char *)bytes + sent, count - sent);
    if (sent < count || connection->closing) mark_dirty(connection);
}

// Returns how many bytes the head was; 0 when it is not whole.
static size_t take_head(struct connection *connection, const unsigned char *bytes, size_t count) {
    char head[HEAD_MOST + 1], room[ROOM_NAME_SPACE], response[RESPONSE_SPACE];
    const unsigned char *end = memmem(bytes, count, "\r\n\r\n", 4);
    size_t size = end ? (size_t)(end - bytes) + 4 : count;
    if (size > HEAD_MOST) doom(connection);
    if (size > HEAD_MOST || end == NULL) return 0;
    memcpy(head, bytes, size);
    head[size] = 0;
    connection->opened = answer_handshake(head, room, response);
    connection->closing = !connection->opened;
    if (connection->opened) enter_room(connection, room);
    deliver(connection, response, strlen(response));
    return size;
}

static size_t take(struct connection *connection, unsigned char *bytes, size_t count) {
    size_t head = connection->opened ? 0 : take_head(connection, bytes, count);
    if (!connection->opened) return head;
    return head + take_frames(connection, bytes + head, count - head);
}

// Bytes are cut where they were read; only the rest of a frame is kept for later.
static void read_from(struct connection *connection) {
    static unsigned char bytes[READ_MOST];
    struct buffer *in = &connection->in;
    ssize_t count = recv(connection->fd, bytes, sizeof bytes, 0);
    if (count <= 0) {
        if (count == 0 || (errno != EAGAIN && errno != EINTR)) doom(connection);
    } else if (connection->closing) {
        return;
    } else if (waiting(in)) {
        append(in, bytes, (size_t)count);
        consume(in, take(connection, in->bytes + in->start, waiting(in)));
    } else {
        size_t taken = take(connection, bytes, (size_t)count);
        if (taken < (size_t)count) append(in, bytes + taken, (size_t)count - taken);
    }
}

static void accept_all(void) {
    int fd, on = 1;
    while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
        struct connection *connection = calloc(1, sizeof *connection);
        if (connection == NULL) abort();
        connection->fd = fd;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        watch(connection, EPOLL_CTL_ADD, EPOLLIN);
    }
}

static void serve(struct connection *connection, uint32_t events) {
    if (connection == NULL) {
        accept_all();
        return;
    }
    if (events & EPOLLOUT) flush(connection);
    if (events & ~(uint32_t)EPOLLOUT && !connection->doomed) read_from(connection);
}

static void flush_dirty(void) {
    while (first_dirty) {
        struct connection *connection = first_dirty;
        first_dirty = connection->next_dirty;
        connection->dirty = false;
        if (!connection->doomed && !connection->blocked) flush(connection);
    }
}

// Only here is memory given back: until now an event or a room may have pointed to it.
static void end_doomed(void) {
    while (first_doomed) {
        struct connection *connection = first_doomed;
        first_doomed = connection->next_doomed;
        leave_room(connection);
        close(connection->fd);
        free(connection->in.bytes);
        free(connection->parts.bytes);
        free(connection->out.bytes);
        free(connection);
    }
}

static void listen_on(uint16_t port) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int on = 1;
    listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(listener, (struct sockaddr *)&address, sizeof address)) stop_because("bind");
    if (listen(listener, BACKLOG)) stop_because("listen");
    epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    watch(NULL, EPOLL_CTL_ADD, EPOLLIN);
}

int main(int count, char **arguments) {
    int port = 0;
    for (int i = 1; i < count; i++) {
        if (strcmp(arguments[i], "--joined") == 0) joined = true;
        else if (strcmp(arguments[i], "--port") == 0 && i + 1 < count) port = atoi(arguments[++i]);
        else if (strcmp(arguments[i], "--each") != 0) port = -1;
    }
    if (port <= 0 || port > UINT16_MAX) {
        fprintf(stderr, "usage: floor --port N --each|--joined\n");
        return 2;
    }
    listen_on((uint16_t)port);
    puts("ready");
    fflush(stdout);
    for (;;) {
        struct epoll_event ready[READY_MOST];
        int found = epoll_wait(epoll_fd, ready, READY_MOST, -1);
        for (int i = 0; i < found; i++) serve(ready[i].data.ptr, ready[i].events);
        flush_dirty();
        end_doomed();
    }
}
