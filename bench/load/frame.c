#include "frame.h"

/* Random enough that the server's unmasking has real work; secrecy is not the point on a test bench. */
static uint32_t next_mask(void) {
    static uint32_t state = 0x9e3779b9;
    state ^= state << 13;
    state ^= state >> 17;
    state ^= state << 5;
    return state;
}

size_t frame_head(uint8_t *out, uint8_t opcode, size_t size, int masked) {
    uint8_t bit = masked ? 0x80 : 0;
    out[0] = 0x80 | opcode;
    if (size < 126) {
        out[1] = (uint8_t)(bit | size);
        return 2;
    }
    if (size < 1 << 16) {
        out[1] = bit | 126;
        out[2] = (uint8_t)(size >> 8);
        out[3] = (uint8_t)size;
        return 4;
    }
    out[1] = bit | 127;
    for (int i = 0; i < 8; i++)
        out[2 + i] = (uint8_t)((uint64_t)size >> (56 - 8 * i));
    return 10;
}

static void mask_into(uint8_t *out, const uint8_t *payload, size_t size, uint32_t mask) {
    uint64_t wide = (uint64_t)mask << 32 | mask, word;
    size_t at = 0;
    for (; at + 8 <= size; at += 8) {
        memcpy(&word, payload + at, 8);
        word ^= wide;
        memcpy(out + at, &word, 8);
    }
    for (; at < size; at++)
        out[at] = payload[at] ^ (uint8_t)(mask >> 8 * (at & 3));
}

void frame_write(struct buffer *out, uint8_t opcode, const uint8_t *payload, size_t size) {
    uint8_t *at = buffer_reserve(out, FRAME_HEAD_MOST + size);
    size_t head = frame_head(at, opcode, size, 1);
    uint32_t mask = next_mask();
    for (int i = 0; i < 4; i++)
        at[head++] = (uint8_t)(mask >> 8 * i);
    mask_into(at + head, payload, size, mask);
    out->size += head + size;
}
