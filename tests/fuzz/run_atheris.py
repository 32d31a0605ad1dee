"""A longer run, led by coverage: `python run_atheris.py TARGET INPUTS`.

Needs atheris. Ends with status 0 where nothing was found, else shows the error
and leaves the input in a file `crash-...`.
"""

import sys
import tempfile
from pathlib import Path

import atheris  # pyright: ignore[reportMissingModuleSource]

with atheris.instrument_imports(include=["wayshot", "yaml", "msgspec", "zipfile", "PIL"]):
    import targets
    from wayshot.tasks import protocol


def main() -> None:
    """Fuzzes one target."""
    name, inputs = sys.argv[1:]
    if name not in targets.TARGETS:
        sys.exit(f"no target {name!r}; there are {', '.join(targets.TARGETS)}")
    with tempfile.TemporaryDirectory(prefix="wayshot-fuzz-") as corpus:
        for place, content in enumerate(targets.samples(name)):
            (Path(corpus) / f"sample{place}").write_bytes(content)
        longest = 64 if name == "protocol" else 4096
        # The hint in its error takes most of the time, and reads nothing.
        protocol._closest = lambda name: "closest: "
        options = [f"-runs={inputs}", f"-max_len={longest}", "-timeout=20", "-rss_limit_mb=4096"]
        atheris.Setup([sys.argv[0], *options, corpus], targets.TARGETS[name])
        atheris.Fuzz()


if __name__ == "__main__":
    main()
