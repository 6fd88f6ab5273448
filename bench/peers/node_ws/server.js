// A room relay on `ws`, as its README's "server broadcast" has it, with a room taken from the path.
"use strict";
const { parseArgs } = require("node:util");
const { WebSocket, WebSocketServer } = require("ws");

const rooms = new Map(); // path -> the sockets in that room

function join(path, socket) {
  if (!rooms.has(path)) rooms.set(path, new Set());
  rooms.get(path).add(socket);
}

function leave(path, socket) {
  const room = rooms.get(path);
  room.delete(socket);
  if (room.size === 0) rooms.delete(path);
}

const { values } = parseArgs({ options: { port: { type: "string" } } });
const server = new WebSocketServer({ host: "127.0.0.1", port: Number(values.port) });

server.on("connection", (socket, request) => {
  const path = request.url;
  join(path, socket);
  socket.on("error", console.error);
  socket.on("close", () => leave(path, socket));
  socket.on("message", (data, isBinary) => {
    for (const client of rooms.get(path)) {
      if (client.readyState === WebSocket.OPEN) client.send(data, { binary: isBinary });
    }
  });
});

server.on("listening", () => console.log("ready"));
