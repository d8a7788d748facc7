"""`python -m seqlab forecast RUN`: a forecaster goes on with its series, into figure and table."""

import argparse
import os
from pathlib import Path

from seqlab import figures
from seqlab.prediction.forecasting import multi_step
from seqlab.runs.trained import Trained, load_trained
from seqlab.system.errors import UserError
from seqlab.system.files import csv_line, write_bytes, write_text
from seqlab.system.terminal import say


def forecast(options: argparse.Namespace) -> int:
    """Write a table and its figure, into the run folder or where it was asked for; say where."""
    output = None if options.output is None else _new_table(options.output)
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
    table = output or _table_in(trained, options.checkpoint, f"from_{start + 1}_steps_{steps}")
    figure = table.with_suffix(".png") if output else trained.folder.figures / f"{table.stem}.png"
    png = figures.png_of(
        lambda: figures.predictions(
            data.series,
            data.clean_series(),
            {f"forecast from t = {start + 1}": (start, values)},
            len(data.parts["train"]),
            title=f"Forecast of {steps} steps, fed back as input",
        )
    )
    assert png is not None
    try:
        _write(table, trained, start, values.tolist())
        write_bytes(figure, png)
    except OSError as error:
        raise UserError(
            f"the forecast cannot be written to {table.parent}: {error.strerror or error}",
            "Name another place: --output FILE.csv.",
        ) from error
    say(f"{steps} steps from t = {start + 1}, weights after epoch {trained.epoch}")
    say(f"  table   {table}\n  figure  {figure}")
    return 0


def _new_table(name: str) -> Path:
    """Return the file that `--output` names.

    Raises:
        UserError: it is no new file.
    """
    file = Path(name)
    if file.suffix != ".csv":
        raise UserError(
            f"--output {name}: the table is CSV",
            "Name a file that ends in .csv: --output FILE.csv.",
        )
    for each in (file, file.with_suffix(".png")):
        if os.path.lexists(each):
            raise UserError(
                f"--output {name}: {each} exists already; nothing in it was changed",
                "Name a new file.",
            )
    return file


def _table_in(trained: Trained, checkpoint: str, part: str) -> Path:
    which = checkpoint if checkpoint in ("best", "last") else f"epoch{trained.epoch}"
    return trained.folder.path / f"forecast_{which}_{part}.csv"


def _write(file: Path, trained: Trained, start: int, values: list[float]) -> None:
    series = trained.data.series.tolist()
    lines = [csv_line(["t", "forecast", "observed"])]
    for offset, value in enumerate(values):
        index = start + offset
        observed = repr(series[index]) if index < len(series) else ""
        lines.append(csv_line([index + 1, repr(value), observed]))
    write_text(file, "".join(lines))
