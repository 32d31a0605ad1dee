"""wayshot: N-way k-shot evaluation, and tables that a reviewer can trust.

    import wayshot

    run = wayshot.evaluate("siamese-small", "glyphs-within-20w1s", episodes=400)
    print(wayshot.load("runs"))

Every name here comes from one of the four packages `wayshot.tasks`,
`wayshot.models`, `wayshot.bench` and `wayshot.results`, which have more. Each is
loaded when it is first used.
"""

import lazy_loader

__version__ = "0.2.0"

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
