"""Networks trained by episodes, as scorers."""

from __future__ import annotations

import pytest
from wayshot.bench.audits import audit
from wayshot.bench.scorers import resolve
from wayshot.models import assemble
from wayshot.models.networks.network import Network
from wayshot.models.training import recipe as recipes


@pytest.mark.parametrize(
    ("recipe", "pooling"),
    [("prototypical", "prototype"), ("matching", "mean"), ("relation", "prototype")],
)
def test_networks_of_the_literature_are_inductive_scorers(recipe, pooling, tmp_path):
    path = tmp_path / f"{recipe}.keras"
    assemble(recipes.read(recipe).network, recipe).save(path)
    scorer, traits = resolve(str(path), "keras")
    assert traits.level == 1 and traits.pooling == pooling
    found = audit(scorer, traits)
    assert not found.transductive


def test_the_published_sizes_of_episodes_are_in_the_recipes():
    sizes = {
        name: (found.ways, found.shots, found.queries, found.loss)
        for name in ("prototypical", "matching", "relation")
        if (found := recipes.read(name).episodes)
    }
    # Snell et al. 2017, section 3.1; Sung et al. 2018, section 4.1.1.
    assert sizes["prototypical"] == (60, 1, 5, "cross-entropy")
    assert sizes["relation"] == (5, 1, 19, "squared-error")
    assert recipes.read("siamese-koch").network == Network(
        backbone="koch", join="difference", head="weighted"
    )
