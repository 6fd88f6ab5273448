/* Bytes somewhere in a buffer that belongs to somebody else. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

struct slice {
    const uint8_t *data;
    size_t size;
};

#define SLICE_IS(slice, text) \
    ((slice).size == sizeof(text) - 1 && memcmp((slice).data, text, sizeof(text) - 1) == 0)
