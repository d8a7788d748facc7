"""Memory that a training step freed is kept for the next one."""

import ctypes
from pathlib import Path

import pytest

from conftest import spawn

pytestmark = pytest.mark.skipif(
    not hasattr(ctypes.CDLL(None), "mallopt"), reason="needs glibc (its mallopt)"
)

FREEING = """
import ctypes, resource, sys
from seqlab.system.memory import keep_freed_memory

libc = ctypes.CDLL(None)
libc.malloc.restype, libc.malloc.argtypes = ctypes.c_void_p, [ctypes.c_size_t]
libc.free.argtypes = [ctypes.c_void_p]
size, page, rounds = 4 << 20, 4096, 20

def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt

def use():
    places = [libc.malloc(size + 64 * i) for i in range(4)]
    for place in places:
        for at in range(0, size, page):
            ctypes.c_char.from_address(place + at).value = b"x"
    for place in reversed(places):
        libc.free(place)

if sys.argv[1] == "keep":
    keep_freed_memory()
use()
before = faults()
for _ in range(rounds):
    use()
print((faults() - before) / rounds / (4 * size // page))
"""


@pytest.mark.parametrize(
    ("what", "environment", "kept"),
    [
        ("keep", {}, True),
        ("nothing", {}, False),
        ("keep", {"MALLOC_TRIM_THRESHOLD_": "131072", "MALLOC_MMAP_THRESHOLD_": "131072"}, False),
    ],
    ids=["kept", "by_itself", "as_the_person_said"],
)
def test_freed_memory_is_kept(
    tmp_path: Path, what: str, environment: dict[str, str], kept: bool
) -> None:
    done = spawn("-c", FREEING, what, cwd=tmp_path, **environment)
    share_fetched_again = float(done.stdout)
    assert share_fetched_again < 0.1 if kept else share_fetched_again > 0.5
