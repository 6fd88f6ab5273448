#include "connection.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "load.h"

/* Who never reads has little room either, or the kernel alone would keep megabytes for each. */
enum { READ_AT_ONCE = 256 << 10, STOPPED_BUFFER = 8 << 10 };

/* Reads of all connections land here; a connection owns only the piece of a frame it waits for. */
static uint8_t landing[READ_AT_ONCE + FRAME_MOST + FRAME_HEAD_MOST];

static const struct addrinfo *address_of(const struct options *options) {
    static struct addrinfo *address;
    struct addrinfo hints = {.ai_family = AF_INET, .ai_socktype = SOCK_STREAM};
    if (address == NULL && getaddrinfo(options->host, options->port, &hints, &address) != 0)
        give_up("%s: no such host", options->host);
    return address;
}

void connection_start(struct load *load, struct connection *connection) {
    const struct addrinfo *to = address_of(&load->options);
    int on = 1, little = STOPPED_BUFFER, fd = socket(to->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        give_up("socket: %s (see ulimit -n)", strerror(errno));
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (load->plan.people[connection - load->connections].stopped)
        setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &little, sizeof little);
    connection->fd = fd;
    connection->state = CONNECTING;
    connection->began_ns = clock_ns();
    connection->hint = load->plan.people[connection - load->connections].first_member;
    load->pending++;
    struct epoll_event event = {.events = EPOLLOUT, .data.ptr = connection};
    epoll_ctl(load->epoll, EPOLL_CTL_ADD, fd, &event);
    if (connect(fd, to->ai_addr, to->ai_addrlen) < 0 && errno != EINPROGRESS)
        connection_close(load, connection, strerror(errno));
}

static void watch(struct load *load, struct connection *connection) {
    uint32_t events = EPOLLIN | (connection->waits_to_write ? EPOLLOUT : 0u);
    struct epoll_event event = {.events = events, .data.ptr = connection};
    epoll_ctl(load->epoll, EPOLL_CTL_MOD, connection->fd, &event);
}

void connection_flush(struct load *load, struct connection *connection) {
    struct buffer *out = &connection->out;
    if (out->size == 0 || connection->state == CLOSED)
        return;
    ssize_t sent = send(connection->fd, out->data, out->size, MSG_NOSIGNAL);
    if (sent < 0 && errno != EAGAIN && errno != EINTR) {
        connection_close(load, connection, strerror(errno));
        return;
    }
    if (sent > 0) {
        load->counts.bytes_out += (uint64_t)sent;
        buffer_drop(out, (size_t)sent);
    }
    bool waits = out->size > 0;
    if (waits != connection->waits_to_write) {
        connection->waits_to_write = waits;
        watch(load, connection);
    }
}

/* Who is gone is owed nothing more; the ledger tells that it went. */
void connection_close(struct load *load, struct connection *connection, const char *reason) {
    unsigned person = (unsigned)(connection - load->connections);
    bool was_up = connection->state == READY || connection->state == STOPPED;
    if (connection->state != UNUSED) {
        close(connection->fd);
        load->pending -= !was_up;
    }
    load->failed += !was_up;
    load->closed += was_up;
    tally_text(was_up ? &load->closes : &load->failures, reason);
    connection->state = CLOSED;
    buffer_free(&connection->in);
    buffer_free(&connection->out);
    for (unsigned at = load->plan.people[person].first_member; at != NO_MEMBER;
         at = load->plan.members[at].next_of_connection) {
        struct member *member = &load->plan.members[at];
        load->plan.rooms[member->room].live -= member->live;
        member->live = false;
    }
}

/* At the end of the run: said goodbye, not counted. */
void connection_leave(struct connection *connection) {
    static const uint8_t normal[2] = {1000 >> 8, 1000 & 255};
    if (connection->state == UNUSED || connection->state == CLOSED)
        return;
    if (connection->state == READY && connection->out.size == 0) {
        frame_write(&connection->out, CLOSE, normal, sizeof normal);
        send(connection->fd, connection->out.data, connection->out.size, MSG_NOSIGNAL);
    }
    close(connection->fd);
    connection->state = CLOSED;
}

static void upgrade(struct load *load, struct connection *connection) {
    const struct options *options = &load->options;
    const struct dialect *dialect = load->dialect;
    char query[128] = "", text[1024];
    int failed = 0;
    socklen_t size = sizeof failed;
    getsockopt(connection->fd, SOL_SOCKET, SO_ERROR, &failed, &size);
    if (failed) {
        connection_close(load, connection, strerror(failed));
        return;
    }
    if (dialect->query)
        dialect->query(load, connection, query, sizeof query);
    int length = snprintf(text, sizeof text,
                          "GET %s%s HTTP/1.1\r\nHost: %s:%s\r\nUpgrade: websocket\r\n"
                          "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                          "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n%s%s%s\r\n",
                          *options->path ? options->path : dialect->path, query, options->host,
                          options->port, dialect->subprotocol ? "Sec-WebSocket-Protocol: " : "",
                          dialect->subprotocol ? dialect->subprotocol : "",
                          dialect->subprotocol ? "\r\n" : "");
    buffer_append(&connection->out, text, (size_t)length);
    connection->state = UPGRADING;
    watch(load, connection);
    connection_flush(load, connection);
}

/* The bytes of the answer to the upgrade, 0 while it is not whole or after a refusal. */
static size_t read_answer(struct load *load, struct connection *connection, const uint8_t *data,
                          size_t size) {
    const char *end = memmem(data, size, "\r\n\r\n", 4);
    if (end == NULL && size < 16384)
        return 0;
    bool switched = size > 12 && memcmp(data + 8, " 101", 4) == 0;
    if (end == NULL || !switched || !memmem(data, size, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=", 28)) {
        char reason[16] = "no WebSocket";
        if (end && !switched)
            snprintf(reason, sizeof reason, "HTTP%.4s", data + 8);
        connection_close(load, connection, reason);
        return 0;
    }
    connection->state = OPENING;
    load->dialect->opened(load, connection);
    return (size_t)(end + 4 - (const char *)data);
}

void connection_ready(struct load *load, struct connection *connection) {
    load->pending--;
    load->ready++;
    connection->state = READY;
    histogram_record(&load->opens, load->now - connection->began_ns);
    if (!load->plan.people[connection - load->connections].stopped)
        return;
    load->stopped++;
    connection->state = STOPPED;
    epoll_ctl(load->epoll, EPOLL_CTL_DEL, connection->fd, NULL);
}

static void closed_by_server(struct load *load, struct connection *connection,
                             const struct frame *frame) {
    char code[16] = "no code";
    if (frame->size >= 2)
        snprintf(code, sizeof code, "%u", frame->payload[0] << 8 | frame->payload[1]);
    frame_write(&connection->out, CLOSE, frame->payload, frame->size < 2 ? 0 : 2);
    send(connection->fd, connection->out.data, connection->out.size, MSG_NOSIGNAL);
    connection_close(load, connection, code);
}

static void take_frame(struct load *load, struct connection *connection,
                       const struct frame *frame) {
    if (frame->opcode == BINARY || frame->opcode == TEXT)
        load->dialect->frame(load, connection, frame);
    else if (frame->opcode == PING)
        frame_write(&connection->out, PONG, frame->payload, frame->size);
    else if (frame->opcode == CLOSE)
        closed_by_server(load, connection, frame);
}

/* How much of *data* was whole. */
static size_t consume(struct load *load, struct connection *connection, const uint8_t *data,
                      size_t size) {
    size_t used = 0;
    if (connection->state == UPGRADING)
        used = read_answer(load, connection, data, size);
    while (connection->state == OPENING || connection->state == READY) {
        struct frame frame;
        long cut = frame_cut(data + used, size - used, &frame);
        if (cut == 0)
            break;
        if (cut < 0) {
            load->faults.bad_frames++;
            connection_close(load, connection, "bad frame");
            break;
        }
        used += (size_t)cut;
        take_frame(load, connection, &frame);
    }
    return used;
}

void connection_read(struct load *load, struct connection *connection) {
    size_t held = connection->in.size;
    if (held)
        memcpy(landing, connection->in.data, held);
    ssize_t got = recv(connection->fd, landing + held, READ_AT_ONCE, 0);
    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (got <= 0) {
        connection_close(load, connection, got == 0 ? "end of stream" : strerror(errno));
        return;
    }
    load->now = clock_ns();
    load->counts.bytes_in += (uint64_t)got;
    size_t size = held + (size_t)got, used = consume(load, connection, landing, size);
    if (connection->state == CLOSED)
        return;
    connection->in.size = 0;
    buffer_append(&connection->in, landing + used, size - used);
}

void connection_event(struct load *load, struct connection *connection, uint32_t events) {
    if (connection->state == CONNECTING)
        upgrade(load, connection);
    else if (connection->state != CLOSED && (events & (EPOLLIN | EPOLLHUP | EPOLLERR)))
        connection_read(load, connection);
    connection_flush(load, connection);
}
