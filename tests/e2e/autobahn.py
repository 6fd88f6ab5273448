"""Autobahn's fuzzing client against the echo: ``autobahn.py WSTEST``; exit code 0: all passed.

WSTEST is the program of autobahntestsuite 25.10.1, which needs a Python 2.7.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections import Counter
from pathlib import Path

import trio
from edge_server import open_edge

CASES = ["1.*", "2.*", "3.*", "4.*", "5.*", "6.*", "7.*", "9.*", "10.*"]
PASSED = {"OK", "NON-STRICT", "INFORMATIONAL"}
WITHIN = 900.0


async def run_cases(wstest: str, folder: Path) -> dict[str, dict[str, str]]:
    """Run all cases against an echo of our own; what each came to."""
    async with open_edge() as edge:
        specification = folder / "fuzzingclient.json"
        told = {
            "outdir": str(folder / "reports"),
            "servers": [{"agent": "madang", "url": edge.url("/echo")}],
            "cases": CASES,
            "exclude-cases": [],
            "exclude-agent-cases": {},
        }
        await trio.Path(specification).write_text(json.dumps(told))
        with trio.fail_after(WITHIN):
            command = [wstest, "-m", "fuzzingclient", "-s", str(specification)]
            await trio.run_process(command, capture_stdout=True)
    index = json.loads((folder / "reports" / "index.json").read_text())
    return dict(index["madang"])


def main() -> int:
    """Run, and say how it went."""
    with tempfile.TemporaryDirectory() as folder:
        results = trio.run(run_cases, sys.argv[1], Path(folder))
    bad = {
        case: result
        for case, result in results.items()
        if result["behavior"] not in PASSED or result["behaviorClose"] not in PASSED
    }
    counts = Counter(result["behavior"] for result in results.values())
    sys.stdout.write(f"{len(results)} cases: {dict(counts)}\n")
    for case, result in sorted(results.items()):
        if result["behavior"] != "OK" or result["behaviorClose"] != "OK":
            sys.stdout.write(f"{case}: {result['behavior']}, close {result['behaviorClose']}\n")
    return 1 if bad or not results else 0


if __name__ == "__main__":
    sys.exit(main())
