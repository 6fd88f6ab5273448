// The keys that mean something wherever one is.

const isField = (node) => node.matches("input, textarea, select, [contenteditable]");

/** `act` has switcher(), shortcuts(), search() and along(step), which goes to another room. */
export function listenToKeys(act) {
  addEventListener("keydown", (event) => {
    if (event.isComposing || event.keyCode === 229 || event.defaultPrevented) return;
    const done = meaning(event, act);
    if (!done) return;
    event.preventDefault();
    done();
  });
}

function meaning(event, act) {
  const { key, code, ctrlKey, metaKey, altKey, shiftKey } = event;
  if (document.querySelector("dialog[open]")) return undefined;
  if ((ctrlKey || metaKey) && !altKey && !shiftKey && code === "KeyK") return act.switcher;
  if (altKey && !ctrlKey && !metaKey && key === "ArrowDown") return () => act.along(1);
  if (altKey && !ctrlKey && !metaKey && key === "ArrowUp") return () => act.along(-1);
  if (ctrlKey || metaKey || altKey || isField(event.target)) return undefined;
  if (key === "?") return act.shortcuts;
  if (key === "/") return act.search;
  return undefined;
}
