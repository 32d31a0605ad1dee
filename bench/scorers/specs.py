"""What a user types for a scorer: `[LABEL=]SPEC[,key=value...]`, and what it names.

SPEC is a registered name, `module:attribute`, `path/file.py:attribute`, the path of a file of a
model, or the path of a `scorer.yaml` whose fields are `scorer`, optionally `label`, and keys.
"""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import inspect
import json
import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any

from ...tasks import TaskError, load_yaml, read_regular
from ..errors import ScorerError
from .failures import told
from .scorer import Scorer
from .suggestions import names_of, suggested
from .wrapping import KINDS, is_service, kind_of, wrap

_CODE = ("compare", "head", "transform")
"""Keys of `wrap` that are code: a text with a colon names it."""

_CONSTANTS = {"true": True, "false": False, "null": None, "none": None}
"""Values of keys that are words."""

_LARGEST = 2**20
"""The largest size of a scorer.yaml, in bytes."""


_LABELLED = re.compile(r"([^=:/\\]+)=(.+)", re.DOTALL)
"""What has a label before it."""


class UnknownNameError(ScorerError):
    """A module or attribute that does not exist."""


@dataclass(frozen=True)
class Spec:
    """What a user types for a scorer.

    Attributes:
        what: The SPEC.
        label: What tables call the scorer, or None.
        keys: The keys and their values.
        called: What the user typed, where `what` is another place of the same files; or "".
        typed: All that the user typed; or "".
    """

    what: str
    label: str | None = None
    keys: Mapping[str, Any] = field(default_factory=dict)
    called: str = ""
    typed: str = field(default="", compare=False)

    @classmethod
    def of(cls, text: str, registered: Mapping[str, Any]) -> Spec:
        """Reads what was typed.

        Args:
            text: What was typed.
            registered: The registered names.

        Raises:
            ScorerError: A key has no value.
        """
        return replace(cls._read(text, registered), typed=text)

    @classmethod
    def _read(cls, text: str, registered: Mapping[str, Any]) -> Spec:
        # A whole name or path may hold any of the signs that are special below.
        if text in registered or is_file(text):
            return _from_yaml(Path(text)) if _is_yaml(text) else cls(text)
        what, *words = _split(text)
        label = None
        if not is_file(what) and (named := _LABELLED.fullmatch(what)):
            label, what = named.groups()
        keys = {}
        for i, word in enumerate(words):
            key, equals, value = word.partition("=")
            if not equals or not key.isidentifier():
                raise ScorerError(
                    f"scorer {text!r}: {word!r}, expected key=value{_as_list(words, i)}"
                )
            keys[key] = _value(value)
        if is_file(what) and _is_yaml(what):
            stored = _from_yaml(Path(what))
            return cls(stored.what, label or stored.label, {**stored.keys, **keys})
        return cls(what, label, keys)

    @property
    def title(self) -> str:
        """What was typed, without the label."""
        keys = (f"{key}={value}" for key, value in self.keys.items())
        return self.called or ",".join([self.what, *keys])


def is_file(text: str) -> bool:
    """Tells whether a text, whatever it is, is the path of a file."""
    try:
        return Path(text).expanduser().is_file()
    except (OSError, ValueError):
        return False


def _is_yaml(text: str) -> bool:
    return text.endswith((".yaml", ".yml"))


def _split(text: str) -> list[str]:
    """Splits at the commas that are not within brackets."""
    words, depth = [""], 0
    for sign in text:
        depth += (sign in "[{(") - (sign in "]})")
        if sign == "," and depth <= 0:
            words.append("")
        else:
            words[-1] += sign
    return words


def _as_list(words: list[str], place: int) -> str:
    """Says how a list is written, if words without a key follow one that has a key."""
    if not place:
        return ""
    last = next((i for i in range(place, len(words)) if "=" in words[i]), len(words))
    key, _, first = words[place - 1].partition("=")
    if not all(words[place:last]):
        return ""
    return f"; a list is written {key}=[{','.join([first, *words[place:last]])}]"


def _value(text: str) -> Any:
    """Reads a number, a list or true, false and null as in JSON; anything else is a text.

    True, FALSE, None and other spellings of the same are read too.
    """
    if text.lower() in _CONSTANTS:
        return _CONSTANTS[text.lower()]
    try:
        return json.loads(text)
    except ValueError:
        return text


def _from_yaml(path: Path) -> Spec:
    try:
        fields = load_yaml(read_regular(path, _LARGEST))
    except TaskError as error:
        raise ScorerError(f"{path}: {error}") from None
    if not isinstance(fields, dict) or not isinstance(fields.get("scorer"), str):
        raise ScorerError(f"{path}: expected the field scorer, with what is typed after -s")
    what = fields.pop("scorer")
    if not is_file(what) and not (path.parent / what).is_file():
        _check_alone(path, what)
    for key in fields:
        if not isinstance(key, str) or not key.isidentifier():
            raise ScorerError(f"{path}: the key {key!r}, expected the name of an argument")
    place, colon, attribute = what.rpartition(":")
    beside = path.parent / (place if colon else what)
    if beside.is_file():
        what = f"{beside}{colon}{attribute}" if colon else str(beside)
    label = fields.pop("label", None)
    return Spec(what, None if label is None else str(label), fields)


def _check_alone(path: Path, what: str) -> None:
    """Checks that the field `scorer` holds neither keys nor a label."""
    what, *words = _split(what)
    pairs = [word.split("=", 1) for word in words if "=" in word]
    if not words and (named := _LABELLED.fullmatch(what)):
        pairs = [["label", named[1]]]
    if pairs:
        (key, value), *_ = pairs
        raise ScorerError(
            f"{path}: the field scorer holds {key.strip()}; write {key.strip()}: {value.strip()} "
            "as a line of its own"
        )


def _loaded(name: str, file: Path) -> ModuleType:
    """Imports a file under a name, or under another one if a module has that name already."""
    known = sys.modules.get(name)
    if known is not None and getattr(known, "__file__", None) == str(file):
        return known
    name = name if known is None else f"{name} of {file.parent}"
    if name in sys.modules:
        return sys.modules[name]
    found = importlib.util.spec_from_file_location(name, file)
    assert found is not None and found.loader is not None
    module = sys.modules[name] = importlib.util.module_from_spec(found)
    try:
        found.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def module(name: str) -> ModuleType:
    """Imports what stands before the colon; what lies in the current folder comes first.

    Args:
        name: Name of a module, or path of a `.py` file.

    Raises:
        ScorerError: There is no such file.
    """
    here = Path.cwd()
    file = Path(name).expanduser()
    if file.suffix == ".py":
        if not file.is_file():
            raise ScorerError(f"{name}: no such file")
        file = file.resolve()
    folder = file.parent if file.suffix == ".py" else here
    if str(folder) not in sys.path:
        # For good, as the scorer may import its neighbours when it is used.
        sys.path.append(str(folder))
    if file.suffix == ".py":
        return _loaded(file.stem, file)
    if (here / f"{name}.py").is_file():
        return _loaded(name, here / f"{name}.py")
    if (here / name.partition(".")[0]).is_dir() and name.partition(".")[0] not in sys.modules:
        sys.path.insert(0, str(here))
        try:
            return importlib.import_module(name)
        finally:
            sys.path.remove(str(here))
    return importlib.import_module(name)


def attribute(name: str) -> tuple[Any, str]:
    """Gives what `module:attribute` names, and the digest of the module's file.

    Args:
        name: Module or path, a colon, and names with dots between them.
    """
    place, _, path = name.rpartition(":")
    try:
        thing: Any = module(place)
    except ModuleNotFoundError as error:
        # Not what the module itself lacks.
        if f"{place}.".startswith(f"{error.name}."):
            raise UnknownNameError(told("", error).strip()) from error
        raise
    file = getattr(thing, "__file__", None)
    code = Path(file).read_bytes() if file and Path(file).is_file() else b""
    part = path
    try:
        for part in path.split("."):
            thing = getattr(thing, part)
    except AttributeError as error:
        near = (
            suggested(part, names_of(thing), f"{place}:") if isinstance(thing, ModuleType) else ""
        )
        raise UnknownNameError(told("", error).strip() + near) from error
    return thing, hashlib.sha256(code).hexdigest()


def is_scorer(thing: Any) -> bool:
    """Tells whether an object is a scorer as it is."""
    if isinstance(thing, type) or KINDS["scikit-learn"].recognises(thing):
        # All estimators have a method score, which is something else.
        return False
    return isinstance(thing, Scorer)


def title_of(thing: Any) -> str:
    """Gives what a scorer or model without a name is called: its function or class.

    Args:
        thing: The scorer or model; of a wrapped model, the model counts.
    """
    thing = getattr(thing, "wrapped", thing)
    if isinstance(thing, partial):
        thing = thing.func
    name = getattr(thing, "__name__", None)
    return name if isinstance(name, str) and name.isidentifier() else type(thing).__name__


def _is_factory(thing: Any) -> bool:
    return isinstance(thing, type | FunctionType | partial) or inspect.isroutine(thing)


def made(thing: Any, keys: Mapping[str, Any] | None = None) -> Any:
    """Makes a scorer of what an attribute is.

    Classes, functions and partials are called; models are wrapped.

    Args:
        thing: A scorer, a model, or what gives one of them.
        keys: Arguments of the call and, where their names are not among its parameters, of
            `wrap`.

    Raises:
        ScorerError: A key is an argument of neither.
    """
    keys = dict(keys or {})
    options = keys
    if _is_factory(thing):
        options = {} if not keys else _for_wrap(thing, keys)
        thing = thing(**{key: value for key, value in keys.items() if key not in options})
    if is_scorer(thing) and not (options and is_service(thing)):
        if options:
            raise ScorerError(f"it is a scorer as it is and takes no {', '.join(options)}")
        return thing
    return wrapped(thing, options) if kind_of(thing) is not None else thing


def application(name: str, keys: Mapping[str, Any]) -> Any:
    """Wraps a network of `keras.applications` that has learned nothing.

    Args:
        name: `keras:NAME`, as for a backbone.
        keys: `seed` of the random weights, 1 without it; others are arguments of `wrap`.

    Raises:
        ModelError: There is no such network.
    """
    from ...models.networks import backbone

    keys = dict(keys)
    sys.modules["keras"].utils.set_random_seed(int(keys.pop("seed", 1)))
    title = f"{name.partition(':')[2]} (random weights)"
    return wrapped(backbone(name).build(), {"name": title, **keys})


def _for_wrap(function: Callable[..., Any], keys: Mapping[str, Any]) -> dict[str, Any]:
    ours = _arguments_of_wrap()
    try:
        parameters = inspect.signature(function).parameters
    except (TypeError, ValueError):
        # A function in C, which says itself what it does not take.
        return {key: value for key, value in keys.items() if key in ours}
    own = [
        name
        for name, one in parameters.items()
        if one.kind in (one.POSITIONAL_OR_KEYWORD, one.KEYWORD_ONLY)
    ]
    if not any(one.kind is one.VAR_KEYWORD for one in parameters.values()):
        for key in keys:
            if key not in own and key not in ours:
                name = getattr(function, "__name__", type(function).__name__)
                raise ScorerError(
                    f"unknown key {key!r}, expected an argument of {name} "
                    f"({', '.join(own) or 'it has none'}) or of wrap"
                    f"{suggested(key, [*own, *ours])}"
                )
    return {key: value for key, value in keys.items() if key not in own and key in ours}


def _arguments_of_wrap() -> list[str]:
    return [name for name in inspect.signature(wrap).parameters if name != "model"]


def wrapped(model: Any, keys: Mapping[str, Any]) -> Any:
    """Wraps a model, or the path of its file, with keys that were typed.

    Args:
        model: As for `wrap`.
        keys: The keys.

    Raises:
        ScorerError: `wrap` has no such argument.
    """
    options: dict[str, Any] = dict(keys)
    known = _arguments_of_wrap()
    strange = [key for key in options if key not in known]
    if strange:
        raise ScorerError(
            f"unknown key {strange[0]!r}, expected {', '.join(known)}{suggested(strange[0], known)}"
        )
    for key in _CODE:
        if isinstance(options.get(key), str) and ":" in options[key]:
            options[key] = attribute(options[key])[0]
    return wrap(model, **options)
