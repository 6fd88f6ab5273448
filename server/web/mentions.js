// Who is mentioned in a text, found in the same way when it is sent and when it is shown. Pure.

export const GROUPS = ["all", "here"];
const LATIN = /[A-Za-z0-9_]/;
const FIRST_OF_HANGUL = "ㄱㄲㄴㄷㄸㄹㅁㅂㅃㅅㅆㅇㅈㅉㅊㅋㅌㅍㅎ";

/** The pieces of `text`, strings and {name}, where `@` and one of `names` (a Set) stand; of several the longest. */
export function mentionsIn(text, names) {
  const pieces = [];
  let plain = 0;
  for (let at = text.indexOf("@"); at >= 0; at = text.indexOf("@", at + 1)) {
    if (at < plain || LATIN.test(text[at - 1] ?? "")) continue;
    const name = nameAt(text, at + 1, names);
    if (name === undefined) continue;
    pieces.push(text.slice(plain, at), { name });
    plain = at + 1 + name.length;
  }
  return [...pieces, text.slice(plain)].filter((piece) => piece !== "");
}

const lengths = new WeakMap(); // of a set of names: how long they are, the longest first

function nameAt(text, at, names) {
  if (!lengths.has(names)) lengths.set(names, [...new Set([...names].map((name) => name.length))].sort((a, b) => b - a));
  return lengths.get(names).map((length) => text.slice(at, at + length)).find((name) => names.has(name) && ends(text, at + name.length));
}

// A particle of Korean may follow a name at once; more of a Latin word makes it another name.
const ends = (text, at) => !(LATIN.test(text[at - 1]) && LATIN.test(text[at] ?? ""));

/** What `send` says of mentions: ids of `members` ({user, name?, username?}), and groups where this person `mayAll`. */
export function mentioned(body, members, mayAll) {
  const byName = new Map(mayAll ? GROUPS.map((group) => [group, [`@${group}`]]) : []);
  for (const { user, name, username } of members) {
    for (const each of new Set([name, username])) if (each) byName.set(each, [...(byName.get(each) ?? []), user]);
  }
  const found = mentionsIn(body, new Set(byName.keys())).flatMap((piece) => (piece.name === undefined ? [] : byName.get(piece.name)));
  return [...new Set(found)];
}

/** What is being written as a mention before `caret`: {at, text}, or undefined. */
export function begunAt(text, caret) {
  const at = text.lastIndexOf("@", caret - 1);
  if (at < 0 || LATIN.test(text[at - 1] ?? "")) return undefined;
  const begun = text.slice(at + 1, caret);
  return begun.length > 32 || /\s$|\s\s|\n/.test(begun) ? undefined : { at, text: begun };
}

/** Whether `name` begins with what is written of it; of a Korean syllable its first letters are enough. */
export const beginsWith = (name, text) => letters(name).startsWith(letters(text)) || initials(name).startsWith(text);

const letters = (text) => text.normalize("NFD").toLowerCase();

const initials = (text) => [...text].map((char) => {
  const code = char.charCodeAt(0) - 0xac00;
  return code >= 0 && code < 11_172 ? FIRST_OF_HANGUL[Math.floor(code / 588)] : char;
}).join("");
