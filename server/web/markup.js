// The little markup of bodies, as protocol/markup.py has it: text in, spans out, and elements made of them.

const FENCE = "```";
const ENDS_LINK = /[ \t\u00a0\u3000<>"`]/;
const NOT_OF_LINK = new Set(".,:;!?)]'…*_");
const SPACE = new Set([" ", "\t", "\u00a0", "\u3000"]);
const STYLE = { "*": "bold", _: "italic" };
const READ = 4; // characters of a body for one that is shown of it: most marks have their other by then
const LOOKS = ["bold", "italic", "code", "pre", "quote"];

/** The pieces of `body`: {text, bold?, italic?, code?, pre?, quote?, href?}, in time linear in its length. */
export function spansOf(body) {
  const spans = [];
  let start = 0;
  let seek = 0;
  for (;;) {
    const fence = body.indexOf(FENCE, seek);
    const end = fence < 0 ? -1 : body.indexOf(FENCE, fence + FENCE.length);
    if (end < 0) break;
    const inner = trimmed(body.slice(fence + FENCE.length, end));
    seek = inner ? end + FENCE.length : fence + FENCE.length;
    if (!inner) continue;
    const before = body.slice(start, fence);
    addLines(spans, before.endsWith("\n") ? before.slice(0, -1) : before);
    spans.push({ text: inner, pre: true });
    if (body[seek] === "\n") seek += 1;
    start = seek;
  }
  addLines(spans, body.slice(start));
  return spans;
}

function trimmed(text) {
  const from = text.startsWith("\n") ? 1 : 0;
  return text.slice(from, text.length > from && text.endsWith("\n") ? -1 : undefined);
}

function addLines(spans, text) {
  let before;
  for (const line of text.split("\n")) {
    const quote = line === ">" || line.startsWith("> ");
    if (before === quote) add(spans, { text: "\n" }, quote);
    for (const span of inline(quote ? line.slice(2) : line)) add(spans, span, quote);
    before = quote;
  }
}

/** Append `span`, to the last one where both are shown alike. */
function add(spans, span, quote) {
  if (quote) span.quote = true;
  const last = spans.at(-1);
  if (last && !last.href && !span.href && LOOKS.every((look) => last[look] === span[look])) last.text += span.text;
  else if (span.text) spans.push(span);
}

/** One line: code and links first, and what stands between two marks of a kind. */
function inline(line) {
  const pieces = []; // a string is a mark
  const matched = new Set(); // those that have another
  const open = []; // [mark, index]: those that wait for theirs, one of a kind
  let plain = 0;
  for (let at = 0; at < line.length; ) {
    const [end, piece] = pieceAt(line, at);
    if (piece === undefined) {
      at += 1;
      continue;
    }
    pieces.push({ text: line.slice(plain, at) }, piece);
    if (typeof piece === "string") match(line, at, piece, { index: pieces.length - 1, matched, open });
    at = plain = end;
  }
  pieces.push({ text: line.slice(plain) });
  return styled(pieces, matched);
}

function pieceAt(line, at) {
  const char = line[at];
  if (char === "`") {
    const end = line.indexOf("`", at + 1);
    return end > at + 1 ? [end + 1, { text: line.slice(at + 1, end), code: true }] : [at];
  }
  if (char === "h" && !isWord(line[at - 1])) return linkAt(line, at);
  return char in STYLE ? [at + 1, char] : [at];
}

function linkAt(line, at) {
  const scheme = ["http://", "https://"].find((each) => line.startsWith(each, at));
  if (!scheme) return [at];
  let end = at;
  while (end < line.length && !ENDS_LINK.test(line[end])) end += 1;
  while (end > at && NOT_OF_LINK.has(line[end - 1])) end -= 1;
  const href = line.slice(at, end);
  return href.length > scheme.length ? [end, { text: href, href }] : [at];
}

function match(line, at, mark, { index, matched, open }) {
  const before = line[at - 1];
  const after = line[at + 1];
  if (before === mark || after === mark) return;
  const place = open.findIndex(([kind]) => kind === mark);
  if (place >= 0 && !SPACE.has(before) && !isWord(after)) {
    matched.add(open[place][1]).add(index);
    open.length = place;
  } else if (place < 0 && after !== undefined && !SPACE.has(after) && mayBegin(mark, before)) {
    open.push([mark, index]);
  }
}

function styled(pieces, matched) {
  const style = {};
  const found = [];
  for (const [index, piece] of pieces.entries()) {
    if (typeof piece !== "string") found.push({ ...piece, ...style });
    else if (!matched.has(index)) found.push({ text: piece, ...style });
    else if (style[STYLE[piece]]) delete style[STYLE[piece]];
    else style[STYLE[piece]] = true;
  }
  return found;
}

/** Not inside a word; a name of any language may have `_` inside. */
function mayBegin(mark, before) {
  const inside = mark === "_" && before > "\x7f" && !SPACE.has(before);
  return !inside && !isWord(before);
}

/** Latin letters and digits alone: particles of other languages follow a mark at once. */
function isWord(char) {
  return char !== undefined && /[A-Za-z0-9]/.test(char);
}

/** Those of its spans that are neither code nor links. */
export const plainSpans = (body) => spansOf(body).filter(({ code, pre, href }) => !(code || pre || href));

/** Elements for `spans`, built by `make` of dom.js; `textOf` makes the children of plain text. */
export function nodesOf(spans, make, textOf = (text) => [text]) {
  const nodes = [];
  for (let from = 0; from < spans.length; ) {
    let to = from + 1;
    if (spans[from].quote) {
      while (spans[to]?.quote) to += 1;
      nodes.push(make("blockquote", {}, ...spans.slice(from, to).flatMap((span) => shown(span, make, textOf))));
    } else nodes.push(...shown(spans[from], make, textOf));
    from = to;
  }
  return nodes;
}

/** The first `most` characters of what `body` says, without its marks. */
export function plainText(body, most) {
  const spans = spansOf(body.slice(0, READ * most));
  const text = spans.map((span, index) => (index && parted(spans[index - 1], span) ? `\n${span.text}` : span.text)).join("");
  return [...text].slice(0, most).join("");
}

const parted = (one, other) => one.quote !== other.quote || Boolean(one.pre || other.pre);

function shown(span, make, textOf) {
  if (span.pre) return [make("pre", {}, span.text)];
  let nodes = span.href ? [link(span, make)] : span.code ? [make("code", {}, span.text)] : textOf(span.text);
  if (span.italic) nodes = [make("em", {}, ...nodes)];
  if (span.bold) nodes = [make("strong", {}, ...nodes)];
  return nodes;
}

function link({ text, href }, make) {
  return make("a", { href, target: "_blank", rel: "noopener noreferrer nofollow" }, text);
}
