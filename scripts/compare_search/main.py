"""Compare search with grid and random search at equal budget, and write docs/search.md's figures.

    python scripts/compare_search.py synthetic                both take minutes
    python scripts/compare_search.py runs                     real trainings
    python scripts/compare_search.py --report-only            from docs/search_comparison.json

What is compared is the true value of the setting that each method finds best: without noise for
the synthetic objective, with fresh seeds for trainings. Sections that are not measured keep their
figures.
"""

import json
import platform
from datetime import date
from importlib.metadata import version
from typing import Any

import numpy as np

from compare_search.comparison import METHODS
from compare_search.comparison_figure import draw
from compare_search.sine_trainings import compare_runs
from compare_search.synthetic import compare_synthetic
from docs_pages import at_least, section_parser, write_between_markers
from seqlab.system.files import json_text, write_text

SECTIONS = {"synthetic": compare_synthetic, "runs": compare_runs}
TITLES = {"synthetic": "Synthetic objective", "runs": "Real trainings"}
DEFAULT_REPEATS = {"synthetic": 40, "runs": 12}


def main() -> int:
    parser = section_parser("Compare search with grid and random search.", SECTIONS)
    parser.add_argument("--repeats", type=at_least(2), metavar="N", help="of each method (40, 12)")
    options = parser.parse_args()
    file = options.output / "search_comparison.json"
    known = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
    for name in [] if options.report_only else options.sections or SECTIONS:
        repeats = options.repeats or DEFAULT_REPEATS[name]
        known[name] = {
            "date": date.today().isoformat(),
            "versions": {each: version(each) for each in ("optuna", "torch", "numpy")}
            | {"python": platform.python_version()},
            "repeats": repeats,
            "comparisons": SECTIONS[name](repeats),
        }
    write_text(file, json_text(known, indent=1) + "\n")
    report = "\n\n".join(_table(TITLES[name], known[name]) for name in TITLES if name in known)
    write_between_markers(options.output / "search.md", "comparison", report)
    draw(known, options.output / "figures" / "search.png")
    print(report)
    return 0


def _table(title: str, section: dict[str, Any]) -> str:
    versions = ", ".join(f"{key} {value}" for key, value in section["versions"].items())
    lines = [
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
    return "\n".join(lines)


def median_text(values: list[float]) -> str:
    """Return the median with its 95 % bootstrap interval."""
    rng = np.random.default_rng(0)
    array = np.asarray(values)
    medians = np.median(rng.choice(array, (4000, len(array))), axis=1)
    low, high = np.quantile(medians, (0.025, 0.975))
    return f"{np.median(array):.4f} ({low:.4f} to {high:.4f})"


def _wins(ours: list[float], theirs: list[float]) -> str:
    """Return how often our result is lower than theirs, ties counting half, with its interval."""
    rng = np.random.default_rng(0)
    first, second = np.asarray(ours), np.asarray(theirs)
    shares = [
        _share(rng.choice(first, len(first)), rng.choice(second, len(second))) for _ in range(2000)
    ]
    low, high = np.quantile(shares, (0.025, 0.975))
    verdict = "" if low > 0.5 else ", **worse**" if high < 0.5 else ", no clear difference"
    return f"{_share(first, second):.0%} ({low:.0%} to {high:.0%}){verdict}"


def _share(first: np.ndarray, second: np.ndarray) -> float:
    differences = first[:, None] - second[None, :]
    return float(np.mean((differences < 0) + 0.5 * (differences == 0)))
