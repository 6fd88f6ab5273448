// The framing of RFC 6455, server side. Text is relayed without a look at its UTF-8.
#include "relay.h"

#include <stdint.h>
#include <string.h>

enum { CONTINUATION = 0, TEXT = 1, BINARY = 2, CLOSE = 8, PING = 9, PONG = 10 };
enum { FINAL = 0x80, RESERVED = 0x70, OPCODE = 0x0F, MASKED = 0x80, LENGTH = 0x7F };
enum { SHORT_MOST = 125, TWO_BYTES = 126, EIGHT_BYTES = 127 };
enum { PROTOCOL_ERROR = 1002, TOO_BIG = 1009 };
enum { MOST = 16 << 20, MASK = 4 };

struct frame {
    unsigned char first;
    bool masked;
    size_t header, length;
};

static struct buffer outgoing;  // one frame is made here at a time

// False when the header is not whole.
static bool read_header(struct frame *frame, const unsigned char *bytes, size_t count) {
    if (count < 2) return false;
    size_t more = (bytes[1] & LENGTH) == TWO_BYTES ? 2 : (bytes[1] & LENGTH) == EIGHT_BYTES ? 8 : 0;
    frame->first = bytes[0];
    frame->masked = bytes[1] & MASKED;
    frame->header = 2 + more + (frame->masked ? MASK : 0);
    if (count < frame->header) return false;
    uint64_t length = more ? 0 : bytes[1] & LENGTH;
    for (size_t i = 0; i < more; i++) length = length << 8 | bytes[2 + i];
    frame->length = length > MOST ? (size_t)MOST + 1 : (size_t)length;
    return true;
}

static void unmask(unsigned char *payload, size_t length) {
    uint32_t mask, word;
    memcpy(&mask, payload - MASK, sizeof mask);
    size_t i = 0;
    for (; i + sizeof word <= length; i += sizeof word) {
        memcpy(&word, payload + i, sizeof word);
        word ^= mask;
        memcpy(payload + i, &word, sizeof word);
    }
    for (; i < length; i++) payload[i] ^= payload[(ptrdiff_t)(i % MASK) - MASK];
}

static void make_frame(unsigned char opcode, const void *payload, size_t length) {
    unsigned char header[10] = {FINAL | opcode, (unsigned char)length};
    size_t more = length <= SHORT_MOST ? 0 : length <= UINT16_MAX ? 2 : 8;
    if (more) header[1] = more == 2 ? TWO_BYTES : EIGHT_BYTES;
    for (size_t i = 0; i < more; i++)
        header[2 + i] = (unsigned char)((uint64_t)length >> 8 * (more - 1 - i));
    outgoing.start = outgoing.end = 0;
    append(&outgoing, header, 2 + more);
    append(&outgoing, payload, length);
}

static void answer(struct connection *to, unsigned char opcode, const void *payload, size_t length) {
    make_frame(opcode, payload, length);
    deliver(to, outgoing.bytes, outgoing.end);
}

static void relay(struct connection *from, unsigned char opcode, const void *payload, size_t length) {
    make_frame(opcode, payload, length);
    send_to_room(from->room, outgoing.bytes, outgoing.end);
}

static void say_close(struct connection *to, const void *payload, size_t length) {
    to->closing = true;
    answer(to, CLOSE, payload, length);
}

static void fail(struct connection *connection, int code) {
    unsigned char payload[2] = {(unsigned char)(code >> 8), (unsigned char)code};
    say_close(connection, payload, sizeof payload);
}

static void take_control(struct connection *from, const struct frame *frame, const void *payload) {
    unsigned char opcode = frame->first & OPCODE;
    if (opcode == PING) answer(from, PONG, payload, frame->length);
    else if (opcode == CLOSE) say_close(from, payload, frame->length);
    else if (opcode != PONG) fail(from, PROTOCOL_ERROR);
}

static void take_part(struct connection *from, const struct frame *frame, const void *payload) {
    struct buffer *parts = &from->parts;
    if (waiting(parts) + frame->length > MOST) {
        fail(from, TOO_BIG);
        return;
    }
    append(parts, payload, frame->length);
    if (!(frame->first & FINAL)) return;
    relay(from, from->parts_opcode, parts->bytes + parts->start, waiting(parts));
    consume(parts, waiting(parts));
    from->parts_opcode = 0;
}

static void take_data(struct connection *from, const struct frame *frame, const void *payload) {
    unsigned char opcode = frame->first & OPCODE;
    bool goes_on = opcode == CONTINUATION;
    if (goes_on != (from->parts_opcode != 0) || opcode > BINARY) {
        fail(from, PROTOCOL_ERROR);
    } else if (!goes_on && frame->first & FINAL) {
        relay(from, opcode, payload, frame->length);
    } else {
        if (!goes_on) from->parts_opcode = opcode;
        take_part(from, frame, payload);
    }
}

// The code to close with, or 0.
static int fault_of(const struct frame *frame) {
    bool control = frame->first & CLOSE;
    if (!frame->masked || frame->first & RESERVED) return PROTOCOL_ERROR;
    if (control && (!(frame->first & FINAL) || frame->length > SHORT_MOST)) return PROTOCOL_ERROR;
    return frame->length > MOST ? TOO_BIG : 0;
}

size_t take_frames(struct connection *connection, unsigned char *bytes, size_t count) {
    size_t taken = 0;
    struct frame frame;
    while (!connection->closing && read_header(&frame, bytes + taken, count - taken)) {
        int fault = fault_of(&frame);
        if (fault) {
            fail(connection, fault);
            break;
        }
        if (count - taken < frame.header + frame.length) break;
        unsigned char *payload = bytes + taken + frame.header;
        unmask(payload, frame.length);
        (frame.first & CLOSE ? take_control : take_data)(connection, &frame, payload);
        taken += frame.header + frame.length;
    }
    return taken;
}
