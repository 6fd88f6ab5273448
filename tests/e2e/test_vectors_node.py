from __future__ import annotations

import json
import subprocess
from pathlib import Path

import protocol

VECTORS = Path(protocol.__file__).parent / "vectors"
HERE = Path(__file__).parent
REPOSITORY = HERE.parents[1]


def test_vectors_are_the_same_to_an_implementation_of_others_in_node(node: str) -> None:
    script = [node, str(HERE / "vectors.mjs"), str(VECTORS)]
    seen = subprocess.run(script, capture_output=True, text=True, check=True, timeout=60)
    files = list(VECTORS.glob("*_*.json"))
    assert int(seen.stdout) == sum(len(json.loads(path.read_text())) for path in files) > 40


def test_the_page_shows_markup_as_the_vectors_say(node: str) -> None:
    page = REPOSITORY / "server" / "web" / "markup.js"
    script = [node, str(HERE / "markup.mjs"), str(page), str(VECTORS / "markup.json")]
    seen = subprocess.run(script, capture_output=True, text=True, check=True, timeout=60)
    assert int(seen.stdout) == len(json.loads((VECTORS / "markup.json").read_text())) > 30
