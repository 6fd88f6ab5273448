#include "histogram.h"

#include <stdlib.h>

/* The highest nanosecond a slot stands for: a reported latency is never better than the real one. */
uint64_t histogram_value(unsigned slot) {
    if (slot < HISTOGRAM_EXACT)
        return slot;
    unsigned above = slot - HISTOGRAM_EXACT;
    unsigned shift = above / HISTOGRAM_STEPS + 1;
    return ((uint64_t)(above % HISTOGRAM_STEPS + HISTOGRAM_STEPS + 1) << shift) - 1;
}

uint64_t histogram_percentile(const struct histogram *histogram, double percent) {
    double exact = (double)histogram->count * percent / 100.0;
    uint64_t wanted = (uint64_t)exact;
    if ((double)wanted < exact || wanted == 0)
        wanted++;
    uint64_t reached = 0;
    for (unsigned slot = 0; slot < HISTOGRAM_SLOTS; slot++) {
        reached += histogram->slots[slot];
        if (reached >= wanted) {
            uint64_t value = histogram_value(slot);
            return value < histogram->max_ns ? value : histogram->max_ns;
        }
    }
    return 0;
}

void histogram_print(const struct histogram *histogram, FILE *out) {
    uint64_t count = histogram->count;
    fprintf(out, "{\"count\":%lu,\"max_ns\":%lu,\"mean_ns\":%.3f", count, histogram->max_ns,
            count ? (double)histogram->sum_ns / (double)count : 0.0);
    static const struct { const char *name; double percent; } wanted[] = {
        {"p50_ns", 50}, {"p90_ns", 90}, {"p99_ns", 99}, {"p999_ns", 99.9}};
    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++)
        fprintf(out, ",\"%s\":%lu", wanted[i].name,
                histogram_percentile(histogram, wanted[i].percent));
    fputs(",\"buckets\":[", out);
    const char *comma = "";
    for (unsigned slot = 0; slot < HISTOGRAM_SLOTS; slot++) {
        if (histogram->slots[slot] == 0)
            continue;
        fprintf(out, "%s[%lu,%lu]", comma, histogram_value(slot), histogram->slots[slot]);
        comma = ",";
    }
    fputs("]}", out);
}

/* `--histogram`: nanoseconds a line on stdin, the histogram on stdout. For the tests. */
int histogram_debug(void) {
    static struct histogram histogram;
    unsigned long ns;
    while (scanf("%lu", &ns) == 1)
        histogram_record(&histogram, ns);
    histogram_print(&histogram, stdout);
    putchar('\n');
    return 0;
}
