"""Training is the same on every executor; most tests use the one that compiles nothing."""

from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def _reference_by_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("glassgrad.execute.executor._chosen", ["reference"])
