from __future__ import annotations

import click
import pytest
from wayshot.bench.cli.counts import Count


@pytest.mark.parametrize(
    "written", ["1000", "1e3", "1E+3", "1_000", "1,000", " 1000 ", "10.00e2", 1000]
)
def test_a_whole_number_may_be_written_as_people_do(written):
    assert Count(1, 10**9).convert(written, None, None) == 1000


@pytest.mark.parametrize(
    "written", ["1.5", "1e-3", "1.2345e3", "1,00", "10,0000", "one", "", "nan", "inf", "1e", "0x10"]
)
def test_other_text_is_told_how_to_write_it(written):
    with pytest.raises(click.BadParameter, match="is not a whole number; write it as 1000 or 1e3"):
        Count(1).convert(written, None, None)


@pytest.mark.parametrize("written", ["0", "1e10", "1e99", "-1e3", "2,000,000,000"])
def test_the_range_holds_however_a_number_is_written(written):
    with pytest.raises(click.BadParameter, match="is not in the range"):
        Count(1, 10**9).convert(written, None, None)


def test_every_whole_number_of_a_command_may_be_written_so():
    from wayshot.bench.cli import COMMANDS, group

    context = click.Context(group)
    commands = [group.get_command(context, name) for name in COMMANDS]
    kinds = [
        (command.name, option.name, option.type)
        for command in commands
        for option in command.params
        if isinstance(option.type, click.types.IntParamType)
    ]
    assert kinds
    assert [one for one in kinds if not isinstance(one[2], Count)] == []
