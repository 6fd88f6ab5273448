// What is wrong stands beside the field that it is about, and is told with it.

import { make } from "./dom.js";

let made = 0; // for ids that are the document's own

/** `fields` is {name: field}, each in a label of its own. {tell(texts), clear()}: texts is {name: text}; the first one gets the focus. */
export function fieldErrors(fields) {
  const errors = new Map();
  for (const [name, field] of Object.entries(fields)) {
    const error = make("p", { class: "error", id: `field-error-${++made}`, role: "alert" });
    field.closest("label, [role=radiogroup]").after(error);
    errors.set(name, { field, error });
  }
  const clear = () => {
    for (const { field, error } of errors.values()) {
      error.textContent = "";
      field.removeAttribute("aria-invalid");
      field.removeAttribute("aria-describedby");
    }
  };
  const tell = (texts) => {
    clear();
    const wrong = Object.entries(texts).filter(([name]) => errors.has(name));
    for (const [name, text] of wrong) {
      const { field, error } = errors.get(name);
      error.textContent = text;
      field.setAttribute("aria-invalid", "true");
      field.setAttribute("aria-describedby", error.id);
      const folded = field.closest("details");
      if (folded) folded.open = true;
    }
    if (wrong.length) errors.get(wrong[0][0]).field.focus();
    return wrong.length > 0;
  };
  return { tell, clear };
}
