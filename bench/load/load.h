/* The state of a run, and which part of the program does what with it. */
#pragma once

#include <time.h>

#include "body.h"
#include "connection.h"
#include "histogram.h"
#include "options.h"
#include "plan.h"
#include "tally.h"

struct counts {
    uint64_t sent, acked, refused, delivered, bytes_in, bytes_out;
};

/* All zero in a run that may be believed. */
struct faults {
    uint64_t lost, duplicated, reordered, mismatched, foreign, bad_frames, unread_drifted,
        unanswered;
};

struct moment {
    uint64_t ns, cpu_ns;
    struct counts counts;
};

struct load {
    struct options options;
    struct plan plan;
    const struct dialect *dialect;
    struct connection *connections;
    unsigned started, pending, ready, failed, closed, resumed, stopped;
    struct counts counts;
    uint64_t expected, gaps, unread_checked, mixed;
    struct faults faults;
    struct histogram acks, deliveries, lasts, opens, resumes;
    struct tally refusals, closes, failures, frames;
    struct moment began, connected, window, after;
    uint64_t window_from, window_ns; /* of messages meant to leave then the latency counts */
    bool sending, short_of;
    int epoll, timer;
    uint64_t now;
    const char *phase;
    struct buffer payload;
};

static inline uint64_t clock_ns(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

static inline bool in_window(const struct load *load, uint64_t intended_ns) {
    return intended_ns - load->window_from < load->window_ns;
}

void ledger_open(struct load *load);
void ledger_welcome(struct load *load, struct member *member, uint64_t last_seq);
void ledger_seq(struct load *load, struct member *member, uint64_t seq);
void ledger_gap(struct load *load, struct member *member, uint64_t to);
void ledger_message(struct load *load, struct member *member, uint64_t seq, struct slice body);
void ledger_relayed(struct load *load, struct member *member, struct slice body);
void ledger_ack(struct load *load, struct member *member, struct stamp stamp, uint64_t seq);
void ledger_unread(struct load *load, struct member *member, uint64_t upto, uint64_t last_seq,
                   uint64_t unread);
void ledger_close(struct load *load);
bool ledger_complete(const struct load *load);

void pace_begin(struct load *load);
void pace_own(struct load *load, struct member *member);
void pace_refused(struct load *load, struct member *member);
void pace_turn(struct load *load);

void last_said(const struct load *load, struct member *member, uint32_t number);
void last_delivered(struct load *load, struct stamp stamp);

void mix_turn(struct load *load);

void run(struct load *load);
void report_progress(const struct load *load);
void report_connected(const struct load *load);
void report_result(struct load *load);
int self_test(double seconds);
