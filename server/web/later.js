// Parts of the page that are rarely used come when they are first wanted.

import { toast } from "./toast.js";
import { words } from "./words.js";

/** Do `use(module)` with what `load()` imports. Without a network that is said, and tried again the next time. */
export async function later(load, use) {
  const module = await load().catch(() => null);
  if (!module) return toast(words.notLoaded);
  return use(module);
}

/** The lists of a room and of a message. */
export const lists = (use) => later(() => import("./view_lists.js"), use);
