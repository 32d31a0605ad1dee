import subprocess
import sys
from xml.etree import ElementTree

import numpy as np
import pytest
from wayshot.results import ResultError
from wayshot.results.pictures.pareto import draw_pareto, front

PNG = b"\x89PNG\r\n\x1a\n"


def texts(path):
    root = ElementTree.parse(path).getroot()
    return [
        "".join(one.itertext()).strip() for one in root.iter("{http://www.w3.org/2000/svg}text")
    ]


@pytest.fixture
def runs(store):
    """Three runs of scorers with latencies, one without."""

    def make(**latency):
        of = {"quick": 0.5, "$good$": 20.0, "worse": 30.0, "untimed": None}
        return [
            store(
                np.arange(60) % (3 if name == "$good$" else 2) != 0,
                scorer={"name": name, "digest": str(place) * 64},
                **({"latency": {"p50_ms": p50, **latency}} if p50 else {}),
            )
            for place, (name, p50) in enumerate(of.items())
        ]

    return make


@pytest.mark.parametrize("seed", range(20))
def test_the_front_is_what_no_other_point_is_better_than(seed):
    points = [tuple(one) for one in np.random.default_rng(seed).integers(0, 6, (12, 2)).tolist()]

    def beaten(x, y):
        return any((a <= x and b >= y) and (a < x or b > y) for a, b in points)

    found = front(points)
    assert sorted(found) == [i for i, point in enumerate(points) if not beaten(*point)]
    assert [points[i][0] for i in found] == sorted(points[i][0] for i in found)


def test_every_timed_scorer_is_named_and_the_others_left_out(runs, tmp_path):
    draw_pareto(runs(), tmp_path / "pareto.svg")
    shown = texts(tmp_path / "pareto.svg")
    assert {"quick", "$good$", "worse", "lake-within-5w1s"} <= set(shown)
    assert "untimed" not in shown


def test_a_figure_without_an_interval_is_a_point(store, tmp_path):
    run = store(alphabets=1, latency={"p50_ms": 2.0})
    draw_pareto([run], tmp_path / "pareto.svg")
    assert "pixel-cosine" in texts(tmp_path / "pareto.svg")


def test_what_makes_a_latency_another_is_said_at_the_name(runs, tmp_path):
    cold = {"mode": "cold", "engine": "keras", "ways": 20, "shots": 1, "threads": 1}
    draw_pareto(runs(valid=False, **cold), tmp_path / "pareto.svg")
    assert "quick (support included, INVALID)" in texts(tmp_path / "pareto.svg")


def test_a_png_is_a_picture(runs, tmp_path):
    draw_pareto(runs(low_ms=0.1, high_ms=40.0), tmp_path / "new" / "pareto.png")
    assert (tmp_path / "new" / "pareto.png").read_bytes().startswith(PNG)


def test_the_same_runs_give_the_same_bytes(runs, tmp_path):
    some = runs()
    for name in ("one.svg", "other.svg"):
        draw_pareto(some, tmp_path / name)
    assert (tmp_path / "one.svg").read_bytes() == (tmp_path / "other.svg").read_bytes()


def test_without_latencies_there_is_nothing_to_draw(store, tmp_path):
    with pytest.raises(ResultError, match="measure some with: wayshot latency"):
        draw_pareto([store()], tmp_path / "pareto.svg")
    assert not (tmp_path / "pareto.svg").exists()


def test_other_kinds_of_pictures_are_refused(runs, tmp_path):
    with pytest.raises(ResultError, match=r"expected \.png or \.svg"):
        draw_pareto(runs(), tmp_path / "pareto.pdf")


def test_matplotlib_is_loaded_only_to_draw():
    code = "import sys, wayshot.results.pictures.pareto; print('matplotlib' in sys.modules)"
    answer = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert answer.stdout.strip() == "False"
