// The opening handshake of RFC 6455: the request's head in, the response's head out.
#ifndef HANDSHAKE_H
#define HANDSHAKE_H

#include <stddef.h>

enum { ROOM_NAME_SPACE = 256, RESPONSE_SPACE = 256 };

// Reads a whole head (it ends with an empty line, and a NUL follows). Fills in the room's name and
// the response. Returns 1 where the response opens a WebSocket, 0 where it refuses.
int answer_handshake(const char *head, char room[ROOM_NAME_SPACE], char response[RESPONSE_SPACE]);

#endif
