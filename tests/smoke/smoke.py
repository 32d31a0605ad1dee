"""Builds a wheel, installs it elsewhere, and uses it: `python tests/smoke/smoke.py`.

With `--with-these-libraries` the dependencies are those of the Python that runs
this, which saves their installation.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import sysconfig
import tempfile
import venv
from pathlib import Path

ROOT = Path(__file__).parents[2]
WHERE = "import wayshot.bench, wayshot.tasks; print(wayshot.bench.__file__, wayshot.tasks.__file__)"


def call(*words: object, cwd: Path, **environment: str) -> str:
    """Runs a command to its end; gives what it prints."""
    done = subprocess.run(
        [str(word) for word in words],
        cwd=cwd,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        sys.exit(f"{' '.join(map(str, words))}: status {done.returncode}\n{done.stderr[-3000:]}")
    return done.stdout


def main() -> None:
    """Ends with status 0 where the wheel is whole."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--with-these-libraries", action="store_true")
    borrow = parser.parse_args().with_these_libraries
    with tempfile.TemporaryDirectory(prefix="wayshot-smoke-") as name:
        elsewhere = Path(name).resolve()
        pip = (sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet")
        call(*pip, "wheel", "--no-deps", "--wheel-dir", elsewhere, ROOT, cwd=elsewhere)
        (wheel,) = elsewhere.glob("wayshot-*.whl")
        venv.create(elsewhere / "venv", with_pip=not borrow, symlinks=True)
        python = elsewhere / "venv" / "bin" / "python"
        installed = (*pip, "--python", python) if borrow else (python, "-m", "pip", "--quiet")
        call(*installed, "install", *["--no-deps"] * borrow, wheel, cwd=elsewhere)
        if borrow:
            home = Path(
                call(
                    python, "-c", "import site; print(site.getsitepackages()[0])", cwd=elsewhere
                ).strip()
            )
            (home / "borrowed.pth").write_text(sysconfig.get_path("purelib") + "\n")
        found = call(python, "-c", WHERE, cwd=elsewhere)
        if not all(path.startswith(str(elsewhere)) for path in found.split()):
            sys.exit(f"not the wheel but {found}")

        def wayshot(*words: object) -> str:
            return call(
                elsewhere / "venv" / "bin" / "wayshot",
                *words,
                cwd=elsewhere,
                WAYSHOT_CACHE=str(elsewhere / "cache"),
                WAYSHOT_DATA=str(elsewhere / "none"),
            )

        listed = {
            kind: json.loads(wayshot("list", kind, "--json"))[kind]
            for kind in ("scorers", "recipes")
        }
        if (
            "siamese-small" not in {one["name"] for one in listed["scorers"]}
            or not listed["recipes"]
        ):
            sys.exit("bundled networks or recipes are missing in the wheel")
        wayshot("run", "glyphs-within-5w1s", "--episodes", 20, "-s", "siamese-small")
        table = wayshot("table", "runs", "--published")
        if "siamese-small" not in table:
            sys.exit(f"a table without its scorer:\n{table}")
        checks = json.loads(wayshot("conformance", "--json"))
        print(
            f"{wheel.name}: {checks['ok']} checks ok, {checks['skipped']} skipped for want of data"
        )


if __name__ == "__main__":
    main()
