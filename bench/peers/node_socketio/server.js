// A room relay on Socket.IO, with its own rooms: who connects joins the room of the query, and an
// event `m` goes to all in that room.
"use strict";
const { createServer } = require("node:http");
const { parseArgs } = require("node:util");
const { Server } = require("socket.io");

const { values } = parseArgs({ options: { port: { type: "string" } } });
const httpServer = createServer();
const io = new Server(httpServer, { transports: ["websocket"] });

io.on("connection", (socket) => {
  const { room } = socket.handshake.query;
  socket.join(room);
  socket.on("m", (body) => io.to(room).emit("m", body));
});

httpServer.listen(Number(values.port), "127.0.0.1", () => console.log("ready"));
