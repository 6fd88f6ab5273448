/* Latencies in microseconds, 1 us to 100 s, each value kept to 11 bits (better than three digits). */
#pragma once

#include <stdint.h>
#include <stdio.h>

enum { HISTOGRAM_EXACT = 2048, HISTOGRAM_STEPS = 1024, HISTOGRAM_SLOTS = 2048 + 16 * 1024 };

#define HISTOGRAM_MOST 100000000u

struct histogram {
    uint64_t count, sum_us, max_us;
    uint64_t slots[HISTOGRAM_SLOTS];
};

/* Below 2048 each microsecond has a slot; above, each doubling is cut in 1024 steps. */
static inline unsigned histogram_slot(uint64_t us) {
    if (us < HISTOGRAM_EXACT)
        return (unsigned)us;
    unsigned shift = (unsigned)(63 - __builtin_clzll(us)) - 10;
    return HISTOGRAM_EXACT + (shift - 1) * HISTOGRAM_STEPS + (unsigned)(us >> shift) -
           HISTOGRAM_STEPS;
}

static inline void histogram_record(struct histogram *histogram, uint64_t ns) {
    uint64_t us = ns / 1000;
    if (us > HISTOGRAM_MOST)
        us = HISTOGRAM_MOST;
    histogram->count++;
    histogram->sum_us += us;
    if (us > histogram->max_us)
        histogram->max_us = us;
    histogram->slots[histogram_slot(us)]++;
}

uint64_t histogram_value(unsigned slot);
uint64_t histogram_percentile(const struct histogram *histogram, double percent);
void histogram_print(const struct histogram *histogram, FILE *out);
int histogram_debug(void);
