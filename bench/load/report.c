/* What the program says: JSON lines on stdout. Times are seconds, latencies nanoseconds. */
#include <poll.h>

#include "load.h"

static double seconds(uint64_t from_ns, uint64_t to_ns) { return (double)(to_ns - from_ns) * 1e-9; }

static void print_counts(const char *name, struct counts to, struct counts from) {
    printf(",\"%s\":{\"sent\":%lu,\"acked\":%lu,\"refused\":%lu,\"delivered\":%lu,"
           "\"bytes_in\":%lu,\"bytes_out\":%lu",
           name, to.sent - from.sent, to.acked - from.acked, to.refused - from.refused,
           to.delivered - from.delivered, to.bytes_in - from.bytes_in,
           to.bytes_out - from.bytes_out);
}

static void print_span(const char *name, struct moment from, struct moment to) {
    print_counts(name, to.counts, from.counts);
    printf(",\"seconds\":%.6f,\"cpu_s\":%.6f}", seconds(from.ns, to.ns),
           seconds(from.cpu_ns, to.cpu_ns));
}

void report_progress(const struct load *load) {
    const struct counts *counts = &load->counts;
    printf("{\"t\":\"progress\",\"phase\":\"%s\",\"elapsed_s\":%.3f,\"ready\":%u,\"failed\":%u,"
           "\"closed\":%u,\"sent\":%lu,\"acked\":%lu,\"delivered\":%lu}\n",
           load->phase, seconds(load->began.ns, load->now), load->ready, load->failed,
           load->closed, counts->sent, counts->acked, counts->delivered);
    fflush(stdout);
}

static void print_connected(const struct load *load) {
    double took = seconds(load->began.ns, load->connected.ns);
    printf("\"ready\":%u,\"failed\":%u,\"resumed\":%u,\"seconds\":%.6f,\"per_s\":%.1f",
           load->ready, load->failed, load->resumed, took, took > 0 ? load->ready / took : 0.0);
}

void report_connected(const struct load *load) {
    printf("{\"t\":\"connected\",");
    print_connected(load);
    puts("}");
    fflush(stdout);
}

static void print_tally(const char *name, const struct tally *tally) {
    printf(",\"%s\":", name);
    tally_print(tally, stdout);
}

static void print_histogram(const char *name, const struct histogram *histogram) {
    printf(",\"%s\":", name);
    histogram_print(histogram, stdout);
}

/* Nobody reads the stopped ones, so only the kernel knows whether they are still up. */
static unsigned stopped_hung_up(const struct load *load) {
    unsigned hung_up = 0;
    for (unsigned i = 0; i < load->plan.person_count; i++) {
        struct pollfd poller = {.fd = load->connections[i].fd, .events = POLLRDHUP};
        if (load->connections[i].state == STOPPED && poll(&poller, 1, 0) > 0)
            hung_up++;
    }
    return hung_up;
}

static void print_faults(const struct load *load) {
    const struct faults *faults = &load->faults;
    printf(",\"faults\":{\"lost\":%lu,\"duplicated\":%lu,\"reordered\":%lu,\"mismatched\":%lu,"
           "\"foreign\":%lu,\"bad_frames\":%lu,\"unread_drifted\":%lu,\"unanswered\":%lu,"
           "\"failed\":%u,\"closed\":%u}",
           faults->lost, faults->duplicated, faults->reordered, faults->mismatched,
           faults->foreign, faults->bad_frames, faults->unread_drifted, faults->unanswered,
           load->failed,
           load->closed);
}

void report_result(struct load *load) {
    const struct options *options = &load->options;
    printf("{\"t\":\"result\",\"version\":1,\"dialect\":\"%s\",\"mode\":\"%s\",\"rooms\":%u,"
           "\"members\":%u,\"connections\":%u,\"body\":%u,\"connect\":{",
           speech_names[options->speech], mode_names[options->mode], load->plan.room_count,
           load->plan.member_count, load->plan.person_count, options->body);
    print_connected(load);
    print_histogram("latency", &load->opens);
    print_histogram("resume", &load->resumes);
    putchar('}');
    print_span("window", load->window, load->after);
    print_counts("total", load->counts, (struct counts){0});
    printf("},\"gaps\":%lu,\"unread_checked\":%lu,\"mixed\":%lu,\"stopped\":%u,\"stopped_hung_up\":%u",
           load->gaps, load->unread_checked, load->mixed, load->stopped, stopped_hung_up(load));
    print_faults(load);
    print_histogram("ack", &load->acks);
    print_histogram("delivery", &load->deliveries);
    print_histogram("last", &load->lasts);
    print_tally("refusals", &load->refusals);
    print_tally("closes", &load->closes);
    print_tally("failures", &load->failures);
    print_tally("frames", &load->frames);
    puts("}");
    fflush(stdout);
}
