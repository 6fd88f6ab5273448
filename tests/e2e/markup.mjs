// The page's markup against the golden vectors: what it finds, and what it builds without a browser.
import { readFileSync } from "node:fs";
import { deepStrictEqual as same, ok } from "node:assert";

const [source, vectors] = process.argv.slice(2).map((path) => readFileSync(path, "utf8"));
const { spansOf, nodesOf } = await import(`data:text/javascript,${encodeURIComponent(source)}`);

const make = (tag, properties, ...children) => ({ tag, properties, children });
const textOf = (node) => (typeof node === "string" ? node : node.children.map(textOf).join(""));
const tagsOf = (node) => (typeof node === "string" ? [] : [node.tag, ...node.children.flatMap(tagsOf)]);
const ALLOWED = new Set(["strong", "em", "code", "pre", "blockquote", "a"]);

let seen = 0;
for (const { body, spans } of JSON.parse(vectors)) {
  same(spansOf(body), spans, body);
  const nodes = nodesOf(spans, make);
  same(nodes.map(textOf).join(""), spans.map(({ text }) => text).join(""), body);
  ok(nodes.flatMap(tagsOf).every((tag) => ALLOWED.has(tag)), body);
  seen += 1;
}
ok(!/innerHTML|outerHTML|insertAdjacent|document\.write/.test(source));

for (const piece of ["*", "_", "`", "```", "*_", " *a", "*a ", "> \n", "\n", "http://.", "`a", "a*", "*a* "]) {
  const start = performance.now();
  nodesOf(spansOf(piece.repeat(64_000 / piece.length)), make);
  ok(performance.now() - start < 2_000, piece);
}
console.log(seen);
