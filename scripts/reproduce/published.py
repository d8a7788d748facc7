"""The published results of the chapter, and the bands for ours."""

from dataclasses import dataclass

PERPLEXITY = "train/perplexity"
LOSS = "train/loss"


@dataclass(frozen=True)
class Row:
    """One published result: final training loss or perplexity over rebuilds of the book.

    Attributes:
        experiment: the configuration under conf/experiment.
        label: the book's name for it.
        rebuilds: number of published rebuilds; 0: nothing was published for this row itself.
        band: interval in which our mean, or with `by_median` our median, has to lie.
        mean, sd: published mean and standard deviation, where both are known.
        low, high: published range, where it is known.
        median: published median, where the mean is not known.
        metric: what is compared.
        by_median: whether the band is for the median.
    """

    experiment: str
    label: str
    rebuilds: int
    band: tuple[float, float]
    mean: float | None = None
    sd: float | None = None
    low: float | None = None
    high: float | None = None
    median: float | None = None
    metric: str = PERPLEXITY
    by_median: bool = False

    @property
    def digits(self) -> int:
        """Decimal places of the published figures."""
        return 4 if self.metric == LOSS else 3

    def published(self, *, whole: bool = True) -> str:
        """Return the published figures in words, `whole` with range and number of rebuilds."""
        if not self.rebuilds:
            return "see the row above"
        if self.mean is None:
            text, more = f"median {self.median:.{self.digits}f}", f", one at {self.high}"
        else:
            text, more = f"{self.mean:.{self.digits}f} ± {self.sd:.{self.digits}f}", ""
            if self.low is not None:
                more = f" [{self.low:.{self.digits}f}, {self.high:.{self.digits}f}]"
        return f"{text}{more}, {self.rebuilds}" if whole else text


# A row without a band of its own has the published range; the bidirectional network, whose range
# was not published, has four standard deviations on either side.
ROWS = {
    "sine": Row(
        "sine_mlp", "Sine, MLP 4-10-1", 75, (0.049, 0.057),
        mean=0.0531, sd=0.004, low=0.046, high=0.068, metric=LOSS,
    ),
    "rnn": Row(
        "time_machine_rnn", "RNN 256", 77, (1.25, 1.37),
        mean=1.306, sd=0.029, low=1.239, high=1.383,
    ),
    "scratch_sequential": Row(
        "time_machine_scratch_sequential", "RNN 512 from scratch, sequential", 78, (1.020, 1.193),
        mean=1.045, sd=0.031, low=1.020, high=1.193,
    ),
    # The book calls this row random sampling; docs/reproduction.md says why it is compared here.
    "scratch_zeroed": Row(
        "time_machine_scratch_zeroed", "RNN 512 from scratch, state zeroed", 80, (1.208, 1.605),
        mean=1.407, sd=0.083, low=1.208, high=1.605,
    ),
    "scratch_random": Row(
        "time_machine_scratch_random", "RNN 512 from scratch, random sampling", 0, (1.208, 1.605),
    ),
    "gru": Row(
        "time_machine_gru", "GRU 256", 71, (1.0, 1.10),
        mean=1.045, sd=0.027, low=1.031, high=1.266, by_median=True,
    ),
    "lstm": Row(
        "time_machine_lstm", "LSTM 256", 60, (1.0, 1.10),
        mean=1.055, sd=0.030, low=1.038, high=1.226, by_median=True,
    ),
    "lstm_2_layers": Row(
        "time_machine_lstm_2_layers", "2-layer LSTM 256, lr 2", 62, (1.0, 1.10),
        median=1.026, high=1.645, by_median=True,
    ),
    "lstm_bidirectional": Row(
        "time_machine_lstm_bidirectional", "2-layer bidirectional LSTM (sees the future)", 63,
        (1.061, 1.157), mean=1.109, sd=0.012,
    ),
}  # fmt: skip
