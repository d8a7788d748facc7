"""What may be typed next, with a word about each: options, keys, values, verbs, folders, files."""

import argparse
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from seqlab.commands.all_options import all_options
from seqlab.config.compose.option_files import EVERYTHING, FLAGS, Key, OptionFiles, read_option
from seqlab.config.folders import CONFIG, docs_dir
from seqlab.config.validate.rules import RULES, AnyOf, Choice
from seqlab.sweeps.ledger import LEDGER

Candidates = Iterable[tuple[str, str]]
"""Texts for the word at the cursor, each with what it means; a text that goes on has no end yet."""
GOES_ON = tuple("=./,")
"""Ends of such texts."""
_OUTPUTS = "outputs/"
_FOLDER_FLAGS = ("--config-dir", "-cd")
_FLAG_VALUES = {
    "--cfg": ("job", "hydra", "all"),
    "--info": ("defaults", "defaults-tree", "config", "plugins", "searchpath", "all"),
}


def for_train(before: list[str], word: str) -> Candidates:
    """Return what may stand in place of a word of `python -m train`.

    Args:
        before: the words before it.
        word: what there is of it.
    """
    last = before[-1] if before else ""
    if last in _FOLDER_FLAGS:
        return _folders(word)
    if last in _FLAG_VALUES:
        return [(value, "") for value in _FLAG_VALUES[last]]
    if word.startswith("-"):
        return _flags()
    files = all_options(_config_dir(before))
    key, equals, value = word.partition("=")
    sign = key[: len(key) - len(key.lstrip("+~"))]
    name = key.removeprefix(sign)
    if equals:
        return ((f"{key}={text}", words) for text, words in _values(files, before, name, value))
    helped = bool({"--help", "-h"} & set(before))
    names = [*_names(files, before, name, "" if helped or sign == "~" else "=")]
    return (
        (sign + text, words) for text, words in [*names, *([(EVERYTHING, "")] if helped else [])]
    )


def for_seqlab(parser: argparse.ArgumentParser, before: list[str], word: str) -> Candidates:
    """Return what may stand in place of a word of `python -m seqlab`, train's own apart.

    Args:
        parser: knows its verbs.
        before: the words before it.
        word: what there is of it.
    """
    verbs: Any = next(each for each in parser._actions if each.choices)
    if not before and not word.startswith("-"):
        return [(each.dest, each.help) for each in verbs._choices_actions]
    verb = verbs.choices.get(before[0]) if before else parser
    if verb is None:
        return []
    options = {name: each for each in verb._actions for name in each.option_strings}
    wanting = options.get(before[-1]) if before else None
    if wanting is not None and wanting.nargs != 0:
        return _argument(wanting, word)
    if word.startswith("-"):
        return [(name, each.help or "") for name, each in options.items() if name.startswith("--")]
    number = -1
    for place, each in enumerate(before):
        option = options.get(before[place - 1]) if place else None
        number += each not in options and (option is None or option.nargs == 0)
    places = [each for each in verb._actions if not each.option_strings]
    return _argument(places[min(number, len(places) - 1)], word) if places else []


def _argument(action: argparse.Action, word: str) -> Candidates:
    name = str(action.metavar or action.dest)
    if action.choices:
        return [(str(each), "") for each in action.choices]
    if name == "PAGE":
        return [(file.stem, "") for file in sorted(docs_dir().glob("*.md"))]
    if name.startswith(("RUN", "FOLDER")):
        return _folders(word, _is_run)
    if name.startswith("SWEEP"):
        return _folders(word, _is_sweep)
    if action.dest == "checkpoint":
        return [("best", ""), ("last", ""), *_files(word)]
    return _files(word) if name.startswith("FILE") else []


def _flags() -> Candidates:
    names = {word: words for names, words in FLAGS.items() for word in names.split(", ")}
    return [(name.partition(" ")[0], words) for name, words in names.items()]


def _config_dir(before: list[str]) -> Path | None:
    for word, following in zip(before, [*before, ""][1:], strict=True):
        flag, equals, value = word.partition("=")
        if flag in _FOLDER_FLAGS:
            return Path(value if equals else following).expanduser()
    return None


def _keys(files: OptionFiles, before: list[str]) -> dict[str, Key]:
    """Return the keys that may be typed beside these words: a run's own, where one is resumed."""
    known = files.keys(before)
    for word in before:
        key, equals, run = word.partition("=")
        if key == "resume" and equals:
            with suppress(OSError):
                text = (Path(run).expanduser() / CONFIG).read_text(encoding="utf-8")
                return {**read_option(text).keys, "resume": known["resume"]}
    return known


def _names(files: OptionFiles, before: list[str], name: str, end: str) -> Candidates:
    """Yield groups and keys; keys one level further than they are typed already."""
    for group in files.groups:
        if "." not in name:
            yield f"{group}{end}", files.words_of_group(group)
    level = name.count(".") + 1
    parts: dict[str, str] = {}
    for key, value in _keys(files, before).items():
        whole = key.count(".") < level
        if whole and value.default:
            parts[f"{key}{end}"] = value.words
        elif not whole or not end:
            parts.setdefault(".".join(key.split(".")[:level]) + ("" if whole else "."), "")
    yield from parts.items()


def _values(files: OptionFiles, before: list[str], name: str, value: str) -> Candidates:
    done = value[: max(value.rfind(","), value.rfind("[")) + 1]
    key = _keys(files, before).get(name, Key(""))
    if name in files.groups:
        for option in files.groups[name]:
            yield done + option, files.option(name, option).words
    elif "run folder" in key.words.lower():
        yield from _folders(value, _is_run)
    elif name.endswith(".path"):
        yield from _files(value)
    elif name.endswith(".dir"):
        yield from _folders(value)
    else:
        default = "" if "$" in key.default or key.default == "???" else key.default
        allowed = [*_allowed(RULES.get(name))]
        if default in ("true", "false"):
            allowed += ["true", "false"]
        for text in dict.fromkeys(filter(None, [default, *allowed])):
            yield done + text, "the default" if text == default else ""


def _allowed(rule: Any) -> Iterator[str]:
    """Yield the values of a rule that allows a few."""
    if isinstance(rule, AnyOf):
        for each in rule.rules:
            yield from _allowed(each)
    if isinstance(rule, Choice):
        yield from (str(v).lower() if isinstance(v, bool) else str(v) for v in rule.values)
    if getattr(rule, "or_null", False):
        yield "null"


def _is_run(path: str) -> bool:
    return Path(path, CONFIG).is_file()


def _is_sweep(path: str) -> bool:
    return Path(path, LEDGER).is_file()


def _folders(word: str, is_wanted: Callable[[str], bool] | None = None) -> Candidates:
    """Yield folders: the wanted ones below `outputs` at once, others a level at a time."""
    if is_wanted and _OUTPUTS.startswith(word) and Path(_OUTPUTS).is_dir():
        for folder in _inside(_OUTPUTS, ""):
            if is_wanted(folder) or _is_sweep(folder):
                yield (folder if is_wanted(folder) else f"{folder}/"), ""
            else:
                inner = [*_inside(f"{folder}/", "")]
                wanted = [each for each in inner if is_wanted(each)]
                if not any(map(_is_run, inner)):  # none of a sweep
                    wanted = wanted or [f"{folder}/"]
                yield from ((each, "") for each in wanted)
        return
    parent, slash, start = word.rpartition("/")
    for folder in _inside(parent + slash, start):
        yield (folder if is_wanted and is_wanted(folder) else f"{folder}/"), ""


def _files(word: str) -> Candidates:
    parent, slash, start = word.rpartition("/")
    for path in _inside(parent + slash, start, folders_only=False):
        yield (f"{path}/" if Path(path).expanduser().is_dir() else path), ""


def _inside(folder: str, start: str, *, folders_only: bool = True) -> Iterator[str]:
    with suppress(OSError), os.scandir(Path(folder or ".").expanduser()) as entries:
        for entry in sorted(entries, key=lambda each: each.name):
            hidden = entry.name.startswith(".") and not start.startswith(".")
            if entry.name.startswith(start) and not hidden and (entry.is_dir() or not folders_only):
                yield folder + entry.name
