/* A load generator for chat servers: `load --url ws://host:port/ws --plan FILE ...`. */
#include "load.h"

int main(int count, char **words) {
    static struct load load;
    static const struct dialect *const dialects[] = {&madang, &raw, &socketio};
    options_read(&load.options, count, words);
    if (load.options.histogram)
        return histogram_debug();
    if (load.options.self_test)
        return self_test(load.options.seconds);
    load.dialect = dialects[load.options.speech];
    plan_read(&load.plan, &load.options);
    run(&load);
    return 0;
}
