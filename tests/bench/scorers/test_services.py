"""Services: requests at the same time, made again, and given up."""

from __future__ import annotations

import http.server
import json
import threading
import time
import urllib.error
import urllib.request
from email.message import Message

import numpy as np
import pytest
from example_scorers import Pairs, Pixels
from wayshot import wrap
from wayshot.bench import Settings, evaluate
from wayshot.bench.errors import ScorerError
from wayshot.bench.latencies import measure
from wayshot.bench.scorers import traits
from wayshot.bench.scorers.specs import made


class Plain:
    """A scorer of pairs as it is: the share of common ink."""

    def score_pairs(self, first, second):
        pixels = Pixels()
        return (pixels.embed(first) * pixels.embed(second)).sum(axis=1)


class Busy(Plain):
    """Notes how many requests there are at the same time."""

    def __init__(self):
        self.now, self.most, self.sizes = 0, 0, set()
        self.lock = threading.Lock()

    def score_pairs(self, first, second):
        with self.lock:
            self.now += 1
            self.most = max(self.most, self.now)
            self.sizes.add(len(first))
        time.sleep(0.002)
        with self.lock:
            self.now -= 1
        return super().score_pairs(first, second)


def credits_of(scorer, source, root):
    run = evaluate(scorer, source, episodes=20, root=root, settings=Settings(cache=False))
    return run.trials["credit"].tolist()


def test_score_pairs_makes_a_scorer_of_level_2(source, tmp_path):
    assert traits(Plain(), "x").level == 2
    plain = credits_of(Plain(), source("within-5w2s"), tmp_path / "1")
    assert plain == credits_of(Pairs(), source("within-5w2s"), tmp_path / "2")
    record = measure(Plain(), traits(Plain(), "x"), source(), queries=20, seconds=0.01)
    assert not record["single_stream"]["cold"]["answers"]["reason"]


def test_a_wrong_number_of_scores_is_told():
    class Wrong:
        def score_pairs(self, first, second):
            return np.zeros((len(first), 2))

    with pytest.raises(ScorerError, match=r"score_pairs gave shape \(\d+, 2\), expected \(\d+,\)"):
        traits(Wrong(), "x")


def test_a_call_has_one_query(source, tmp_path):
    class Watching(Plain):
        def score_pairs(self, first, second):
            assert len({one.tobytes() for one in first}) == 1, "it must not see other queries"
            return super().score_pairs(first, second)

    for scorer in (Watching(), wrap(Watching(), size=15, concurrency=2)):
        settings = Settings(audit=False)
        evaluate(scorer, source(), name="w", episodes=20, root=tmp_path, settings=settings)


def test_several_requests_are_made_at_the_same_time(source, tmp_path):
    busy = Busy()
    scorer = wrap(busy, concurrency=4, batch=3, digest="busy 1")
    assert credits_of(scorer, source(), tmp_path / "1") == credits_of(
        Pairs(), source(), tmp_path / "2"
    )
    assert 1 < busy.most <= 4 and max(busy.sizes) <= 3
    alone = Busy()
    credits_of(wrap(alone, digest="busy 1"), source(), tmp_path / "3")
    assert alone.most == 1


def test_attributes_of_a_scorer_say_how_it_is_asked(source, tmp_path):
    class Own(Busy):
        batch, concurrency = 2, 3

    own = Own()
    assert credits_of(own, source(), tmp_path / "1") == credits_of(
        Pairs(), source(), tmp_path / "2"
    )
    assert 1 < own.most <= 3

    class Batches(Pixels):
        batch = 24

        def embed(self, images):
            assert len(images) == 24
            return super().embed(images)

    settings = Settings(audit=False, cache=False)
    run = evaluate(Batches(), source(), episodes=20, root=tmp_path / "3", settings=settings)
    plain = evaluate(Pixels(), source(), episodes=20, root=tmp_path / "4")
    assert run.trials["credit"].tolist() == plain.trials["credit"].tolist()


@pytest.mark.parametrize("said", [0, -1, 10**6])
def test_impossible_numbers_are_refused(said):
    scorer = Pixels()
    scorer.batch = said  # pyright: ignore
    with pytest.raises(ScorerError, match=f"batch {said}, expected a number from 1"):
        traits(scorer, "x")
    scorer.batch = lambda: 3  # pyright: ignore
    assert traits(scorer, "x").batch == 256


def _failing(error, times):
    left = [times]

    def ask(images):
        if left[0]:
            left[0] -= 1
            raise error
        return images.reshape(len(images), -1)

    return ask, left


def _status(code):
    return urllib.error.HTTPError("http://x", code, "no", Message(), None)


IMAGES = np.ones((4, 105, 105), np.uint8)


@pytest.mark.parametrize("error", [ConnectionResetError("gone"), TimeoutError(), _status(503)])
def test_a_request_is_made_again_after_a_failure_of_the_connection(error, monkeypatch):
    monkeypatch.setattr("wayshot.bench.scorers.wrapping.services._WAIT", 0)
    ask, left = _failing(error, 2)
    assert len(wrap(ask, size=5, concurrency=1).embed(IMAGES)) == 4  # pyright: ignore
    assert left == [0]
    ask, left = _failing(error, 3)
    with pytest.raises(ScorerError, match=f"the model raised {type(error).__name__}"):
        wrap(ask, size=5, concurrency=1).embed(IMAGES)  # pyright: ignore


@pytest.mark.parametrize("error", [ValueError("a bug"), _status(404)])
def test_a_request_that_is_refused_is_not_made_again(error):
    ask, left = _failing(error, 2)
    with pytest.raises(ScorerError, match=f"raised {type(error).__name__}"):
        wrap(ask, size=5, concurrency=1).embed(IMAGES)  # pyright: ignore
    assert left == [1]


def test_a_request_is_given_up_after_its_time():
    never = threading.Event()
    scorer = wrap(lambda images: never.wait(), size=5, concurrency=1, timeout=0.01, retries=0)
    with pytest.raises(ScorerError, match=r"no answer within 0\.01 seconds; timeout= allows more"):
        scorer.embed(IMAGES)  # pyright: ignore
    never.set()


@pytest.mark.parametrize("options", [{"concurrency": 0}, {"retries": -1}, {"timeout": 0}])
def test_impossible_settings_are_refused(options):
    with pytest.raises(ScorerError, match=f"{next(iter(options))} is .*, expected"):
        wrap(Plain(), **options)


def test_a_model_that_computes_here_is_not_asked_several_times_at_once():
    pca = pytest.importorskip("sklearn.decomposition").PCA(2).fit(np.eye(9))
    with pytest.raises(ScorerError, match="concurrency is for functions that ask a service"):
        wrap(pca, concurrency=2)


def test_keys_of_a_spec_ask_a_service():
    assert made(Plain()).score_pairs
    scorer = made(Plain, {"concurrency": 3, "size": 15, "digest": "1"})
    assert traits(scorer, "x").concurrency == 3 and traits(scorer, "x").level == 2


def test_a_real_service_gives_what_its_model_gives(source, tmp_path):
    class Handler(http.server.BaseHTTPRequestHandler):
        calls = 0

        def do_POST(self):
            Handler.calls += 1
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if Handler.calls % 7 == 3:
                self.send_error(503)
                return
            first, second = (np.array(one, np.float32)[..., 0] for one in json.loads(body))
            answer = json.dumps(Plain().score_pairs(first, second).tolist()).encode()
            self.send_response(200)
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, format, *args):
            pass

    with http.server.ThreadingHTTPServer(("localhost", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()

        def ask(first, second):
            body = json.dumps([first.tolist(), second.tolist()]).encode()
            url = f"http://localhost:{server.server_port}"
            with urllib.request.urlopen(url, body, timeout=30) as answer:
                return json.load(answer)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("wayshot.bench.scorers.wrapping.services._WAIT", 0)
            scorer = wrap(ask, pairs="inputs", size=15, concurrency=4, digest="1")
            run = evaluate(
                scorer, source(), episodes=3, root=tmp_path, settings=Settings(audit=False)
            )
        server.shutdown()
    assert run.trials["credit"].mean() > 0.2 and Handler.calls > 10
