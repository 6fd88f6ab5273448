/* Latencies from a nanosecond to 100 s. Below 256 ns each value has its slot; above, each doubling
 * is cut in 128, so that a reported value is at most 0.8 % above the real one, and never below it. */
#pragma once

#include <stdint.h>
#include <stdio.h>

enum { HISTOGRAM_EXACT = 256, HISTOGRAM_STEPS = 128, HISTOGRAM_SLOTS = 256 + 29 * 128 };

#define HISTOGRAM_MOST 100000000000u

struct histogram {
    uint64_t count, sum_ns, max_ns;
    uint64_t slots[HISTOGRAM_SLOTS];
};

static inline unsigned histogram_slot(uint64_t ns) {
    if (ns < HISTOGRAM_EXACT)
        return (unsigned)ns;
    unsigned shift = (unsigned)(63 - __builtin_clzll(ns)) - 7;
    return HISTOGRAM_EXACT + (shift - 1) * HISTOGRAM_STEPS + (unsigned)(ns >> shift) -
           HISTOGRAM_STEPS;
}

static inline void histogram_record(struct histogram *histogram, uint64_t ns) {
    if (ns > HISTOGRAM_MOST)
        ns = HISTOGRAM_MOST;
    histogram->count++;
    histogram->sum_ns += ns;
    if (ns > histogram->max_ns)
        histogram->max_ns = ns;
    histogram->slots[histogram_slot(ns)]++;
}

uint64_t histogram_value(unsigned slot);
uint64_t histogram_percentile(const struct histogram *histogram, double percent);
void histogram_print(const struct histogram *histogram, FILE *out);
int histogram_debug(void);
