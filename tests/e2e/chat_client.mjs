// An independent client: sends COUNT messages pipelined, survives the server's death, prints what it saw.
// usage: chat_client.mjs WS_URL TOKEN ROOM PREFIX COUNT CODEC TOTAL
// Prints "welcome" and sends when a line comes on standard input; prints "acked N unacked M" after the first acknowledgement
// and at each close; at the end one line of JSON {acks: {id: seq}, seen: [seq, ...], doubled: bool}.
import { decode, encode } from "@msgpack/msgpack";
import WebSocket from "ws";

const [url, token, room, prefix, count, codec, total] = process.argv.slice(2);
const json = codec === "json";
const acks = {};
const seen = [];
const waiting = new Map(
  Array.from({ length: +count }, (_, n) => [`${prefix}-${n}`, { t: "send", room, id: `${prefix}-${n}`, body: `${prefix} 안녕 ${n}` }]),
);
let sent = false;
const tell = () => console.log(`acked ${Object.keys(acks).length} unacked ${waiting.size}`);

function open() {
  const socket = new WebSocket(url, [`madang.v1.${codec}`], { perMessageDeflate: false });
  const send = (frame) => socket.send(json ? JSON.stringify(frame) : encode(frame));
  socket.on("open", () => {
    const resume = sent ? { [room]: seen.length ? seen[seen.length - 1] : 0 } : undefined;
    send({ t: "hello", token, ...(resume && { resume }) });
  });
  socket.on("message", (data) => {
    const frame = json ? JSON.parse(data) : decode(data);
    if (frame.t === "welcome") {
      const go = () => {
        sent = true;
        for (const message of waiting.values()) send(message);
      };
      if (sent) go();
      else {
        console.log("welcome");
        process.stdin.once("data", go);
      }
    } else if (frame.t === "ack") {
      if (acks[frame.id] !== undefined && acks[frame.id] !== frame.seq) throw new Error("two seqs for one id");
      acks[frame.id] = frame.seq;
      waiting.delete(frame.id);
      if (Object.keys(acks).length === 1) tell();
    } else if (frame.t === "message") {
      seen.push(frame.seq);
    } else if (frame.t === "error" || frame.t === "gap") {
      throw new Error(JSON.stringify(frame));
    }
    if (seen.length >= +total && waiting.size === 0) {
      console.log(JSON.stringify({ acks, seen }));
      process.exit(0);
    }
  });
  socket.on("error", () => {});
  socket.on("close", () => {
    tell();
    setTimeout(open, 100);
  });
}
open();
