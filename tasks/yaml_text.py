"""YAML: the plain types of a file that may come from anyone."""

from __future__ import annotations

import re
from typing import Any

import yaml

from .errors import TaskError
from .text import readable

_DEEPEST = 20


class _Loader(yaml.SafeLoader):
    """Loads YAML's plain types, every key once, without aliases, which can grow without end."""

    def fetch_flow_collection_start(self, TokenClass: Any) -> None:  # noqa: N803
        # Checked here, because the time for brackets grows with the square of their number.
        if self.flow_level > _DEEPEST:
            raise yaml.YAMLError("nested too deep")
        super().fetch_flow_collection_start(TokenClass)

    def add_indent(self, column: int) -> bool:
        if len(self.indents) > _DEEPEST:
            raise yaml.YAMLError("nested too deep")
        return super().add_indent(column)

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.AliasEvent):
            raise yaml.YAMLError("an alias (*name); write its content instead")
        return super().compose_node(parent, index)

    def construct_mapping(self, node: Any, deep: bool = False) -> Any:
        keys = [key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode)]
        twice = [key for key in keys if keys.count(key) > 1]
        if twice:
            raise yaml.YAMLError(f"the key {twice[0]!r} twice in one place")
        return super().construct_mapping(node, deep)


# YAML 1.1 takes 1e-4 for a word, as it has no point.
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(r"[-+]?[0-9]+(\.[0-9]*)?[eE][-+]?[0-9]+$"),
    [*"-+0123456789"],
)


def load_yaml(text: bytes | str) -> Any:
    """Reads YAML's plain types; `1e-4` is a number.

    Args:
        text: The text.

    Raises:
        TaskError: It is no YAML, names a key twice, has aliases, or is nested deeper than 20.
    """
    try:
        return yaml.load(text, _Loader)
    except (yaml.YAMLError, ValueError, TypeError, AttributeError, OverflowError) as error:
        problem = readable(" ".join(str(error).split()))[:500]
        raise TaskError(f"not a readable YAML file ({problem})") from None
