import numpy as np
import pandas as pd
from wayshot.results.statistics.numbering import clusters_of


def test_categories_are_numbered_as_pandas_numbers_them():
    generator = np.random.default_rng(9)
    for _ in range(20):
        names = generator.permutation(list("gbdacfe"))
        labels = pd.Categorical.from_codes(generator.integers(0, 5, 12), names)
        cluster, there = clusters_of(pd.Series(labels))
        expected, expected_names = pd.factorize(labels, sort=True)
        assert cluster.tolist() == expected.tolist()
        assert there == tuple(expected_names)
        plain, sorted_names = clusters_of(np.array(labels))
        assert [sorted_names[one] for one in plain] == labels.tolist()
        assert list(sorted_names) == sorted(set(labels))
