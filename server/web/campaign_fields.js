// The form of a campaign as a request, and back: what was begun is kept in the window until it is sent.

const TEXTS = ["title", "message", "region"]; // Hangul goes out composed, however it was typed

const number = (text) => (text ? Number(text) : undefined);

/** What the server is asked for; `form` has the fields of view_compose. */
export function campaignOf(form) {
  const values = valuesOf(form);
  const conditions = { region: values.region || undefined, lastSeenWithinDays: number(values.days), isTest: values.test ? true : undefined };
  return {
    ageGroup: values.group,
    channel: values.channel,
    message: values.message,
    title: values.title || undefined,
    advertising: values.advertising !== undefined,
    priority: Number(values.priority),
    ramp: values.ramp !== undefined,
    conditions: Object.values(conditions).some((value) => value !== undefined) ? conditions : undefined,
    scheduledAt: values.at ? Date.parse(values.at) : undefined,
  };
}

/** All that is filled in, by name. */
export function valuesOf(form) {
  const values = Object.fromEntries(new FormData(form));
  for (const name of TEXTS) values[name] = values[name].normalize("NFC").trim();
  return values;
}

/** Fill in what was begun. */
export function fillIn(form, values) {
  for (const [name, value] of Object.entries(values)) {
    const field = form.elements[name];
    if (field?.type === "checkbox") field.checked = true;
    else if (field) field.value = value;
  }
}
