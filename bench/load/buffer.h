/* Bytes that grow. What was taken once is kept, so that a busy connection allocates nothing. */
#pragma once

#include "slice.h"

struct buffer {
    uint8_t *data;
    size_t size, room;
};

uint8_t *buffer_reserve(struct buffer *buffer, size_t more);
void buffer_append(struct buffer *buffer, const void *data, size_t size);
void buffer_drop(struct buffer *buffer, size_t size);
void buffer_free(struct buffer *buffer);
void *must(void *memory);
