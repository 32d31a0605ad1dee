"""A command does not begin where its libraries would hang."""

from __future__ import annotations

import pytest
from wayshot.bench.cli import limits


@pytest.mark.parametrize(("limit", "refused"), [(-1, False), (limits.LEAST, False), (2**28, True)])
def test_too_few_addresses_are_refused(monkeypatch, limit, refused):
    monkeypatch.setattr(limits.resource, "getrlimit", lambda which: (limit, -1))
    if refused:
        with pytest.raises(MemoryError, match="ulimit -v is 262144, expected at least 800000"):
            limits.check_memory()
    else:
        limits.check_memory()
