/* WebSocket frames (RFC 6455): cutting what a server sends, writing what a client sends. */
#pragma once

#include "buffer.h"

enum { TEXT = 1, BINARY = 2, CLOSE = 8, PING = 9, PONG = 10 };
enum { FRAME_HEAD_MOST = 14, FRAME_MOST = 1 << 20 };

struct frame {
    uint8_t opcode;
    const uint8_t *payload;
    size_t size;
};

/* The bytes of the first frame of *data*, 0 while it is not whole, -1 when it is none of ours:
 * masked, in fragments, with reserved bits, or longer than the longest frame of the protocol. */
static inline long frame_cut(const uint8_t *data, size_t left, struct frame *frame) {
    if (left < 2)
        return 0;
    size_t size = data[1], head = 2;
    if (!(data[0] & 0x80) || (data[0] & 0x70) || (size & 0x80))
        return -1;
    if (size == 126) {
        if (left < 4)
            return 0;
        size = (size_t)data[2] << 8 | data[3];
        head = 4;
    } else if (size == 127) {
        if (left < 10)
            return 0;
        uint64_t wide;
        memcpy(&wide, data + 2, 8);
        size = __builtin_bswap64(wide);
        head = 10;
    }
    if (size > FRAME_MOST)
        return -1;
    if (left - head < size)
        return 0;
    *frame = (struct frame){data[0] & 15, data + head, size};
    return (long)(head + size);
}

size_t frame_head(uint8_t *out, uint8_t opcode, size_t size, int masked);
void frame_write(struct buffer *out, uint8_t opcode, const uint8_t *payload, size_t size);
