from __future__ import annotations

import dataclasses
import json
import random
import re
import threading

import numpy as np
import pytest
import traps
from wayshot import results
from wayshot.bench.audits import audit
from wayshot.bench.audits.agreement import ROUNDING, STEADY, TOLERANCE, same
from wayshot.bench.audits.checks import CHECKS
from wayshot.bench.audits.findings import Audit, Finding
from wayshot.bench.audits.ledger import recall, short_audit
from wayshot.bench.audits.subject import Subject, panel
from wayshot.bench.evaluations.evaluation import evaluate
from wayshot.bench.scorers.baselines import BASELINES, Chance, PixelCosine
from wayshot.bench.scorers.registry import resolve
from wayshot.bench.scorers.scorer import traits


def audited(scorer, **more):
    return audit(scorer, traits(scorer, "x"), **more)


def finding(found, check):
    (one,) = (one for one in found.checks if one.check == check)
    return one


@pytest.mark.parametrize("name", BASELINES)
def test_baselines_pass(name):
    found = audit(*resolve(name), remake=lambda: resolve(name)[0])
    assert [one.check for one in found.checks if one.status == "failed"] == []


def test_a_wrong_direction_is_named():
    one = finding(audited(traps.Distance(), short=True), "orientation")
    assert one.status == "failed" and one.amount == 1
    assert one.found == "0 of 12 images are nearest to themselves, 12 are farthest"
    assert one.cause == "smaller_is_closer is declared wrong?"
    right = traps.Distance()
    right.smaller_is_closer = True
    assert finding(audited(right, short=True), "orientation").status == "passed"


def test_by_how_much_is_said():
    class Shifted(traps.Pixels):
        """Adds a tenth of the span to the class at place 0."""

        def compare(self, query, support):
            scores = super().compare(query, support)
            scores[..., 0] += self.tenth
            return scores

    scorer = Shifted()
    scorer.tenth = 0.0
    scorer.tenth = Subject(scorer, traits(scorer, "x")).span / 10
    one = finding(audited(scorer, short=True), "support order")
    assert one.amount == pytest.approx(0.1, rel=0.2)
    assert "of their span" in one.found and "of 24 queries get another answer" in one.found


def test_a_scorer_that_raises_is_one_finding_in_one_line():
    scorer = traps.Raises()
    found = audit(scorer, traits(traps.Pixels(), "x"))
    (one,) = found.checks
    assert (found.verdict, one.status) == ("failed", "failed")
    assert re.fullmatch(
        r"compare raised RuntimeError: out of luck "
        r"\(given float32 \(1, 24, 1225\) and float32 \(1, 12, 1225\)\), at .*traps.py:\d+",
        one.found,
    )


def test_a_scorer_that_exits_is_one_finding():
    class Exits(traps.Pixels):
        def embed(self, images):
            raise SystemExit(3)

    found = audit(Exits(), traits(traps.Pixels(), "x"))
    (one,) = found.checks
    assert re.fullmatch(
        r"embed raised SystemExit: 3 \(given uint8 \(256, 105, 105\)\), at .*test_audits.py:\d+",
        one.found,
    )


def test_what_raises_in_one_check_is_found_in_the_others_too():
    class WholeBatches(traps.FixedAugmentation):
        def embed(self, images):
            if len(images) != 256:
                raise ValueError("expected 256 images")
            return super().embed(images)

    found = audited(WholeBatches())
    assert len(found.checks) == len(CHECKS)
    one = finding(found, "batch size")
    assert one.status == "failed" and one.found.startswith(
        "embed raised ValueError: expected 256 images (given uint8 ("
    )
    assert finding(found, "batch order").status == "failed"


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        (np.zeros(3), "compare gave shape (3,), expected (1, 24, 12)"),
        (np.full((1, 24, 12), "x"), "compare gave <U1, expected numbers"),
    ],
)
def test_answers_that_are_no_scores_are_told(answer, problem):
    class Wrong(traps.Pixels):
        def compare(self, query, support):
            return answer

    found = audit(Wrong(), traits(traps.Pixels(), "x"))
    assert [one.found for one in found.checks] == [problem]


def test_embeddings_of_another_width_are_told():
    class Growing(traps.Pixels):
        def embed(self, images):
            embedded = super().embed(images)
            return embedded[:, : 100 + len(images)]

    one = finding(audited(Growing()), "batch size")
    assert (one.status, one.found) == ("failed", "embed gave shape (1, 101), expected (1, 356)")


def test_an_image_without_ink_may_be_too_much():
    class Dividing(traps.Pixels):
        def embed(self, images):
            flat = images.reshape(len(images), -1).astype(np.float32)
            with np.errstate(invalid="ignore"):
                return flat / flat.sum(axis=1, keepdims=True)

    one = finding(audited(Dividing(), short=True), "finite")
    assert one.status == "noted" and "without ink" in one.found


@pytest.fixture
def subject():
    return Subject(traps.Pixels(), traits(traps.Pixels(), "x"))


def test_rounding_passes_and_what_moves_ranks_does_not(subject):
    expected, span = subject.reference, subject.span
    first, second = np.sort(expected[0])[::-1][:2]
    for amount, status in (
        (0, "passed"),
        (ROUNDING / 2, "passed"),
        (TOLERANCE / 2, "passed"),
        (2 * TOLERANCE, "failed"),
    ):
        found = expected.copy()
        found[-1, -1] -= amount * span
        assert same(subject, found, expected).status == status
    near, moved = expected.copy(), expected.copy()
    near[0, expected[0] == second] = first - TOLERANCE / 8 * span
    moved[0, expected[0] == second] = first + TOLERANCE / 8 * span
    assert TOLERANCE / 4 > ROUNDING
    assert same(subject, moved, near).status == "failed"


def test_the_same_call_may_differ_less(subject):
    found = subject.reference + 2 * STEADY * subject.span
    assert same(subject, found, subject.reference).status == "passed"
    assert same(subject, found, subject.reference, STEADY).status == "failed"


def test_nothing_is_the_same_as_what_is_no_number(subject):
    found = subject.reference.copy()
    found[3, 4] = np.nan
    assert same(subject, found, subject.reference).status == "failed"
    assert same(subject, found, found.copy()).status == "passed"


def test_fixed_images_are_of_no_data_set_and_of_one_kind_each():
    images = panel()
    assert images.support.shape == (12, 105, 105) and images.queries.shape == (24, 105, 105)
    assert len(images.others) >= 255
    together = np.concatenate([images.support, images.queries, images.others])
    assert len(np.unique(together.reshape(len(together), -1), axis=0)) == len(together)


def test_it_asks_as_an_evaluation_does(source, tmp_path):
    class Watching(traps.Pixels):
        def __init__(self):
            self.shapes = set()

        def embed(self, images):
            self.shapes.add(images.shape)
            assert images.dtype == np.uint8
            return super().embed(images)

    audited_one, evaluated = Watching(), Watching()
    audited(audited_one, short=True)
    evaluate(evaluated, source(), episodes=5, root=tmp_path)
    assert audited_one.shapes == evaluated.shapes


def test_the_short_form_is_part_of_the_thorough_one():
    short, thorough = audited(traps.Pixels(), short=True), audited(traps.Pixels())
    names = [one.check for one in thorough.checks]
    assert (short.form, thorough.form) == ("short", "thorough")
    assert {one.check for one in short.checks} < set(names)
    assert names == list(CHECKS)
    assert {"company", "orientation", "determinism"} <= {one.check for one in short.checks}


def test_a_short_audit_embeds_few_batches():
    class Counting(traps.Pixels):
        calls = 0

        def embed(self, images):
            self.calls += 1
            return super().embed(images)

    scorer = Counting()
    known = traits(scorer, "x")
    scorer.calls = 0
    audit(scorer, known, short=True)
    # Two of them show other numbers for ink and paper, which an own scorer alone is asked about.
    assert scorer.calls == 6
    prepared = PixelCosine()
    embed, calls = prepared.embed, []
    prepared.embed = lambda images: (calls.append(1), embed(images))[1]  # pyright: ignore
    audit(prepared, traits(PixelCosine(), "x"), short=True)
    assert len(calls) == 4


@pytest.mark.parametrize("make", [traps.Pixels, traps.Raises])
def test_progress_ends_at_its_total(make):
    totals, ticks = [], []

    def progress(total, title):
        totals.append(total)
        return ticks.append

    audit(make(), traits(traps.Pixels(), "x"), progress=progress)
    assert [sum(ticks)] == totals == [len(CHECKS)]


def test_global_generators_are_left_as_they_were():
    before = np.random.get_state()[1].tobytes(), random.getstate()  # noqa: NPY002
    assert finding(audited(traps.Pixels()), "global state").status == "passed"
    assert (np.random.get_state()[1].tobytes(), random.getstate()) == before  # noqa: NPY002


def test_a_verdict_can_be_stored_and_is_shown(source, tmp_path):
    run = evaluate(traps.Pixels(), source(), episodes=5, root=tmp_path)
    found = Audit((Finding("x", "failed", "did", "came", float("inf"), "why?"),), "short").as_json()
    assert found["checks"][0]["amount"] is None
    json.dumps(found, allow_nan=False)
    assert run.record["audit"]["verdict"] == "passed"
    run = results.annotate(run, audit=found)
    text = results.table([results.read(run.folder)]).render("text")
    assert "× the scorer failed wayshot audit" in text
    results.annotate(run, audit=audited(traps.Pixels(), short=True).as_json())
    assert "wayshot audit" not in results.table([results.read(run.folder)]).render("text")


def test_a_failed_audit_is_said_once_whatever_the_number_of_protocols(
    wayshot, characters, tmp_path, empty_cache
):
    names = [f"folder:{characters}-{rest}" for rest in ("within-5w1s", "between-5w1s")]
    words = ("--out", tmp_path / "runs", "--episodes", 5, "-s", "traps:Distance")
    status, _, err = wayshot("run", *names, *words)
    assert status == 0 and err.count("the audit failed") == 1
    records = [one.record["audit"]["verdict"] for one in results.find([tmp_path / "runs"])]
    assert records == ["failed", "failed"]


@pytest.fixture
def command(wayshot):
    return lambda *words: wayshot("audit", *words)


def test_the_command_tells_what_fails_and_ends_with_status_1(command):
    status, out, err = command("traps:FirstSupport", "chance")
    assert status == 1, err
    assert "traps:FirstSupport: failed (" in out and "chance: passed (" in out
    words = " ".join(out.split())
    assert "support order failed. Done: gave the support images" in words
    assert "Came back: scores differ by up to" in words
    assert "Likely cause: Answers depend on the place of a support image" in words
    assert command("pixel-cosine")[0] == 0


def test_another_process_is_asked(command, monkeypatch):
    # With a fixed seed of hashes nothing would be wrong.
    monkeypatch.delenv("PYTHONHASHSEED", raising=False)
    status, out, _ = command("traps:Hashing", "--json")
    (entry,) = json.loads(out)["results"]
    failed = [one["check"] for one in entry["checks"] if one["status"] == "failed"]
    assert (status, entry["scorer"], failed) == (1, "traps:Hashing", ["another process"])


def test_the_command_audits_episodes(command, characters):
    name = f"folder:{characters}-within-5w1s"
    status, out, _ = command("--protocol", name, "--json", "--seed", 2**63 - 1)
    (entry,) = json.loads(out)["results"]
    assert (status, entry["protocol"], entry["verdict"]) == (0, name, "passed")
    assert "passed" in command("--protocol", name)[1]


@pytest.mark.parametrize("words", [(), ("no-such-scorer",), ("--protocol", "lake-5")])
def test_what_cannot_be_audited_is_refused_in_one_line(command, words):
    status, out, err = command(*words)
    assert (status, out) == (2, "") and len(err.splitlines()) == 1


class Watched(traps.Pixels):
    calls = 0

    def embed(self, images):
        type(self).calls += 1
        return super().embed(images)


def test_a_short_audit_that_was_passed_is_not_made_again(empty_cache):
    scorer = Watched()
    known = traits(scorer, "x")
    assert recall(known) is None
    first = short_audit(scorer, known)
    Watched.calls = 0
    assert short_audit(scorer, known) == recall(known) == first
    assert (first["verdict"], first["form"], Watched.calls) == ("passed", "short", 0)
    other = dataclasses.replace(known, digest="other")
    assert recall(other) is None


def test_a_short_audit_that_failed_is_made_again(empty_cache):
    scorer = traps.FirstSupport()
    known = traits(scorer, "x")
    assert short_audit(scorer, known)["verdict"] == "failed"
    assert recall(known) is None and not list(empty_cache.rglob("*.json"))


def test_a_damaged_ledger_is_made_anew(empty_cache):
    scorer = traps.Pixels()
    known = traits(scorer, "x")
    first = short_audit(scorer, known)
    (path,) = empty_cache.rglob("*.json")
    content = path.read_bytes()
    for place in range(0, len(content), 97):
        flipped = bytearray(content)
        flipped[place] ^= 1
        path.write_bytes(flipped)
        assert recall(known) is None
    assert short_audit(scorer, known) == first
    assert path.read_bytes() == content


def test_without_a_cache_the_audit_is_made_all_the_same(monkeypatch, tmp_path):
    (tmp_path / "file").touch()
    monkeypatch.setenv("WAYSHOT_CACHE", str(tmp_path / "file"))
    assert short_audit(traps.Pixels(), traits(traps.Pixels(), "x"))["verdict"] == "passed"


def test_a_scorer_that_hangs_keeps_no_other_from_being_audited():
    gate, begun = threading.Event(), threading.Event()

    class Hangs(PixelCosine):
        def embed(self, images):
            begun.set()
            gate.wait(30)
            return super().embed(images)

    stuck = threading.Thread(
        target=lambda: audit(Hangs(), traits(PixelCosine(), "hangs"), short=True), daemon=True
    )
    stuck.start()
    assert begun.wait(10)
    other = threading.Thread(
        target=lambda: audit(Chance(), traits(Chance(), "chance"), short=True), daemon=True
    )
    other.start()
    other.join(20)
    gate.set()
    assert not other.is_alive()
