"""One of the other processes of a run on several devices; the first starts it, with no arguments.

It reads an `Order` from standard input and says how it fares on standard output. It writes nothing
into the run folder, and ends as soon as standard input closes.
"""

import json
import os
import pickle
import shutil
import sys
import threading
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

from seqlab.callbacks.stop_on_signal import Interrupted, StopOnSignal
from seqlab.config.validate.allowlist import allow
from seqlab.parallel.group import connect
from seqlab.parallel.order import Order
from seqlab.parallel.processes import lost_another
from seqlab.runs.experiment import build_experiment, fit, test
from seqlab.runs.folder.run_folder import RunFolder
from seqlab.system.console import console
from seqlab.system.errors import EXIT_DONE, EXIT_FAILED
from seqlab.system.messages import quiet_libraries

Say = Callable[..., None]


def main() -> int:
    """Do what the order says; return the exit code."""
    say = _channel()
    with console(), StopOnSignal(answers=False) as stop, quiet_libraries():
        try:
            order: Order = pickle.load(sys.stdin.buffer)
        except EOFError:  # the first one has thought better of it
            return EXIT_DONE
        scratch = order.meeting.parent
        threading.Thread(target=_end_with_the_first, args=[scratch], daemon=True).start()
        try:
            _take_part(order, stop, say)
        except Interrupted:
            say("interrupted")
        except Exception as error:
            traceback.print_exc()
            say(
                "failed",
                message=f"{type(error).__name__}: {error}",
                hint=getattr(error, "hint", ""),
                lost_another=lost_another(error),
            )
            return EXIT_FAILED
        else:
            say("done")
    return EXIT_DONE


def _take_part(order: Order, stop: StopOnSignal, say: Say) -> None:
    for name in order.allowed:
        allow(name)
    experiment = build_experiment(order.config, RunFolder(order.folder), stop, order.place)
    if order.max_epochs is not None:
        experiment.trainer.fit_loop.max_epochs = order.max_epochs
    say("ready", digest=experiment.data.digest())
    connect(order.place, order.meeting, experiment.trainer.strategy.root_device)
    fit(experiment, order.checkpoint)
    test(experiment)


def _channel() -> Say:
    """Return what says a line to the first process; whatever else is printed goes elsewhere."""
    private = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())

    def say(state: str, **more: Any) -> None:
        private.write(json.dumps({"state": state, **more}) + "\n")
        private.flush()

    return say


def _end_with_the_first(scratch: Path) -> None:
    sys.stdin.buffer.read()
    shutil.rmtree(scratch, ignore_errors=True)  # the first one may have been killed
    os._exit(EXIT_FAILED)


if __name__ == "__main__":
    os._exit(main())  # connections whose other end may be gone are not worth closing in good order
