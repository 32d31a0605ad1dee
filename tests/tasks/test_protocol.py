import dataclasses
from dataclasses import asdict, astuple, dataclass, fields, replace

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from wayshot.tasks import (
    RUNS,
    SPLITS,
    SUFFIXES,
    Dataset,
    Protocol,
    Sampler,
    TaskError,
    load,
    open_protocol,
    parse,
    protocol,
)

BASE = Protocol("lake", "evaluation", "within", 20, 1)

NAMES = {
    "lake-runs": RUNS,
    "lake-within-20w1s": BASE,
    "lake-background-between-5w5s": Protocol("lake", "background", "between", 5, 5),
    "vinyals-20w1s-rot": Protocol("vinyals", "test", "between", 20, 1, rotations="classes"),
    "vinyals-validation-5w5s-q15-rotapart": Protocol(
        "vinyals", "validation", "between", 5, 5, 15, rotations="apart"
    ),
    "vinyals-within-5w1s": Protocol("vinyals", "test", "within", 5, 1),
    "meta-5to50w1s": Protocol("meta", "test", "within", 50, 1, fewest_ways=5),
    "small1-within-5w2s-samedrawer": Protocol(
        "small1", "evaluation", "within", 5, 2, drawers="same"
    ),
    "glyphs-between-5w1s-q3-distinctdrawers-rot": Protocol(
        "glyphs", "evaluation", "between", 5, 1, 3, drawers="distinct", rotations="classes"
    ),
    "lake-between-5w1s-rotapart-once": Protocol(
        "lake", "evaluation", "between", 5, 1, rotations="apart", reuse="once"
    ),
    "folder:/data/my letters-within-5w1s": Protocol(
        "folder:/data/my letters", "all", "within", 5, 1
    ),
}

path_letters = st.characters(codec="utf-8", exclude_characters="\n\r\0")
split_parts = st.one_of(
    st.sampled_from([(split.name, part) for split in SPLITS.values() for part in split.parts]),
    st.text(path_letters, min_size=1, max_size=12).map(lambda path: (f"folder:{path}", "all")),
    st.tuples(
        st.sampled_from(["folder:x", "folder:/a/b-5w1s", "folder:y-train", "folder:z-test"]),
        st.just("all"),
    ),
)


@st.composite
def protocols(draw):
    split, part = draw(split_parts)
    ways = draw(st.integers(2, 10_000))
    reuse = draw(st.sampled_from(["independent", "once"]))
    once = reuse == "once"
    return Protocol(
        split,
        part,
        draw(st.sampled_from(["within", "between"])),
        ways,
        draw(st.integers(1, 10_000)),
        draw(st.integers(1, 10_000)),
        ways if once else draw(st.integers(2, ways)),
        "any" if once else draw(st.sampled_from(["any", "distinct", "same"])),
        draw(st.sampled_from(["none", "apart"] if once else ["none", "classes", "apart"])),
        reuse,
        draw(st.sampled_from(["refuse", "leave out"])),
    )


@pytest.mark.parametrize("name", NAMES)
def test_names_mean_the_protocols_they_name(name):
    assert parse(name) == NAMES[name]
    assert NAMES[name].name == name


@given(protocols())
def test_the_name_of_any_protocol_is_read_as_that_protocol(asked):
    assert parse(asked.name) == asked


@pytest.mark.parametrize("word", ["train", "test", "background", "5w1s", "within-5w1s", "once"])
def test_a_folder_may_end_in_a_word_that_protocols_use(word):
    asked = Protocol(f"folder:/data/letters-{word}", "all", "within", 5, 1)
    assert parse(asked.name) == asked


words = st.sampled_from(
    [
        *("lake", "vinyals", "meta", "glyphs", "folder:x", "runs", "background", "test"),
        *("within", "between", "5w1s", "0w1s", "3to5w1s", "9to5w1s", "0to5w1s", "99999w1s"),
        *("5w0s", "q5", "q0", "rot", "rotapart", "once", "samedrawer", "distinctdrawers"),
        *("x", "-", "w", "s", ""),
    ]
)


@given(st.one_of(st.text(), st.lists(words, max_size=7).map("-".join)))
@example("folder:")
@example("-")
@example("lake-within-٥w1s")
def test_any_text_is_a_protocol_or_a_readable_error(text):
    try:
        asked = parse(text)
    except TaskError as error:
        assert "\n" not in str(error)
        assert repr(text) in str(error)
    else:
        assert parse(asked.name) == asked


@pytest.mark.parametrize(
    ("longer", "name"),
    [
        ("lake-evaluation-within-20w1s", "lake-within-20w1s"),
        ("vinyals-test-between-5w1s-q1", "vinyals-5w1s"),
        ("meta-within-05w01s", "meta-5w1s"),
        ("lake-within-5to5w1s", "lake-within-5w1s"),
        ("lake-between-5w1s-once-q2-rotapart", "lake-between-5w1s-q2-rotapart-once"),
    ],
)
def test_the_name_is_the_shortest(longer, name):
    assert parse(longer).name == name


@pytest.mark.parametrize(
    ("name", "close"),
    [
        ("lake-witin-20w1s", "lake-within-20w1s"),
        ("lake-run", "lake-runs"),
        ("vinyal-20w1s", "vinyals-20w1s"),
        ("lake-betwen-5w5s", "lake-between-5w5s"),
        ("omniglot", "lake-runs"),
        ("", "lake-runs"),
    ],
)
def test_an_unknown_name_is_answered_with_the_closest(name, close):
    with pytest.raises(TaskError) as error:
        parse(name)
    assert repr(name) in str(error.value)
    assert close in str(error.value)


def _refusal(name):
    with pytest.raises(TaskError) as error:
        parse(name)
    return str(error.value)


@pytest.mark.parametrize(
    "name",
    [
        "GLYPHS-within-5w1s",
        "Lake-Runs",
        "Vinyals-5W1S-ROT",
        "Meta-Train-Between-5w1s-Q3",
        "glyphs-WITHIN-5to9w1s",
    ],
)
def test_the_same_name_in_small_letters_is_offered_first(name):
    assert _refusal(name).endswith(f"; closest: {name.lower()}")
    parse(name.lower())


def test_small_letters_leave_a_path_as_it_is():
    message = _refusal("Folder:My/Letters-Within-5w1S")
    assert message.endswith("; closest: folder:My/Letters-within-5w1s")
    assert "closest: glyphs-within-5w1s" in _refusal("GLYPS-within-5w1s")


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("lake-20w1s", "within or between.*lake-within-20w1s"),
        ("lake-train-within-5w1s", "lake has the parts evaluation, background"),
        ("lake-within-5w1s-rotate", "-rotate.*expected one of -qN, .*-rotapart.*-once"),
        ("lake-within-5w1s-q3-q4", "twice.*queries"),
        ("lake-within-5w1s-rot-rotapart", "twice.*rotations"),
        ("lake-within-1w1s", "at least 2"),
        ("lake-within-1to5w1s", "at least 2"),
        ("lake-within-0to5w1s", "0"),
        ("lake-within-9to5w1s", "9 to 5 ways"),
        ("lake-within-0w1s", "ways 0"),
        ("lake-within-5w0s", "shots 0"),
        ("lake-within-5w1s-q0", "queries 0"),
        ("lake-within-5w10001s", "shots 10001"),
        ("lake-within-5w1s-samedrawer-once", "-once"),
        ("lake-within-3to5w1s-once", "-once"),
        ("lake-within-5w1s-rot-once", "-rotapart"),
    ],
)
def test_an_impossible_name_is_refused_with_the_reason(name, says):
    with pytest.raises(TaskError, match=says) as error:
        parse(name)
    assert repr(name) in str(error.value)


def test_the_official_runs_cannot_be_altered():
    for field, value in (("ways", 5), ("shots", 2), ("part", "background"), ("reuse", "once")):
        with pytest.raises(TaskError, match="lake-runs"):
            replace(RUNS, **{field: value})


@pytest.mark.parametrize(("split", "part"), [("nosuch", "test"), ("lake", "train"), ("meta", "")])
def test_a_split_or_part_that_does_not_exist_is_refused_at_construction(split, part):
    with pytest.raises(TaskError):
        Protocol(split, part, "within", 5, 1)


def test_the_digest_covers_every_field():
    others = {
        "split": "small1",
        "part": "background",
        "structure": "between",
        "ways": 21,
        "shots": 2,
        "queries": 2,
        "fewest_ways": 19,
        "drawers": "same",
        "rotations": "apart",
        "reuse": "once",
        "small": "leave out",
    }
    assert list(others) == [field.name for field in fields(Protocol)]
    changed = [
        # The number of ways alone, not the fewest with it.
        Protocol(**{**{f.name: getattr(BASE, f.name) for f in fields(Protocol)}, field: value})
        for field, value in others.items()
    ]
    digests = {BASE.digest, *(other.digest for other in changed)}
    assert len(digests) == 1 + len(others)


def test_the_digest_covers_the_version(monkeypatch):
    before = BASE.digest
    monkeypatch.setattr(protocol, "VERSION", protocol.VERSION + 1)
    assert BASE.digest != before


def test_equal_protocols_have_equal_digests():
    assert Protocol(*astuple(BASE)).digest == parse("lake-evaluation-within-20w1s-q1").digest


def test_a_description_tells_every_protocol_apart():
    described = {asked.describe() for asked in NAMES.values()}
    assert len(described) == len(NAMES)
    assert not any("\n" in text for text in described)


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("lake-within-7w1s", "7 ways are impossible: A has 6"),
        ("lake-within-7to9w1s", "7 ways are impossible: A has 6"),
        ("lake-within-25w1s-rot", "25 ways are impossible: A has 24"),
        ("lake-within-7w1s-rotapart", "7 ways are impossible: A has 6"),
        ("lake-between-31w1s", "31 ways are impossible: tiny has 30"),
        ("lake-within-5w10s", "10 shots and 1 queries need 11 images .*A/character01 has 10"),
        ("lake-within-5w6s-q5", "6 shots and 5 queries need 11 images"),
        ("lake-within-5w6s-distinctdrawers", "at most 5 shots and queries"),
        ("lake-within-5w1s-q6-distinctdrawers", "at most 5 shots and queries"),
    ],
)
def test_what_the_data_do_not_allow_is_refused_with_the_reason(tiny, name, says):
    with pytest.raises(TaskError, match=says) as error:
        Sampler(parse(name), tiny)
    assert str(error.value).startswith(f"{name}: ")


def drawn_but_for_one(tiny):
    return tiny.select((tiny.table["file"] != "B/character02/03.png").to_numpy(), "holed")


def drawn_twice(tiny):
    rows = tiny.table.astype(str).to_numpy()
    half = [(a, c, f"{(int(drawer) + 1) // 2:02}", file) for a, c, drawer, file in rows]
    return Dataset.build("twice", tiny.images, half)


@pytest.mark.parametrize("suffix", ["samedrawer", "distinctdrawers"])
@pytest.mark.parametrize("change", [drawn_but_for_one, drawn_twice])
def test_drawers_are_told_apart_only_where_each_drew_every_character_once(tiny, change, suffix):
    asked = parse(f"lake-within-2w1s-{suffix}")
    Sampler(asked, tiny)
    dataset = change(tiny)
    with pytest.raises(TaskError, match=f"{dataset.name} once"):
        Sampler(asked, dataset)


def uneven(tiny):
    """Two characters have 1 and 3 images, and an alphabet has 2 characters of 10."""
    files = tiny.table["file"]
    drawer = tiny.table["drawer"].astype(int)
    first = files.str.startswith("A/character01") & (drawer > 1)
    second = files.str.startswith("B/character02") & (drawer > 3)
    third = files.str.startswith("C/") & (tiny.table["character"].astype(str) > "character02")
    return tiny.select(~(first | second | third).to_numpy(), "uneven")


@pytest.mark.parametrize(
    ("name", "says"),
    [
        (
            "lake-between-5w1s",
            "1 of 24 characters have fewer: A/character01 has 1; add images, or leave these "
            "characters out by the suffix -fitting",
        ),
        (
            "lake-between-5w3s",
            "A/character01 has 1, B/character02 has 3; add images, ask for fewer shots or queries",
        ),
        ("lake-within-3w1s-fitting", None),
        ("lake-within-3w11s-fitting", "C has 0 characters, D has 0 characters, of those"),
    ],
)
def test_all_classes_that_are_too_small_are_named_at_once(tiny, name, says):
    if says is None:
        Sampler(parse(name), uneven(tiny))
        return
    with pytest.raises(TaskError) as error:
        Sampler(parse(name), uneven(tiny))
    assert says in str(error.value)


def test_alphabets_that_are_too_small_are_named_at_once(tiny):
    small = uneven(tiny)
    keep = ~small.table["file"].isin(["A/character01/01.png"]) & (
        small.table["file"].str[:14] != "B/character02/"
    )
    with pytest.raises(TaskError, match=r"ways are impossible: A has 5.*, B has 6.*, C has 2"):
        Sampler(parse("lake-within-7w1s"), small.select(keep.to_numpy(), "small"))


@pytest.mark.parametrize(
    "name",
    [
        "lake-within-3w1s-fitting",
        "lake-within-5w2s-q2-fitting",
        "lake-between-20w3s-fitting",
        "lake-within-5w2s-q2-samedrawer-fitting",
    ],
)
def test_classes_that_are_too_small_are_left_out_where_the_protocol_says_so(tiny, name):
    """The episodes are those of the data without them, image by image."""
    asked, small = parse(name), uneven(tiny)
    sizes = small.table.groupby(["alphabet", "character"], observed=True)["file"].transform("size")
    keep = (sizes >= asked.shots + asked.queries).to_numpy()
    if asked.structure == "within":
        keep = keep & (small.table["alphabet"] != "C").to_numpy()
    rest = small.select(keep, "rest")
    plain = Sampler(dataclasses.replace(asked, small="refuse"), rest)
    fitting = Sampler(asked, small)
    names = [
        source.dataset.table["file"].to_numpy()[source.block(0).query % len(source.dataset)]
        for source in (plain, fitting)
    ]
    assert (names[0] == names[1]).all()
    assert asked.digest != plain.protocol.digest
    assert any("left out by -fitting" in remark for remark in fitting.remarks)


def test_classes_that_are_left_out_stay_out_where_images_are_used_up(tiny):
    fitting = Sampler(parse("lake-between-6w2s-rotapart-once-fitting"), uneven(tiny))
    rows = np.concatenate([fitting.block(0).support.ravel(), fitting.block(0).query.ravel()])
    files = fitting.dataset.table["file"].to_numpy()[rows % len(fitting.dataset)]
    assert not any(file.startswith("A/character01/") for file in files)
    assert len(files) == len(set(files)) > 100


@pytest.mark.parametrize("seed", [-1, 2**63])
def test_an_impossible_seed_is_refused(tiny, seed):
    with pytest.raises(TaskError, match=f"seed {seed}"):
        Sampler(BASE, tiny, seed)


@pytest.mark.usefixtures("omniglot")
def test_a_background_alphabet_that_is_too_small_is_named():
    with pytest.raises(TaskError, match=r"20 ways are impossible: Blackfoot.* has 14 characters"):
        open_protocol(parse("lake-background-within-20w1s"))
    Sampler(parse("lake-background-within-14w1s"), load("lake", "background"))


@pytest.mark.parametrize(
    "change",
    [{"structure": "foo"}, {"drawers": "x"}, {"rotations": "class"}, {"reuse": "twice"}],
)
def test_a_field_that_is_none_of_its_values_is_refused(change):
    fields = {"split": "lake", "part": "evaluation", "structure": "within", "ways": 5, "shots": 1}
    with pytest.raises(TaskError, match=f"{next(iter(change))} .* is unknown, expected"):
        Protocol(**{**fields, **change})


@dataclass(frozen=True)
class Grown(Protocol):
    """What a later version may be: the same with one more field."""

    mirrors: str = "none"


@pytest.mark.parametrize(
    "name", ["lake-runs", "lake-within-20w1s", "glyphs-between-5to9w2s-q3-rot"]
)
def test_a_field_that_is_added_at_its_default_changes_no_digest(name):
    protocol = parse(name)
    grown = Grown(**asdict(protocol))
    assert grown.digest == protocol.digest
    assert grown.identity == protocol.identity
    if not protocol.is_official:
        assert replace(grown, mirrors="classes").digest != protocol.digest


def test_the_path_of_a_folder_is_no_part_of_a_protocols_identity(tmp_path, monkeypatch):
    (tmp_path / "letters").mkdir()
    monkeypatch.chdir(tmp_path)
    paths = (
        tmp_path / "letters",
        "letters",
        "./letters",
        "../letters/../" + tmp_path.name + "/letters",
    )
    protocols = [parse(f"folder:{path}-within-5w1s") for path in paths]
    assert len({protocol.digest for protocol in protocols}) == 1
    assert {protocol.title for protocol in protocols} == {"folder:letters-within-5w1s"}
    assert all(parse(protocol.name) == protocol for protocol in protocols)


def test_every_suffix_is_read_written_and_described():
    for suffix in SUFFIXES.values():
        word = suffix.name.replace("N", "7")
        protocol = parse(f"glyphs-between-5w1s-{word}")
        assert protocol.name.endswith(f"-{word}")
        assert getattr(protocol, suffix.field) == (7 if suffix.value is None else suffix.value)
        assert suffix.says is None or suffix.says in protocol.describe()


@pytest.mark.parametrize("name", ["omniglot-5w1s", "omniglot-within-5w1s-rot", "Omniglot-5w1s"])
def test_omniglot_is_answered_with_its_splits(name):
    with pytest.raises(TaskError, match=r"lake-within-5w1s, .*vinyals-between-5w1s, .*meta-"):
        parse(name)


def test_a_folder_without_its_kind_is_answered_with_both_kinds(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(TaskError) as caught:
        parse("digits-between-5w1s")
    assert "folder" not in str(caught.value)
    (tmp_path / "digits").mkdir()
    for name in (
        "digits-between-5w1s",
        "./digits-within-5w1s-q5",
        f"{tmp_path}/digits-between-5w1s",
    ):
        with pytest.raises(TaskError) as caught:
            parse(name)
        assert f"folder:{name} (characters) or images:{name}" in str(caught.value)
        assert parse(f"folder:{name}").split.startswith("folder:")
    with pytest.raises(TaskError, match=r"folder:digits-between-5w1s .characters."):
        parse("digits-5w1s")
