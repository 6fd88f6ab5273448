#include "msgpack.h"

/* No number of the protocol is beyond what a double holds exactly. */
#define NUMBER_END (UINT64_C(1) << 53)

static uint64_t big_endian(const uint8_t *at, size_t size) {
    uint64_t number = 0;
    for (size_t i = 0; i < size; i++)
        number = number << 8 | at[i];
    return number;
}

static uint64_t take(struct reader *reader, size_t size) {
    if (!msgpack_has(reader, size))
        return 0;
    uint64_t number = big_endian(reader->at, size);
    reader->at += size;
    return number;
}

static uint8_t take_tag(struct reader *reader) { return (uint8_t)take(reader, 1); }

static void fail(struct reader *reader) {
    reader->bad = true;
    reader->at = reader->end;
}

uint32_t msgpack_container(struct reader *reader, uint8_t fixed, uint8_t wide) {
    uint8_t tag = take_tag(reader);
    if (!reader->bad && (tag & 0xf0) == fixed)
        return tag & 15;
    if (!reader->bad && (tag == wide || tag == wide + 1))
        return (uint32_t)take(reader, tag == wide ? 2 : 4);
    fail(reader);
    return 0;
}

void msgpack_string_slowly(struct reader *reader, struct slice *out) {
    uint8_t tag = take_tag(reader);
    if (reader->bad || tag < 0xd9 || tag > 0xdb) {
        fail(reader);
        return;
    }
    size_t size = take(reader, (size_t)1 << (tag - 0xd9));
    if (!msgpack_has(reader, size))
        return;
    *out = (struct slice){reader->at, size};
    reader->at += size;
}

uint64_t msgpack_number_slowly(struct reader *reader) {
    uint8_t tag = take_tag(reader);
    uint64_t number = UINT64_MAX;
    if (!reader->bad && tag >= 0xcc && tag <= 0xcf)
        number = take(reader, (size_t)1 << (tag - 0xcc));
    if (number < NUMBER_END)
        return number;
    fail(reader);
    return 0;
}

/* How many bytes a scalar has after its tag; containers and lengths are the caller's. */
static size_t scalar(uint8_t tag) {
    if (tag >= 0xcc && tag <= 0xcf)
        return (size_t)1 << (tag - 0xcc);
    if (tag >= 0xd0 && tag <= 0xd3)
        return (size_t)1 << (tag - 0xd0);
    if (tag >= 0xd4 && tag <= 0xd8)
        return ((size_t)1 << (tag - 0xd4)) + 1;
    return tag == 0xca ? 4 : tag == 0xcb ? 8 : 0;
}

/* Steps over one tag and its bytes; the values that it holds are still to come. */
static uint64_t step(struct reader *reader) {
    uint8_t tag = take_tag(reader);
    uint64_t size = scalar(tag), inside = 0;
    if ((tag & 0xf0) == 0x80)
        inside = 2u * (tag & 15);
    else if ((tag & 0xf0) == 0x90)
        inside = tag & 15;
    else if ((tag & 0xe0) == 0xa0)
        size = tag & 31;
    else if (tag >= 0xc4 && tag <= 0xc6)
        size = take(reader, (size_t)1 << (tag - 0xc4));
    else if (tag >= 0xc7 && tag <= 0xc9)
        size = take(reader, (size_t)1 << (tag - 0xc7)) + 1;
    else if (tag >= 0xd9 && tag <= 0xdb)
        size = take(reader, (size_t)1 << (tag - 0xd9));
    else if (tag == 0xdc || tag == 0xdd)
        inside = take(reader, tag == 0xdc ? 2 : 4);
    else if (tag == 0xde || tag == 0xdf)
        inside = 2 * take(reader, tag == 0xde ? 2 : 4);
    else if (tag == 0xc1)
        fail(reader);
    if (msgpack_has(reader, size))
        reader->at += size;
    return inside;
}

/* Without recursion, so that no depth can hurt: each value takes at least a byte of what is left. */
void msgpack_skip_slowly(struct reader *reader) {
    for (uint64_t left = 1; left > 0 && !reader->bad; left--)
        left += step(reader);
}

void msgpack_put_map(struct buffer *out, uint8_t pairs) {
    uint8_t tag = 0x80 | pairs;
    buffer_append(out, &tag, 1);
}

void msgpack_put_wide_map(struct buffer *out, uint32_t pairs) {
    uint8_t head[5] = {0xdf, (uint8_t)(pairs >> 24), (uint8_t)(pairs >> 16), (uint8_t)(pairs >> 8),
                       (uint8_t)pairs};
    buffer_append(out, head, sizeof head);
}

void msgpack_put_string_head(struct buffer *out, size_t size) {
    uint8_t head[3] = {0xda, (uint8_t)(size >> 8), (uint8_t)size};
    uint8_t small[2] = {0xd9, (uint8_t)size}, fixed = 0xa0 | (uint8_t)(size & 31);
    if (size < 32)
        buffer_append(out, &fixed, 1);
    else if (size < 256)
        buffer_append(out, small, 2);
    else
        buffer_append(out, head, 3);
}

void msgpack_put_string(struct buffer *out, const void *text, size_t size) {
    msgpack_put_string_head(out, size);
    buffer_append(out, text, size);
}

void msgpack_put_number(struct buffer *out, uint64_t number) {
    uint8_t wide[9] = {0xcf};
    for (int i = 0; i < 8; i++)
        wide[1 + i] = (uint8_t)(number >> (56 - 8 * i));
    buffer_append(out, wide, sizeof wide);
}
