// The opening handshake, and the SHA-1 and Base64 that it takes.
#define _GNU_SOURCE
#include "handshake.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define SUFFIX "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
#define KEY_HEADER "\r\nSec-WebSocket-Key:"

enum { KEY_LENGTH = 24, DIGEST = 20, BLOCK = 64, PADDED = 2 * BLOCK };

static uint32_t rotated(uint32_t word, int by) { return word << by | word >> (32 - by); }

static void sha1_block(uint32_t state[5], const unsigned char *block) {
    uint32_t w[80], a = state[0], b = state[1], c = state[2], d = state[3], e = state[4];
    for (int i = 0; i < 16; i++)
        w[i] = (uint32_t)block[4 * i] << 24 | block[4 * i + 1] << 16 | block[4 * i + 2] << 8 |
               block[4 * i + 3];
    for (int i = 16; i < 80; i++)
        w[i] = rotated(w[i - 3] ^ w[i - 8] ^ w[i - 14] ^ w[i - 16], 1);
    for (int i = 0; i < 80; i++) {
        uint32_t mix, constant;
        if (i < 20) mix = (b & c) | (~b & d), constant = 0x5A827999;
        else if (i < 40) mix = b ^ c ^ d, constant = 0x6ED9EBA1;
        else if (i < 60) mix = (b & c) | (b & d) | (c & d), constant = 0x8F1BBCDC;
        else mix = b ^ c ^ d, constant = 0xCA62C1D6;
        uint32_t next = rotated(a, 5) + mix + e + constant + w[i];
        e = d, d = c, c = rotated(b, 30), b = a, a = next;
    }
    state[0] += a, state[1] += b, state[2] += c, state[3] += d, state[4] += e;
}

// SHA-1 of a short text: with its padding it fits two blocks, as a key and the suffix do.
static void sha1(const char *text, size_t length, unsigned char digest[DIGEST]) {
    uint32_t state[5] = {0x67452301, 0xEFCDAB89, 0x98BADCFE, 0x10325476, 0xC3D2E1F0};
    unsigned char padded[PADDED] = {0};
    memcpy(padded, text, length);
    padded[length] = 0x80;
    padded[PADDED - 2] = (unsigned char)(length * 8 >> 8);
    padded[PADDED - 1] = (unsigned char)(length * 8);
    sha1_block(state, padded);
    sha1_block(state, padded + BLOCK);
    for (int i = 0; i < DIGEST; i++) digest[i] = (unsigned char)(state[i / 4] >> (24 - 8 * (i % 4)));
}

static void base64(const unsigned char digest[DIGEST], char text[29]) {
    static const char letters[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    unsigned char bytes[21] = {0};
    memcpy(bytes, digest, DIGEST);
    for (int i = 0; i < 7; i++) {
        uint32_t three = (uint32_t)bytes[3 * i] << 16 | bytes[3 * i + 1] << 8 | bytes[3 * i + 2];
        for (int j = 0; j < 4; j++) text[4 * i + j] = letters[three >> (18 - 6 * j) & 63];
    }
    text[27] = '=', text[28] = 0;
}

static int refuse(char response[RESPONSE_SPACE], const char *why) {
    snprintf(response, RESPONSE_SPACE,
             "HTTP/1.1 %s\r\nContent-Length: 0\r\nConnection: close\r\n\r\n", why);
    return 0;
}

int answer_handshake(const char *head, char room[ROOM_NAME_SPACE], char response[RESPONSE_SPACE]) {
    char key[KEY_LENGTH + 1], text[KEY_LENGTH + sizeof SUFFIX], accept[29];
    unsigned char digest[DIGEST];
    if (sscanf(head, "GET /?room=%255[^ &]", room) != 1)
        return refuse(response, "404 Not Found");
    const char *header = strcasestr(head, KEY_HEADER);
    if (header == NULL || sscanf(header + strlen(KEY_HEADER), " %24s", key) != 1 ||
        strlen(key) != KEY_LENGTH)
        return refuse(response, "400 Bad Request");
    int length = snprintf(text, sizeof text, "%s" SUFFIX, key);
    sha1(text, (size_t)length, digest);
    base64(digest, accept);
    snprintf(response, RESPONSE_SPACE,
             "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
             "Sec-WebSocket-Accept: %s\r\n\r\n",
             accept);
    return 1;
}
