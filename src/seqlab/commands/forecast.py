"""`python -m seqlab forecast RUN`: a forecaster goes on with its series, into figure and table."""

import argparse
from pathlib import Path

from seqlab import figures
from seqlab.prediction.forecasting import multi_step
from seqlab.runs.trained import Trained, load_trained
from seqlab.system.errors import UserError
from seqlab.system.files import csv_line, write_text
from seqlab.system.terminal import say


def forecast(options: argparse.Namespace) -> int:
    """Write `forecast_*.csv` and its figure into the run folder, and say where they are."""
    trained = load_trained(options.run, options.checkpoint, options.device, task="forecasting")
    data = trained.data
    data.prepare_data()
    data.setup()
    length = len(data.series)
    start = len(data.parts["train"]) if options.start is None else options.start
    if not data.tau <= start <= length:
        raise UserError(
            f"--start {start}: the series has the time steps 1 to {length}, and a forecast needs "
            f"the {data.tau} before it",
            f"Use a step from {data.tau} to {length}.",
        )
    steps = (length - start or 100) if options.steps is None else options.steps
    if steps < 1:
        raise UserError(f"--steps {steps}: must be at least 1", "For example --steps 100.")
    history = data.series[:start].to(trained.device)
    values = multi_step(trained.module.network, history, steps, data.tau).cpu()
    name = f"forecast_{options.checkpoint}_from_{start + 1}_steps_{steps}"
    if options.checkpoint not in ("best", "last"):
        name = f"forecast_epoch{trained.epoch}_from_{start + 1}_steps_{steps}"
    file = trained.folder.path / f"{name}.csv"
    _write(file, trained, start, values.tolist())
    figure = trained.folder.figure(name)
    figures.predictions(
        data.series,
        data.clean_series(),
        {f"forecast from t = {start + 1}": (start, values)},
        len(data.parts["train"]),
        title=f"Forecast of {steps} steps, fed back as input",
    ).savefig(figure)
    say(f"{steps} steps from t = {start + 1}, weights after epoch {trained.epoch}")
    say(f"  table   {file}\n  figure  {figure}")
    return 0


def _write(file: Path, trained: Trained, start: int, values: list[float]) -> None:
    series = trained.data.series.tolist()
    lines = [csv_line(["t", "forecast", "observed"])]
    for offset, value in enumerate(values):
        index = start + offset
        observed = repr(series[index]) if index < len(series) else ""
        lines.append(csv_line([index + 1, repr(value), observed]))
    write_text(file, "".join(lines))
