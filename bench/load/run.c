/* The course of a run: connect, settle, warm up, measure, drain. */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "load.h"

enum { EVENTS_AT_ONCE = 512, SECOND = 1000000000, TICK_MS = 20 };

static volatile sig_atomic_t asked_to_stop;

static void stop(int number) {
    (void)number;
    asked_to_stop = 1;
}

static struct moment moment_now(const struct load *load) {
    struct rusage used;
    getrusage(RUSAGE_SELF, &used);
    uint64_t us = (uint64_t)(used.ru_utime.tv_usec + used.ru_stime.tv_usec);
    uint64_t seconds = (uint64_t)(used.ru_utime.tv_sec + used.ru_stime.tv_sec);
    return (struct moment){clock_ns(), seconds * SECOND + us * 1000, load->counts};
}

/* Once a second, and when a phase begins, so that others can look at the server just then. */
static void tell_progress(const struct load *load) {
    static uint64_t due;
    static const char *phase;
    if (load->now < due && phase == load->phase)
        return;
    due = load->now + SECOND;
    phase = load->phase;
    report_progress(load);
}

static void enter(struct load *load, const char *phase) {
    load->phase = phase;
    load->now = clock_ns();
    tell_progress(load);
}

static void turn(struct load *load) {
    struct epoll_event events[EVENTS_AT_ONCE];
    int count = epoll_wait(load->epoll, events, EVENTS_AT_ONCE, TICK_MS);
    load->now = clock_ns();
    for (int i = 0; i < count; i++) {
        if (events[i].data.ptr == NULL) {
            uint64_t ticks;
            if (read(load->timer, &ticks, sizeof ticks) < 0)
                continue;
        } else {
            connection_event(load, events[i].data.ptr, events[i].events);
        }
    }
    pace_turn(load);
    tell_progress(load);
}

/* Where all were closed, or nobody came up, there is nothing to wait for. */
static bool anybody_left(const struct load *load) {
    return load->closed < load->ready && !asked_to_stop;
}

static void turn_until(struct load *load, const char *phase, uint64_t end_ns) {
    enter(load, phase);
    while (clock_ns() < end_ns && anybody_left(load))
        turn(load);
}

static uint64_t in_seconds(double seconds) { return clock_ns() + (uint64_t)(seconds * SECOND); }

static bool came_up(const struct load *load) {
    bool settled = load->started == load->plan.person_count && load->pending == 0;
    bool replayed = load->options.mode != STORM ||
                    load->resumed + load->closed + load->failed + load->stopped >= load->started;
    return settled && replayed;
}

static void connect_all(struct load *load) {
    uint64_t end = in_seconds(load->options.connect_s);
    unsigned most = load->options.connecting ? load->options.connecting : UINT32_MAX;
    load->began = moment_now(load);
    enter(load, "connect");
    while (!came_up(load) && clock_ns() < end && !asked_to_stop) {
        while (load->started < load->plan.person_count && load->pending < most)
            connection_start(load, &load->connections[load->started++]);
        turn(load);
    }
    load->connected = moment_now(load);
    for (unsigned i = 0; i < load->plan.person_count; i++)
        if (load->connections[i].state < READY)
            connection_close(load, &load->connections[i], "took too long");
    report_connected(load);
}

static void send_and_drain(struct load *load) {
    turn_until(load, "settle", in_seconds(load->options.settle_s));
    load->window_from = in_seconds(load->options.warmup_s);
    load->window_ns = (uint64_t)(load->options.seconds * SECOND);
    pace_begin(load);
    turn_until(load, "warmup", load->window_from);
    load->window = moment_now(load);
    turn_until(load, "run", load->window_from + load->window_ns);
    load->sending = false;
    load->after = moment_now(load);
    enter(load, "drain");
    uint64_t end = in_seconds(load->options.drain_s);
    while (!ledger_complete(load) && clock_ns() < end && anybody_left(load))
        turn(load);
}

static void wait_about(struct load *load) {
    double seconds = load->options.mode == HOLD ? load->options.seconds : load->options.settle_s;
    load->window = moment_now(load);
    turn_until(load, load->options.mode == HOLD ? "hold" : "settle", in_seconds(seconds));
    load->after = moment_now(load);
    enter(load, "end");
}

static void prepare(struct load *load) {
    struct rlimit files;
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    if (load->plan.person_count + 16 > files.rlim_max)
        give_up("%u connections, but ulimit -Hn is %lu", load->plan.person_count,
                (unsigned long)files.rlim_max);
    body_prepare(load->options.body);
    ledger_open(load);
    load->connections = must(calloc(load->plan.person_count, sizeof *load->connections));
    load->epoll = epoll_create1(EPOLL_CLOEXEC);
    load->timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    struct epoll_event timer = {.events = EPOLLIN};
    epoll_ctl(load->epoll, EPOLL_CTL_ADD, load->timer, &timer);
    struct sigaction action = {.sa_handler = stop};
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
}

void run(struct load *load) {
    prepare(load);
    connect_all(load);
    if (load->options.mode == HOLD || load->options.mode == STORM)
        wait_about(load);
    else
        send_and_drain(load);
    ledger_close(load);
    report_result(load);
    for (unsigned i = 0; i < load->plan.person_count; i++)
        connection_leave(&load->connections[i]);
}
