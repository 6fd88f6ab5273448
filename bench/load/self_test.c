/* How fast the reading half is when nothing holds it back: a child process pushes frames of a room
 * through socket pairs, and everything that a real run does with a delivery is done with these. */
#include <signal.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "load.h"
#include "msgpack.h"

enum { MEMBERS = 64, FRAMES_AT_ONCE = 256, BODY = 64 };

static const char room_id[] = "2k2jjpyzt6g6d8ff", user_id[] = "d2d4xrw447cdd8m1";

/* The keys in the order in which the server writes them. */
static void append_message(struct buffer *out, uint32_t number) {
    static struct buffer payload;
    struct stamp stamp = {clock_ns(), 0, number};
    payload.size = 0;
    msgpack_put_map(&payload, 7);
    MSGPACK_PUT(&payload, "t");
    MSGPACK_PUT(&payload, "message");
    MSGPACK_PUT(&payload, "room");
    MSGPACK_PUT(&payload, room_id);
    MSGPACK_PUT(&payload, "seq");
    msgpack_put_number(&payload, number);
    MSGPACK_PUT(&payload, "at");
    msgpack_put_number(&payload, 1795230584800u);
    MSGPACK_PUT(&payload, "sender");
    MSGPACK_PUT(&payload, user_id);
    MSGPACK_PUT(&payload, "kind");
    MSGPACK_PUT(&payload, "text");
    MSGPACK_PUT(&payload, "body");
    msgpack_put_string_head(&payload, BODY);
    body_append(&payload, stamp, BODY);
    uint8_t head[FRAME_HEAD_MOST];
    buffer_append(out, head, frame_head(head, BINARY, payload.size, 0));
    buffer_append(out, payload.data, payload.size);
}

static void push(const int sockets[MEMBERS]) {
    struct buffer batch = {0};
    for (uint32_t number = 1;; batch.size = 0) {
        for (unsigned i = 0; i < FRAMES_AT_ONCE; i++)
            append_message(&batch, number++);
        for (unsigned i = 0; i < MEMBERS; i++)
            for (size_t at = 0; at < batch.size;) {
                ssize_t sent = send(sockets[i], batch.data + at, batch.size - at, MSG_NOSIGNAL);
                if (sent <= 0)
                    _exit(0);
                at += (size_t)sent;
            }
    }
}

static void open_pairs(struct load *load, int theirs[MEMBERS]) {
    for (unsigned i = 0; i < MEMBERS; i++) {
        int pair[2], room = 1 << 20;
        if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) < 0)
            give_up("no socket pair");
        setsockopt(pair[1], SOL_SOCKET, SO_SNDBUF, &room, sizeof room);
        theirs[i] = pair[1];
        load->connections[i] = (struct connection){.fd = pair[0], .state = READY, .hint = i};
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = &load->connections[i]};
        epoll_ctl(load->epoll, EPOLL_CTL_ADD, pair[0], &event);
    }
}

static void prepare(struct load *load) {
    load->options.body = BODY;
    load->dialect = &madang;
    load->window_ns = UINT64_MAX;
    load->epoll = epoll_create1(EPOLL_CLOEXEC);
    load->connections = must(calloc(MEMBERS, sizeof *load->connections));
    plan_blank(&load->plan, 1, MEMBERS);
    load->plan.rooms[0].id = (struct slice){(const uint8_t *)room_id, sizeof room_id - 1};
    for (unsigned i = 0; i < MEMBERS; i++)
        ledger_welcome(load, &load->plan.members[i], 0);
    load->plan.members[0].sent = UINT32_MAX;
    body_prepare(BODY);
}

static double cpu_s(void) {
    struct rusage used;
    getrusage(RUSAGE_SELF, &used);
    return (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
           1e-6 * (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec);
}

static void take_for(struct load *load, double seconds) {
    struct epoll_event events[MEMBERS];
    uint64_t end = clock_ns() + (uint64_t)(seconds * 1e9);
    while (clock_ns() < end) {
        int count = epoll_wait(load->epoll, events, MEMBERS, 100);
        for (int i = 0; i < count; i++)
            connection_event(load, events[i].data.ptr, events[i].events);
    }
}

int self_test(double seconds) {
    static struct load load;
    int theirs[MEMBERS];
    prepare(&load);
    open_pairs(&load, theirs);
    pid_t child = fork();
    if (child == 0)
        push(theirs);
    take_for(&load, 0.2);
    uint64_t began = clock_ns(), before = load.counts.delivered;
    double cpu = cpu_s();
    take_for(&load, seconds);
    double took = (double)(clock_ns() - began) * 1e-9, used = cpu_s() - cpu;
    double delivered = (double)(load.counts.delivered - before);
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    struct faults none = {0};
    bool good = memcmp(&load.faults, &none, sizeof none) == 0;
    printf("{\"t\":\"self_test\",\"deliveries\":%.0f,\"seconds\":%.3f,\"cpu_s\":%.3f,"
           "\"per_s\":%.0f,\"per_cpu_s\":%.0f,\"good\":%s}\n",
           delivered, took, used, delivered / took, delivered / used, good ? "true" : "false");
    return 0;
}
