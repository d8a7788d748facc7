"""Writes docs/reproduction.md, its figures and the README's table from finished runs."""

import statistics
from datetime import date
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from docs_pages import DOCS, ROOT, with_foot, write_between_markers
from reproduce.published import LOSS, PERPLEXITY, ROWS, Row
from seqlab.runs.folder.run_folder import RunFolder
from seqlab.system.files import write_text

RUNS = ROOT / "outputs" / "reproduction"
README = ROOT / "README.md"

Results = dict[str, list[dict[str, Any]]]
"""The result.json of each row's finished runs."""


def folder_of(name: str, seed: int) -> RunFolder:
    """Return the folder of one seed of one row."""
    return RunFolder(RUNS / name / f"seed_{seed}")


def read_results() -> Results:
    """Return the results of finished runs; rows without any are left out."""
    results = {}
    for name in ROWS:
        folders = sorted((RUNS / name).glob("seed_*"), key=lambda path: int(path.name[5:]))
        runs = [RunFolder(path) for path in folders]
        found = [run.read_result() for run in runs if run.result.is_file()]
        finished = [result for result in found if result["status"] == "completed"]
        if finished:
            results[name] = finished
    return results


def write_report(results: Results) -> list[str]:
    """Write the page, its figures and the README's table; return the rows outside their bands."""
    figures = DOCS / "figures"
    figures.mkdir(parents=True, exist_ok=True)
    if any(ROWS[name].metric == PERPLEXITY for name in results):
        _figure(results).savefig(figures / "reproduction.png")
    _copy_figures(figures)
    newest = next(iter(results.values()))[0]
    text = (Path(__file__).parent / "template.md").read_text(encoding="utf-8")
    text = text.format(
        table=_table(results),
        speeds="\n".join(_speed(name, found) for name, found in results.items()),
        date=date.today().isoformat(),
        device=newest["device"],
        **{key: newest["versions"][key] for key in ("torch", "lightning", "python")},
    )
    page = DOCS / "reproduction.md"
    write_text(page, with_foot(page, text))
    write_between_markers(README, "results", _readme_table(results))
    print(f"wrote {page} and the table in {README}")
    return [
        f"{name}: {_compared(row, numbers):.4f}, band {row.band}"
        for name, (row, numbers) in zip(results, _measured(results), strict=True)
        if not fits(row, numbers)
    ]


def _measured(results: Results) -> list[tuple[Row, list[float]]]:
    """Return each row with our values of its metric."""
    rows = [(ROWS[name], found) for name, found in results.items()]
    return [(row, [each["metrics"][row.metric] for each in found]) for row, found in rows]


def fits(row: Row, numbers: list[float]) -> bool:
    """Return whether our mean or median lies in the row's band."""
    return row.band[0] <= _compared(row, numbers) <= row.band[1]


def _compared(row: Row, numbers: list[float]) -> float:
    return statistics.median(numbers) if row.by_median else statistics.fmean(numbers)


def _ours(row: Row, numbers: list[float], *, spread: bool = True) -> str:
    text = f"{statistics.fmean(numbers):.{row.digits}f}"
    if len(numbers) > 1:
        text += f" ± {statistics.stdev(numbers):.{row.digits}f}"
    if spread:
        text += f" [{min(numbers):.{row.digits}f}, {max(numbers):.{row.digits}f}]"
    return text


def _table(results: Results) -> str:
    lines = [
        "| model | experiment | measure | published, n | ours, n | our median | band |",
        "|---|---|---|---|---|---|---|",
    ]
    for row, numbers in _measured(results):
        quantity = "MSE" if row.metric == LOSS else "perplexity"
        compared = "median" if row.by_median else "mean"
        inside = "yes" if fits(row, numbers) else "**no**"
        lines.append(
            f"| {row.label} | `{row.experiment}` | {quantity} "
            f"| {row.published()} | {_ours(row, numbers)}, {len(numbers)} "
            f"| {statistics.median(numbers):.{row.digits}f} "
            f"| {compared} in {row.band[0]:g} - {row.band[1]:g}: {inside} |"
        )
    return "\n".join(lines)


def _readme_table(results: Results) -> str:
    lines = ["| model | `experiment=` | published | ours | seeds |", "|---|---|---|---|---|"]
    for row, numbers in _measured(results):
        label = f"{row.label}, {'loss' if row.metric == LOSS else 'perplexity'}"
        ours = _ours(row, numbers, spread=False)
        lines.append(
            f"| {label} | `{row.experiment}` | {row.published(whole=False)} | {ours} "
            f"| {len(numbers)} |"
        )
    return "\n".join(lines)


def _speed(name: str, found: list[dict[str, Any]]) -> str:
    speeds = [result["throughput"] for result in found]
    seconds = [result["duration_s"] for result in found]
    return (
        f"| {ROWS[name].label} | {statistics.median(speeds):,.0f} {found[0]['throughput_unit']} "
        f"[{min(speeds):,.0f}, {max(speeds):,.0f}] | {statistics.median(seconds):.0f} s |"
    )


def _figure(results: Results) -> Figure:
    """Draw a line for each text row: published mean, deviation and range, and our runs."""
    texts = [(row, numbers) for row, numbers in _measured(results) if row.metric == PERPLEXITY]
    figure = Figure(figsize=(8, 0.55 * len(texts) + 1.4), dpi=130, layout="constrained")
    axes = figure.add_subplot()
    for place, (row, numbers) in enumerate(reversed(texts)):
        height = [place, place]
        if row.low is not None and row.high is not None:
            axes.plot([row.low, row.high], height, color="#b9c0ca", lw=2, label="range")
        if row.mean is not None and row.sd is not None:
            ends = [row.mean - row.sd, row.mean + row.sd]
            axes.plot(ends, height, color="#8a94a3", lw=8, solid_capstyle="butt", label="mean ± sd")
        elif row.median is not None:
            axes.plot([row.median], [place], "|", color="#30343b", ms=14, mew=2, label="median")
        axes.plot(
            numbers, [place] * len(numbers), "o", color="#1f6fb4", ms=5, alpha=0.8,
            label="ours, a dot per seed", zorder=3,
        )  # fmt: skip
    axes.set_yticks(range(len(texts)), [row.label for row, _ in reversed(texts)], fontsize=9)
    axes.set_xlabel("training perplexity after 500 epochs; grey: published, blue: ours")
    axes.grid(True, axis="x", linewidth=0.5, alpha=0.5)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.tick_params(left=False)
    handles, labels = axes.get_legend_handles_labels()
    unique = dict(zip(labels, handles, strict=True))
    figure.legend(
        unique.values(), unique.keys(), loc="outside upper center", ncols=4, frameon=False,
        fontsize=9,
    )  # fmt: skip
    return figure


def _copy_figures(target: Path) -> None:
    """Copy the chapter's figures from the first seed of the sine and RNN rows."""
    wanted = {"sine": ("data", "one_step", "multi_step", "k_step"), "rnn": ("perplexity",)}
    for row, names in wanted.items():
        for name in names:
            source = folder_of(row, 0).figures / f"{name}.png"
            if source.is_file():
                (target / f"{name}.png").write_bytes(source.read_bytes())
