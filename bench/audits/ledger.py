"""The ledger: short audits that scorers have passed, so that each is made only once."""

from __future__ import annotations

import hashlib
import json
from contextlib import suppress
from pathlib import Path
from typing import Any

from ...tasks import (
    Progress,
    TaskError,
    Wants,
    cache_folder,
    make_cache_folder,
    quiet,
    replacing,
)
from ..machine import environment
from ..scorers import EpisodeSize, Traits
from . import audit
from .checks import CHECKS
from .findings import PASSED

VERSION = 2
"""Part of the key; to be raised if the same checks come to check other things."""


def _place(traits: Traits, like: Wants | None, size: EpisodeSize | None) -> Path:
    """Gives the file of a scorer's audit on this machine, with these libraries and checks."""
    checks = [name for name, check in CHECKS.items() if check.short]
    content = f"audit {VERSION} {checks} {traits.digest} {environment()}{like or ''}"
    if traits.level == 3:
        content += f" {size}"
    return cache_folder() / "audits" / f"{hashlib.sha256(content.encode()).hexdigest()[:32]}.json"


def recall(
    traits: Traits, like: Wants | None = None, size: EpisodeSize | None = None
) -> dict[str, Any] | None:
    """Looks up whether a scorer has passed its short audit.

    Args:
        traits: The traits of the scorer; the scorer itself is not called.
        like: As for `Subject`.
        size: As for `Subject`.

    Returns:
        The audit as from `Audit.as_json`; None if it has failed, was not made,
        or the file is damaged.
    """
    try:
        digest, _, content = _place(traits, like, size).read_bytes().partition(b"\n")
    except OSError:
        return None
    if hashlib.sha256(content).hexdigest().encode() != digest:
        return None
    return json.loads(content)


def short_audit(
    scorer: Any,
    traits: Traits,
    like: Wants | None = None,
    size: EpisodeSize | None = None,
    progress: Progress = quiet,
) -> dict[str, Any]:
    """Audits a scorer in the short form, unless it has passed before.

    Args:
        scorer: The scorer.
        traits: The traits of the scorer.
        like: As for `Subject`.
        size: As for `Subject`.
        progress: Shows the progress.

    Returns:
        The field `audit` of a record.
    """
    found = recall(traits, like, size)
    if found is None:
        made = audit(scorer, traits, short=True, like=like, size=size, progress=progress)
        found = made.as_json()
        if made.verdict == PASSED:
            _keep(_place(traits, like, size), json.dumps(found).encode())
    return found


def _keep(path: Path, content: bytes) -> None:
    # Without the file, the audit is made again next time.
    with suppress(OSError, TaskError):
        make_cache_folder(path.parent)
        with replacing(path) as fresh:
            fresh.write_bytes(hashlib.sha256(content).hexdigest().encode() + b"\n" + content)
