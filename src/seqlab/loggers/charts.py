"""What TensorBoard calls a metric, and which curves share a chart.

TensorBoard sorts by name: charts and groups of them, and the metrics of HParams, of which it shows
the first five. So the loss, the perplexity and the errors keep their names, `train/...` and
`val/...`; what only tells how the training goes comes after them, and figures come last.
"""

import re
from collections.abc import Collection, Mapping
from typing import Any

FIGURES = "visuals"
"""Where figures are: a name after those of all curves."""

_VARIOUS = (
    *("gradient_norm", "gradient_norm_clipped", "clipped_share", "skipped_steps", "lr"),
    *("tokens_per_second", "windows_per_second"),
)

_GROUPS = {"forecasting": "various_series", "language_model": "various_text"}
"""Task -> where such metrics of it are: series and texts share no chart."""


def _training(group: str, unit: str) -> dict[str, list[str]]:
    return {
        "gradient norm, and after clipping where there is any": [
            f"^{group}/gradient_norm(_clipped)?$"
        ],
        "learning rate": [f"^{group}/lr$"],
        "learning rate by step": [f"^{group}/lr_by_step$"],
        f"speed, {unit} a second": [f"^{group}/{unit}_per_second$"],
    }


_CHARTS = {
    "Series": {
        "loss": ["^(train|val|test)/loss$"],
        "error by horizon": ["^val/rmse@"],
        "error of one forecast over the held-out part": ["^val/rmse_multistep$"],
        **_training(_GROUPS["forecasting"], "windows"),
    },
    "Texts": {
        "perplexity": ["^(train|val|test)/perplexity$"],
        "bits per token": ["^(val|test)/bits_per_token$"],
        **_training(_GROUPS["language_model"], "tokens"),
    },
}


def tag_of(name: str, task: str, *, by_step: bool = False) -> str:
    """Return the tag of a metric.

    Args:
        name: the metric's, as in metrics.csv.
        task: what the run's model does; that of other code may be none of ours.
        by_step: whether it is over steps where the others are over epochs.
    """
    part, _, quantity = name.partition("/")
    if part != "train" or quantity not in _VARIOUS:
        return name
    return f"{_GROUPS.get(task, 'various')}/{quantity}{'_by_step' if by_step else ''}"


def without_repeated_loss(metrics: Mapping[str, float]) -> dict[str, float]:
    """Return the metrics without a text's loss, the logarithm of its perplexity.

    It would share a chart with the loss of a series, which is of another size.
    """
    return {
        name: value
        for name, value in metrics.items()
        if not (name.endswith("/loss") and f"{name.removesuffix('loss')}perplexity" in metrics)
    }


def layout(tags: Collection[str]) -> Any:
    """Return the page Custom Scalars for a run with these tags: what is compared shares a chart.

    Every run says the same of a chart, since TensorBoard shows what runs say differently twice.
    """
    from torch.utils.tensorboard.summary import custom_scalars

    found = {
        category: {
            title: ["Multiline", patterns]
            for title, patterns in charts.items()
            if any(re.search(pattern, tag) for pattern in patterns for tag in tags)
        }
        for category, charts in _CHARTS.items()
    }
    return custom_scalars({category: charts for category, charts in found.items() if charts})
