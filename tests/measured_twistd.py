"""twistd as it is run while coverage is measured.

twistd ends itself with the very signal that stopped it, before anything at exit can run, so what
was measured is saved when the reactor has stopped.
"""

import coverage
from twisted.internet import reactor
from twisted.scripts.twistd import run


def _save() -> None:
    measured = coverage.Coverage.current()
    if measured is not None:
        measured.stop()
        measured.save()


reactor.addSystemEventTrigger("after", "shutdown", _save)
run()
