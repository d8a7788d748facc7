"""The time steps of the three cells, compiled: the functions of loops.py, in kernels/."""

import ctypes
import functools
import logging
from pathlib import Path

import torch
from torch import Tensor

from seqlab.system.compiler import CompilerError, load_compiled

logger = logging.getLogger(__name__)

_SOURCE = Path(__file__).parent / "kernels" / "scans.cpp"
FORMATS = {torch.float32: "float", torch.float64: "double"}

_FUNCTIONS = {
    **{"rnn_forward": 2, "gru_forward": 3, "lstm_forward": 3},
    **{"rnn_backward": 2, "gru_backward": 5, "lstm_backward": 5},
}
"""Where among its arguments each has the recurrent weights."""

_PADDING = 32
"""Units by which the weights are padded at most: kernels/steps.h computes that many together."""


class Kernels:
    """The compiled functions, with the arguments of those in loops.py.

    Args:
        library: of kernels/scans.cpp.

    Raises:
        CompilerError: it would not share torch's threads.
    """

    def __init__(self, library: ctypes.CDLL) -> None:
        library.thread_library.restype = ctypes.c_void_p
        if library.thread_library() != _thread_library_of_torch():
            raise CompilerError(
                "this torch runs its threads with another library than GCC's code, and the two "
                "would take the cores from each other"
            )
        for name, place in _FUNCTIONS.items():
            setattr(self, name, functools.partial(_call, library, name, place))


_FUNCTION = ctypes.CFUNCTYPE(None)


class _Shape(ctypes.Structure):
    """`seqlab::Shape` of kernels/steps.h."""

    _fields_ = (
        *((name, ctypes.c_int64) for name in ("num_steps", "num_rows", "size")),
        ("num_threads", ctypes.c_int),
    )


def _call(library: ctypes.CDLL, name: str, place_of_weight: int, *arguments: Tensor) -> None:
    num_steps, num_rows, _ = arguments[0].shape
    weight = arguments[place_of_weight]
    assert all(each.is_cpu and each.dtype == weight.dtype for each in arguments), name
    gates, size = weight.shape
    packed = weight.new_empty(gates * (size + _PADDING))
    # A list, so that a copy lives until the function has returned.
    tensors = [each.contiguous() for each in (*arguments, packed)]
    function = _FUNCTION.in_dll(library, f"{name}_{FORMATS[weight.dtype]}")
    function(
        _Shape(num_steps, num_rows, size, torch.get_num_threads()),
        *(ctypes.c_void_p(each.data_ptr()) for each in tensors),
    )


def _thread_library_of_torch() -> int | None:
    """Return where the thread library lies that torch computes with; `None`: it has no OpenMP."""
    lib = Path(torch.__file__).parent / "lib" / "libtorch_cpu.so"
    try:
        function = ctypes.CDLL(str(lib)).omp_get_num_threads
    except (OSError, AttributeError):
        return None
    return ctypes.cast(function, ctypes.c_void_p).value


@functools.cache
def kernels() -> Kernels:
    """Return the compiled functions; the first call on a machine takes some seconds.

    Raises:
        CompilerError: there are none on this machine; the message says why.
    """
    return Kernels(load_compiled(_SOURCE, "-fopenmp"))


@functools.cache
def available() -> bool:
    """Whether there are compiled functions; where not, run.log says why."""
    try:
        kernels()
    except CompilerError as error:
        logger.info("recurrences do without compiled code: %s", error)
        return False
    return True
