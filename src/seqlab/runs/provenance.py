"""What a result has to say about how it came to be: configuration, versions, git, device."""

import hashlib
import json
import platform
import subprocess
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch

# They say where a run lies and what is shown of it, not what it computes.
_NOT_RESULT = ("name", "resume", "again", "logger")
# Flags that came later and change nothing: a sweep of an earlier version knows its jobs.
_SAME_RESULT = (
    *(("cuda_graph", value) for value in ("auto", "on", "off")),
    ("tf32", False),
)
_PACKAGES = ("torch", "lightning", "torchmetrics", "hydra-core", "omegaconf", "numpy")


def fingerprint(config: Mapping[str, Any]) -> str:
    """Return the SHA-256 of what a configuration computes: equal for runs that repeat each other.

    Args:
        config: the resolved configuration, plain values.
    """
    kept = {key: value for key, value in config.items() if key not in _NOT_RESULT}
    if isinstance(trainer := kept.get("trainer"), Mapping):
        kept["trainer"] = {k: v for k, v in trainer.items() if (k, v) not in _SAME_RESULT}
    text = json.dumps(kept, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def versions() -> dict[str, str]:
    """Return the versions of Python, seqlab and the libraries that decide a result."""
    from seqlab import __version__

    found = {"python": platform.python_version(), "seqlab": __version__}
    for package in _PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def git() -> dict[str, Any] | None:
    """Return commit and whether files differ from it, of the checkout seqlab runs from."""
    folder = Path(__file__).resolve().parent
    try:
        commit = _git(folder, "rev-parse", "HEAD")
        tracked = _git(folder, "ls-files", Path(__file__).name)
        if not tracked:
            return None  # installed inside another project's checkout
        return {"commit": commit, "dirty": bool(_git(folder, "status", "--porcelain", "-uno"))}
    except (OSError, subprocess.SubprocessError):
        return None


def device_name(device: "torch.device") -> str:
    """Return the device in words."""
    import torch  # the rest is wanted where torch is not

    if device.type == "cuda":
        return f"{device} ({torch.cuda.get_device_name(device)})"
    threads = torch.get_num_threads()
    return f"cpu ({threads} thread{'s' * (threads > 1)})"


def device_names(strategy: Any) -> str:
    """Return in words every device that a Trainer's strategy computes on."""
    devices = getattr(strategy, "parallel_devices", None) or [strategy.root_device]
    return " + ".join(map(device_name, devices))


def _git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(
        ["git", *arguments], cwd=folder, capture_output=True, text=True, check=True, timeout=10
    )
    return done.stdout.strip()
