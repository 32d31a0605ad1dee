"""An embedder: one network, run by one engine."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property

from ...tasks import Progress
from ..backend import backend_name
from ..errors import ModelError
from .engines import ENGINES, KERAS, find
from .exporting import Origin, exported
from .fastest import Choice, choose
from .formats import FORMATS
from .loading import Embed, load


class Embedder:
    """Embeds images with one network and one engine; both are loaded for the first image."""

    def __init__(
        self, origin: Origin, keras: Callable[[], Embed], engine: str, progress: Progress
    ) -> None:
        """Checks the name of the engine; nothing is loaded yet.

        Args:
            origin: The network.
            keras: Loads the network in Keras and gives its embedding.
            engine: One of `models.engines.ENGINES`; or the Keras backend of
                this process by its name, or `keras` for it under any name; or
                `auto` for the fastest installed engine that agrees with Keras.
            progress: Shows the progress of choosing the fastest engine.

        Raises:
            ModelError: There is no such engine, or it is not installed.
        """
        if engine in KERAS and engine != backend_name():
            raise ModelError(
                f"engine {engine}: Keras is set to {backend_name()}; set KERAS_BACKEND={engine}"
            )
        if engine not in ("auto", "keras", *KERAS):
            find(engine)
        self._origin, self._keras, self._asked, self._progress = origin, keras, engine, progress

    @cached_property
    def choice(self) -> Choice:
        """The engine that is used and, for `auto`, how it was chosen."""
        if self._asked == "auto":
            return choose(self._origin, self._keras, self._progress)
        return Choice(backend_name() if self._asked == "keras" else self._asked, {}, {})

    @property
    def engine(self) -> str:
        """Name of the engine that is used."""
        return self.choice.engine

    @property
    def digest(self) -> str:
        """The network's digest and the engine's name, because engines round differently."""
        plain = self.engine == "tensorflow"
        return self._origin.digest + ("" if plain else f" engine {self.engine}")

    @property
    def exported_bytes(self) -> int | None:
        """Size of the exported files in bytes; None if Keras runs the network."""
        engine = ENGINES.get(self.engine)
        if engine is None:
            return None
        path = exported(self._origin, engine.form, engine.precision).path
        return sum(path.with_name(name).stat().st_size for name in FORMATS[engine.form].files)

    def named(self, name: str) -> str:
        """Gives the network's name, with the engine and its precision if that is not full."""
        engine = ENGINES.get(self._asked)
        if engine is None or engine.precision == "f32":
            return name
        return f"{name} ({engine.library} {engine.precision})"

    @cached_property
    def embed(self) -> Embed:
        """The embedding: from uint8 images (B, side, side) to float32 (B, D)."""
        if self.engine in ENGINES:
            return load(ENGINES[self.engine], self._origin)
        return self._keras()
