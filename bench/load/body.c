#include "body.h"

static uint8_t filler[BODY_MOST];

/* A pattern without a short period, so that bytes that moved are seen too. */
void body_prepare(size_t size) {
    for (size_t i = 0; i + BODY_HEAD < size; i++)
        filler[i] = (uint8_t)("abcdefghijklmnopqrstuvwxyz0123456789 "[(i * i + i / 7) % 37]);
}

const uint8_t *body_filler(void) { return filler; }

void hex_write(uint8_t *out, uint64_t number, unsigned digits) {
    for (unsigned i = digits; i-- > 0; number >>= 4)
        out[i] = (uint8_t)("0123456789abcdef"[number & 15]);
}

void body_write(uint8_t *head, struct stamp stamp) {
    hex_write(head, stamp.intended_ns, 16);
    hex_write(head + 16, stamp.sender, 8);
    hex_write(head + 24, stamp.number, 8);
}

void body_append(struct buffer *out, struct stamp stamp, size_t size) {
    uint8_t head[BODY_HEAD];
    body_write(head, stamp);
    buffer_append(out, head, BODY_HEAD);
    buffer_append(out, filler, size - BODY_HEAD);
}
