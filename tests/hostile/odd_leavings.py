"""Scorers that change the process that they run in, and leave it so."""

# What is odd here is meant.
# pyright: reportAssignmentType=false, reportIncompatibleMethodOverride=false
# pyright: reportIncompatibleVariableOverride=false
from __future__ import annotations

import atexit
import contextlib
import decimal
import gc
import locale
import logging
import multiprocessing
import os
import random
import resource
import signal
import subprocess
import sys
import tempfile
import threading
import time
import warnings

import numpy as np
from odd_pixels import Classifier, Late, Pairs, Pixels


class Leaves(Pixels):
    """Leaves something behind at every call of `embed`."""

    def embed(self, images):
        self.leave()
        return super().embed(images)

    def leave(self):
        raise NotImplementedError


class LeavesOnce(Pixels):
    """Leaves something behind when it is made: nothing else is being done meanwhile."""

    digest = property(lambda self: type(self).__name__)

    def __init__(self):
        self.leave()

    def leave(self):
        raise NotImplementedError


class Moves(Leaves):
    def leave(self):
        os.chdir("/")


class MovesAway(Leaves):
    """Is in a folder that is removed."""

    def leave(self):
        folder = tempfile.mkdtemp()
        os.chdir(folder)
        os.rmdir(folder)


class Strict(Leaves):
    def leave(self):
        np.seterr(all="raise")


class Speaks(Leaves):
    def leave(self):
        sys.stdout.buffer.write(b"noise")
        sys.stdout.writelines(["noise"])
        os.write(1, b"noise")


class Closes(Leaves):
    def leave(self):
        sys.stdout.close()


class Replaces(Leaves):
    def leave(self):
        sys.stdout = sys.stderr = None


class Forks(Late):
    def later(self, embedded):
        if os.fork():
            os.wait()
        return embedded


class NoVariables(Leaves):
    def leave(self):
        os.environ.clear()


class OtherVariables(Pairs):
    def score(self, query_images, support_images):
        os.environ.update(WAYSHOT_CACHE="/dev/null", WAYSHOT_DATA="/dev/null", HOME="/dev/null")
        os.environ.update(TMPDIR="/dev/null", XDG_CACHE_HOME="/dev/null", COLUMNS="1")
        tempfile.tempdir = "/dev/null"
        return super().score(query_images, support_images)


class NoRights(Leaves):
    def leave(self):
        os.umask(0o777)


class NoPaths(Classifier):
    def classify(self, support_images, support_labels, query_images):
        sys.path.clear()
        return super().classify(support_images, support_labels, query_images)


class Warns(Leaves):
    """Turns every later warning into an error."""

    def leave(self):
        warnings.simplefilter("error")


class Shallow(Leaves):
    def leave(self):
        sys.setrecursionlimit(len_of_stack() + 40)


def len_of_stack():
    frame, count = sys._getframe(), 0
    while frame:
        frame, count = frame.f_back, count + 1
    return count


class Traces(Leaves):
    def leave(self):
        def refuse(frame, event, argument):
            if frame.f_code.co_filename != __file__:
                raise RuntimeError("traced")
            return refuse

        sys.settrace(refuse)


class Profiles(Leaves):
    def leave(self):
        def refuse(frame, event, argument):
            if event == "call" and frame.f_globals["__name__"].startswith("wayshot"):
                raise RuntimeError("profiled")

        sys.setprofile(refuse)


class NoStreams(LeavesOnce):
    """Closes what the process writes to and reads from."""

    def leave(self):
        for number in (0, 1, 2):
            with contextlib.suppress(OSError):
                os.close(number)


class OtherStreams(LeavesOnce):
    def leave(self):
        with open(os.devnull, "w") as nowhere:
            os.dup2(nowhere.fileno(), 1)
            os.dup2(nowhere.fileno(), 2)


class FewFiles(LeavesOnce):
    def leave(self):
        resource.setrlimit(resource.RLIMIT_NOFILE, (3, resource.getrlimit(7)[1]))


class SmallFiles(LeavesOnce):
    def leave(self):
        hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
        resource.setrlimit(resource.RLIMIT_FSIZE, (1, hard))


class Seeds(Leaves):
    def leave(self):
        np.random.seed(1)
        random.seed(1)


class OddNumbers(Leaves):
    """Changes how numbers are computed with, printed and read."""

    def leave(self):
        decimal.getcontext().prec = 1
        decimal.getcontext().traps[decimal.Inexact] = True
        np.set_printoptions(precision=0, threshold=1)
        np.setbufsize(16)
        locale.setlocale(locale.LC_ALL, "C")
        sys.set_int_max_str_digits(640)


class NoCollector(Leaves):
    def leave(self):
        gc.disable()
        gc.set_threshold(1, 1, 1)
        sys.setswitchinterval(1)


class Threads(LeavesOnce):
    """Leaves threads that run for ever, and that the end of Python waits for."""

    def leave(self):
        if threading.active_count() < 20:
            threading.Thread(target=threading.Event().wait, daemon=False).start()


class Children(LeavesOnce):
    """Leaves children that run for ever, and that the end of Python waits for."""

    begun = False

    def leave(self):
        if not self.begun:
            type(self).begun = True
            context = multiprocessing.get_context("fork")
            context.Process(target=time.sleep, args=(10_000,)).start()


class Program(Leaves):
    begun = False

    def leave(self):
        if not self.begun:
            type(self).begun = True
            subprocess.Popen(["sleep", "3"])


class Logs(Leaves):
    def leave(self):
        class Handler(logging.Handler):
            def emit(self, record):
                raise RuntimeError("no log")

        logging.getLogger().addHandler(Handler())
        logging.getLogger("wayshot").handlers = [Handler()]


class LogsToOutput(Leaves):
    def leave(self):
        logging.basicConfig(stream=sys.stdout, level=1, force=True)
        logging.getLogger("odd").error("noise")


class Hooks(Leaves):
    def leave(self):
        def refuse(*words):
            raise RuntimeError("hook")

        sys.excepthook = sys.unraisablehook = threading.excepthook = sys.displayhook = refuse


class AtTheEnd(Leaves):
    def leave(self):
        atexit.register(print, "noise")


class Signals(Pixels):
    """Handles signals, which only the main thread may say."""

    def __init__(self):
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGCHLD, signal.SIGPIPE):
            with contextlib.suppress(ValueError):
                signal.signal(number, signal.SIG_IGN)


class Masks(Leaves):
    """Holds back signals in its thread."""

    def leave(self):
        signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())


class Starts(Leaves):
    def leave(self):
        multiprocessing.set_start_method("fork", force=True)


class Writes(Leaves):
    """Says much."""

    def leave(self):
        print("noise " * 100_000, "\x1b[2J")
        print("noise " * 1000, file=sys.stderr)


class OpenFiles(Leaves):
    held: list = []

    def leave(self):
        self.held += [tempfile.TemporaryFile() for _ in range(50)]


FAILING = [Traces, Profiles]

SOUND = [
    *(Moves, MovesAway, Strict, Speaks, Closes, Replaces, Forks, NoVariables, OtherVariables),
    *(NoRights, NoPaths, Warns, Shallow, NoStreams, OtherStreams, FewFiles),
    *(SmallFiles, Seeds, OddNumbers, NoCollector, Threads, Children, Program, Logs, LogsToOutput),
    *(Hooks, AtTheEnd, Signals, Masks, Starts, Writes, OpenFiles),
]
