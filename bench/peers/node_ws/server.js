// A room relay on `ws`, as its README's "server broadcast" has it, with the room taken from the query.
"use strict";
const { parseArgs } = require("node:util");
const { WebSocket, WebSocketServer } = require("ws");

const rooms = new Map(); // name -> the sockets in that room

function join(name, socket) {
  if (!rooms.has(name)) rooms.set(name, new Set());
  rooms.get(name).add(socket);
}

function leave(name, socket) {
  const room = rooms.get(name);
  room.delete(socket);
  if (room.size === 0) rooms.delete(name);
}

const { values } = parseArgs({ options: { port: { type: "string" } } });
const server = new WebSocketServer({ host: "127.0.0.1", port: Number(values.port) });

server.on("connection", (socket, request) => {
  const name = new URL(request.url, "ws://localhost").searchParams.get("room");
  join(name, socket);
  socket.on("error", console.error);
  socket.on("close", () => leave(name, socket));
  socket.on("message", (data, isBinary) => {
    for (const client of rooms.get(name)) {
      if (client.readyState === WebSocket.OPEN) client.send(data, { binary: isBinary });
    }
  });
});

server.on("listening", () => console.log("ready"));
