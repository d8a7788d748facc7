"""The files of options as people read them: keys, defaults and, from the comments, words.

The comment that a file begins with is about the option. A key's words stand beside it, and may go
on below in the same column, or else right above it. What is above a key with words beside it is the
heading of a section. A key without words has those of the same key in another option of its group.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml

from seqlab.config.folders import CHOOSING, ROOT, conf_dir

EVERYTHING = "all"
"""What asks for help on every option and key."""
FLAGS = {
    "-m, --multirun": "run every combination of the listed values: a sweep (help sweeps)",
    "--config-dir FOLDER": "take your own options and experiments too (help configuration)",
    "--cfg job": "print the composed configuration; with -p KEY a part of it, with --resolve its "
    "references replaced",
    "--info defaults": "print which files the configuration is composed of",
    "-h, --help [WORD ...]": "explain a group, an option, a key, or all",
    "--hydra-help": "print every flag of Hydra",
}
"""The flags that people type, each with what it does."""
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_HIDDEN = ("_target_", "_partial_", "task")
"""Keys of every option that say what it is, and are not for typing."""
_COMMENT = re.compile(r"\s*:?\s*#+\s*(.*)")


@dataclass(frozen=True)
class Key:
    """One key of an option.

    Attributes:
        default: as it stands in the file; empty for a key that has further keys below it.
        words: what it means.
        heading: of the section that begins with it.
    """

    default: str
    words: str = ""
    heading: str = ""


@dataclass(frozen=True)
class Option:
    """What stands in a file.

    Attributes:
        lines: the comment that it begins with.
        task: what it is for, where it says so.
        keys: those that may be typed, in their order, by their names within the option.
        defaults: its defaults list, `(group, option, words)` each; an option of its own group has
            an empty group.
    """

    lines: tuple[str, ...] = ()
    task: str = ""
    keys: Mapping[str, Key] = field(default_factory=dict)
    defaults: tuple[tuple[str, str, str], ...] = ()

    @property
    def words(self) -> str:
        """The first sentence about it, without the command that the comment may begin with."""
        about = " ".join(line for line in self.lines if not line.startswith("python -m "))
        return re.split(r"(?<=[\w)][\w)][.?])\s+(?=[A-Z])", about, maxsplit=1)[0].rstrip(".")


class OptionFiles:
    """Every option that can be chosen.

    Args:
        config_dir: the folder of the person's own options, if one was named.
        others: groups of options that lie in no file: what each is about, and its options.
    """

    def __init__(
        self,
        config_dir: Path | None,
        others: Mapping[str, tuple[str, Mapping[str, Option]]] | None = None,
    ) -> None:
        self._about = {group: words for group, (words, _) in (others or {}).items()}
        self._others = {group: options for group, (_, options) in (others or {}).items()}
        self._found: dict[str, dict[str, Path]] = {}
        self._read: dict[tuple[str, str], Option] = {}
        for folder in filter(None, (conf_dir(), config_dir)):
            for file in sorted(folder.rglob("*.yaml")):
                group = file.parent.relative_to(folder).as_posix()
                if group != ".":
                    self._found.setdefault(group, {})[file.stem] = file

    @cached_property
    def root(self) -> Option:
        """The root configuration; of Hydra's own keys, those that have words."""
        option = read_option((conf_dir() / f"{ROOT}.yaml").read_text(encoding="utf-8"))
        keys = {k: v for k, v in option.keys.items() if v.words or not k.startswith("hydra")}
        return replace(option, keys=keys)

    @cached_property
    def groups(self) -> dict[str, list[str]]:
        """Each group's options, the default first; data and model before the other groups."""
        first = sorted(self.root.defaults, key=lambda each: each[0] not in ("data", "model"))
        default = {group: option for group, option, _ in first}
        default |= dict.fromkeys(self._others, "basic")
        names = {group: set(self._found.get(group, ())) for group in {**default, **self._found}}
        for group, options in self._others.items():
            names[group] = names.get(group, set()) | set(options)
        return {
            group: sorted(options, key=lambda name: (name != default.get(group), name))
            for group, options in names.items()
            if options
        }

    def words_of_group(self, group: str) -> str:
        """Return what a group is about."""
        about = {each: words for each, _, words in self.root.defaults} | self._about
        return about.get(group, "")

    def option(self, group: str, name: str) -> Option:
        """Return an option; what it takes over from another of its group comes after its own keys.

        Every key has words, if any option of the group has some for it.
        """
        if (group, name) not in self._read:
            self._read[group, name] = option = self._whole(group, name)
            own = {key: value for key, value in option.keys.items() if value.words}
            for sibling in self._siblings(group, name, option.task):
                if len(own) == len(option.keys):
                    break
                own = {k: v for k, v in sibling.keys.items() if v.words} | own
            keys = {
                k: replace(v, words=own[k].words if k in own else "")
                for k, v in option.keys.items()
            }
            self._read[group, name] = replace(option, keys=keys)
        return self._read[group, name]

    def _whole(self, group: str, name: str) -> Option:
        if name in self._others.get(group, ()):
            return self._others[group][name]
        file = self._found.get(group, {}).get(name)
        if file is None:
            return Option()
        option = read_option(file.read_text(encoding="utf-8"))
        keys = dict(option.keys)
        for other, base, _ in option.defaults:
            if not other and base != name:
                keys |= {k: v for k, v in self._whole(group, base).keys.items() if k not in keys}
        return replace(option, keys=keys)

    def _siblings(self, group: str, name: str, task: str) -> Iterator[Option]:
        """Yield the other options of a group: first those for the same task."""
        others = [self._whole(group, each) for each in self.groups[group] if each != name]
        yield from sorted(others, key=lambda other: other.task != task)

    def chosen(self, words: Iterable[str]) -> dict[str, list[str]]:
        """Return the options of each group that these words of a command line choose."""
        typed = {}
        for word in words:
            group, equals, value = word.lstrip("+").partition("=")
            if equals and group in self.groups:
                typed[group] = [each.strip() for each in value.strip("[]").split(",")]
        choices = {group: options[:1] for group, options in self.groups.items()}
        said: dict[str, list[str]] = {}
        for group in ("sweep", "experiment"):  # in the order in which they may choose
            for option in typed.get(group) or (choices | said).get(group, []):
                said |= self._brought(group, option)
        said |= typed
        choices |= said
        for group in ("data", "model", "recipe"):  # what they choose gives way to the rest
            for option in choices.get(group, []):
                brought = self._brought(group, option)
                choices |= {k: v for k, v in brought.items() if k not in said}
        return choices

    def _brought(self, group: str, name: str) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for other, option, _ in self._whole(group, name).defaults:
            found |= {other: [option]} if other else self._brought(group, option)
        return found

    def keys(self, words: Iterable[str] = ()) -> dict[str, Key]:
        """Return every key that may be typed beside these words, by its whole name."""
        keys = dict(self.root.keys)
        for group, options in self.chosen(words).items():
            if group not in CHOOSING:
                for option in options:
                    prefix = group.replace("/", ".")
                    found = self.option(group, option).keys
                    keys |= {f"{prefix}.{name}": key for name, key in found.items()}
        return keys


def read_option(text: str) -> Option:
    """Return what stands in the text of a YAML file.

    Raises:
        yaml.YAMLError: it is no YAML.
    """
    lines = text.splitlines()
    end = next((n for n, line in enumerate(lines) if not line.startswith("#")), len(lines))
    node = yaml.compose(text, Loader=_LOADER)
    about = [line.lstrip("# ").rstrip() for line in lines[:end]]
    keys: dict[str, Key] = {}
    task, defaults = "", []
    if isinstance(node, yaml.MappingNode):
        for name, value in node.value:
            if name.value == "task":
                task = str(value.value)
            elif name.value == "defaults":
                defaults = [_chosen(each, lines) for each in value.value]
            elif name.value not in _HIDDEN:
                keys |= _keys(name, value, "", lines, end)
    return Option(
        tuple(line for line in about if not line.startswith("@package")),
        task,
        keys,
        tuple(each for each in defaults if each[1] != "_self_"),
    )


def _chosen(entry: Any, lines: list[str]) -> tuple[str, str, str]:
    if not isinstance(entry, yaml.MappingNode):
        return "", str(entry.value), ""
    ((group, option),) = entry.value
    name = group.value.removeprefix("override ").strip().lstrip("/").partition("@")[0]
    return name, str(option.value), _beside(option.end_mark, lines)


def _keys(name: Any, value: Any, prefix: str, lines: list[str], end: int) -> dict[str, Key]:
    """Return a key with those below it; the first `end` lines are about the whole file."""
    path = f"{prefix}{name.value}"
    if value.start_mark.index < name.start_mark.index:  # an alias: it stands elsewhere
        return {path: Key("...", _above(name.start_mark, lines, end))}
    nested = isinstance(value, yaml.MappingNode) and not value.flow_style and bool(value.value)
    beside = _beside(name.end_mark if nested else value.end_mark, lines)
    above = _above(name.start_mark, lines, end)
    heading = above if beside else ""
    if not nested:
        return {path: Key(_written(value, lines), beside or above, heading)}
    keys = {path: Key("", beside or above, heading)}
    for below, inner in value.value:
        if below.value not in _HIDDEN:
            keys |= _keys(below, inner, f"{path}.", lines, end)
    return keys


def _written(value: Any, lines: list[str]) -> str:
    start, end = value.start_mark, value.end_mark
    if start.line != end.line:
        return "..."
    return lines[start.line][start.column : end.column] or "null"


def _beside(mark: Any, lines: list[str]) -> str:
    if mark.line >= len(lines) or not (found := _COMMENT.match(lines[mark.line], mark.column)):
        return ""
    texts, column = [found[1]], lines[mark.line].index("#", mark.column)
    for line in lines[mark.line + 1 :]:
        if line[:column].strip() or line[column : column + 1] != "#":
            break
        texts.append(line.strip("# "))
    return " ".join(texts).strip()


def _above(mark: Any, lines: list[str], end: int) -> str:
    texts: list[str] = []
    for line in reversed(lines[end : mark.line]):
        if line[: mark.column].strip() or line[mark.column : mark.column + 1] != "#":
            break
        texts.insert(0, line.strip("# "))
    return " ".join(texts)
