from dataclasses import dataclass
from itertools import islice

import numpy as np
import pytest
from scipy import stats
from wayshot.tasks import (
    BLOCK,
    RUNS,
    Dataset,
    Images,
    Sampler,
    TaskError,
    episodes_digest,
    load,
    open_protocol,
    parse,
)
from wayshot.tasks.data.omniglot import Runs
from wayshot.tasks.episodes import OfficialRuns

# At least one of every kind, on the data set `tiny`.
NAMES = [
    "lake-within-2w1s",
    "lake-within-5w1s",
    "lake-within-6w1s",
    "lake-within-5w3s",
    "lake-within-5w2s-q5",
    "lake-within-5w5s-q5",
    "lake-within-5w1s-samedrawer",
    "lake-within-4w2s-q3-samedrawer",
    "lake-within-5w1s-distinctdrawers",
    "lake-within-5w3s-q4-distinctdrawers",
    "lake-within-5w1s-rot",
    "lake-within-5w1s-rotapart",
    "lake-within-24w1s-rot",
    "lake-within-5to9w1s",
    "lake-within-3to8w2s-q2",
    "lake-within-5to20w1s-rot",
    "lake-within-2to9w1s-q2-rotapart",
    "lake-within-4to7w1s-samedrawer",
    "lake-within-4to7w2s-distinctdrawers",
    "lake-within-5w1s-once",
    "lake-within-3w2s-q2-once",
    "lake-within-4w1s-rotapart-once",
    "lake-between-5w1s",
    "lake-between-20w1s-q2",
    "lake-between-30w1s",
    "lake-between-5to30w1s",
    "lake-between-20w1s-rot",
    "lake-between-20w1s-rotapart",
    "lake-between-10w1s-rot-samedrawer",
    "lake-between-6w2s-q2-rotapart-distinctdrawers",
    "lake-between-5w1s-once",
    "lake-between-7w2s-q1-rotapart-once",
]

ENDLESS = [name for name in NAMES if "once" not in name]
ONCE = [name for name in NAMES if "once" in name]
FIXED = [name for name in NAMES if "to" not in name]

# Our own output, frozen: a change of these numbers changes every published episode, and needs a
# new `protocol.VERSION`. Of the first 1,100 episodes at seed 1 on `tiny`.
FROZEN = {
    "lake-within-5w1s": ("aeb1b8aba21e67b65487bc70ae16996cc1826008e0024faadbf6ad57e8a9a759"),
    "lake-between-20w2s-q3-rotapart": (
        "e5eab51f6c81d1054847c729332ee39089a851432506825c64d1df6a633f9546"
    ),
    "lake-within-5to9w1s-samedrawer": (
        "580f42e92323752abe8ddf7da38f4a0b988a57e3578bd25a06618325f0debd7c"
    ),
    "lake-between-5w2s-q2-rot-distinctdrawers": (
        "7bdda358d9a9ac65e16e0b5b51b617ce7c36c10c1f94291b035fc7efbd89c10d"
    ),
    "lake-between-5w1s-once": ("8ba3779cc9aa93ed107d395a9f3aa082a142c95aabf772c63c1253aa40525eb5"),
}
FROZEN_DATA = "5dde3b5494063dfc0dfbfe026473031ad6523669b1bbab3aa7b3835446943ea9"


def chi_square(counts):
    """The chance of counts at least as uneven, if all are equally likely."""
    return stats.chisquare(counts).pvalue


@dataclass
class Seen:
    """A sampler's first episodes, and who is on the images; -1 where there is no image."""

    sampler: Sampler

    def __post_init__(self):
        self.protocol = self.sampler.protocol
        (episodes,) = islice(self.sampler.blocks(BLOCK), 1)
        self.support, self.query, self.target = episodes.support, episodes.query, episodes.target

    def look(self, rows, what):
        dataset = self.sampler.dataset
        codes = {
            "image": np.arange(len(dataset)),
            "character": dataset.character_codes,
            "alphabet": dataset.table["alphabet"].cat.codes.to_numpy(),
            "drawer": dataset.table["drawer"].cat.codes.to_numpy(),
        }
        turns, image = np.divmod(rows, len(dataset))
        return np.where(rows < 0, -1, turns if what == "turn" else codes[what][image])

    def classes(self, rows):
        """A number for each character and rotation."""
        seen = 4 * self.look(rows, "character") + self.look(rows, "turn")
        return np.where(rows < 0, -1, seen)

    @property
    def ways(self):
        return (self.support[:, :, 0] >= 0).sum(axis=1)


@pytest.fixture(scope="module", params=NAMES)
def seen(request, tiny):
    return Seen(Sampler(parse(request.param), tiny, 3))


def distinct(rows):
    """Whether the numbers of a row that are not -1 are distinct, for each row."""
    rows = np.sort(rows.reshape(len(rows), -1), axis=1)
    return ~((rows[:, 1:] == rows[:, :-1]) & (rows[:, 1:] >= 0)).any(axis=1)


def equal(first, second):
    return all(
        np.array_equal(getattr(first, field), getattr(second, field))
        for field in ("support", "query", "target")
    )


def joined(blocks):
    blocks = list(blocks)
    return [
        np.concatenate([getattr(block, field) for block in blocks])
        for field in ("support", "query", "target")
    ]


class TestEveryProtocol:
    def test_arrays_have_the_shapes_and_types_that_are_promised(self, seen):
        asked, count = seen.protocol, len(seen.support)
        assert seen.support.shape == (count, asked.ways, asked.shots)
        assert seen.query.shape == seen.target.shape == (count, asked.ways * asked.queries)
        assert (seen.support.dtype, seen.query.dtype, seen.target.dtype) == (
            np.int32,
            np.int32,
            np.int16,
        )
        turns = 1 if asked.rotations == "none" else 4
        assert max(seen.support.max(), seen.query.max()) < turns * len(seen.sampler.dataset)

    def test_missing_classes_come_last_with_all_their_images(self, seen):
        asked = seen.protocol
        there = np.arange(asked.ways) < seen.ways[:, None]
        np.testing.assert_array_equal(
            seen.support >= 0, np.broadcast_to(there[..., None], seen.support.shape)
        )
        queries = np.arange(seen.query.shape[1]) < (seen.ways * asked.queries)[:, None]
        np.testing.assert_array_equal(seen.query >= 0, queries)
        np.testing.assert_array_equal(seen.target >= 0, queries)
        assert min(seen.support.min(), seen.query.min(), seen.target.min()) >= -1

    def test_ways_are_as_many_as_asked_for(self, seen):
        asked = seen.protocol
        if asked.fewest_ways == asked.ways:
            assert set(seen.ways) == {asked.ways}
            return
        groups = seen.look(seen.support[:, 0, 0], "alphabet")
        sizes = np.bincount(
            seen.sampler.dataset.characters["alphabet"].astype("category").cat.codes
        )
        sizes *= 4 if asked.rotations == "classes" else 1
        if asked.structure == "between":
            groups, sizes = 0 * groups, [30]
        for group, size in enumerate(sizes):
            ways = seen.ways[groups == group]
            counts = np.bincount(ways, minlength=min(size, asked.ways) + 1)
            assert counts[: asked.fewest_ways].sum() == 0
            assert len(counts) == min(size, asked.ways) + 1
            assert chi_square(counts[asked.fewest_ways :]) > 1e-3

    def test_classes_of_an_episode_are_distinct_and_each_is_one(self, seen):
        classes = seen.classes(seen.support)
        assert (classes == classes[..., :1]).all()
        assert distinct(classes[..., 0]).all()

    def test_the_target_is_the_way_of_the_querys_class(self, seen):
        of_way = seen.classes(seen.support)[..., 0]
        expected = np.take_along_axis(of_way, np.maximum(seen.target, 0).astype(int), axis=1)
        np.testing.assert_array_equal(
            np.where(seen.target < 0, -1, expected), seen.classes(seen.query)
        )

    def test_every_class_has_its_queries(self, seen):
        for way in range(seen.protocol.ways):
            asked = np.where(way < seen.ways, seen.protocol.queries, 0)
            np.testing.assert_array_equal((seen.target == way).sum(axis=1), asked)

    def test_no_image_is_twice_in_an_episode(self, seen):
        rows = np.concatenate([seen.support.reshape(len(seen.support), -1), seen.query], axis=1)
        assert distinct(rows).all()
        if seen.protocol.rotations != "classes":
            assert distinct(seen.look(rows, "image")).all()

    def test_no_character_is_at_two_rotations_unless_they_are_classes(self, seen):
        rotations = seen.protocol.rotations
        turns = seen.look(seen.support, "turn")[seen.support >= 0]
        characters = seen.look(seen.support[..., 0], "character")
        if rotations == "none":
            assert (turns == 0).all()
        else:
            assert chi_square(np.bincount(turns[:: seen.protocol.shots], minlength=4)) > 1e-3
        assert distinct(characters).all() or rotations == "classes"
        if rotations == "classes":
            assert not distinct(characters).all()

    def test_classes_within_alphabets_are_of_one_alphabet_and_each_comes_up(self, seen):
        alphabets = seen.look(seen.support[..., 0], "alphabet")
        one = (alphabets == alphabets[:, :1]) | (alphabets < 0)
        if seen.protocol.structure == "between":
            assert not one.all()
            return
        assert one.all()
        counts = np.bincount(alphabets[:, 0], minlength=4)
        if seen.protocol.reuse == "independent":
            assert chi_square(counts) > 1e-3
        assert counts.min() > 0

    def test_drawers_are_as_asked_for(self, seen):
        support, query = (seen.look(rows, "drawer") for rows in (seen.support, seen.query))
        flat = support.reshape(len(support), -1)
        shared = (flat[:, :, None] == query[:, None, :]) & (query >= 0)[:, None, :]
        if seen.protocol.drawers == "any":
            assert shared.any()
            return
        assert not shared.any()
        for drawers, here, each in (
            (flat, flat >= 0, seen.protocol.shots),
            (query, query >= 0, seen.protocol.queries),
        ):
            people = [len(set(row[there])) for row, there in zip(drawers, here, strict=True)]
            if seen.protocol.drawers == "same":
                assert set(people) == {each}
            else:
                assert max(people) > each
        if seen.protocol.drawers == "same":
            assert ((support == support[:, :1]) | (support < 0)).all()

    def test_the_true_class_sits_anywhere(self, seen):
        asked = seen.protocol
        full = seen.target[seen.ways == asked.ways]
        for place in (0, full.shape[1] // 2, full.shape[1] - 1):
            counts = np.bincount(full[:, place], minlength=asked.ways)
            if counts.sum() >= 5 * asked.ways:
                assert chi_square(counts) > 1e-4

    def test_the_order_of_the_queries_is_not_that_of_the_classes(self, seen):
        ordered = np.repeat(np.arange(seen.protocol.ways), seen.protocol.queries)
        if seen.protocol.ways > 4:
            agree = (seen.target == ordered) & (seen.target >= 0)
            assert not (agree.sum(axis=1) == (seen.target >= 0).sum(axis=1)).mean() > 0.02
        assert (seen.target != np.sort(seen.target, axis=1)).any()

    def test_a_longer_run_begins_with_the_shorter(self, seen):
        longer = joined(seen.sampler.blocks(BLOCK + 200))
        for episodes in (1, 17, BLOCK, BLOCK + 100):
            shorter = joined(seen.sampler.blocks(episodes))
            end = seen.sampler.episodes or episodes
            assert len(shorter[0]) == min(episodes, end)
            for one, other in zip(shorter, longer, strict=True):
                np.testing.assert_array_equal(one, other[:episodes])

    def test_the_same_seed_gives_the_same_and_another_seed_another(self, seen):
        asked, dataset = seen.protocol, seen.sampler.dataset
        assert equal(Sampler(asked, dataset, 3).block(0), seen)
        other = Sampler(asked, dataset, 4).block(0)
        assert not np.array_equal(other.support, seen.support)
        assert not np.array_equal(other.query, seen.query)

    def test_a_block_does_not_depend_on_what_was_drawn_before(self, seen):
        asked, dataset = seen.protocol, seen.sampler.dataset
        used = Sampler(asked, dataset, 3)
        np.random.seed(5)  # noqa: NPY002 - the global generator must not matter
        for index in (4, 0, 1, 1):
            used.block(index)
        for index in (1, 0):
            assert equal(used.block(index), Sampler(asked, dataset, 3).block(index))

    def test_blocks_differ(self, seen):
        if seen.protocol.reuse == "independent":
            assert not np.array_equal(seen.sampler.block(1).support, seen.support)


@pytest.mark.parametrize("name", ENDLESS[:6])
def test_neighbouring_seeds_and_blocks_share_no_stream(tiny, name):
    firsts = [
        Sampler(parse(name), tiny, seed).block(index).support.tobytes()
        for seed in range(5)
        for index in range(5)
    ]
    assert len(set(firsts)) == 25


@pytest.fixture(scope="module")
def drawn(tiny):
    """Support (20480, 5, 2) of twenty blocks of 5-way 2-shot episodes between alphabets."""
    sampler = Sampler(parse("lake-between-5w2s"), tiny, 2)
    return joined(sampler.block(index) for index in range(20))


def test_every_character_is_equally_likely_at_every_way(tiny, drawn):
    characters = tiny.character_codes[drawn[0][..., 0]]
    for way in range(5):
        assert chi_square(np.bincount(characters[:, way], minlength=30)) > 1e-3


@pytest.mark.parametrize(("one", "other"), [(0, 1), (1, 0), (1, 2), (0, 4), (3, 4)])
def test_every_ordered_pair_of_characters_is_equally_likely(tiny, drawn, one, other):
    characters = tiny.character_codes[drawn[0][..., 0]]
    counts = np.zeros((30, 30), dtype=int)
    np.add.at(counts, (characters[:, one], characters[:, other]), 1)
    assert np.trace(counts) == 0
    assert chi_square(counts[~np.eye(30, dtype=bool)]) > 1e-3


def test_every_ordered_pair_of_images_of_a_character_is_equally_likely(drawn):
    support, query, target = drawn
    shots = support % 10
    asked = np.take_along_axis(query, np.argsort(target, axis=1), axis=1) % 10
    for one, other in ((shots[..., 0], shots[..., 1]), (shots[..., 1], asked)):
        counts = np.zeros((10, 10), dtype=int)
        np.add.at(counts, (one, other), 1)
        assert np.trace(counts) == 0
        assert chi_square(counts[~np.eye(10, dtype=bool)]) > 1e-3


def test_images_of_different_classes_are_drawn_independently(drawn):
    counts = np.zeros((10, 10), dtype=int)
    np.add.at(counts, (drawn[0][:, 0, 0] % 10, drawn[0][:, 1, 0] % 10), 1)
    assert chi_square(counts.ravel()) > 1e-3


def test_every_pair_of_drawers_is_equally_likely_where_they_are_the_same_for_all(tiny):
    block = Sampler(parse("lake-within-5w1s-samedrawer"), tiny, 2).block(0)
    counts = np.zeros((10, 10), dtype=int)
    np.add.at(counts, (block.support[:, 0, 0] % 10, block.query[:, 0] % 10), 1)
    assert np.trace(counts) == 0
    assert chi_square(counts[~np.eye(10, dtype=bool)]) > 1e-3


@pytest.mark.parametrize("suffix", ["rot", "rotapart"])
def test_every_class_in_every_rotation_is_equally_likely(tiny, suffix):
    block = Sampler(parse(f"lake-between-5w1s-{suffix}"), tiny, 2).block(0)
    turns, images = np.divmod(block.support[..., 0], len(tiny))
    counts = np.bincount((4 * tiny.character_codes[images] + turns).ravel(), minlength=120)
    assert chi_square(counts) > 1e-3


@pytest.mark.parametrize("ways", [2, 3, 4, 7, 13, 29, 30])
def test_classes_are_distinct_for_any_number_of_them(tiny, ways):
    support = Sampler(parse(f"lake-between-{ways}w1s"), tiny).block(0).support[..., 0]
    characters = tiny.character_codes[support]
    assert distinct(characters).all()
    assert set(characters.ravel()) == set(range(30))


@pytest.mark.parametrize("shots", range(1, 10))
def test_images_are_distinct_for_any_number_of_them(tiny, shots):
    block = Sampler(parse(f"lake-between-2w{shots}s-q{10 - shots}"), tiny).block(0)
    rows = np.concatenate([block.support.reshape(BLOCK, -1), block.query], axis=1)
    assert distinct(rows).all()


def everything(sampler):
    return joined(sampler.blocks(10**6))


@pytest.mark.parametrize("name", ONCE)
def test_once_uses_no_image_twice_and_comes_to_an_end(tiny, name):
    sampler = Sampler(parse(name), tiny, 5)
    support, query, _ = everything(sampler)
    images = np.concatenate([support.ravel(), query.ravel()]) % len(tiny)
    assert len(np.unique(images)) == len(images)
    assert len(support) == sampler.episodes
    assert len(sampler.block(-(-sampler.episodes // BLOCK))) == 0


@pytest.mark.parametrize("name", ONCE)
def test_once_leaves_fewer_images_than_another_episode_needs(tiny, name):
    asked = parse(name)
    portions = len(tiny.table) // len(tiny.characters) // (asked.shots + asked.queries)
    groups = [6, 7, 8, 9] if asked.structure == "within" else [30]
    most = sum(size * portions // asked.ways for size in groups)
    assert {Sampler(asked, tiny, seed).episodes for seed in range(5)} == {most}


def test_once_copes_with_classes_of_unequal_size(tiny):
    keep = np.random.default_rng(3).random(len(tiny)) < 0.7
    ragged = tiny.select(keep, "ragged")
    sampler = Sampler(parse("lake-between-4w1s-q1-once"), ragged)
    support, query, _ = everything(sampler)
    images = np.concatenate([support.ravel(), query.ravel()])
    assert len(np.unique(images)) == len(images) > 0.8 * len(ragged)
    assert distinct(ragged.character_codes[support[..., 0]]).all()


def test_once_spans_blocks_without_repeating(make_dataset):
    many = make_dataset((9, 9, 9, 9), 200, side=5)
    sampler = Sampler(parse("lake-between-2w1s-once"), many)
    assert sampler.episodes == 1800
    support, query, _ = everything(sampler)
    assert len(np.unique(np.concatenate([support.ravel(), query.ravel()]))) == 4 * 1800
    assert [len(sampler.block(index)) for index in range(3)] == [1024, 776, 0]


@pytest.mark.usefixtures("omniglot")
def test_once_gives_as_many_episodes_as_omniglot_allows(golden):
    counts = golden("omniglot")["once"]
    assert {name: open_protocol(parse(name)).episodes for name in counts} == counts


def test_images_of_unequal_classes_are_their_own(tiny):
    ragged = tiny.select(np.random.default_rng(3).random(len(tiny)) < 0.6, "ragged")
    seen = Seen(Sampler(parse("lake-within-5w1s"), ragged))
    np.testing.assert_array_equal(
        seen.look(seen.query, "character"),
        np.take_along_axis(
            seen.look(seen.support[..., 0], "character"), seen.target.astype(int), axis=1
        ),
    )
    used = np.union1d(seen.support, seen.query)
    np.testing.assert_array_equal(used, np.arange(len(ragged)))


def test_the_images_behind_the_frozen_episodes_are_the_same(tiny):
    assert tiny.digest == FROZEN_DATA


@pytest.mark.parametrize("name", FROZEN)
def test_episodes_are_the_frozen_ones_of_this_version(tiny, name):
    assert episodes_digest(Sampler(parse(name), tiny, 1), 1100) == FROZEN[name]


def test_the_digest_tells_protocols_data_seeds_and_lengths_apart(tiny):
    asked = parse("lake-within-5w1s")
    other = tiny.select(np.arange(len(tiny)) != 0, "other")
    digests = {
        episodes_digest(Sampler(asked, tiny, 1), 100),
        episodes_digest(Sampler(asked, tiny, 2), 100),
        episodes_digest(Sampler(asked, tiny, 1), 101),
        episodes_digest(Sampler(parse("small1-within-5w1s"), tiny, 1), 100),
        episodes_digest(Sampler(asked, other, 1), 100),
    }
    assert len(digests) == 5


@pytest.fixture(scope="module")
def runs(omniglot):
    return Seen(open_protocol(RUNS))


class TestOfficialRuns:
    def test_there_are_twenty_and_a_seed_means_nothing(self, runs):
        assert runs.support.shape == (20, 20, 1)
        assert runs.query.shape == runs.target.shape == (20, 20)
        assert (runs.support.dtype, runs.query.dtype, runs.target.dtype) == (
            np.int32,
            np.int32,
            np.int16,
        )
        assert runs.sampler.episodes == 20
        assert equal(open_protocol(RUNS, seed=9).block(0), runs)
        assert len(runs.sampler.block(1)) == 0
        assert [len(block) for block in runs.sampler.blocks(7)] == [7]

    def test_targets_are_the_characters_of_the_queries(self, runs):
        support = runs.look(runs.support[..., 0], "character")
        np.testing.assert_array_equal(
            np.take_along_axis(support, runs.target.astype(int), axis=1),
            runs.look(runs.query, "character"),
        )
        assert distinct(support).all()

    def test_ten_alphabets_have_two_runs_each_on_the_same_characters(self, runs, golden):
        truth = golden("omniglot")["runs"]
        names = load("lake", "evaluation").table["alphabet"].to_numpy(str)[runs.support[:, :, 0]]
        assert (names == names[:, :1]).all()
        assert list(names[:, 0]) == [name for name in truth["alphabets"] for _ in (1, 2)]
        characters = np.sort(runs.look(runs.support[..., 0], "character"), axis=1)
        np.testing.assert_array_equal(characters[::2], characters[1::2])
        assert len(np.unique(characters)) == truth["distinct_characters"]

    def test_one_drawer_drew_the_support_and_another_the_queries(self, runs, golden):
        support, query = (runs.look(rows, "drawer") for rows in (runs.support[..., 0], runs.query))
        for drawers in (support, query):
            assert (drawers == drawers[:, :1]).all()
            assert drawers.max() < golden("omniglot")["runs"]["last_drawer"]
        assert (support[:, 0] != query[:, 0]).all()

    def test_a_model_of_vinyals_split_has_seen_some_of_the_trials(self, runs, golden):
        table = load("lake", "evaluation").table
        trained = load("vinyals", "train").characters
        known = set(trained.itertuples(index=False, name=None))
        asked = table.iloc[runs.query.ravel()][["alphabet", "character"]]
        leaked = sum(pair in known for pair in asked.itertuples(index=False, name=None))
        assert leaked == golden("omniglot")["leaked"]["official_trials"]


def test_runs_on_images_that_are_not_in_the_data_are_refused(tiny):
    support = tiny.images.bits[np.arange(400) % 300].reshape(20, 20, -1)
    target = np.tile(np.arange(20), (20, 1))
    OfficialRuns(RUNS, tiny, Runs(support, support, target))
    strange = support.copy()
    strange[3, 4, 5] ^= 1
    with pytest.raises(TaskError, match="all_runs"):
        OfficialRuns(RUNS, tiny, Runs(support, strange, target))


@pytest.mark.usefixtures("no_omniglot")
@pytest.mark.parametrize("name", ["lake-runs", "lake-within-5w1s", "vinyals-5w1s"])
def test_without_the_data_opening_a_protocol_says_how_to_get_them(name):
    with pytest.raises(TaskError, match="wayshot data fetch"):
        open_protocol(parse(name))


def test_episodes_of_one_digest_have_the_same_images(tiny):
    """Where a machine lists the images in another order, others are drawn: another digest."""
    order = np.random.default_rng(0).permutation(len(tiny))
    shuffled = Dataset.build(
        tiny.name,
        Images(tiny.images.bits[order], tiny.images.side),
        list(tiny.table.astype(str).iloc[order].itertuples(index=False, name=None)),
    )
    assert shuffled.digest == tiny.digest
    asked = parse("lake-within-5w1s")
    digests = {episodes_digest(Sampler(asked, data, 1), 100) for data in (tiny, shuffled)}
    assert len(digests) == 2
