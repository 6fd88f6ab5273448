// The words of the page, in the language that look.js found: the one that was chosen, else the browser's. The other is not loaded.

export const language = document.documentElement.lang;
export const words = language === "ko" ? (await import("./words_ko.js")).ko : (await import("./words_en.js")).en;

/** Learn the words of what opens over the chat. What did not come is asked for the next time. */
export async function learnMore() {
  Object.assign(words, language === "ko" ? (await import("./words_more_ko.js")).ko : (await import("./words_more_en.js")).en);
}

/** What an error means, as the server says it or by its stable code, and which fields it is about; why is the server's English. */
export function explain(error) {
  const text = error.said ?? words.codes[error.code] ?? words.codes.internal;
  const fields = Object.entries(error.fields ?? {}).map(([field, why]) => words.field(words.fields[field] ?? field, why));
  return [text, ...fields].join(" ");
}

/** Fill what the document names by data-word, data-label and data-placeholder. */
export function fillWords(root) {
  for (const node of root.querySelectorAll("[data-word]")) node.textContent = words[node.dataset.word];
  for (const node of root.querySelectorAll("[data-label]")) {
    node.setAttribute("aria-label", words[node.dataset.label]);
    if (node.localName === "button") node.title = words[node.dataset.label];
  }
  for (const node of root.querySelectorAll("[data-placeholder]")) {
    node.placeholder = words[node.dataset.placeholder];
  }
}
