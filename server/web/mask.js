// A mask for each pseudonym of a room: the same there always, and saying nothing about any other room.

import { shape } from "./svg.js";

const FACES = [
  "M4 9c5-3 15-3 20 0 1 6-3 12-7 12-2 0-2-2-3-2s-1 2-3 2c-4 0-8-6-7-12z",
  "M3 10c2-4 6-2 11-2s9-2 11 2c0 7-5 10-8 10-2 0-2-1.5-3-1.5s-1 1.5-3 1.5c-3 0-8-3-8-10z",
  "M4 7c4 2 16 2 20 0 1 8-2 14-10 15-8-1-11-7-10-15z",
  "M5 8l4-3 5 3 5-3 4 3c1 7-3 13-9 13S4 15 5 8z",
];
const EYES = ["M7.5 12.5q2.5-2.5 5 0-2.5 2.5-5 0zM15.5 12.5q2.5-2.5 5 0-2.5 2.5-5 0z", "M8 11.5l4.5 1.5-4 1.5zM20 11.5l-4.5 1.5 4 1.5z",
  "M8 13a2 2 0 1 0 4 0 2 2 0 1 0-4 0zM16 13a2 2 0 1 0 4 0 2 2 0 1 0-4 0z"];
const HUES = 8;

/** Paint the mask of `seed` (the room with the pseudonym) into `node`. */
export function paintMask(node, seed) {
  const sum = hash(seed);
  const path = (d, kind) => shape("path", { d, class: kind });
  node.replaceChildren(shape("svg", { viewBox: "0 0 28 28" }, path(FACES[(sum >>> 3) % FACES.length], "face-of-mask"), path(EYES[(sum >>> 7) % EYES.length], "eyes-of-mask")));
  node.classList.add("mask");
  node.dataset.hue = sum % HUES;
  return node;
}

// FNV-1a: neighbouring names must not look alike.
function hash(text) {
  let sum = 0x811c9dc5;
  for (const letter of text) sum = Math.imul(sum ^ letter.codePointAt(0), 0x01000193);
  return sum >>> 0;
}
