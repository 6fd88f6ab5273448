// Parts of the page that are rarely used come when they are first wanted.

import { toast } from "./toast.js";
import { learnMore, words } from "./words.js";

/** Do `use(module)` with what `load()` imports, and with its words. Without a network that is said, and tried again the next time. */
export async function later(load, use) {
  const [module] = await Promise.all([load(), learnMore()]).catch(() => []);
  if (!module) return toast(words.notLoaded);
  return use(module);
}

/** The lists of a room and of a message. */
export const lists = (use) => later(() => import("./view_lists.js"), use);
