// Reads and writes every golden vector with @msgpack/msgpack and JSON; prints the number of vectors.
import { decode, encode } from "@msgpack/msgpack";
import { readFileSync, readdirSync } from "node:fs";
import { deepStrictEqual as same } from "node:assert";

const folder = process.argv[2];
let seen = 0;
for (const name of readdirSync(folder).filter((name) => /^(client|server)_/.test(name))) {
  for (const { frame, json, msgpack_hex } of JSON.parse(readFileSync(`${folder}/${name}`, "utf8"))) {
    same(decode(Buffer.from(msgpack_hex, "hex")), frame, name);
    same(JSON.parse(json), frame, name);
    same(Buffer.from(encode(frame)).toString("hex"), msgpack_hex, name);
    seen += 1;
  }
}
console.log(seen);
