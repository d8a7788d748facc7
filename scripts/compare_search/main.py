"""Compare search with grid and random search at equal budget, and write docs/search.md's figures.

    python scripts/compare_search.py synthetic                both take minutes
    python scripts/compare_search.py runs                     real trainings

What is compared is the true value of the setting that each method calls its best: without noise
for the synthetic objective, over fresh seeds for trainings. Sections that are not run keep the
figures that the page has.
"""

import argparse
import json
import platform
from datetime import date
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from compare_search.comparison_figure import draw
from compare_search.sine_trainings import compare_runs
from compare_search.synthetic import compare_synthetic
from seqlab.system.files import write_text

ROOT = Path(__file__).resolve().parents[2]
METHODS = ("grid", "random", "tpe", "gp")
BEGIN, END = "<!-- begin comparison -->", "<!-- end comparison -->"
SECTIONS = {"synthetic": compare_synthetic, "runs": compare_runs}
DEFAULT_REPEATS = {"synthetic": 40, "runs": 12}


def main() -> int:
    options = _options()
    file = options.output / "search_comparison.json"
    known = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
    for name in options.sections or SECTIONS:
        repeats = options.repeats or DEFAULT_REPEATS[name]
        known[name] = {
            "date": date.today().isoformat(),
            "versions": {each: version(each) for each in ("optuna", "torch", "numpy")}
            | {"python": platform.python_version()},
            "repeats": repeats,
            "comparisons": SECTIONS[name](repeats),
        }
    write_text(file, json.dumps(known, indent=1) + "\n")
    page = options.output / "search.md"
    before, _, rest = page.read_text(encoding="utf-8").partition(BEGIN)
    after = rest.partition(END)[2]
    write_text(page, f"{before}{BEGIN}\n{_report(known)}{END}{after}")
    draw(known, options.output / "figures" / "search.png")
    print(_report(known))
    return 0


def _report(known: dict[str, Any]) -> str:
    lines = []
    for name, title in (("synthetic", "Synthetic objective"), ("runs", "Real trainings")):
        if name not in known:
            continue
        section = known[name]
        versions = ", ".join(f"{key} {value}" for key, value in section["versions"].items())
        lines += [
            f"**{title}**, {section['repeats']} repetitions (seeds 0 to "
            f"{section['repeats'] - 1}), {section['date']}, {versions}.",
            "",
            f"| trials | {' | '.join(METHODS)} |",
            f"|---{'|---' * len(METHODS)}|",
        ]
        for each in section["comparisons"]:
            found = each["found"]
            cells = [median_text(found[method]) for method in METHODS]
            lines.append(f"| {each['budget']} | {' | '.join(cells)} |")
            for ours in METHODS[2:]:
                cells = [_wins(found[ours], found[other]) for other in METHODS[:2]]
                lines.append(f"| {ours} wins | {' | '.join(cells)} | | |")
        lines.append("")
    return "\n".join(lines)


def median_text(values: list[float]) -> str:
    """Return the median, and its 95 % interval over resampled repetitions."""
    rng = np.random.default_rng(0)
    array = np.asarray(values)
    medians = np.median(rng.choice(array, (4000, len(array))), axis=1)
    low, high = np.quantile(medians, (0.025, 0.975))
    return f"{np.median(array):.4f} ({low:.4f} to {high:.4f})"


def _wins(ours: list[float], theirs: list[float]) -> str:
    """Return how often one repetition's result is the lower one, ties half, with its interval."""
    rng = np.random.default_rng(0)
    first, second = np.asarray(ours), np.asarray(theirs)
    shares = [
        _share(rng.choice(first, len(first)), rng.choice(second, len(second))) for _ in range(2000)
    ]
    low, high = np.quantile(shares, (0.025, 0.975))
    verdict = "" if low > 0.5 else ", **worse**" if high < 0.5 else ", not separated"
    return f"{_share(first, second):.0%} ({low:.0%} to {high:.0%}){verdict}"


def _share(first: np.ndarray, second: np.ndarray) -> float:
    differences = first[:, None] - second[None, :]
    return float(np.mean((differences < 0) + 0.5 * (differences == 0)))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Compare search with grid and random search.")
    parser.add_argument(
        "sections", nargs="*", metavar="SECTION", help=f"of {', '.join(SECTIONS)}; default: all"
    )
    parser.add_argument("--repeats", type=int, metavar="N", help="repetitions of each method")
    parser.add_argument(
        "--output", type=Path, default=ROOT / "docs", metavar="FOLDER", help="of the page (docs)"
    )
    options = parser.parse_args()
    for name in options.sections:
        if name not in SECTIONS:
            parser.error(f"there is no section {name!r}; there are: {', '.join(SECTIONS)}")
    if options.repeats is not None and options.repeats < 2:
        parser.error("--repeats has to be 2 or more")
    return options
