/* The little of msgpack that the protocol needs. Nothing is read past `end`; after a failure `bad`
 * stays set and every further read fails. */
#pragma once

#include "buffer.h"

struct reader {
    const uint8_t *at, *end;
    bool bad;
};

void msgpack_skip_slowly(struct reader *reader);
uint32_t msgpack_container(struct reader *reader, uint8_t fixed, uint8_t wide);
void msgpack_string_slowly(struct reader *reader, struct slice *out);
uint64_t msgpack_number_slowly(struct reader *reader);

static inline bool msgpack_has(struct reader *reader, size_t size) {
    if ((size_t)(reader->end - reader->at) >= size)
        return true;
    reader->bad = true;
    reader->at = reader->end;
    return false;
}

/* The number of pairs that follow. */
static inline uint32_t msgpack_map(struct reader *reader) {
    return msgpack_container(reader, 0x80, 0xde);
}

static inline uint32_t msgpack_array(struct reader *reader) {
    return msgpack_container(reader, 0x90, 0xdc);
}

static inline void msgpack_string(struct reader *reader, struct slice *out) {
    if (reader->at == reader->end || (*reader->at & 0xe0) != 0xa0) {
        msgpack_string_slowly(reader, out);
        return;
    }
    size_t size = *reader->at & 0x1f;
    if (!msgpack_has(reader, 1 + size))
        return;
    *out = (struct slice){reader->at + 1, size};
    reader->at += 1 + size;
}

/* A whole number that is not negative. */
static inline uint64_t msgpack_number(struct reader *reader) {
    if (reader->at < reader->end && *reader->at < 0x80)
        return *reader->at++;
    return msgpack_number_slowly(reader);
}

/* Over one value of any kind. */
static inline void msgpack_skip(struct reader *reader) {
    if (reader->at < reader->end) {
        uint8_t tag = *reader->at;
        size_t size = tag < 0x80 ? 1 : (tag & 0xe0) == 0xa0 ? 1u + (tag & 0x1f) : tag == 0xcf ? 9 : 0;
        if (size) {
            if (msgpack_has(reader, size))
                reader->at += size;
            return;
        }
    }
    msgpack_skip_slowly(reader);
}

void msgpack_put_map(struct buffer *out, uint8_t pairs);
void msgpack_put_wide_map(struct buffer *out, uint32_t pairs);
void msgpack_put_string_head(struct buffer *out, size_t size);
void msgpack_put_string(struct buffer *out, const void *text, size_t size);
void msgpack_put_number(struct buffer *out, uint64_t number);

#define MSGPACK_PUT(out, text) msgpack_put_string(out, text, sizeof(text) - 1)
