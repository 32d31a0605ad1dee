import pytest
from wayshot.results import percent, plain
from wayshot.results.text import _is_control

JOINED = ["می\u200cخواهم", "क्\u200dष", "\U0001f469\u200d\U0001f4bb", "日本語"]
HIDING = ["a\u200db", "\u200dب", "ب\u200d", "ب\u202eب", "a\x1b[0m", "x\u2028y"]


@pytest.mark.parametrize("name", JOINED)
def test_joiners_stay_between_what_they_join(name):
    assert plain(name) == name


@pytest.mark.parametrize("name", HIDING)
def test_what_only_hides_or_commands_is_replaced(name):
    assert "\ufffd" in plain(name)


def test_every_character_is_replaced_if_it_is_a_control_and_kept_if_not():
    for char in map(chr, range(0x110000)):
        assert plain(char) == ("\ufffd" if _is_control(char) else char)


@pytest.mark.parametrize(
    ("share", "decimals", "words"),
    [
        *((0.1865, 1, "18.7"), (0.18649, 1, "18.6"), (-0.0005, 1, "-0.1"), (-0.0, 1, "0.0")),
        *((1 / 3, 2, "33.33"), (0.29, 0, "29"), (0.005, 0, "1")),
    ],
)
def test_percentages_are_rounded_half_up(share, decimals, words):
    assert percent(share, decimals) == words
