import pytest
from wayshot.tasks import TaskError, load_yaml


@pytest.mark.parametrize("text", ["1e-4", "1E-4", "+1e-4", "0.0001", "1.0e-4", "1.e-4"])
def test_small_numbers_are_numbers_however_they_are_written(text):
    assert load_yaml(f"a: {text}") == {"a": 1e-4}


@pytest.mark.parametrize("text", ["e4", "1e", "1e-4x", "0x1e4y", "'1e-4'"])
def test_what_only_looks_like_a_number_stays_a_word(text):
    assert isinstance(load_yaml(f"a: {text}")["a"], str)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("a: [", "expected the node content"),
        ("a: 1\na: 2\n", "the key 'a' twice"),
        ("a: &b [1]\nc: *b\n", "an alias"),
        ("[" * 50 + "]" * 50, "nested too deep"),
        ("\n".join(" " * i + "a:" for i in range(50)), "nested too deep"),
        ("!!python/object/apply:os.getcwd []", "could not determine a constructor"),
        (b"name: \xff\xfe", "not a readable YAML file"),
        ("a: 2020-99-99", "month must be in"),
        ("? [1]\n: 2", "unhashable key"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(text, problem):
    with pytest.raises(TaskError, match=problem) as caught:
        load_yaml(text)
    assert "\n" not in str(caught.value)
