"""State: what an object holds, by content, in a form that is the same in every process.

No address, no order of a set, no reading of the clock and no random generator is part of it.
"""

from __future__ import annotations

import enum
import functools
import random
import types
import uuid
from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime
from datetime import time as hour
from pathlib import PurePath
from typing import Any

import numpy as np

from .clocks import is_reading
from .code import is_function_installed, is_installed, names_in, parts_of
from .libraries import array_of, held_by, is_machinery
from .nodes import LEFT_OUT, Node, digest, joined

_PLAIN = (types.NoneType, bool, int, float, complex, str, bytes, bytearray, range, slice)
_GENERATORS = (np.random.Generator, np.random.RandomState, np.random.BitGenerator, random.Random)
_DEEPEST = 150
_MOST = 500_000
"""Objects that are read. Some, as those that imitate others, make a new one at every look."""


class Survey:
    """Finds the state of an object.

    Attributes:
        modules: Names of the modules of all code that was met and that is not installed.
        values: Number of values that were met, without those of code.
        opaque: Names of the types of objects that hide what they hold.
        drawn: The states of all random generators that were met, as text.
    """

    def __init__(self, own: Any, said: Iterable[str] = (), *, altered: bool = False) -> None:
        """Prepares a survey.

        Args:
            own: The object whose state is to be found.
            said: Names of its attributes that are no part of its state.
            altered: Whether classes of this project are read too, because the object is not
                what they made.
        """
        self._own, self._said, self._altered = own, frozenset(said), altered
        self._classes = set(type(own).__mro__[:-1])
        self._known: dict[int, Node] = {}
        self._above: dict[int, int] = {}
        # An address is that of one object only as long as the object is held.
        self._held: list[Any] = []
        self.modules: set[str] = set()
        self.values, self.opaque = 0, set[str]()
        self.drawn: list[str] = []

    def node(self, thing: Any) -> Node:
        """Gives the state of an object.

        Args:
            thing: The object.
        """
        if isinstance(thing, _PLAIN) and type(thing) in _PLAIN:
            self.values += 1
            if is_reading(thing):
                return LEFT_OUT
            return Node(digest(type(thing).__name__, repr(thing)))
        number = id(thing)
        if number in self._known:
            return self._known[number]
        if number in self._above:
            return Node(digest("above", str(len(self._above) - self._above[number])))
        if len(self._above) > _DEEPEST:
            self.opaque.add("what is too deep")
            return Node(digest("too deep"))
        self._held.append(thing)
        if len(self._held) > _MOST:
            raise RecursionError(
                f'more than {_MOST:,} objects; with an attribute digest, such as digest = "1", '
                "they need not be read"
            )
        self._above[number] = len(self._above)
        try:
            found = self._of(thing)
        finally:
            del self._above[number]
        self._known[number] = found
        return found

    def _of(self, thing: Any) -> Node:
        if isinstance(thing, type):
            return self._of_class(thing)
        if isinstance(thing, types.FunctionType):
            return self._of_function(thing)
        for kind, find in _FINDERS:
            if isinstance(thing, kind):
                return find(self, thing)
        parts = held_by(thing)
        if parts is not None:
            return self._fields(self._name(thing), parts)
        if is_machinery(type(thing)):
            return self._hidden(thing)
        array = array_of(thing)
        if array is not None:
            return self._of_array(array)
        return self._of_object(thing)

    def _hidden(self, thing: Any) -> Node:
        name = f"{type(thing).__module__}.{type(thing).__qualname__}"
        self.opaque.add(name)
        return Node(digest("opaque", name))

    def _name(self, thing: Any) -> str:
        """Names the type of an object, and notes its code."""
        kind = type(thing)
        return f"{kind.__module__}.{kind.__qualname__} {self.node(kind).digest}"

    def _fields(self, name: str, parts: Mapping[str, Any]) -> Node:
        return joined("fields", name, {key: self.node(one) for key, one in parts.items()})

    def _of_array(self, array: np.ndarray) -> Node:
        self.values += 1
        if array.dtype.hasobject:
            return joined("items", str(array.shape), self._numbered(array.ravel().tolist()))
        if array.dtype.names:
            # The bytes between fields are nobody's.
            columns = {one: np.ascontiguousarray(array[one]) for one in array.dtype.names}
            return self._fields(f"{array.dtype} {array.shape}", columns)
        mask = getattr(array, "mask", None)
        words = [] if mask is None else [np.ascontiguousarray(mask).tobytes()]
        content = np.ascontiguousarray(np.asarray(array)).tobytes()
        return Node(digest("array", str(array.dtype), str(array.shape), content, *words))

    def _numbered(self, items: Iterable[Any]) -> dict[str, Node]:
        return {str(i): self.node(one) for i, one in enumerate(items)}

    def _of_sequence(self, items: Any) -> Node:
        name = type(items).__name__
        if items and len(items) > 1000 and all(type(one) in (int, float, str) for one in items):
            self.values += 1
            return Node(digest(name, repr(list(items))))
        return joined("items", name, self._numbered(items))

    def _of_set(self, items: Any) -> Node:
        digests = sorted(self.node(one).digest for one in items)
        return joined("items", "set", {one: Node(one) for one in digests})

    def _of_mapping(self, items: Any) -> Node:
        keys = {self.node(key).digest: one for key, one in list(items.items())}
        return joined("items", "dict", {key: self.node(one) for key, one in keys.items()})

    def _of_partial(self, thing: Any) -> Node:
        return self._fields(
            "partial", {"function": thing.func, "given": thing.args, "named": thing.keywords}
        )

    def _of_method(self, thing: Any) -> Node:
        return self._fields("method", {"function": thing.__func__, "of": thing.__self__})

    def _of_wrapper(self, thing: Any) -> Node:
        # What it remembers is a cache.
        return self.node(thing.__wrapped__)

    def _of_property(self, thing: Any) -> Node:
        both = {name: getattr(thing, name, None) for name in ("fget", "fset", "__func__", "func")}
        return self._fields(type(thing).__name__, both)

    def _of_builtin(self, thing: Any) -> Node:
        own = getattr(thing, "__self__", None)
        name = f"{getattr(thing, '__module__', '')} {getattr(thing, '__qualname__', '')}"
        if own is None or isinstance(own, types.ModuleType | type):
            return Node(digest("builtin", name or type(thing).__name__))
        return self._fields(name, {"of": own})

    def _of_function(self, function: types.FunctionType) -> Node:
        """Gives what a function depends on: its code, defaults, closure, and globals that it uses.

        Of an installed function, the code is known by its name.
        """
        cells = {
            name: cell.cell_contents
            for name, cell in zip(
                function.__code__.co_freevars, function.__closure__ or (), strict=True
            )
            if _is_filled(cell)
        }
        name = f"{function.__module__}.{function.__qualname__}"
        parts = {"closure": cells, "defaults": function.__defaults__}
        parts["named"] = function.__kwdefaults__
        if is_function_installed(function) and not self._is_new(function):
            return self._fields(name, parts)
        if function.__module__:
            self.modules.add(function.__module__)
        known = function.__globals__
        used = {key: known[key] for key in names_in(function.__code__) if key in known}
        parts["globals"] = _Namespace(used)
        return self._fields(f"function {parts_of(function.__code__)}", parts)

    def _is_new(self, function: types.FunctionType) -> bool:
        """Tells whether a function of this project is read, because it is not where it was."""
        module = function.__module__ or ""
        return self._altered and module.startswith("wayshot.bench.scorers")

    def _of_namespace(self, names: _Namespace) -> Node:
        return self._fields("globals", names.held)

    def _of_class(self, kind: type) -> Node:
        name = f"class {kind.__module__}.{kind.__qualname__}"
        own = self._altered and kind in self._classes and kind.__module__.startswith("wayshot.")
        if is_installed(kind.__module__) and not own:
            return Node(digest(name))
        if not own:
            self.modules.add(kind.__module__)
        held = {
            key: one
            for key, one in vars(kind).items()
            # What Python notes of every class; its methods count.
            if not (key.startswith("__") and not callable(one))
            and key != "_abc_impl"
            and not isinstance(one, types.MemberDescriptorType | types.GetSetDescriptorType)
            and not (kind in self._classes and key in self._said)
        }
        bases = {f"base {i}": base for i, base in enumerate(kind.__bases__) if base is not object}
        count = self.values
        found = self._fields(name, {**held, **bases})
        # Constants of a class are its code.
        self.values = count
        return found

    def _of_object(self, thing: Any) -> Node:
        name, parts = self._name(thing), dict[str, Any]()
        for kind in type(thing).__mro__:
            slots = vars(kind).get("__slots__", ())
            for slot in (slots,) if isinstance(slots, str) else slots:
                if slot not in ("__dict__", "__weakref__") and hasattr(thing, slot):
                    parts[slot] = getattr(thing, slot)
        held = getattr(thing, "__dict__", None)
        parts.update(held if isinstance(held, dict) else {})
        if thing is self._own:
            parts = {key: one for key, one in parts.items() if key not in self._said}
        if parts or (isinstance(held, dict) and not isinstance(thing, dict | list | tuple | set)):
            inner = (dict, list, tuple, set, frozenset)
            base = next((one for one in inner if isinstance(thing, one)), None)
            if base is not None:
                parts["its items"] = base(thing)
            return self._fields(name, parts)
        try:
            reduced = thing.__reduce_ex__(4)
        except Exception:
            # Locks, files, connections and sessions.
            return self._hidden(thing)
        if isinstance(reduced, str):
            return Node(digest("global", reduced))
        rest = [one if i < 2 else list(one) for i, one in enumerate(reduced[1:]) if one is not None]
        return self._fields(name, {"made by": reduced[0], "of": rest})


class _Namespace:
    """Globals that a function uses."""

    def __init__(self, held: dict[str, Any]) -> None:
        self.held = held


def _is_filled(cell: types.CellType) -> bool:
    try:
        _ = cell.cell_contents
    except ValueError:
        return False
    return True


def _generator(survey: Survey, thing: Any) -> Node:
    if isinstance(thing, np.random.Generator):
        thing = thing.bit_generator
    if isinstance(thing, np.random.BitGenerator):
        state: Any = thing.state
    elif isinstance(thing, np.random.RandomState):
        state = [np.asarray(one).tobytes() for one in thing.get_state(legacy=True)]
    else:
        state = thing.getstate()
    survey.drawn.append(repr(state))
    return LEFT_OUT


def _text(survey: Survey, thing: Any) -> Node:
    survey.values += 1
    return Node(digest(type(thing).__qualname__, str(thing)))


def _moment(survey: Survey, thing: Any) -> Node:
    return LEFT_OUT if is_reading(thing) else _text(survey, thing)


def _unique(survey: Survey, thing: uuid.UUID) -> Node:
    # Made of the clock or of chance.
    return LEFT_OUT if thing.version in (1, 4) else _text(survey, thing)


def _module(survey: Survey, thing: types.ModuleType) -> Node:
    if not is_installed(thing.__name__):
        survey.modules.add(thing.__name__)
    return Node(digest("module", thing.__name__))


def _cell(survey: Survey, thing: types.CellType) -> Node:
    return survey.node(thing.cell_contents) if _is_filled(thing) else LEFT_OUT


def _code(survey: Survey, thing: types.CodeType) -> Node:
    return Node(digest("code", parts_of(thing)))


_BUILTIN = (
    types.BuiltinFunctionType,
    types.MethodWrapperType,
    types.WrapperDescriptorType,
    types.MethodDescriptorType,
    types.ClassMethodDescriptorType,
    types.GetSetDescriptorType,
    types.MemberDescriptorType,
)

_FINDERS: list[tuple[Any, Callable[[Survey, Any], Node]]] = [
    (_GENERATORS, _generator),
    (np.ufunc, lambda survey, one: Node(digest("ufunc", one.__name__))),
    (np.dtype, _text),
    (np.ndarray, Survey._of_array),
    (np.generic, lambda survey, one: survey._of_array(np.asarray(one))),
    (enum.Enum, _text),
    (_Namespace, Survey._of_namespace),
    (functools.partial, Survey._of_partial),
    (types.MethodType, Survey._of_method),
    (functools._lru_cache_wrapper, Survey._of_wrapper),
    ((property, staticmethod, classmethod, functools.cached_property), Survey._of_property),
    (_BUILTIN, Survey._of_builtin),
    (types.ModuleType, _module),
    (types.CellType, _cell),
    (types.CodeType, _code),
    (PurePath, _text),
    ((date, datetime, hour), _moment),
    (uuid.UUID, _unique),
]


def _is_exactly(*kinds: type) -> Any:
    """Gives what `isinstance` takes for objects of these classes, not of their subclasses."""

    class Exact(type):
        def __instancecheck__(cls, thing: Any) -> bool:
            return type(thing) in kinds

    return Exact("Exact", (), {})


_FINDERS += [
    (_is_exactly(list, tuple, deque), Survey._of_sequence),
    (_is_exactly(set, frozenset), Survey._of_set),
    (
        _is_exactly(dict, types.MappingProxyType, OrderedDict, defaultdict, Counter),
        Survey._of_mapping,
    ),
]
