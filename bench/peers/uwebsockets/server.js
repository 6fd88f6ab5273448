// A room relay on uWebSockets.js: a room is a topic, and the app's own publish reaches the sender too.
"use strict";
const { parseArgs } = require("node:util");
const uws = require("@trufflesuite/uws-js-unofficial");

const { values } = parseArgs({ options: { port: { type: "string" } } });

const app = uws.App();

app
  .ws("/", {
    compression: uws.DISABLED,
    maxPayloadLength: 1024 * 1024, // by default 16 KiB, less than all others take
    // By default a reader 64 KiB behind silently misses messages; no other peer here drops any.
    maxBackpressure: 16 * 1024 * 1024,
    upgrade: (res, req, context) => {
      res.upgrade(
        { room: req.getQuery("room") },
        req.getHeader("sec-websocket-key"),
        req.getHeader("sec-websocket-protocol"),
        req.getHeader("sec-websocket-extensions"),
        context,
      );
    },
    open: (ws) => ws.subscribe(ws.getUserData().room),
    message: (ws, message, isBinary) => app.publish(ws.getUserData().room, message, isBinary),
  })
  .listen("127.0.0.1", Number(values.port), (listening) => {
    if (!listening) throw new Error(`port ${values.port} is taken`);
    console.log("ready");
  });
