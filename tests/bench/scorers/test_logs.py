"""What a scorer's code sets up for its logs gets nothing of the harness."""

from __future__ import annotations

import logging

from wayshot.bench.scorers.logs import own_logs
from wayshot.bench.scorers.surroundings import outside


class Kept(logging.Handler):
    def __init__(self):
        super().__init__()
        self.lines = []

    def emit(self, record):
        self.lines.append(record.getMessage())


def test_handlers_of_a_scorer_get_what_it_logs_alone():
    before, theirs = Kept(), Kept()
    root = logging.getLogger()
    root.addHandler(before)
    try:
        with own_logs():
            with outside():
                root.addHandler(theirs)
                logging.warning("first")
            logging.warning("of the harness")
            with outside():
                logging.warning("second")
    finally:
        root.removeHandler(before)
        root.removeHandler(theirs)
    assert theirs.lines == ["first", "second"]
    assert before.lines == ["first", "of the harness", "second"]


def test_outside_of_commands_handlers_are_left_as_they_are():
    theirs = Kept()
    with outside():
        logging.getLogger().addHandler(theirs)
    logging.warning("of a script")
    logging.getLogger().removeHandler(theirs)
    assert theirs.lines == ["of a script"]
