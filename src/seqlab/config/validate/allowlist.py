"""What a configuration may instantiate: classes of seqlab by their role, and named ones of others.

A name is looked at twice: first as a text, so that no module is imported that is not listed here
(importing one runs it), then as the object that it leads to, which has to be a class, of its
role's kind, and defined where the name says.
"""

import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from importlib import import_module
from typing import Any

from seqlab.system.errors import UserError, one_line, traceback_hint

FACTORIES = ("optimizer", "scheduler")
"""Roles whose classes are called later, with what only the program has: `_partial_: true`."""


@dataclass(frozen=True)
class Source:
    """A package whose classes may be instantiated.

    Attributes:
        package: the package, for its modules too.
        base: what every class is a kind of.
        names: the classes; empty: all that the package defines.
    """

    package: str
    base: str
    names: tuple[str, ...] = ()


@dataclass(frozen=True)
class Role:
    """What may stand at one place of a configuration.

    Attributes:
        word: what it is, with its article, for messages.
        base: what a class that a project allows has to be a kind of.
        sources: where its classes come from.
        parts: where classes come from that stand inside its arguments.
        given: arguments that only the program gives.
    """

    word: str
    base: str
    sources: tuple[Source, ...]
    parts: tuple[Source, ...] = ()
    given: tuple[str, ...] = ()


_METRICS = Source(
    "torchmetrics",
    "torchmetrics.Metric",
    (
        "MeanMetric",
        "SumMetric",
        "MinMetric",
        "MaxMetric",
        "MeanSquaredError",
        "MeanAbsoluteError",
        "MeanAbsolutePercentageError",
        "R2Score",
        "PearsonCorrCoef",
        "Perplexity",
    ),
)
_DATA = Source("seqlab.data", "lightning.pytorch.LightningDataModule")
_NETWORKS = Source("seqlab.models", "torch.nn.Module")
_OPTIMIZERS = Source(
    "torch.optim",
    "torch.optim.Optimizer",
    (
        "ASGD",
        "Adadelta",
        "Adafactor",
        "Adagrad",
        "Adam",
        "AdamW",
        "Adamax",
        "Muon",
        "NAdam",
        "RAdam",
        "RMSprop",
        "Rprop",
        "SGD",
    ),
)
# Not LambdaLR and its like: they take a function.
_SCHEDULERS = Source(
    "torch.optim.lr_scheduler",
    "torch.optim.lr_scheduler.LRScheduler",
    (
        "ConstantLR",
        "CosineAnnealingLR",
        "CosineAnnealingWarmRestarts",
        "CyclicLR",
        "ExponentialLR",
        "LinearLR",
        "MultiStepLR",
        "OneCycleLR",
        "PolynomialLR",
        "ReduceLROnPlateau",
        "StepLR",
    ),
)
_OWN_SCHEDULES = Source("seqlab.models.schedules", _SCHEDULERS.base)
_TRAINER = Source("lightning.pytorch", "lightning.pytorch.Trainer", ("Trainer",))
# Not those that write where they are told to, call what they are given, or load files; nor those
# whose state no checkpoint holds, so that a resumed run would end differently.
_CALLBACKS = Source(
    "lightning.pytorch.callbacks",
    "lightning.pytorch.Callback",
    (
        "DeviceStatsMonitor",
        "EarlyStopping",
        "LearningRateMonitor",
        "ModelSummary",
        "Timer",
    ),
)
_OWN_CALLBACKS = Source("seqlab.callbacks", "lightning.pytorch.Callback")
_LOGGERS = Source("seqlab.loggers", "lightning.pytorch.loggers.Logger")

ROLES = {
    "data": Role("a data module", _DATA.base, (_DATA,), (_DATA, _METRICS)),
    "model": Role("a network", _NETWORKS.base, (_NETWORKS,), (_NETWORKS, _METRICS)),
    "optimizer": Role("an optimizer", _OPTIMIZERS.base, (_OPTIMIZERS,)),
    "scheduler": Role("a learning-rate scheduler", _SCHEDULERS.base, (_OWN_SCHEDULES, _SCHEDULERS)),
    "trainer": Role(
        "the Trainer",
        _TRAINER.base,
        (_TRAINER,),
        given=("callbacks", "logger", "default_root_dir", "model_registry"),
    ),
    "callbacks": Role("a callback", _OWN_CALLBACKS.base, (_OWN_CALLBACKS, _CALLBACKS), (_METRICS,)),
    "logger": Role("a logger", _LOGGERS.base, (_LOGGERS,), given=("save_dir",)),
}

_NAMED_GROUPS = ("callbacks", "logger")
_DOTTED = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*")
_SEVERAL = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)+")

_allowed: dict[str, None] = {}


def allow(name: str) -> None:
    """Let configurations instantiate the classes of a package or module, or one class.

    It is for the file `seqlab_project.py` of a project. Top-level nodes still have to be of their
    role's kind: `model` a network, `callbacks.x` a callback.

    Args:
        name: `my_package`, `my_package.my_module` or `my_module.MyClass`.

    Raises:
        UserError: no such name can be, or it is one of Python's own modules, which could do
            anything.
    """
    if not isinstance(name, str) or not _DOTTED.fullmatch(name):
        raise UserError(
            f"seqlab.allow({name!r}): not a name", 'Write seqlab.allow("my_module.MyClass").'
        )
    if name.partition(".")[0] in sys.stdlib_module_names:
        raise UserError(
            f"seqlab.allow({name!r}): Python's own modules stay closed, since they can run "
            "anything",
            "Allow a module of your own.",
        )
    _allowed[name] = None


def allowed_names() -> list[str]:
    """Return what the project has allowed, for another process of the same run."""
    return list(_allowed)


def is_allowed(target: str) -> bool:
    """Return whether the project has allowed a class by name."""
    return any(_within(target, name) for name in _allowed)


def check_targets(config: dict[str, Any]) -> None:
    """Raise `UserError` where a configuration names something that may not be instantiated.

    Only names are looked at; nothing is imported.

    Args:
        config: the resolved configuration, plain values.
    """
    for role in ROLES:
        group = config.get(role)
        if role in _NAMED_GROUPS and isinstance(group, dict):
            _check_plain(group, role)
            for name, node in group.items():
                check_node(node, role, f"{role}.{name}")
        else:
            check_node(group, role, role)


def check_node(node: Any, role: str, path: str) -> None:
    """Raise `UserError` where one object's node, or a node inside it, may not be instantiated.

    Args:
        node: plain values.
        role: what stands there: a key of `ROLES`.
        path: its place in the configuration.
    """
    if not isinstance(node, dict) or "_target_" not in node:
        return
    rule = ROLES[role]
    for key in rule.given:
        if node.get(key) is not None:
            raise UserError(f"{path}.{key} is not for a configuration to say", "Leave it out.")
    _check_reserved(node, path)
    if bool(node.get("_partial_")) != (role in FACTORIES):
        wanted = "true" if role in FACTORIES else "false"
        raise UserError(f"{path}._partial_ has to be {wanted}", f"Write _partial_: {wanted}.")
    _check_name(node["_target_"], rule.sources, rule, path)
    for key, value in node.items():
        for place, nested in nodes(value, f"{path}.{key}"):
            _check_reserved(nested, place)
            _check_name(nested["_target_"], rule.parts, rule, place)


def nodes(value: Any, path: str) -> Iterator[tuple[str, dict[Any, Any]]]:
    """Yield place and node of everything with a `_target_` in a value, itself included."""
    if isinstance(value, dict):
        if "_target_" in value:
            yield path, value
        for key, item in value.items():
            yield from nodes(item, f"{path}.{key}")
    elif isinstance(value, list | tuple):
        for place, item in enumerate(value):
            yield from nodes(item, f"{path}[{place}]")


def find(target: str, role: str, path: str, *, part: bool = False) -> type:
    """Return the class that a name leads to, once it is known to be one that may be made.

    Args:
        target: `module.Class`.
        role: a key of `ROLES`.
        path: the node's place in the configuration.
        part: whether the node stands inside another's arguments.

    Raises:
        UserError: name or object are not allowed, or there is no such class.
    """
    rule = ROLES[role]
    sources = rule.parts if part else rule.sources
    _check_name(target, sources, rule, path)
    module_name, _, name = target.rpartition(".")
    module = _imported(module_name, f"{path} ({target})")
    found = getattr(module, name, None)
    if found is None:
        close = get_close_matches(name, vars(module), n=1)
        raise UserError(
            f"{path} ({target}) cannot be made: {module_name} has no class {name}",
            f"Did you mean {close[0]}?" if close else "Name a class that the module defines.",
        )
    fitting = [source for source in sources if _named(target, source)]
    if isinstance(found, type):
        if any(_comes_from(found, source) for source in fitting):
            return found
        if is_allowed(target) and _is_own(found, target):
            if part or issubclass(found, _object(rule.base)):
                return found
            raise UserError(
                f"{path}._target_={target} is not {rule.word}",
                f"Name a subclass of {rule.base}.",
            )
    raise _refusal(target, sources, rule, path)


def _check_plain(group: dict[Any, Any], path: str) -> None:
    if "_target_" in group:
        raise UserError(f"{path}._target_ may not stand there", f"Write {path}.NAME._target_.")


def _check_reserved(node: dict[Any, Any], path: str) -> None:
    for key in node:
        if not isinstance(key, str):
            raise UserError(f"{path}: the key {key!r} is not a text", "Arguments have names.")
        if key.startswith("_") and key.endswith("_") and key not in ("_target_", "_partial_"):
            raise UserError(f"{path}.{key} has no meaning here", "Leave it out.")
    if not isinstance(node.get("_partial_", False), bool):
        raise UserError(f"{path}._partial_ has to be true or false", "Write _partial_: true.")


def _check_name(target: Any, sources: tuple[Source, ...], rule: Role, path: str) -> None:
    if not isinstance(target, str) or not _SEVERAL.fullmatch(target):
        raise UserError(
            f"{path}._target_={str(target)[:200]} is no name of a class", "Write module.Class."
        )
    if not is_allowed(target) and not any(_named(target, source) for source in sources):
        raise _refusal(target, sources, rule, path)


def _refusal(target: str, sources: tuple[Source, ...], rule: Role, path: str) -> UserError:
    names = [f"{source.package}.{name}" for source in sources for name in source.names]
    close = get_close_matches(target, names, n=1, cutoff=0.85)
    meant = f"Did you mean {close[0]}? " if close else ""
    top, _, rest = target.partition(".")
    known = top in sys.stdlib_module_names or top in ("torch", "lightning", "seqlab", "hydra")
    example = "my_module" if known or not rest else target.rpartition(".")[0]
    return UserError(
        f"{path}._target_={target} may not be instantiated",
        f"{meant}A project allows its own classes in seqlab_project.py: "
        f'seqlab.allow("{example}"). More: python -m seqlab help safety',
    )


def _named(target: str, source: Source) -> bool:
    module, _, name = target.rpartition(".")
    return _within(module, source.package) and (not source.names or name in source.names)


def _comes_from(found: type, source: Source) -> bool:
    if source.names and found.__name__ not in source.names:
        return False
    return _within(found.__module__, source.package) and issubclass(found, _object(source.base))


def _is_own(found: type, target: str) -> bool:
    """Return whether a class that the project allowed was not merely imported by its module.

    A class that was allowed by its own name may come from elsewhere in the same package.
    """
    if target in _allowed:
        return found.__module__.partition(".")[0] == target.partition(".")[0]
    return any(_within(found.__module__, name) for name in _allowed if _within(target, name))


def _within(name: str, package: str) -> bool:
    return name == package or name.startswith(f"{package}.")


def _object(name: str) -> Any:
    module, _, attribute = name.rpartition(".")
    return getattr(import_module(module), attribute)


def _imported(module: str, what: str) -> Any:
    try:
        return import_module(module)
    except UserError:
        raise
    except Exception as error:  # of a file of the person's own
        raise UserError(
            f"{what} cannot be made: {one_line(error)}", traceback_hint(error)
        ) from error
