"""Counts: whole numbers as people write them."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

import click

_GROUPED = re.compile(r"[+-]?[0-9]{1,3}(?:,[0-9]{3})+")

_POWER = re.compile(r"[+-]?[0-9]{1,20}(?:\.[0-9]{0,20})?[eE]\+?[0-9]{1,2}")


class Count(click.IntRange):
    """A whole number in a range, also written as 1e3, 10_000 or 10,000."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Reads the number."""
        said = str(value).strip()
        if _GROUPED.fullmatch(said):
            said = said.replace(",", "")
        elif _POWER.fullmatch(said) and (number := Decimal(said)) == int(number):
            said = str(int(number))
        try:
            whole = int(said)
        except ValueError:
            self.fail(f"{value!r} is not a whole number; write it as 1000 or 1e3.", param, ctx)
        return super().convert(whole, param, ctx)
