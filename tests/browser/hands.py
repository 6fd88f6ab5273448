"""Two ways to use the page: with a pointer, and with nothing but keys."""

from __future__ import annotations

from typing import Protocol

from playwright.sync_api import Locator, Page, expect

MOST_STEPS = 150

GROUPS = "[role=menu], [role=radiogroup], #room-list, #log-frame, #thread-scroller"
# Where the focus is, seen from a target: there, in a group that the arrows walk, or elsewhere.
# In the log the arrows lead from message to message, and Tab to what is in one.
WHERE = """([target, groups]) => {
  const at = document.activeElement;
  const message = target.closest(".message");
  if (at === target) return "there";
  if (!target.closest(groups)?.contains(at)) return "elsewhere";
  if (message && message !== target && message.contains(at)) return "elsewhere";
  const isBefore = at.compareDocumentPosition(message ?? target) & Node.DOCUMENT_POSITION_PRECEDING;
  return isBefore || at.contains(target) ? "below" : "above";
}"""
STEPS = {"elsewhere": "Tab", "above": "ArrowDown", "below": "ArrowUp"}


class Hands(Protocol):
    """What a person does to one window."""

    page: Page

    def press(self, target: Locator) -> None:
        """Activate a button, a link, a radio button or a box."""

    def write(self, target: Locator, text: str) -> None:
        """Write *text* into a field, in place of what is there."""

    def choose(self, target: Locator, value: str) -> None:
        """Take another option of a select."""

    def close(self, dialog: Locator) -> None:
        """Leave a dialog."""


class Pointer:
    """Points and presses; what is written is written with keys."""

    def __init__(self, page: Page) -> None:
        self.page = page

    def press(self, target: Locator) -> None:
        """Go over the message that the target is in, which shows its tools, and press."""
        message = target.locator("xpath=ancestor::li[contains(@class, 'message')]")
        if message.count():
            message.hover()
        target.click()

    def write(self, target: Locator, text: str) -> None:
        target.click()
        _replace(self.page, text)

    def choose(self, target: Locator, value: str) -> None:
        target.select_option(value)

    def close(self, dialog: Locator) -> None:
        dialog.locator("header button").click()
        expect(dialog).to_be_hidden()


class Keys:
    """Never touches a pointer: what cannot be reached by keys cannot be done."""

    def __init__(self, page: Page) -> None:
        self.page = page

    def press(self, target: Locator) -> None:
        self.reach(target)
        kind = target.get_attribute("type")
        if kind == "checkbox":
            self.page.keyboard.press("Space")
        elif kind != "radio":  # the arrows have chosen it
            self.page.keyboard.press("Enter")

    def write(self, target: Locator, text: str) -> None:
        self.reach(target)
        _replace(self.page, text)

    def choose(self, target: Locator, value: str) -> None:
        self.reach(target)
        for _ in range(target.locator("option").count()):
            if target.input_value() == value:
                return
            self.page.keyboard.press("ArrowDown")
        expect(target).to_have_value(value)

    def close(self, dialog: Locator) -> None:
        expect(dialog).to_be_visible()
        self.page.keyboard.press("Escape")
        expect(dialog).to_be_hidden()

    def reach(self, target: Locator) -> None:
        """Move the focus to *target*, as one who does not know where it is."""
        expect(target).to_be_visible()
        for _ in range(MOST_STEPS):
            where = self.page.evaluate(WHERE, [target.element_handle(), GROUPS])
            if where == "there":
                return
            self.page.keyboard.press(STEPS[where])
        raise AssertionError(f"no key leads to {target}")


def _replace(page: Page, text: str) -> None:
    page.keyboard.press("Control+a")
    page.keyboard.press("Delete")
    page.keyboard.insert_text(text)
