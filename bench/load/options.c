#include "options.h"

#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "body.h"

const char *const mode_names[] = {"closed", "open", "hold", "storm", NULL};
const char *const speech_names[] = {"madang", "raw", "socketio", NULL};
static const char *const sender_names[] = {"all", "one", NULL};

static const struct option known[] = {
    {"url", 1, 0, 'u'},       {"dialect", 1, 0, 'd'},  {"mode", 1, 0, 'm'},
    {"plan", 1, 0, 'p'},      {"rooms", 1, 0, 'R'},    {"members", 1, 0, 'M'},
    {"body", 1, 0, 'b'},      {"inflight", 1, 0, 'k'}, {"senders", 1, 0, 's'},
    {"rate", 1, 0, 'r'},      {"seconds", 1, 0, 't'},  {"warmup", 1, 0, 'w'},
    {"drain-s", 1, 0, 'D'},   {"stopped", 1, 0, 'x'},  {"connecting", 1, 0, 'c'},
    {"connect-s", 1, 0, 'C'}, {"settle-s", 1, 0, 'S'}, {"self-test", 0, 0, 'T'},
    {"histogram", 0, 0, 'H'}, {"reads", 1, 0, '1'},    {"typing", 1, 0, '2'},
    {"pages", 1, 0, '3'},     {"statuses", 1, 0, '4'}, {0, 0, 0, 0}};

void give_up(const char *format, ...) {
    va_list values;
    va_start(values, format);
    fputs("load: ", stderr);
    vfprintf(stderr, format, values);
    fputc('\n', stderr);
    va_end(values);
    exit(2);
}

static unsigned one_of(const char *const names[], const char *text) {
    for (unsigned i = 0; names[i]; i++)
        if (strcmp(names[i], text) == 0)
            return i;
    give_up("what is '%s'? known: %s, %s, ...", text, names[0], names[1]);
}

static double number(const char *text, double most) {
    char *end;
    double value = strtod(text, &end);
    if (end == text || *end || !(value >= 0) || value > most)
        give_up("'%s' is no number from 0 to %.0f", text, most);
    return value;
}

static unsigned count(const char *text) { return (unsigned)number(text, 4e6); }

static void read_url(struct options *options, const char *url) {
    int end = 0;
    if (sscanf(url, "ws://%255[^:/]:%7[0-9]%n", options->host, options->port, &end) != 2)
        give_up("--url must look like ws://host:port/path, not '%s'", url);
    if (strlen(url + end) >= sizeof options->path || strchr(url, '?') || strchr(url, '\n'))
        give_up("--url '%s': the path is too long, or there is a query", url);
    strcpy(options->path, url + end);
}

static void take_time(struct options *options, int key, const char *value) {
    double *times[] = {['t'] = &options->seconds,   ['w'] = &options->warmup_s,
                       ['D'] = &options->drain_s,   ['C'] = &options->connect_s,
                       ['S'] = &options->settle_s,  ['r'] = &options->rate,
                       ['1'] = &options->mix[READS], ['2'] = &options->mix[TYPING],
                       ['3'] = &options->mix[PAGES], ['4'] = &options->mix[STATUSES]};
    *times[key] = number(value, 1e7);
}

static void take(struct options *options, int key, char *value) {
    switch (key) {
    case 'u': read_url(options, value); break;
    case 'd': options->speech = one_of(speech_names, value); break;
    case 'm': options->mode = one_of(mode_names, value); break;
    case 's': options->one_sender = one_of(sender_names, value); break;
    case 'p': options->plan = value; break;
    case 'R': options->rooms = count(value); break;
    case 'M': options->members = count(value); break;
    case 'b': options->body = count(value); break;
    case 'k': options->inflight = count(value); break;
    case 'x': options->stopped = count(value); break;
    case 'c': options->connecting = count(value); break;
    case 'T': options->self_test = true; break;
    case 'H': options->histogram = true; break;
    case '?': exit(2);
    default: take_time(options, key, value);
    }
}

static void check(const struct options *options) {
    bool planned = options->plan != NULL, measured = options->rooms && options->members;
    if (!*options->host)
        give_up("--url is missing");
    if (planned == measured)
        give_up("either --plan, or --rooms and --members");
    if (!planned && options->speech == MADANG)
        give_up("the dialect madang needs a --plan, with a token for each member");
    if (options->body < BODY_HEAD || options->body > BODY_MOST)
        give_up("--body must be from %d to %d", BODY_HEAD, BODY_MOST);
    if (options->mode == OPEN_LOOP && !(options->rate > 0))
        give_up("--mode open needs a --rate");
    if (options->mode == CLOSED_LOOP && !options->inflight)
        give_up("--inflight must be 1 or more");
    if (options->mode == STORM && options->speech != MADANG)
        give_up("only the dialect madang can resume");
    for (unsigned i = 0; i < MIXED; i++)
        if (options->mix[i] > 0 && options->speech != MADANG)
            give_up("only the dialect madang has reads, typing, pages and statuses");
}

void options_read(struct options *options, int words_count, char **words) {
    *options = (struct options){.body = 64, .inflight = 1, .connecting = 128, .seconds = 10,
                                .warmup_s = 1, .drain_s = 5, .connect_s = 60, .settle_s = 0.3};
    int key;
    while ((key = getopt_long(words_count, words, "", known, NULL)) != -1)
        take(options, key, optarg);
    if (optind < words_count)
        give_up("what is '%s'?", words[optind]);
    if (options->self_test || options->histogram)
        return;
    check(options);
    if (options->mode == STORM)
        options->connecting = 0;
}
