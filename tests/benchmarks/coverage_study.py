"""How often 95 % intervals hold the truth, by simulation: docs/coverage-table.md.

Each of many times a whole world is drawn anew (alphabets, their characters and
images, a scorer's answers), and the real episodes of a protocol are tried in
it. The truth is the mean over all worlds. Needs no data.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import special
from tqdm import tqdm
from wayshot.bench.evaluations.stopping import looks
from wayshot.results import judge
from wayshot.results.statistics import bootstrap, by_character, influence, on_logit_scale
from wayshot.results.statistics.estimates import clustered, sampler
from wayshot.tasks import BLOCK, Dataset, Episodes, Images, Sampler, parse

LAKE = (20, 26, 26, 26, 26, 26, 45, 45, 41, 26, 47, 40, 30, 45, 46, 28, 23, 25, 42, 26)
"""Characters of the alphabets of Lake's evaluation set."""

VINYALS = (4, 41, 26, 47, 40, 30, 45, 46, 28, 23, 25, 42, 26)
"""Those of the test part of the Vinyals split."""

DRAWERS = 20
DIMENSIONS = 12
FAR_APART = 0.55
METHODS = ("population", "bootstrap", "t", "sampler-z")


def dataset(sizes: tuple[int, ...]) -> Dataset:
    """A data set of the right structure, without pixels."""
    rows = [
        (f"alphabet{a:02}", f"character{c:02}", f"{d:02}", f"{a}/{c}/{d}")
        for a, size in enumerate(sizes)
        for c in range(size)
        for d in range(DRAWERS)
    ]
    return Dataset.build("simulated", Images(np.zeros((len(rows), 1), np.uint8), 2), rows)


@dataclass(frozen=True)
class Names:
    """Alphabet and character of each image."""

    alphabet: np.ndarray
    character: np.ndarray
    alphabet_of_character: np.ndarray


Scores = Callable[[Episodes], np.ndarray]
World = Callable[[np.random.Generator, Names], Scores]


def scattered(
    noise: float,
    rng: np.random.Generator,
    names: Names,
    of_alphabets: np.random.Generator | None = None,
) -> np.ndarray:
    """Characters are points around their alphabet's, images around their character's.

    Alphabets differ in how close their characters lie, characters in how
    alike their images are. Alphabets are drawn by a generator of their own if
    there is one. The places of images, float32 ndarray (images, dimensions).
    """
    first = of_alphabets or rng
    alphabets, characters = names.alphabet.max() + 1, names.character.max() + 1
    closeness = np.exp(0.25 * first.standard_normal(alphabets))[names.alphabet_of_character]
    middle = first.standard_normal((alphabets, DIMENSIONS))[names.alphabet_of_character]
    if of_alphabets:
        # Only then are scorers that miss the first or the last dimension equally good.
        middle[:, -1] = middle[:, 0]
    middle += closeness[:, None] * rng.standard_normal((characters, DIMENSIONS))
    spread = noise * np.exp(0.3 * rng.standard_normal(characters))
    images = middle[names.character] + spread[names.character, None] * rng.standard_normal(
        (len(names.character), DIMENSIONS)
    )
    return images.astype(np.float32)


def nearest(images: np.ndarray) -> Scores:
    """Minus squared distances, up to what all classes of a query share."""

    def scores(episodes: Episodes) -> np.ndarray:
        support, query = images[episodes.support[..., 0]], images[episodes.query]
        lengths = np.square(support).sum(axis=-1)[:, None]
        return 2 * query @ support.transpose(0, 2, 1) - lengths

    return scores


def places(noise: float) -> World:
    """Most errors are confusions within alphabets, of few pairs."""
    return lambda rng, names: nearest(scattered(noise, rng, names))


def odds(ease: float, heavy: bool = False) -> World:
    """Effects of alphabet, character and image add up to how well the truth stands out.

    So does how tempting a distractor's alphabet and character are; the rest is
    drawn anew in each trial. With heavy tails a few alphabets are much harder.
    """

    def world(rng: np.random.Generator, names: Names) -> Scores:
        alphabets, characters = names.alphabet.max() + 1, names.character.max() + 1
        of_alphabet = rng.standard_t(3, alphabets) if heavy else rng.standard_normal(alphabets)
        clear = 0.6 * of_alphabet[names.alphabet_of_character]
        clear += 0.6 * rng.standard_normal(characters)
        image = ease + clear[names.character] + 0.6 * rng.standard_normal(len(names.character))
        tempting = 0.4 * rng.standard_normal(alphabets)[names.alphabet_of_character]
        tempting += 0.4 * rng.standard_normal(characters)

        def scores(episodes: Episodes) -> np.ndarray:
            support = names.character[episodes.support[..., 0]]
            found = tempting[support][:, None] + rng.gumbel(size=(*support.shape, support.shape[1]))
            row, column = np.indices(episodes.query.shape)
            found[row, column, episodes.target] = image[episodes.query] + rng.gumbel(
                size=episodes.query.shape
            )
            return found

        return scores

    return world


WORLDS = {
    "places, images far apart": places(FAR_APART),
    "places, images close": places(0.38),
    "odds": odds(6.0),
    "odds, heavy tails": odds(7.0, heavy=True),
}
PROTOCOLS = {
    "lake-within-20w1s": LAKE,
    "lake-between-20w1s": LAKE,
    "lake-between-5w1s": LAKE,
    "vinyals-20w1s": VINYALS,
}
FEW = (
    ((10,), "lake-within-5w1s"),
    ((24,), "lake-within-5w1s"),
    ((50,), "lake-within-5w1s"),
    ((200,), "lake-within-5w1s"),
    ((24, 24), "lake-within-5w1s"),
    ((24, 24), "lake-between-5w1s"),
    ((10, 20, 40), "lake-between-5w1s"),
    ((15, 15, 15, 15), "lake-within-5w1s"),
)
"""Numbers of characters of few alphabets, and protocols on them."""


def trials(scores: np.ndarray, episodes: Episodes, names: Names) -> pd.DataFrame:
    """The trials, with the columns that intervals need."""
    count, queries = episodes.query.shape
    judged = judge(scores.reshape(-1, scores.shape[-1]), episodes.target.ravel())
    number = np.repeat(np.arange(count), queries)
    query = episodes.query.ravel()
    of_query = {"alphabet": names.alphabet[query], "character": names.character[query]}
    return pd.DataFrame({"episode": number, **judged, **of_query})


def official(names: Names, rng: np.random.Generator) -> Episodes:
    """Two runs of the same 20 characters for each of ten alphabets."""
    first = np.flatnonzero(np.diff(names.character, prepend=-1)).reshape(10, 20)
    drawers = np.stack([rng.permutation(DRAWERS)[:2] for _ in range(20)])
    target = np.stack([rng.permutation(20) for _ in range(20)])
    support, query = (first.repeat(2, axis=0) + drawers[:, i, None] for i in range(2))
    query = np.take_along_axis(query, target, axis=1)
    return Episodes(support[..., None], query, target.astype(np.int16))


def draws(
    protocol: str, worlds: int, sizes: tuple[int, ...] = ()
) -> Iterator[tuple[Names, np.random.Generator, Episodes]]:
    """For each world its names, a generator, and 10,000 episodes (20 runs)."""
    runs = protocol == "lake-runs"
    made = dataset(sizes or ((20,) * 10 if runs else PROTOCOLS[protocol]))
    alphabet, character = made.table["alphabet"].cat.codes.to_numpy(), made.character_codes
    names = Names(alphabet, character, alphabet[np.unique(character, return_index=True)[1]])
    source = None if runs else Sampler(parse(protocol), made)
    blocks = -(-10_000 // BLOCK)
    for world in range(worlds):
        rng = np.random.default_rng(np.random.SeedSequence(world))
        if source is None:
            yield names, rng, official(names, rng)
            continue
        drawn = [source.block(world * blocks + i) for i in range(blocks)]
        yield (
            names,
            rng,
            Episodes(
                *(
                    np.concatenate([getattr(one, field) for one in drawn])
                    for field in ("support", "query", "target")
                )
            ),
        )


def ends(found: pd.DataFrame) -> dict[str, tuple[float, float]]:
    """The ends of each method's interval; none where it falls back to another."""
    moved = influence(found)
    if not moved.spreads:
        return {}
    credit = found["credit"].to_numpy()
    made = {
        "population": on_logit_scale(moved),
        "bootstrap": bootstrap(moved),
        "t": clustered(credit, found["alphabet"].to_numpy().astype(np.int64)),
        "sampler-z": sampler(found, normal=True),
    }
    return {name: (one.low, one.high) for name, one in made.items()}


def counts(protocol: str) -> tuple[int, ...]:
    """The numbers of episodes that are looked at."""
    return (20,) if protocol == "lake-runs" else (400, 1_000, 10_000)


def study(protocol: str, world: World, worlds: int) -> pd.DataFrame:
    """Coverage by number of episodes and method."""
    rows, values = [], []
    for names, rng, episodes in tqdm(draws(protocol, worlds), total=worlds, desc=protocol):
        episodes = episodes[: counts(protocol)[-1]]
        whole = trials(world(rng, names)(episodes), episodes, names)
        values.append(whole["credit"].mean())
        for count in counts(protocol):
            part = whole[whole["episode"] < count]
            made = ends(part).items()
            rows += [(count, name, part["credit"].mean(), *interval) for name, interval in made]
    found = pd.DataFrame(rows, columns=["episodes", "method", "value", "low", "high"])
    truth = float(np.mean(values))
    found["covered"] = (found["low"] <= truth) & (truth <= found["high"])
    table = found.pivot_table(index="episodes", columns="method", values="covered")
    table.insert(0, "truth", truth)
    return table


def stopped(protocol: str, world: World, halfwidth: float, worlds: int) -> pd.Series:
    """Coverage where the number of episodes is settled by `--until-halfwidth`."""
    planned = looks(8 * BLOCK)
    rows, values = [], []
    for names, rng, episodes in tqdm(draws(protocol, worlds), total=worlds, desc=protocol):
        episodes = episodes[: planned[-1]]
        whole = trials(world(rng, names)(episodes), episodes, names)
        values.append(whole["credit"].mean())
        for count in planned:
            found = influence(whole[whole["episode"] < count])
            paid = on_logit_scale(found, looks=len(planned))
            if paid.high - paid.low <= 2 * halfwidth or count == planned[-1]:
                free = on_logit_scale(found)
                rows.append((count, paid.low, paid.high, free.low, free.high))
                break
    table, truth = np.array(rows), float(np.mean(values))
    held = [(table[:, i] <= truth) & (truth <= table[:, i + 1]) for i in (1, 3)]
    return pd.Series([truth, table[:, 0].mean(), *(one.mean() for one in held)])


def told(value: float, variance: float, freedom: float) -> bool:
    """Whether a two-sided t test at 5 % tells a value from 0."""
    return bool(2 * special.stdtr(freedom, -abs(value) / max(variance, 1e-12) ** 0.5) < 0.05)


def alarms(protocol: str, worlds: int) -> pd.DataFrame:
    """How often paired tests tell two scorers apart that are as good as one another.

    Each sees all but one of the dimensions of places.
    """
    rows = []
    for names, rng, episodes in tqdm(draws(protocol, worlds), total=worlds, desc=protocol):
        images, episodes = scattered(FAR_APART, rng, names), episodes[: counts(protocol)[-1]]
        two = [
            trials(nearest(images[:, seen])(episodes), episodes, names)
            for seen in (slice(1, None), slice(None, -1))
        ]
        for count in counts(protocol):
            one, other = (influence(each[each["episode"] < count]) for each in two)
            moved = one - other
            by_alphabet = told(moved.value, moved.population_variance, moved.freedom)
            over_episodes = told(moved.value, moved.sampler_variance, count - 1)
            rows.append((count, one.value, by_alphabet, over_episodes))
    found = pd.DataFrame(rows, columns=["episodes", "accuracy", "by alphabet", "over episodes"])
    return found.groupby("episodes").mean()


def few(protocol: str, sizes: tuple[int, ...], worlds: int) -> pd.DataFrame:
    """Coverage and false verdicts over new characters of the same few alphabets.

    The alphabets are the same in all worlds, their characters and images are not.
    """
    rows = []
    for names, rng, episodes in tqdm(draws(protocol, worlds, sizes), total=worlds, desc=protocol):
        images = scattered(FAR_APART, rng, names, np.random.default_rng(len(sizes)))
        two = [
            trials(nearest(images[:, seen])(episodes[:10_000]), episodes[:10_000], names)
            for seen in (slice(1, None), slice(None, -1))
        ]
        for count in (1_000, 10_000):
            one, other = (by_character(each[each["episode"] < count]) for each in two)
            moved, found = one - other, on_logit_scale(one)
            by_characters = told(moved.value, moved.population_variance, moved.freedom)
            over_episodes = told(moved.value, moved.sampler_variance, count - 1)
            rows.append((count, one.value, found.low, found.high, by_characters, over_episodes))
    names = ["episodes", "value", "low", "high", "by character", "over episodes"]
    found = pd.DataFrame(rows, columns=names)
    truth = float(found.loc[found["episodes"] == 10_000, "value"].mean())
    found["covered"] = (found["low"] <= truth) & (truth <= found["high"])
    found["value"] = truth
    columns = ["value", "covered", "by character", "over episodes"]
    return found.groupby("episodes")[columns].mean()


def print_few(worlds: int) -> None:
    """Prints the table of few alphabets."""
    print(
        "\nFew alphabets, over new characters of them (places, images far apart): coverage of "
        "`population`, and\ntwo scorers that are as good as one another, told apart by a paired "
        f"test at 5 %; {worlds} worlds a row:\n"
    )
    heads = ("characters", "protocol", "episodes", "accuracy", "population", "by character")
    print(f"| {' | '.join(heads)} | over episodes |")
    print("|---" * 7 + "|")
    for sizes, protocol in FEW:
        named = " + ".join(map(str, sizes))
        for episodes, row in few(protocol, sizes, worlds).iterrows():
            cells = " | ".join(f"{100 * one:.1f}" for one in row)
            print(f"| {named} | `{protocol}` | {episodes:,} | {cells} |", flush=True)


def main() -> None:
    """Prints the study as Markdown."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--worlds", type=int, default=400)
    parser.add_argument("--few", action="store_true", help="print the last table only")
    asked = parser.parse_args()
    worlds, start = asked.worlds, time.perf_counter()
    if asked.few:
        print_few(worlds)
        return
    lines = []
    for title, world in WORLDS.items():
        for protocol in ("lake-runs", *PROTOCOLS):
            for episodes, row in study(protocol, world, worlds).iterrows():
                cells = " | ".join(f"{100 * row[method]:.1f}" for method in METHODS)
                lines.append(
                    f"| {title} | `{protocol}` | {episodes:,} | {100 * row.truth:.1f} | {cells} |"
                )
    print(f"{worlds} worlds a row, {time.perf_counter() - start:.0f} s.\n")
    print(f"| worlds | protocol | episodes | accuracy | {' | '.join(METHODS)} |")
    print("|---" * (4 + len(METHODS)) + "|")
    print("\n".join(lines))
    print(
        "\nWith the number of episodes settled by --until-halfwidth, at most 8 blocks, 4 looks:\n"
    )
    print("| worlds | protocol | half-width | accuracy | mean episodes | 4 looks | as if 1 look |")
    print("|---|---|---|---|---|---|---|")
    for protocol, halfwidth in (("lake-between-5w1s", 0.003), ("lake-between-20w1s", 0.005)):
        title = "places, images close"
        truth, episodes, *held = stopped(protocol, WORLDS[title], halfwidth, worlds)
        cells = " | ".join(f"{100 * one:.1f}" for one in held)
        print(
            f"| {title} | `{protocol}` | {100 * halfwidth:g} | {100 * truth:.1f} | "
            f"{episodes:,.0f} | {cells} |"
        )
    print("\nTwo scorers that are as good as one another, told apart by a paired test at 5 %:\n")
    print("| worlds | protocol | episodes | accuracy | by alphabet | over episodes |")
    print("|---|---|---|---|---|---|")
    for protocol in ("lake-runs", *PROTOCOLS):
        for episodes, row in alarms(protocol, worlds).iterrows():
            cells = " | ".join(f"{100 * one:.1f}" for one in row)
            print(f"| places, images far apart | `{protocol}` | {episodes:,} | {cells} |")
    print_few(worlds)


if __name__ == "__main__":
    main()
