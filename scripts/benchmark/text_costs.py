"""What a text costs, small or large: tokenizing it, the memory of a run, each of its tokens."""

import csv
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

from matplotlib.figure import Figure

from benchmark.generated_text import write_generated
from benchmark.sections import Row, Section
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
_SETTINGS = ["experiment=none", "data=text", "model=rnn", "trainer.accelerator=cpu"]
EXPLANATION = (
    "Made-up texts of 20,000 words. Tokenizing: seconds for 100 MB of text, from the file to the "
    "token file on the disk, SHA-256 included; allowed is one second. Memory: the peak of "
    "`python -m train data=text` on a text of 1 GB, which it tokenizes first, in GiB; allowed is "
    "one, which is the baseline. The part of it that is the process's own (anonymous) is the rest "
    "but for mapped files, most of them libraries. Cost: nanoseconds a token, the baseline being "
    "a text of 10⁴ tokens.\n\n"
    "![Cost of a token, for texts of 10⁴ to 10⁸ tokens](figures/cost_per_token.png)"
)


def measure_text(repeats: int, only: list[str]) -> Section:
    """Return a row for each rate, memory and cost.

    Args:
        repeats: how often each is measured, at most `MOST_REPEATS` times.
        only: measure rows with one of these texts in their label; none: all.
    """

    def wanted(label: str) -> bool:
        return not only or any(text in label for text in only)

    rows = []
    with tempfile.TemporaryDirectory() as name, _data_folder(Path(name) / "data"):
        for measure in (_rates, _memory, _handing_out, _training):
            for row in measure(Path(name), min(repeats, MOST_REPEATS), wanted):
                rows.append(row)
                print(row.line(), flush=True)
    measure_words = "s per 100 MB, GiB or ns"
    return Section("Texts of any size", EXPLANATION, "see above", rows, measure=measure_words)


@contextmanager
def _data_folder(folder: Path) -> Iterator[None]:
    before = os.environ.get("SEQLAB_DATA")
    os.environ["SEQLAB_DATA"] = str(folder)
    try:
        yield
    finally:
        del os.environ["SEQLAB_DATA"]
        if before is not None:
            os.environ["SEQLAB_DATA"] = before


def _forget_tokens() -> None:
    shutil.rmtree(os.environ["SEQLAB_DATA"], ignore_errors=True)


def _rates(folder: Path, repeats: int, wanted: Callable[[str], bool]) -> Iterator[Row]:
    for alphabet in ("ASCII", "Cyrillic"):
        file = folder / f"{alphabet}.txt"
        for level in ("char", "word"):
            for preprocessing in ("raw", "joined", "chapter"):
                label = f"tokenizing {alphabet}, {level}, {preprocessing}"
                if (level, preprocessing) == ("word", "chapter") or not wanted(label):
                    continue  # words are the same, however lines are joined
                if not file.is_file():
                    write_generated(file, int(MEGABYTES * 10**6), ascii_only=alphabet == "ASCII")
                found = []
                for _ in range(repeats):
                    _forget_tokens()
                    begin = time.perf_counter()
                    tokens_in_file(file, level, preprocessing, 0)
                    found.append((time.perf_counter() - begin) * 100 / MEGABYTES)
                yield Row(label, _rounded(found), (1.0,) * repeats, limit=1.0)
        file.unlink(missing_ok=True)
    _forget_tokens()


def _memory(folder: Path, repeats: int, wanted: Callable[[str], bool]) -> Iterator[Row]:
    file = folder / "gigabyte.txt"
    for sampling in ("sequential", "random"):
        label = f"memory, 1 GB of text, {sampling}"
        if not wanted(label):
            continue
        if not file.is_file():
            write_generated(file, 10**9)
        words = [f"data.path={file}", f"data.sampling={sampling}"]
        words += [f"trainer.limit_{part}_batches={_BATCHES}" for part in ("train", "val")]
        found = []
        for _ in range(repeats):
            _forget_tokens()
            found.append(_train(folder, *words, "trainer.max_epochs=1"))
        whole, own = (_rounded(values) for values in zip(*found, strict=True))
        yield Row(f"{label}: GiB", whole, (MOST_GIB,) * repeats, limit=1.0)
        yield Row(f"{label}: GiB, anonymous", own, (MOST_GIB,) * repeats)
    file.unlink(missing_ok=True)
    _forget_tokens()


def _train(folder: Path, *words: str, **environment: str) -> tuple[float, float]:
    """Train in a fresh process; return its peak memory, and the anonymous part's, in GiB."""
    run = folder / "run"
    shutil.rmtree(run, ignore_errors=True)
    command = [sys.executable, "-m", "train", *_SETTINGS, *words, f"hydra.run.dir={run}"]
    own, log = 0, folder / "run.log"
    variables = os.environ | environment
    with (
        log.open("wb") as out,
        subprocess.Popen(command, cwd=folder, env=variables, stdout=out, stderr=out) as process,
    ):
        while (ended := os.wait4(process.pid, os.WNOHANG))[0] == 0:
            own = max(own, _anonymous_kib(process.pid))
            time.sleep(0.02)
        process.returncode = os.waitstatus_to_exitcode(ended[1])
    if process.returncode != 0:
        raise RuntimeError(f"{' '.join(command)}: {log.read_text(encoding='utf-8')}")
    return ended[2].ru_maxrss / 2**20, own / 2**20


def _anonymous_kib(pid: int) -> int:
    try:
        status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    except OSError:
        return 0
    return sum(int(line.split()[1]) for line in status.splitlines() if line.startswith("RssAnon"))


def _handing_out(folder: Path, repeats: int, wanted: Callable[[str], bool]) -> Iterator[Row]:
    for kind in ("sequential", "random", "evaluation"):
        sizes = [size for size in SIZES[1:] if wanted(_label(f"batches, {kind}", size))]
        if not sizes:
            continue
        datas = {size: _data(folder, size, kind) for size in (SIZES[0], *sizes)}
        found = [{size: _batch_cost(data, kind) for size, data in datas.items()}
                 for _ in range(repeats)]  # fmt: skip
        yield from _rows(f"batches, {kind}", sizes, found, limit=None)


def _data(folder: Path, size: int, kind: str) -> TextData:
    data = TextData(path=_sized(folder, size), sampling=kind if kind == "random" else "sequential")
    data.setup()
    return data


def _sized(folder: Path, size: int) -> Path:
    """Return a text of so many tokens to train on, and a tenth of all held out."""
    file = folder / f"{size}.txt"
    if not file.is_file():
        write_generated(file, size * 10 // 9)
    return file


def _batch_cost(data: TextData, kind: str) -> float:
    """Return the nanoseconds a token of an epoch's batches, of which a part is handed out."""
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


def _training(folder: Path, repeats: int, wanted: Callable[[str], bool]) -> Iterator[Row]:
    sizes = [size for size in SIZES[1:] if wanted(_label("training", size))]
    if not sizes:
        return
    found = [
        {size: _token_cost(folder, size) for size in (SIZES[0], *sizes)} for _ in range(repeats)
    ]
    yield from _rows("training", sizes, found, limit=MOST_TOKEN_RATIO)


def _token_cost(folder: Path, size: int) -> float:
    """Return the nanoseconds a token of training, the median of epochs of the same length."""
    epochs = 20 if size == SIZES[0] else 5
    words = [f"data.path={_sized(folder, size)}", f"trainer.max_epochs={epochs}"]
    words += [f"trainer.limit_train_batches={_BATCHES}", "trainer.limit_val_batches=10"]
    # A second thread would wait for the first, the longer the busier the machine is.
    _train(folder, *words, "callbacks.samples.every_n_epochs=1000", OMP_NUM_THREADS="1")
    with (folder / "run" / "metrics.csv").open(encoding="utf-8", newline="") as file:
        speeds = [float(row["train/tokens_per_second"]) for row in csv.DictReader(file)]
    return 1e9 / statistics.median(speeds)


def _label(what: str, size: int) -> str:
    return f"{what}, {size:,} tokens: ns"


def _rows(
    what: str, sizes: list[int], found: list[dict[int, float]], limit: float | None
) -> Iterator[Row]:
    smallest = _rounded([each[SIZES[0]] for each in found])
    for size in sizes:
        yield Row(_label(what, size), _rounded([each[size] for each in found]), smallest, limit)


def _rounded(values: Iterator[float] | list[float] | tuple[float, ...]) -> tuple[float, ...]:
    return tuple(round(value, 5) for value in values)


def draw_costs(section: Section, folder: Path) -> None:
    """Draw the cost of a token against the number of tokens, every measurement a dot."""
    rows = {row.label: row for row in section.rows if " tokens: " in row.label}
    if not rows:
        return
    figure = Figure(figsize=(7, 4), dpi=130, layout="constrained")
    axes = figure.subplots()
    for what in ("training", *(f"batches, {k}" for k in ("sequential", "random", "evaluation"))):
        known = {size: rows[label] for size in SIZES if (label := _label(what, size)) in rows}
        if not known:
            continue
        points = {SIZES[0]: next(iter(known.values())).baseline}
        points |= {size: row.seconds for size, row in known.items()}
        line = axes.plot(list(points), [statistics.median(each) for each in points.values()],
                         label=what)[0]  # fmt: skip
        for size, values in points.items():
            axes.plot([size] * len(values), values, ".", color=line.get_color(), alpha=0.5)
    axes.set(xscale="log", yscale="log", xlabel="tokens of the text", ylabel="ns a token")
    axes.grid(alpha=0.3)
    axes.legend(frameon=False)
    with replacing(folder / "cost_per_token.png") as partial:
        figure.savefig(partial, format="png")
