"""Verdicts: what the record of a run says of its scorer, besides the trials."""

from __future__ import annotations

from functools import partial
from typing import Any

from ...tasks import Wants
from ..audits import recall, short_audit
from ..scorers import UNSTEADY, EpisodeSize, Traits
from .dispatch import Dispatch
from .repeats import Repeat


def audited(dispatch: Dispatch) -> dict[str, Any]:
    """Audits the scorer, unless it has passed before.

    Args:
        dispatch: Gives the audit to the process of the scorer.

    Returns:
        The field `audit` of a record.
    """
    known, images = dispatch.bench.traits, dispatch.bench.source.dataset.images
    like = None
    if known.wants is None and images.kind != "ink":
        like = Wants((images.kind,), (images.shape[1], images.shape[2]))
    size = EpisodeSize.of(dispatch.bench.source.protocol)
    found = recall(known, like, size)
    if found is None:
        ((_, found),) = dispatch.units("apply", [(partial(short_audit, like=like, size=size),)])
        if not _refused(found):
            _warn_of_failed(dispatch, found)
    for one in found["checks"]:
        if one["check"] == "pixels" and one["status"] == "noted":
            dispatch.settings.warn(f"{known.name}: {one['found']}. {one['cause']}")
    return found


def _refused(audit: dict[str, Any]) -> bool:
    """Tells whether the scorer did not answer, so that no other check was made."""
    return len(audit["checks"]) == 1


def _warn_of_failed(dispatch: Dispatch, audit: dict[str, Any]) -> None:
    failed = [one["check"] for one in audit["checks"] if one["status"] == "failed"]
    if failed:
        dispatch.settings.warn(
            f"{dispatch.bench.traits.name}: the audit failed ({', '.join(failed)}); wayshot audit "
            "tells more"
        )


def judged(
    dispatch: Dispatch, audit: dict[str, Any] | None, repeat: Repeat | None
) -> dict[str, Any] | None:
    """Adds to an audit what came of asking about images of the data again.

    Args:
        dispatch: Has the scorer and the settings.
        audit: The field `audit`, or None where there was no audit.
        repeat: What was asked again, or None if nothing was.
    """
    if audit is None:
        return None
    known, warn = dispatch.bench.traits, dispatch.settings.warn
    if _refused(audit):
        # Only now, because a scorer that answers nothing else either says why by itself.
        _warn_of_failed(dispatch, audit)
    if _is_unsteady(known, audit):
        warn(f"{known.name}: {UNSTEADY}")
    if repeat is None:
        return audit
    finding = repeat.finding()
    verdict = audit["verdict"]
    if finding["status"] == "failed":
        verdict = "failed"
        warn(f"{known.name}: {finding['found']} when it is asked again; {finding['cause']}")
    return {**audit, "verdict": verdict, "checks": [*audit["checks"], finding]}


def _is_unsteady(known: Traits, audit: dict[str, Any] | None) -> bool:
    """Tells whether a scorer that is known by its answers does not repeat them."""
    checks = () if audit is None else audit["checks"]
    unlike = {one["check"] for one in checks if one["status"] in ("failed", "noted")}
    by_content = known.identity is not None and known.identity.by == "content"
    return by_content and "determinism" in unlike


def identity(known: Traits, audit: dict[str, Any] | None) -> dict[str, Any]:
    """Gives the field `identity` of a scorer from outside.

    Args:
        known: The traits of the scorer.
        audit: The field `audit` of the record.
    """
    if known.identity is None or known.identity.by == "class":
        return {}
    advice = {"advice": UNSTEADY} if _is_unsteady(known, audit) else {}
    return {"identity": {**known.identity.as_json(), **advice}}
