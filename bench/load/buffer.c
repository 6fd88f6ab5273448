#include "buffer.h"

#include <stdio.h>
#include <stdlib.h>

/* Without memory there is no measurement. */
void *must(void *memory) {
    if (memory == NULL) {
        fputs("load: out of memory\n", stderr);
        exit(2);
    }
    return memory;
}

/* Where *more* bytes can be written; the caller adds to `size` what it wrote. */
uint8_t *buffer_reserve(struct buffer *buffer, size_t more) {
    if (buffer->room - buffer->size < more) {
        size_t room = buffer->room ? buffer->room : 256;
        while (room - buffer->size < more)
            room *= 2;
        buffer->data = must(realloc(buffer->data, room));
        buffer->room = room;
    }
    return buffer->data + buffer->size;
}

void buffer_append(struct buffer *buffer, const void *data, size_t size) {
    if (size == 0)
        return;
    memcpy(buffer_reserve(buffer, size), data, size);
    buffer->size += size;
}

void buffer_drop(struct buffer *buffer, size_t size) {
    buffer->size -= size;
    if (buffer->size)
        memmove(buffer->data, buffer->data + size, buffer->size);
}

void buffer_free(struct buffer *buffer) {
    free(buffer->data);
    *buffer = (struct buffer){0};
}
