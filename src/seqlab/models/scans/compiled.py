"""The time steps of cells that have a kernel, compiled: see kernels/."""

import ctypes
import functools
import logging
from pathlib import Path

import torch
from torch import Tensor

from seqlab.models.scans.cell import Cell, Steps
from seqlab.system.compiler import CompilerError, load_compiled

logger = logging.getLogger(__name__)

_SOURCE = Path(__file__).parent / "kernels" / "scans.cpp"
FORMATS = {torch.float32: "float", torch.float64: "double"}

_PADDING = 32
"""Units by which the weights are padded at most: kernels/steps.h computes that many together."""


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
def _library() -> ctypes.CDLL:
    library = load_compiled(_SOURCE, "-fopenmp")
    library.thread_library.restype = ctypes.c_void_p
    if library.thread_library() != _thread_library_of_torch():
        raise CompilerError(
            "this torch runs its threads with another library than GCC's code, and the two "
            "would take the cores from each other"
        )
    return library


@functools.cache
def compiled_steps(cell: Cell) -> Steps:
    """Return a cell's compiled time steps; the first call on a machine takes some seconds.

    Raises:
        CompilerError: there are none on this machine; the message says why.
    """
    if cell.weight_places is None:
        raise CompilerError(f"there is no compiled recurrence for {cell.name}")
    return Steps(
        *(
            functools.partial(_call, _library(), f"{cell.name}_{name}", place)
            for name, place in zip(Steps._fields, cell.weight_places, strict=True)
        )
    )


@functools.cache
def available(cell: Cell) -> bool:
    """Whether there are compiled time steps; where not, run.log says why."""
    try:
        compiled_steps(cell)
    except CompilerError as error:
        logger.info("recurrences do without compiled code: %s", error)
        return False
    return True
