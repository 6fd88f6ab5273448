"""The load generator, built once for each worker of the test run."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.load.build import build, compilers


@pytest.fixture(scope="session")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where it is; the tests that ask are skipped where nothing can compile it."""
    if not list(compilers()):
        pytest.skip("no C compiler: the tests of the load generator did not run")
    return build(tmp_path_factory.mktemp("load"))
