// Drawings, built as elements.

const SPACE = "http://www.w3.org/2000/svg";

/** A new element of a drawing: attributes by name, then children. */
export function shape(tag, attributes, ...children) {
  const node = document.createElementNS(SPACE, tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children);
  return node;
}
