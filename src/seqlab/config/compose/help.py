"""`python -m train --help`: the words of conf/, short or on what was asked for."""

import re
from collections.abc import Iterator, Mapping

from omegaconf import OmegaConf

from seqlab.config.compose.option_files import EVERYTHING, FLAGS, Key, Option, OptionFiles
from seqlab.config.folders import CHOOSING, ROOT, conf_dir
from seqlab.config.validate.check import nearest
from seqlab.config.validate.rules import RULES
from seqlab.system.columns import entries
from seqlab.system.errors import UserError
from seqlab.system.started import as_started
from seqlab.system.terminal import width, wrapped

_MORE = (
    ("python -m train --help GROUP", "its options, and the keys of the default"),
    ("python -m train --help GROUP=OPTION", "the keys of an option"),
    ("python -m train --help KEY", "a key: its defaults, what is allowed"),
    ("python -m train --help all", "everything"),
    ("python -m seqlab help PAGE", "the page named in (help PAGE)"),
)
_HELP_PAGE = re.compile(r" ?\(help (\w+)\)")
_LONGEST_DEFAULT = 30
_OF_COMMANDS = 0.6


def help_text(files: OptionFiles, asked: list[str], verbs: list[str]) -> str:
    """Return the short help, or what is known of the groups, options and keys that were asked for.

    Hydra would compose first and then look through its own groups too, which takes three times as
    long as to start at all.

    Args:
        files: what there is.
        asked: groups, `group=option` or keys.
        verbs: of `python -m seqlab`.

    Raises:
        UserError: nothing is called so.
    """
    return "\n".join(_short(files, verbs) if not asked else _on(files, asked))


def _on(files: OptionFiles, asked: list[str]) -> Iterator[str]:
    if EVERYTHING in asked:
        asked = [
            *files.root.keys,
            *(f"{g}={each}" for g, all_ in files.groups.items() for each in all_),
        ]
    for place, word in enumerate(asked):
        name, equals, value = word.lstrip("+~").partition("=")
        if place:
            yield ""
        if name in files.groups:
            yield from _on_options(files, name, value) if equals else _on_group(files, name)
        else:
            yield from _on_key(files, name)


def _short(files: OptionFiles, verbs: list[str]) -> Iterator[str]:
    own = OmegaConf.load(conf_dir() / f"{ROOT}.yaml").hydra.help
    yield from _wrapped(as_started(own.header))
    yield from ("", *_wrapped("Groups: choose with GROUP=OPTION; the default comes first"))
    about = ((group, _HELP_PAGE.sub("", files.words_of_group(group))) for group in files.groups)
    yield from entries(
        (g, f"{words}: {', '.join(files.groups[g])}".lstrip(": ")) for g, words in about
    )
    yield from ("", *_wrapped("Keys: a group's are GROUP.KEY=VALUE; these belong to none"))
    yield from entries(_rows(files.root.keys))
    yield from ("", "Flags: they go before every key=value")
    yield from entries(FLAGS.items())
    examples = (line.partition("  ") for line in as_started(own.footer).splitlines())
    yield from ("", "Examples")
    yield from entries(((command, words.strip()) for command, _, words in examples), _OF_COMMANDS)
    yield from ("", "More")
    yield from entries(((as_started(command), words) for command, words in _MORE), _OF_COMMANDS)
    yield from (
        "",
        *_wrapped(f"After training: {as_started('python -m seqlab')} VERB: {', '.join(verbs)}"),
    )


def _on_group(files: OptionFiles, group: str) -> Iterator[str]:
    yield from _wrapped(f"{group}: {files.words_of_group(group)}".rstrip(": "))
    options = files.groups[group]
    yield from entries((each, files.option(group, each).words) for each in options)
    if files.option(group, options[0]).keys and group not in CHOOSING:
        yield ""
        yield from _on_option(files, group, options[0])


def _on_options(files: OptionFiles, group: str, value: str) -> Iterator[str]:
    for place, name in enumerate(value.strip("[]").split(",")):
        if name not in files.groups[group]:
            close = nearest(name, files.groups[group])
            meant = f"Did you mean {group}={close[0]}? " if close else ""
            raise UserError(
                f"{group}={name}: there is no such {group}",
                f"{meant}There are: {', '.join(files.groups[group])}.",
            )
        if place:
            yield ""
        yield from _on_option(files, group, name)


def _on_option(files: OptionFiles, group: str, name: str) -> Iterator[str]:
    option = files.option(group, name)
    yield f"{group}={name}"
    for line in option.lines:
        command, _, words = line.partition("  ")
        if words:
            yield from entries([(as_started(command), words.strip())], _OF_COMMANDS)
        else:
            yield from _wrapped(as_started(line), 2)
    if group in CHOOSING:
        yield from ("", "  Sets")
        yield from entries(_what_it_sets(group, option))
    elif option.keys:
        prefix = group.replace("/", ".")
        yield from ("", f"  Keys, set with {prefix}.KEY=VALUE")
        yield from entries(_rows(option.keys))


def _what_it_sets(group: str, option: Option) -> Iterator[tuple[str, str]]:
    for other, name, _ in option.defaults:
        yield f"{other or group}={name}", "" if other else "first, and then:"
    for name, key in option.keys.items():
        if key.default:
            yield f"{name.removeprefix('hydra.sweeper.params.')}={key.default}", ""


def _on_key(files: OptionFiles, name: str) -> Iterator[str]:
    found: dict[str, list[tuple[str, Key]]] = {}
    for key, value in files.root.keys.items():
        found.setdefault(key, []).append(("", value))
    for group, options in files.groups.items():
        if group not in CHOOSING:
            for option in options:
                for key, value in files.option(group, option).keys.items():
                    whole = f"{group.replace('/', '.')}.{key}"
                    found.setdefault(whole, []).append((f" ({group}={option})", value))
    matching = [key for key in found if key == name] or [k for k in found if k.endswith(f".{name}")]
    if not matching:
        raise _unknown(name, [*files.groups, *found])
    for place, key in enumerate(matching):
        if place:
            yield ""
        yield key
        group = key.rpartition(".")[0].replace("hydra.", "hydra/", 1)
        yield from _facts(key, found[key], files.words_of_group(group.partition(".")[0]))


def _facts(key: str, values: list[tuple[str, Key]], about: str) -> Iterator[str]:
    words = list(dict.fromkeys(value.words for _, value in values if value.words))
    for each in words:
        yield from _wrapped(each, 2)
    rule = RULES.get(key)
    defaults = [f"{value.default}{where}" for where, value in values if _is_short(value)]
    rows = [("" if place else "default", text) for place, text in enumerate(defaults)]
    page = next(iter(_HELP_PAGE.findall(" ".join([*words, about]))), "configuration")
    rows += [("allowed", rule.describe())] if rule else []
    yield from entries([*rows, ("more", as_started(f"python -m seqlab help {page}"))])


def _unknown(name: str, known: list[str]) -> UserError:
    close = nearest(name, known)
    return UserError(
        f"--help {name}: there is no such group or key",
        f"Did you mean {' or '.join(close)}?" if close else "`python -m train --help` names all.",
    )


def _rows(keys: Mapping[str, Key]) -> Iterator[tuple[str, str]]:
    for name, key in keys.items():
        if key.heading:
            yield f"-- {key.heading} --", ""
        yield f"{name}={key.default}" if _is_short(key) else name, key.words


def _is_short(key: Key) -> bool:
    return 0 < len(key.default) <= _LONGEST_DEFAULT


def _wrapped(text: str, indent: int = 0) -> list[str]:
    return [" " * indent + line for line in wrapped(text, width() - indent, "")]
