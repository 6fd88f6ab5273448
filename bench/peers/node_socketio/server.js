// A room relay on Socket.IO, with its own rooms: `join` ROOM is answered by `joined`, and `m` BODY
// goes to all in the room that the sender is in.
"use strict";
const { createServer } = require("node:http");
const { parseArgs } = require("node:util");
const { Server } = require("socket.io");

const { values } = parseArgs({ options: { port: { type: "string" } } });
const httpServer = createServer();
const io = new Server(httpServer, { transports: ["websocket"] });

io.on("connection", (socket) => {
  socket.on("join", (room) => {
    socket.data.room = room;
    socket.join(room);
    socket.emit("joined");
  });
  socket.on("m", (body) => io.to(socket.data.room).emit("m", body));
});

httpServer.listen(Number(values.port), "127.0.0.1", () => console.log("ready"));
