// A buffer that grows.
#include "relay.h"

#include <stdlib.h>
#include <string.h>

enum { FIRST_SPACE = 1024 };

static void make_space(struct buffer *buffer, size_t count) {
    if (waiting(buffer)) memmove(buffer->bytes, buffer->bytes + buffer->start, waiting(buffer));
    buffer->end -= buffer->start;
    buffer->start = 0;
    size_t space = buffer->space ? buffer->space : FIRST_SPACE;
    while (space - buffer->end < count) space *= 2;
    if (space == buffer->space) return;
    buffer->bytes = realloc(buffer->bytes, space);
    if (buffer->bytes == NULL) abort();
    buffer->space = space;
}

void append(struct buffer *buffer, const void *bytes, size_t count) {
    if (count == 0) return;
    if (buffer->space - buffer->end < count) make_space(buffer, count);
    memcpy(buffer->bytes + buffer->end, bytes, count);
    buffer->end += count;
}

void consume(struct buffer *buffer, size_t count) {
    buffer->start += count;
    if (buffer->start == buffer->end) buffer->start = buffer->end = 0;
}
