/* What a message says: when it was meant to leave, whose it is, which one it is, and a filler. */
#pragma once

#include "buffer.h"

enum { BODY_HEAD = 32, BODY_MOST = 60000 };

struct stamp {
    uint64_t intended_ns;
    uint32_t sender, number;
};

void body_prepare(size_t size);
void body_write(uint8_t *head, struct stamp stamp);
void body_append(struct buffer *out, struct stamp stamp, size_t size);
const uint8_t *body_filler(void);
void hex_write(uint8_t *out, uint64_t number, unsigned digits);

/* Eight hex digits at once. What is no digit gives some number: the whole head is compared later. */
static inline uint32_t hex_read(const uint8_t *digits) {
    uint64_t text;
    memcpy(&text, digits, 8);
    text = (text & 0x0f0f0f0f0f0f0f0fu) + 9 * (text >> 6 & 0x0101010101010101u);
    text = (text << 4 | text >> 8) & 0x00ff00ff00ff00ffu;
    text = (text | text >> 8) & 0x0000ffff0000ffffu;
    return __builtin_bswap32((uint32_t)(text | text >> 16));
}

static inline struct stamp body_read(const uint8_t *body) {
    return (struct stamp){(uint64_t)hex_read(body) << 32 | hex_read(body + 8), hex_read(body + 16),
                          hex_read(body + 24)};
}
