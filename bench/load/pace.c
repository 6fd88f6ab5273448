/* When who says something: as soon as the last is there, or by the clock, whatever the server does. */
#include <sys/timerfd.h>

#include "load.h"

enum { TOP_UP_NS = 20000000 };

static struct {
    uint64_t began_ns, count, top_up_ns;
    unsigned next;
} pace;

static struct connection *connection_of(struct load *load, const struct member *member) {
    return &load->connections[member->connection];
}

static void say(struct load *load, struct member *member, uint64_t intended_ns) {
    struct stamp stamp = {intended_ns, (uint32_t)(member - load->plan.members), ++member->sent};
    member->in_flight++;
    load->counts.sent++;
    if (load->options.speech != MADANG)
        load->expected += load->plan.rooms[member->room].live;
    last_said(load, member, stamp.number);
    load->dialect->say(load, connection_of(load, member), member, stamp);
}

static void fill(struct load *load, struct member *member) {
    while (member->in_flight < load->options.inflight)
        say(load, member, clock_ns());
}

static void fill_all(struct load *load) {
    for (unsigned i = 0; i < load->plan.member_count; i++) {
        struct member *member = &load->plan.members[i];
        if (member->sends && member->live && member->in_flight < load->options.inflight) {
            fill(load, member);
            connection_flush(load, connection_of(load, member));
        }
    }
}

/* The timer is due at a moment, not after a while: nothing is added up but the rate itself. */
static void arm(const struct load *load, uint64_t due_ns) {
    struct itimerspec due = {.it_value = {(time_t)(due_ns / 1000000000u),
                                          (long)(due_ns % 1000000000u)}};
    timerfd_settime(load->timer, TFD_TIMER_ABSTIME, &due, NULL);
}

static uint64_t due(const struct load *load) {
    return pace.began_ns + (uint64_t)((double)pace.count * 1e9 / load->options.rate);
}

static struct member *next_sender(struct load *load) {
    for (unsigned tries = 0; tries < load->plan.member_count; tries++) {
        struct member *member = &load->plan.members[pace.next++ % load->plan.member_count];
        if (member->sends && member->live)
            return member;
    }
    return NULL;
}

/* What is overdue leaves at once, but keeps its time: a stall of anybody counts in full. */
static void say_what_is_due(struct load *load) {
    uint64_t now = clock_ns();
    while (due(load) <= now) {
        struct member *member = next_sender(load);
        if (member == NULL)
            return;
        say(load, member, due(load));
        pace.count++;
        connection_flush(load, connection_of(load, member));
    }
    arm(load, due(load));
}

void pace_begin(struct load *load) {
    load->sending = true;
    pace.began_ns = clock_ns();
    if (load->options.mode == OPEN_LOOP)
        say_what_is_due(load);
    else
        fill_all(load);
}

/* Own words came back, which is what a relay has instead of an ack. */
void pace_own(struct load *load, struct member *member) {
    if (member->in_flight)
        member->in_flight--;
    if (load->sending && load->options.mode == CLOSED_LOOP)
        fill(load, member);
}

/* Not at once: who is refused for being too fast must not become faster. */
void pace_refused(struct load *load, struct member *member) {
    load->counts.refused++;
    if (member->in_flight)
        member->in_flight--;
    load->short_of = true;
}

void pace_turn(struct load *load) {
    if (!load->sending)
        return;
    mix_turn(load);
    if (load->options.mode == OPEN_LOOP) {
        say_what_is_due(load);
    } else if (load->short_of && clock_ns() - pace.top_up_ns > TOP_UP_NS) {
        pace.top_up_ns = clock_ns();
        load->short_of = false;
        fill_all(load);
    }
}
