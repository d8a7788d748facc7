"""What the values of known keys may be. A key without a rule takes its type from its YAML file."""

import math
import re
from dataclasses import dataclass, field
from typing import Any, Protocol


class Rule(Protocol):
    """Says whether a value is allowed, and in words what is."""

    def allows(self, value: Any) -> bool:
        """Return whether the value may stand here."""
        ...

    def describe(self) -> str:
        """Return what is allowed, to follow the words `must be`."""
        ...

    def words(self) -> list[str]:
        """Return the words that are allowed, where there are only a few."""
        return []


@dataclass(frozen=True)
class Number(Rule):
    """A finite number from `low` to `high`; an open end leaves the bound itself out."""

    low: float = -math.inf
    high: float = math.inf
    whole: bool = False
    low_open: bool = False
    high_open: bool = False
    or_null: bool = False

    def allows(self, value: Any) -> bool:
        """Return whether the value is a number within the bounds; booleans are not numbers."""
        if value is None:
            return self.or_null
        if isinstance(value, bool) or not isinstance(value, int | float):
            return False
        if not math.isfinite(value) or (self.whole and not isinstance(value, int)):
            return False
        above = value > self.low if self.low_open else value >= self.low
        below = value < self.high if self.high_open else value <= self.high
        return above and below

    def describe(self) -> str:
        """Return the range in words."""
        text = "a whole number" if self.whole else "a number"
        bounds = []
        if self.low > -math.inf:
            bounds.append(f"{'above' if self.low_open else 'of at least'} {self.low:.12g}")
        if self.high < math.inf:
            bounds.append(f"{'below' if self.high_open else 'of at most'} {self.high:.12g}")
        text = " ".join([text, " and ".join(bounds)]).strip()
        return f"{text}, or null" if self.or_null else text


@dataclass(frozen=True)
class Choice(Rule):
    """One of a few values."""

    values: tuple[Any, ...]
    or_null: bool = False

    def allows(self, value: Any) -> bool:
        """Return whether the value is among them, `1` and `true` being different values."""
        if value is None:
            return self.or_null
        return any(value == known and type(value) is type(known) for known in self.values)

    def describe(self) -> str:
        """Return the values."""
        words = [str(v).lower() if isinstance(v, bool) else str(v) for v in self.values]
        if self.or_null:
            words.append("null")
        return "one of " + ", ".join(words) if self.values else "null"

    def words(self) -> list[str]:
        """Return those of the values that are texts."""
        return [value for value in self.values if isinstance(value, str)]


@dataclass(frozen=True)
class Text(Rule):
    """A string that is not blank, maybe of one form; `form` names that for people."""

    or_null: bool = False
    forbidden: str = field(default="")
    pattern: str | None = None
    form: str = ""

    def allows(self, value: Any) -> bool:
        """Return whether the value is a usable string."""
        if value is None:
            return self.or_null
        if not isinstance(value, str) or value.strip() == "" or set(value) & set(self.forbidden):
            return False
        return self.pattern is None or re.fullmatch(self.pattern, value) is not None

    def describe(self) -> str:
        """Return the limits in words."""
        text = "a text"
        if self.forbidden:
            text += f" without {' '.join(self.forbidden)}"
        text += self.form
        return f"{text}, or null" if self.or_null else text


@dataclass(frozen=True)
class ListOf(Rule):
    """A list, not empty, whose items all keep one rule."""

    item: Rule
    or_null: bool = False
    length: int | None = None

    def allows(self, value: Any) -> bool:
        """Return whether the value is such a list."""
        if value is None:
            return self.or_null
        if not isinstance(value, list) or not value or self.length not in (None, len(value)):
            return False
        return all(map(self.item.allows, value))

    def describe(self) -> str:
        """Return the list in words."""
        size = "" if self.length is None else f" of {self.length}"
        text = f"a list{size}, each item {self.item.describe()}"
        return f"{text}, or null" if self.or_null else text


@dataclass(frozen=True)
class AnyOf(Rule):
    """Whatever one of several rules allows."""

    rules: tuple[Rule, ...]

    def allows(self, value: Any) -> bool:
        """Return whether any of the rules allows the value."""
        return any(rule.allows(value) for rule in self.rules)

    def describe(self) -> str:
        """Return the alternatives in words."""
        return "; or ".join(rule.describe() for rule in self.rules)

    def words(self) -> list[str]:
        """Return those of every alternative."""
        return [word for rule in self.rules for word in rule.words()]


def count(low: int = 1, *, or_null: bool = False) -> Number:
    """Return the rule for a whole number of at least `low`."""
    return Number(low=low, whole=True, or_null=or_null)


_SHARE = Number(0, 1, high_open=True)
_SEED = Number(0, 2**32 - 1, whole=True)
_NULL = Choice((), or_null=True)
_BATCHES = AnyOf((count(0), Number(0, 1), _NULL))
_FLAG = Choice((True, False))
_YES = Choice((True,))
_DURATION = r"\d+:\d+:\d+:\d+"
# Of Lightning's, those that need no other package.
_STRATEGIES = (
    "auto",
    "ddp",
    "ddp_find_unused_parameters_true",
    "ddp_find_unused_parameters_false",
    "ddp_spawn",
    "ddp_fork",
    "ddp_notebook",
    "fsdp",
    "fsdp_cpu_offload",
)

RULES: dict[str, Rule] = {
    "name": Text(
        or_null=True,
        forbidden='/\\:*?"<>|',
        pattern=r"[^.\s](.*\S)?",
        form=" and beginning with no dot or space",
    ),
    "seed": _SEED,
    "monitor": Text(or_null=True),
    "on_nonfinite": Choice(("stop", "skip")),
    "resume": Text(or_null=True),
    "again": Text(or_null=True),
    "data.length": count(),
    "data.frequency": Number(0, low_open=True),
    "data.noise": Number(0),
    "data.tau": count(),
    "data.num_train": count(),
    "data.num_val": count(0, or_null=True),
    "data.batch_size": count(),
    "data.seed": _SEED,
    "data.path": Text(or_null=True),
    "data.level": Choice(("char", "word")),
    "data.preprocessing": Choice(("chapter", "joined", "raw")),
    "data.min_frequency": count(0),
    "data.max_tokens": count(2, or_null=True),
    "data.val_fraction": _SHARE,
    "data.test_fraction": _SHARE,
    "data.sampling": Choice(("sequential", "random")),
    "data.num_steps": count(),
    "model.cell": Choice(("rnn", "gru", "lstm")),
    "model.hidden_size": count(),
    "model.num_layers": count(),
    "model.dropout": _SHARE,
    "model.bidirectional": _FLAG,
    "model.init_std": Number(0, low_open=True, or_null=True),
    "model.backend": Choice(("auto", "compiled", "scan", "torch")),
    "optimizer._partial_": _YES,
    "optimizer.lr": Number(0, low_open=True),
    "optimizer.momentum": _SHARE,
    "optimizer.weight_decay": Number(0),
    "optimizer.betas": ListOf(_SHARE, length=2),
    "scheduler._partial_": _YES,
    "scheduler.interval": Choice(("epoch", "step")),
    "scheduler.monitor": Text(or_null=True),
    "scheduler.on_extension": Choice(("stretch", "hold")),
    "scheduler.T_max": count(or_null=True),
    "scheduler.total_steps": count(or_null=True),
    "scheduler.max_lr": Number(0, low_open=True),
    "scheduler.pct_start": Number(0, 1),
    "scheduler.div_factor": Number(0, low_open=True),
    "scheduler.final_div_factor": Number(0, low_open=True),
    "scheduler.warmup_steps": count(0),
    "scheduler.mode": Choice(("min", "max")),
    "scheduler.factor": Number(0, 1, low_open=True, high_open=True),
    "scheduler.patience": count(0),
    "scheduler.threshold": Number(0),
    "scheduler.cooldown": count(0),
    "scheduler.min_lr": Number(0),
    "scheduler.eta_min": Number(0),
    "scheduler.step_size": count(),
    "scheduler.gamma": Number(0, low_open=True),
    "trainer.max_epochs": count(),
    "trainer.min_epochs": count(or_null=True),
    "trainer.max_steps": AnyOf((Choice((-1,)), count())),
    "trainer.min_steps": count(or_null=True),
    "trainer.max_time": Text(or_null=True, pattern=_DURATION, form=" DD:HH:MM:SS"),
    "trainer.accelerator": Choice(("auto", "cpu", "gpu")),
    "trainer.devices": AnyOf((count(), Choice(("auto",)), ListOf(count(0)))),
    "trainer.num_nodes": count(),
    "trainer.strategy": Choice(_STRATEGIES),
    "trainer.plugins": _NULL,
    "trainer.precision": Choice(
        (
            16,
            32,
            64,
            "bf16",
            "16-true",
            "16-mixed",
            "bf16-true",
            "bf16-mixed",
            "32-true",
            "64-true",
        ),
        or_null=True,
    ),
    "trainer.deterministic": Choice((True, False, "warn"), or_null=True),
    "trainer.benchmark": Choice((True, False), or_null=True),
    "trainer.gradient_clip_val": Number(0, low_open=True, or_null=True),
    "trainer.gradient_clip_algorithm": Choice(("norm", "value"), or_null=True),
    "trainer.accumulate_grad_batches": count(),
    "trainer.check_val_every_n_epoch": count(or_null=True),
    "trainer.val_check_interval": AnyOf(
        (
            count(or_null=True),
            Number(0, 1, low_open=True),
            Text(pattern=_DURATION, form=" DD:HH:MM:SS"),
        )
    ),
    "trainer.num_sanity_val_steps": Number(-1, whole=True, or_null=True),
    "trainer.log_every_n_steps": count(or_null=True),
    "trainer.limit_train_batches": AnyOf((count(), Number(0, 1, low_open=True), _NULL)),
    "trainer.limit_val_batches": _BATCHES,
    "trainer.limit_test_batches": _BATCHES,
    "trainer.limit_predict_batches": _BATCHES,
    "trainer.enable_progress_bar": Choice((True, False), or_null=True),
    "trainer.checkpoint_every_n_steps": count(or_null=True),
    "trainer.checkpoint_every_n_seconds": Number(0, low_open=True, or_null=True),
    "trainer.tf32": _FLAG,
    "trainer.cuda_graph": Choice(("auto", "on", "off")),
    "trainer.overfit_batches": AnyOf((count(0), Number(0, 1))),
    "trainer.fast_dev_run": AnyOf((_FLAG, count())),
    "trainer.reload_dataloaders_every_n_epochs": count(0),
    "trainer.profiler": Choice(("phases", "simple", "advanced", "pytorch"), or_null=True),
    "trainer.model_registry": Choice((), or_null=True),
    "logger.tensorboard.axis": Choice(("auto", "epoch", "step")),
    "logger.tensorboard.figures": Choice((True, False, "auto")),
    "callbacks.samples.every_n_epochs": count(),
    "callbacks.samples.num_tokens": count(),
    "callbacks.samples.prefixes": ListOf(Text(), or_null=True),
    "callbacks.samples.temperature": Number(0, low_open=True, or_null=True),
    "callbacks.forecasts.horizons": ListOf(count()),
    "callbacks.checkpoints.every_n_epochs": count(),
    "callbacks.checkpoints.monitor": Text(or_null=True),
    "callbacks.early_stopping.monitor": Text(or_null=True),
    "callbacks.early_stopping.patience": count(),
    "callbacks.early_stopping.min_delta": Number(0),
    "callbacks.early_stopping.mode": Choice(("min", "max")),
    "callbacks.weight_averaging.decay": Number(0, 1, low_open=True, high_open=True, or_null=True),
    "callbacks.weight_averaging.start_epoch": count(0),
}
