"""A process ends with its exit code, and with everything done that was to be done at its end."""

from pathlib import Path

import pytest

from conftest import spawn

LEAVE = "from seqlab.system.exit import exit_at_once\n"


def test_code_output_and_exit_functions_are_those_of_a_usual_end(tmp_path: Path) -> None:
    text = (
        "import atexit, sys\n"
        "atexit.register(lambda: print('second'))\n"
        "print('first'); print('told', file=sys.stderr)\n"
        "class Last:\n"
        "    def __del__(self): print('freed')\n"
        "last = Last()\n"
        "exit_at_once(3)\n"
    )
    done = spawn("-c", LEAVE + text, cwd=tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (3, "first\nsecond\n", "told\n")


def test_a_thread_at_work_is_waited_for(tmp_path: Path) -> None:
    text = (
        "import threading, time\n"
        "threading.Thread(target=lambda: (time.sleep(0.2), print('worked'))).start()\n"
        "exit_at_once(4)\n"
    )
    done = spawn("-c", LEAVE + text, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (4, "worked\n")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
@pytest.mark.parametrize("output", ["open('/dev/full', 'w')", "None"])
def test_output_that_cannot_be_written_changes_no_exit_code(tmp_path: Path, output: str) -> None:
    text = f"import sys\nsys.stdout = {output}\nprint('lost')\nexit_at_once(4)\n"
    done = spawn("-c", LEAVE + text, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (4, "")
