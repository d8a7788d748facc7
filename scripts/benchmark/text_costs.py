"""What a text of any size costs: tokenizing it, memory of a run, time per token."""

import csv
import os
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import cache, partial
from itertools import count
from pathlib import Path
from unittest.mock import patch

from matplotlib.figure import Figure

from benchmark.generated_text import write_generated
from benchmark.sections import Row, Section, Wanted, measures, repeated
from benchmark.timed_process import Usage, timed_process
from seqlab.data.partition import EvaluationLoader, RandomLoader, SequentialLoader
from seqlab.data.text import TextData
from seqlab.data.tokens.token_file import tokens_in_file
from seqlab.system.files import replacing

MEGABYTES = 250
"""Of the text that is tokenized; the one for the memory has a gigabyte."""
SIZES = [10**power for power in range(4, 9)]
MOST_GIB = 1.0
MOST_TOKEN_RATIO = 1.25
MOST_REPEATS = 5
_BATCHES = 200
_SECONDS = 0.5
_SETTINGS = ["recipe=none", "data=text", "model=rnn", "trainer.accelerator=cpu"]
_KINDS = ("sequential", "random", "evaluation")


@measures(
    "Texts of any size",
    "Generated texts with a vocabulary of 20,000 words. Tokenizing: seconds per 100 MB of text, "
    "from the text file to the token file on disk, including SHA-256; the limit is one second. "
    "Memory: peak of `python -m train data=text` in GiB, on a text of 1 GB that it tokenizes "
    "first; limit and baseline are 1 GiB. *anonymous* is the process's own part of it; the rest is "
    "mapped files, mostly libraries. Cost: nanoseconds per token; the baseline is a text of 10⁴ "
    "tokens.\n\n"
    "![Cost per token, for texts of 10⁴ to 10⁸ tokens](figures/cost_per_token.png)",
    baseline="see above",
    measure="s per 100 MB, GiB or ns",
)
def measure_text(repeats: int, wanted: Wanted) -> Iterator[Row]:
    """Yield a row for each rate, memory and cost, at most `MOST_REPEATS` measurements each."""
    with tempfile.TemporaryDirectory() as name:
        folder, most = Path(name), min(repeats, MOST_REPEATS)
        with patch.dict(os.environ, SEQLAB_DATA=str(folder / "data")):
            for measure in (_rates, _memory, _batches, _training):
                yield from measure(folder, most, wanted)


def _forget_tokens() -> None:
    shutil.rmtree(os.environ["SEQLAB_DATA"], ignore_errors=True)


def _rates(folder: Path, repeats: int, wanted: Wanted) -> Iterator[Row]:
    for alphabet in ("ASCII", "Cyrillic"):
        file = folder / f"{alphabet}.txt"
        for level in ("char", "word"):
            for preprocessing in ("raw", "joined", "chapter"):
                label = f"tokenizing {alphabet}, {level}, {preprocessing}"
                if (level, preprocessing) == ("word", "chapter") or not wanted(label):
                    continue  # words are the same, however lines are joined
                if not file.is_file():
                    write_generated(file, int(MEGABYTES * 10**6), ascii_only=alphabet == "ASCII")
                (seconds,) = repeated(repeats, partial(_rate, file, level, preprocessing))
                yield Row(label, seconds, (1.0,) * repeats, limit=1.0)
        file.unlink(missing_ok=True)
    _forget_tokens()


def _rate(file: Path, level: str, preprocessing: str) -> tuple[float]:
    """Return the seconds of tokenizing 100 MB."""
    _forget_tokens()
    begin = time.perf_counter()
    tokens_in_file(file, level, preprocessing, 0)
    return ((time.perf_counter() - begin) * 100 / MEGABYTES,)


def _memory(folder: Path, repeats: int, wanted: Wanted) -> Iterator[Row]:
    file = folder / "gigabyte.txt"
    for sampling in ("sequential", "random"):
        label = f"memory, 1 GB of text, {sampling}"
        if not wanted(label):
            continue
        if not file.is_file():
            write_generated(file, 10**9)
        words = [f"data.path={file}", f"data.sampling={sampling}"]
        words += [f"trainer.limit_{part}_batches={_BATCHES}" for part in ("train", "val")]
        whole, own = repeated(repeats, partial(_peaks, folder, words))
        yield Row(f"{label}: GiB", whole, (MOST_GIB,) * repeats, limit=1.0)
        yield Row(f"{label}: GiB, anonymous", own, (MOST_GIB,) * repeats)
    file.unlink(missing_ok=True)
    _forget_tokens()


def _peaks(folder: Path, words: list[str]) -> tuple[float, float]:
    """Return the peak memory of tokenizing and training, and of its anonymous part, in GiB."""
    _forget_tokens()
    usage = _train(folder, *words, "trainer.max_epochs=1")
    return usage.peak_gib, usage.anonymous_gib


def _train(folder: Path, *words: str, **environment: str) -> Usage:
    """Train in a fresh process; return what it uses."""
    run = folder / "run"
    shutil.rmtree(run, ignore_errors=True)
    command = ["-m", "train", *_SETTINGS, *words, f"hydra.run.dir={run}"]
    return timed_process(command, folder, environment=environment, watch_anonymous=True)


def _batches(folder: Path, repeats: int, wanted: Wanted) -> Iterator[Row]:
    for kind in _KINDS:
        cost = partial(_batch_cost, cache(partial(_data, folder, kind)), kind)
        yield from _costs(f"batches, {kind}", cost, repeats, wanted)


def _data(folder: Path, kind: str, size: int) -> TextData:
    data = TextData(path=_sized(folder, size), sampling=kind if kind == "random" else "sequential")
    data.setup()
    return data


def _sized(folder: Path, size: int) -> Path:
    """Return a text with so many training tokens, and a tenth of all tokens held out."""
    file = folder / f"{size}.txt"
    if not file.is_file():
        write_generated(file, size * 10 // 9)
    return file


def _batch_cost(data_of_size: Callable[[int], TextData], kind: str, size: int) -> float:
    """Return nanoseconds per token of making batches, extrapolated from part of an epoch."""
    data = data_of_size(size)
    loader = data.loader("train", training=kind != "evaluation")
    assert isinstance(loader, SequentialLoader | RandomLoader | EvaluationLoader)
    begin = time.perf_counter()
    loader.begin(0)
    laid_out = time.perf_counter() - begin
    tokens = 0
    begin = time.perf_counter()
    for turn in count():
        if turn % 100 == 0 and time.perf_counter() - begin > _SECONDS:
            break
        tokens += loader.batch(turn % len(loader)).size
    spent = time.perf_counter() - begin
    return 1e9 * (laid_out / len(data.parts["train"]) + spent / tokens)


def _training(folder: Path, repeats: int, wanted: Wanted) -> Iterator[Row]:
    cost = partial(_token_cost, folder)
    return _costs("training", cost, repeats, wanted, limit=MOST_TOKEN_RATIO)


def _token_cost(folder: Path, size: int) -> float:
    """Return nanoseconds per token of training, the median of epochs of equal length."""
    epochs = 20 if size == SIZES[0] else 5
    words = [f"data.path={_sized(folder, size)}", f"trainer.max_epochs={epochs}"]
    words += [f"trainer.limit_train_batches={_BATCHES}", "trainer.limit_val_batches=10"]
    # A second thread would wait for the first, and longer on a busier machine.
    _train(folder, *words, "callbacks.samples.every_n_epochs=1000", OMP_NUM_THREADS="1")
    with (folder / "run" / "metrics.csv").open(encoding="utf-8", newline="") as file:
        speeds = [float(row["train/tokens_per_second"]) for row in csv.DictReader(file)]
    return 1e9 / statistics.median(speeds)


def _label(what: str, size: int) -> str:
    return f"{what}, {size:,} tokens: ns"


def _costs(
    what: str,
    cost: Callable[[int], float],
    repeats: int,
    wanted: Wanted,
    limit: float | None = None,
) -> Iterator[Row]:
    """Yield the cost per token of each text, beside that of the smallest."""
    sizes = [size for size in SIZES[1:] if wanted(_label(what, size))]
    if sizes:
        smallest, *others = repeated(repeats, lambda: tuple(map(cost, (SIZES[0], *sizes))))
        for size, costs in zip(sizes, others, strict=True):
            yield Row(_label(what, size), costs, smallest, limit)


def draw_costs(section: Section, folder: Path) -> None:
    """Draw the cost per token against the number of tokens, a dot for each measurement."""
    rows = {row.label: row for row in section.rows if " tokens: " in row.label}
    if not rows:
        return
    figure = Figure(figsize=(7, 4), dpi=130, layout="constrained")
    axes = figure.subplots()
    for what in ("training", *(f"batches, {kind}" for kind in _KINDS)):
        known = {size: rows[label] for size in SIZES if (label := _label(what, size)) in rows}
        if not known:
            continue
        points = {SIZES[0]: next(iter(known.values())).baseline}
        points |= {size: row.seconds for size, row in known.items()}
        line = axes.plot(list(points), [statistics.median(each) for each in points.values()],
                         label=what)[0]  # fmt: skip
        for size, values in points.items():
            axes.plot([size] * len(values), values, ".", color=line.get_color(), alpha=0.5)
    axes.set(xscale="log", yscale="log", xlabel="tokens of the text", ylabel="ns per token")
    axes.grid(alpha=0.3)
    axes.legend(frameon=False)
    with replacing(folder / "cost_per_token.png") as partial:
        figure.savefig(partial, format="png")
