"""The last thing a run prints: what came out, how fast, where it lies, what to type next."""

from contextlib import suppress
from typing import Any

from seqlab.runs.folder.run_folder import RunFolder
from seqlab.system.columns import Column, number, table, width_of
from seqlab.system.terminal import as_word, length, relative, styled, width, wrapped


def summary(result: dict[str, Any], folder: RunFolder, monitor: str) -> str:
    """Return the closing lines of a completed run.

    Args:
        result: as result.json holds it.
        folder: the run folder.
        monitor: the metric whose lowest value best.ckpt belongs to.
    """
    count, columns, path = result["epochs"], width(), as_word(folder.path)
    verb = "generate" if "tokens" in result["throughput_unit"] else "forecast"
    if result["sees_future"]:
        verb = "evaluate"  # it cannot generate
    epoch = result.get("best_epoch", 0)
    metrics = {k: v for k, v in result["metrics"].items() if not k.endswith("_per_second")}
    best = _best_row(folder, epoch, monitor)
    if all(number(best.get(name, value)) == number(value) for name, value in metrics.items()):
        best = {}  # they would be the same numbers twice
    facts = {"stopped early": result.get("stopped_early", "")}
    facts["best epoch"] = str(epoch) if epoch and not best else ""
    if result["throughput"]:
        facts["speed"] = f"{result['throughput']:,.0f} {result['throughput_unit']}"
    facts |= {"device": result["device"], "run folder": str(folder.path)}
    facts["next"] = f"python -m seqlab {verb} {path}" if folder.last.is_file() else ""
    facts["dashboard"] = f"python -m seqlab dashboard {path}"
    head = f"{result['experiment']}: {count} epoch{'s' * (count != 1)} in "
    lines = [styled(f"{head}{result['duration_s']:.1f} s", "heading")]
    heads = [f"last, epoch {count}", f"best, epoch {epoch}"]
    lines += _metrics(metrics, best, monitor, heads, columns)
    if best and metrics.get(monitor, best[monitor]) > best[monitor]:
        lines += wrapped(_since(metrics[monitor], best[monitor], monitor, epoch), columns)
    return "\n".join([*lines, *_listed({k: text for k, text in facts.items() if text}, columns)])


def _listed(facts: dict[str, str], room: int) -> list[str]:
    """Return a line each, or more where it does not fit; a path or a command stays whole."""
    longest, lines = max(map(len, facts)), []
    for name, text in facts.items():
        label, indent = f"  {name:<{longest}}  ", " " * (longest + 4)
        if length(relative(text)) + len(indent) <= room:
            lines.append(label + text)
        elif name in ("run folder", "next", "dashboard"):
            lines += [label.rstrip(), f"    {text}"]
        else:
            lines += wrapped(label + text, room, indent)
    return lines


def _metrics(
    metrics: dict[str, float], best: dict[str, float], monitor: str, heads: list[str], room: int
) -> list[str]:
    """Return a table of the metrics at the end, beside those of the best epoch if there are any."""
    names = sorted(metrics, key=_by_horizon)
    last = [number(metrics[name]) for name in names]
    if not best:
        return table([Column("", names), Column("last", last, True)], room) if names else []
    cells = {name: number(best[name]) for name in best}
    cells[monitor] = styled(cells[monitor], "good")
    found: list[Column] = []
    for last_head, best_head in (heads, ["last", "best"]):
        found = [
            Column("", names),
            Column(last_head, last, True),
            Column(best_head, [cells.get(name, "") for name in names], True),
        ]
        if width_of(found) <= room:
            break
    return table(found, room)


def _since(last: float, best: float, monitor: str, epoch: int) -> str:
    percent = 100 * (last - best) / best if best > 0 else 0.0
    much = f" by {percent:,.0f} %" if percent >= 10 else f" by {percent:.2g} %" if percent else ""
    return (
        f"  {monitor} has risen{much} since epoch {epoch}: best.ckpt keeps the weights of that "
        "epoch, and last.ckpt the last ones."
    )


def _best_row(folder: RunFolder, epoch: int, monitor: str) -> dict[str, float]:
    """Return what was measured in the best epoch; nothing where no table has it.

    Of several validations in an epoch it is the one with the lowest value.
    """
    found: list[dict[str, float]] = []
    for row in folder.rows() if epoch else []:
        with suppress(ValueError, TypeError, KeyError):
            if int(row["epoch"]) == epoch and row[monitor]:
                found.append({name: float(value) for name, value in row.items() if value})
    return min(found, key=lambda row: row[monitor], default={})


def _by_horizon(name: str) -> tuple[str, int]:
    kind, _, horizon = name.partition("@")
    return kind, int(horizon or 0)
