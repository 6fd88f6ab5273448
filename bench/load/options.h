/* What the command line asks for. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum mode { CLOSED_LOOP, OPEN_LOOP, HOLD, STORM };
enum speech { MADANG, RAW, SOCKETIO };
enum mixed { READS, TYPING, PAGES, STATUSES, MIXED };

struct options {
    enum mode mode;
    enum speech speech;
    char host[256], port[8], path[256];
    const char *plan;
    unsigned rooms, members;
    unsigned body, inflight, stopped, connecting;
    bool one_sender;
    double mix[MIXED]; /* of each kind so many a second */
    double rate, seconds, warmup_s, drain_s, connect_s, settle_s;
    bool self_test, histogram;
};

extern const char *const mode_names[];
extern const char *const speech_names[];

void options_read(struct options *options, int count, char **words);
_Noreturn void give_up(const char *format, ...) __attribute__((format(printf, 1, 2)));
