"""The processes of the other ranks: started by the first one, watched by it, ended with it.

They are plain processes that are told what to do through a pipe, so nothing replays the command
that began the run. Each ends by itself when that pipe closes, however the first one ended.
"""

import json
import os
import pickle
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist

from seqlab.parallel.group import connect, disconnect
from seqlab.parallel.order import Order, Place
from seqlab.parallel.second_signal import SecondSignal
from seqlab.system.errors import UserError

_THREADS = "OMP_NUM_THREADS"
_POLL_S = 0.02
_PATIENCE_S = 10.0
# So long a lost process may go unnoticed by the first one, in a call that does not come back.
_GRACE_S = 60.0
_KEPT_CHARACTERS = 4000


class RankError(UserError):
    """Another process of the run failed, or was ended."""


class _Process:
    """One other rank: what it runs as, and what it has said so far.

    It says one JSON object a line: `{"state": "ready" | "done" | "interrupted" | "failed", ...}`.
    """

    def __init__(
        self, module: str, rank: int, log: Path, on_end: Callable[["_Process"], None]
    ) -> None:
        self.rank = rank
        self.log = log
        self.said: dict[str, dict[str, Any]] = {}
        self.ended = threading.Event()
        self._told = False
        self._on_end = on_end
        here = str(Path.cwd())
        path = os.pathsep.join(entry or here for entry in sys.path)
        with log.open("wb") as file:
            self.process = subprocess.Popen(
                [sys.executable, "-P", "-m", module],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=file,
                env=os.environ | {"PYTHONPATH": path},
                # Ctrl-C is for the first rank, which has all stop at the same step.
                start_new_session=True,
            )
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            message = json.loads(line)
            self.said[message["state"]] = message
        self.process.wait()
        self.ended.set()
        self._on_end(self)

    def tell(self, order: Order) -> None:
        """Send the order; a process that is gone by now is noticed elsewhere."""
        assert self.process.stdin is not None
        self._told = True
        with suppress(BrokenPipeError):
            self.process.stdin.write(pickle.dumps(order))
            self.process.stdin.flush()

    def end(self) -> None:
        """Have it end now."""
        assert self.process.stdin is not None
        with suppress(BrokenPipeError):
            self.process.stdin.close()
        if not self._told:
            self.process.kill()  # it may still be importing, and has nothing to lose

    def reap(self) -> None:
        """Wait for its end, and bring it about at last."""
        if not self.ended.wait(_PATIENCE_S):
            self.process.kill()
            self.ended.wait(_PATIENCE_S)
        if self.process.stdout is not None:
            self.process.stdout.close()

    @property
    def failed(self) -> bool:
        """Whether it has ended, and should not have."""
        return self.ended.is_set() and not self.said.keys() & {"done", "interrupted"}

    def failure(self, world: int) -> RankError:
        """Return what became of it, in words."""
        who, hint = f"rank {self.rank} of {world}", "run.log has what it said."
        told = self.said.get("failed")
        code = self.process.returncode
        if told is not None:
            error = RankError(f"{who}: {told['message']}", told["hint"])
        elif code is not None and code < 0:
            if -code == signal.SIGKILL:
                hint = "That comes from a person, or from a system that runs out of memory."
            error = RankError(f"{who} was ended by {signal.Signals(-code).name}", hint)
        else:
            error = RankError(f"{who} ended with exit code {code}", hint)
        with suppress(OSError):
            said = self.log.read_text(encoding="utf-8", errors="replace")
            error.add_note(said[-_KEPT_CHARACTERS:])
        return error

    @property
    def is_cause(self) -> bool:
        """Whether it failed by itself, and not because another one was gone."""
        told = self.said.get("failed")
        return self.failed and not (told is not None and told["lost_another"])


class Ranks:
    """Every other rank of a run; there may be none.

    Args:
        module: what they run, as `python -m MODULE`.

    Attributes:
        when_stuck: called, in a thread of its own, where a rank is lost and the first one does not
            come back from waiting for it.
    """

    def __init__(self, module: str) -> None:
        self._module = module
        self.when_stuck: Callable[[RankError], None] = lambda error: None
        self._processes: list[_Process] = []
        self._scratch = Path()
        self._closing = threading.Event()
        self._second_signal = SecondSignal()
        self._threads_before: int | None = None

    def __enter__(self) -> "Ranks":
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    @property
    def world(self) -> int:
        """How many ranks there are, the first included."""
        return len(self._processes) + 1

    def start(self, world: int) -> None:
        """Start the other ranks; they get ready while the first one does.

        Args:
            world: how many there are to be, the first included.
        """
        if world == 1:
            return
        self._share_cores(world)
        self._second_signal.listen()
        self._scratch = Path(tempfile.mkdtemp(prefix="seqlab-"))
        for rank in range(1, world):
            log = self._scratch / f"rank_{rank}.log"
            self._processes.append(_Process(self._module, rank, log, self._ended))

    def join(self, order: Order, device: torch.device, digest: str) -> None:
        """Give every rank its order, wait until all are ready, and connect.

        Args:
            order: of all ranks; places are filled in here.
            device: where the first rank computes.
            digest: of its data; theirs have to be the same.

        Raises:
            RankError: one of them failed, or has other data.
        """
        order.meeting = self._scratch / "meeting"
        for each in self._processes:
            order.place = Place(each.rank, self.world)
            each.tell(order)
        for each in self._processes:
            while "ready" not in each.said:
                if each.failed:
                    raise each.failure(self.world)
                time.sleep(_POLL_S)
            if each.said["ready"]["digest"] != digest:
                raise RankError(
                    f"rank {each.rank} of {self.world} has made other data than the first",
                    "A data set has to be the same whenever it is made: draw from a generator "
                    "seeded with data.seed.",
                )
        connect(Place(0, self.world), order.meeting, device)

    def cause(self, error: Exception) -> Exception:
        """Return what ended the run: the error itself, or another rank's behind it."""
        if not self._processes or not lost_another(error):
            return error
        end = time.monotonic() + _PATIENCE_S
        while time.monotonic() < end:
            for each in self._processes:
                if each.is_cause:
                    found = each.failure(self.world)
                    found.__cause__ = error
                    return found
            time.sleep(_POLL_S)
        return error

    def finish(self) -> None:
        """Let every other rank end in good order, when all is done."""
        for each in self._processes:
            each.ended.wait(_PATIENCE_S)

    def close(self) -> None:
        """End every other rank, and take back what starting them changed."""
        self._closing.set()
        self._second_signal.close()
        for each in self._processes:
            each.end()
        for each in self._processes:
            each.reap()
        if self._processes:
            disconnect(in_order=all("done" in each.said for each in self._processes))
            shutil.rmtree(self._scratch, ignore_errors=True)
        self._processes = []
        if self._threads_before is not None:
            os.environ.pop(_THREADS, None)
            torch.set_num_threads(self._threads_before)
            self._threads_before = None

    def _share_cores(self, world: int) -> None:
        """Let the ranks share the cores, where nobody has said how many threads there are to be."""
        if _THREADS not in os.environ:
            self._threads_before = torch.get_num_threads()
            threads = max(self._threads_before // world, 1)
            os.environ[_THREADS] = str(threads)
            torch.set_num_threads(threads)

    def _ended(self, process: _Process) -> None:
        if process.is_cause and not self._closing.wait(_GRACE_S):
            self.when_stuck(process.failure(self.world))


def lost_another(error: BaseException) -> bool:
    """Return whether an error is that another process is gone."""
    # gloo's errors are of no type of their own.
    return isinstance(error, dist.DistError) or "gloo" in str(error).lower()
