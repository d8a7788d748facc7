"""Compiles C++ for this machine's processor, once."""

import ctypes
import functools
import hashlib
import os
import platform
import shutil
import subprocess
from pathlib import Path

from seqlab.system.cache import not_own, own_folder, user_cache
from seqlab.system.files import replacing

FLAGS = ("-std=c++17", "-O3", "-march=native", "-fno-math-errno", "-fPIC", "-shared")
# Clang has a thread library of its own, which would fight with the one in torch for the cores.
COMPILERS = ("g++", "c++")
_TIMEOUT_S = 120


class CompilerError(Exception):
    """No library could be made; the message says why and what helps."""


def load_compiled(source: Path, *flags: str) -> ctypes.CDLL:
    """Return the functions of a C++ file; its arguments and errors are `compiled_library`'s."""
    try:
        return ctypes.CDLL(str(compiled_library(source, *flags)))
    except OSError as error:
        raise CompilerError(f"what was compiled cannot be loaded: {error}") from error


def compiled_library(source: Path, *flags: str) -> Path:
    """Return the shared library made of a file by this compiler for this processor.

    It is kept in the user's cache folder, and made again where compiler, processor, or a file of
    the source's folder are others.

    Args:
        source: what is compiled.
        flags: for the compiler, besides `FLAGS`.

    Raises:
        CompilerError: there is no C++ compiler, or it failed, or the library cannot be kept, or
            someone else may have put it there.
    """
    compiler = _compiler()
    command = [compiler, *FLAGS, *flags, str(source)]
    name = f"{source.stem}-{_fingerprint(command)}.so"
    try:
        library = own_folder(user_cache() / "kernels") / name
        if reason := not_own(library):
            raise CompilerError(f"{reason}: nothing is loaded from there")
        if not library.exists():
            with replacing(library) as partial:
                _run([*command, "-o", str(partial)])
                partial.chmod(0o755)
    except (OSError, RuntimeError) as error:  # RuntimeError: the person has no home folder
        raise CompilerError(f"{name} cannot be kept: {error}") from error
    return library


def _compiler() -> str:
    """Return the compiler's path: `$CXX`, or GCC."""
    chosen = os.environ.get("CXX")
    for name in [chosen] if chosen else COMPILERS:
        found = shutil.which(name)
        if found:
            return found
    raise CompilerError(
        f"CXX={chosen} is no program that can be run"
        if chosen
        else "there is no C++ compiler: install GCC (apt-get install g++, or your system's way)"
    )


def _fingerprint(command: list[str]) -> str:
    compiler, *flags, source = command
    digest = hashlib.sha256()
    for part in (_run([compiler, "--version"]), " ".join(flags), _processor()):
        digest.update(part.encode())
    for file in sorted(Path(source).parent.iterdir()):
        digest.update(file.read_bytes())
    return digest.hexdigest()[:16]


def _run(command: list[str]) -> str:
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=_TIMEOUT_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise CompilerError(f"{command[0]} cannot be run: {error}") from error
    if done.returncode:
        said = done.stderr.strip().splitlines()
        raise CompilerError(f"{command[0]} failed: {said[0] if said else done.returncode}")
    return done.stdout


@functools.cache
def _processor() -> str:
    """Return what tells one processor from another in a home folder that several machines share."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    keys = ("model name", "flags", "CPU part", "Features")
    return "\n".join(sorted({line for line in lines if line.startswith(keys)}))
