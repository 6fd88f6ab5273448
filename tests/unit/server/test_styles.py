"""The design language holds: what has a size or a colour has it from the tokens."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

WEB = Path(__file__).parents[3] / "server" / "web"
COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
RULE = re.compile(r"([a-z0-9-]+):\s*([^;{}]+)(?=[;}])")
COLOUR = re.compile(r"#[0-9a-fA-F]{3,8}\b|\b(?:rgb|hsl|oklch|color-mix)\(")
SPACES = re.compile(r"^(?:padding|margin|gap|row-gap|column-gap)\b")
OWN_SIZE = re.compile(r"(?<![\w-])\d*\.?\d+px")
CALCULATED = re.compile(r"calc\([^()]*(?:\([^()]*\)[^()]*)*\)")


def rules(name: str) -> Iterator[tuple[str, str]]:
    text = COMMENT.sub("", (WEB / name).read_text(encoding="utf-8"))
    for found in RULE.finditer(text):
        yield found[1], found[2]


@pytest.mark.parametrize(
    "name", ["base.css", "frame.css", "log.css", "console.css", "notifications.css"]
)
def test_colours_spaces_and_sizes_of_type_are_those_of_the_scales(name: str) -> None:
    found = list(rules(name))
    assert len(found) > 100
    assert [rule for rule in found if COLOUR.search(rule[1])] == []
    spaces = [rule for rule in found if SPACES.match(rule[0])]
    assert [rule for rule in spaces if OWN_SIZE.search(CALCULATED.sub("", rule[1]))] == []
    sizes = [rule for rule in found if rule[0] in ("font-size", "border-radius")]
    assert [rule for rule in sizes if OWN_SIZE.search(rule[1])] == []


def test_every_token_that_is_named_is_there_and_every_one_is_used() -> None:
    defined = dict(rules("tokens.css"))
    styles = "".join((WEB / name).read_text(encoding="utf-8") for name in STYLES)
    used = set(re.findall(r"var\((--[\w-]+)", styles))
    tokens = {name for name in defined if name.startswith("--")}
    local = {"--around", "--long"}
    assert used - local <= tokens
    assert tokens <= used


STYLES = ("tokens.css", "base.css", "frame.css", "log.css", "console.css", "notifications.css")
