"""The last thing a run prints: what came out, how fast, where it lies, what to type next."""

from typing import Any

from seqlab.runs.folder.run_folder import RunFolder
from seqlab.system.terminal import as_word


def _by_horizon(item: tuple[str, float]) -> tuple[str, int]:
    name, _, horizon = item[0].partition("@")
    return name, int(horizon or 0)


def summary(result: dict[str, Any], folder: RunFolder) -> str:
    """Return the closing lines of a completed run."""
    rows = [
        (name, f"{value:,.4f}" if 1e-3 <= abs(value) < 1000 or not value else f"{value:.4g}")
        for name, value in sorted(result["metrics"].items(), key=_by_horizon)
        if not name.endswith("_per_second")
    ]
    if result["throughput"]:
        rows.append(("speed", f"{result['throughput']:,.0f} {result['throughput_unit']}"))
    if "stopped_early" in result:
        rows.append(("stopped early", result["stopped_early"].partition(",")[0]))
        if "best_epoch" in result:
            rows.append(("best epoch", str(result["best_epoch"])))
    rows.append(("device", result["device"]))
    rows.append(("run folder", str(folder.path)))
    path = as_word(folder.path)
    verb = "generate" if "tokens" in result["throughput_unit"] else "forecast"
    if result["sees_future"]:
        verb = "evaluate"  # it cannot generate
    if folder.last.is_file():
        rows.append(("next", f"python -m seqlab {verb} {path}"))
    rows.append(("dashboard", f"tensorboard --logdir {path}"))
    width = max(len(name) for name, _ in rows)
    head = f"{result['experiment']}: {result['epochs']} epochs in {result['duration_s']:.1f} s"
    return "\n".join([head, *(f"  {name:<{width}}  {value}" for name, value in rows)])
