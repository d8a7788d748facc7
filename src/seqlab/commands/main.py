"""`python -m seqlab VERB FOLDER`: what comes after training, from the folder alone; and train."""

import argparse
import difflib
import re
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NoReturn

from seqlab import __version__
from seqlab.system.console import need_output, on_the_console
from seqlab.system.errors import EXIT_FAILED, EXIT_INTERRUPTED, EXIT_USAGE, UserError, print_error
from seqlab.system.started import as_started, started_as
from seqlab.system.surroundings import own_environment
from seqlab.system.terminal import say

Command = Callable[[argparse.Namespace], int]
_TRAIN = "train"
_COMMON_PAGE = "after_training"
_PAGES = {
    _TRAIN: "configuration",
    "completion": "configuration",
    "help": "how_do_i",
    "profile": "profiling",
    "report": "sweep_reports",
}
"""The page about a verb, where it is not the common one."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one verb and return the exit code: 0 done, 1 failed, 2 command or run are wrong."""
    words = sys.argv[1:] if arguments is None else list(arguments)
    with started_as(words[0] if words else ""):
        if words[:1] == [_TRAIN]:
            return _train(words[1:], ends_here=arguments is None)
        with own_environment():
            return on_the_console(lambda: _answered(words))


def verbs() -> list[str]:
    """Return the names of the verbs that come after training."""
    names = [name for each in build_parser()._actions for name in each.choices or ()]
    return [name for name in names if name not in (_TRAIN, "help", "completion")]


def _train(words: list[str], *, ends_here: bool) -> int:
    """Do what `python -m train` does; where the process ends with it, at once."""
    from seqlab.commands.train import main as train
    from seqlab.profiling.start_time import began_with_the_process
    from seqlab.system.exit import exit_at_once

    if not ends_here:
        return train(words)
    began_with_the_process()
    return exit_at_once(train(words))


def _answered(words: list[str]) -> int:
    need_output()
    try:
        options = build_parser().parse_args(words)
    except UserError as error:
        print_error(error)
        return EXIT_USAGE
    command: Command = options.command
    try:
        return command(options)
    except UserError as error:
        print_error(error)
        return EXIT_USAGE
    except KeyboardInterrupt:
        say(error=True)  # the shell begins on a new line
        return EXIT_INTERRUPTED
    except Exception as error:  # of a class of the person's own, or of a damaged run
        print_error(error)
        say("  SEQLAB_TRACEBACK=1 shows where.", error=True)
        return EXIT_FAILED


class _Parser(argparse.ArgumentParser):
    """Refuses as everything else does: one message, with the remedy."""

    def error(self, message: str) -> NoReturn:
        hint = f"`{self.prog} --help` shows what there is."
        verb = re.match(r"argument VERB: invalid choice: '(.*)' \(choose from (.*)\)", message)
        if verb is not None:
            message = f"there is no verb {verb[1]}"
            known = re.findall(r"[a-z]+", verb[2])
            if close := difflib.get_close_matches(verb[1], known, n=1):
                hint = f"Did you mean {close[0]}?"
        elif message.endswith((" RUN_FOLDER", " SWEEP")):
            hint = as_started("`python -m seqlab list` shows what there is.")
        raise UserError(message, hint)


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of every verb; `train` reads its words itself."""
    parser = _Parser(
        prog=as_started("python -m seqlab"),
        description="Trains, and does what comes afterwards, from the folder of a run or a sweep.",
    )
    parser.add_argument("--version", action="version", version=f"seqlab {__version__}")
    verbs = parser.add_subparsers(metavar="VERB", required=True)

    text = "train one experiment, or a sweep with -m; the same as python -m train"
    verbs.add_parser(_TRAIN, help=text, description=text, add_help=False)

    evaluate = _verb(verbs, "evaluate", _evaluate, "score a trained model on each part of its data")
    evaluate.add_argument("--data-path", metavar="FILE", help="the corpus, where it has moved to")
    evaluate.add_argument("--json", action="store_true", help="print JSON instead of a table")

    generate = _verb(verbs, "generate", _generate, "let a language model continue a text")
    generate.add_argument("--prefix", help="text to continue; default: the data's own")
    generate.add_argument("--num-tokens", type=int, default=200, metavar="N", help="default 200")
    generate.add_argument("--num-samples", type=int, default=1, metavar="N", help="default 1")
    generate.add_argument("--greedy", action="store_true", help="always the most likely token")
    generate.add_argument("--temperature", type=float, metavar="T", help="default 1; 0 is greedy")
    generate.add_argument("--top-k", type=int, metavar="K", help="choose among the K likeliest")
    generate.add_argument("--top-p", type=float, metavar="P", help="or among those that sum to P")
    generate.add_argument("--unknown", action="store_true", help="<unk> may be chosen, too")
    generate.add_argument("--seed", type=int, default=0, help="default 0; sample i uses seed + i")

    forecast = _verb(verbs, "forecast", _forecast, "let a forecaster continue its series")
    forecast.add_argument("--steps", type=int, metavar="N", help="default: to the series' end")
    forecast.add_argument(
        "--start", type=int, metavar="T", help="last known time step; default: the end of training"
    )

    forecast.add_argument(
        "--output",
        metavar="FILE.csv",
        help="a new table, its figure beside it; default: in the run",
    )

    text = "show where a run's time went, and what to do about it; trainer.profiler=phases notes it"
    profile = verbs.add_parser("profile", help=text, description=text)
    profile.set_defaults(command=_profile)
    profile.add_argument("run", metavar="RUN_FOLDER", help="folder of a run")

    text = "show runs side by side in TensorBoard, named by what differs"
    board = verbs.add_parser("dashboard", help=text, description=text)
    board.set_defaults(command=_dashboard)
    board.add_argument(
        "folder", metavar="FOLDER", nargs="?", default="outputs", help="of runs; default: outputs"
    )
    board.add_argument("--port", type=int, help="default: 6006, or the next that is free")
    board.add_argument("--host", help="default: localhost")

    text = "print a page of the documentation; without a name, the list of them"
    page = verbs.add_parser("help", help=text, description=text)
    page.set_defaults(command=_help)
    page.add_argument("page", metavar="PAGE", nargs="?", help="for example safety")

    text = "show runs and sweeps, the newest first: status, age, metric, size, what to type next"
    listing = verbs.add_parser("list", help=text, description=text)
    listing.set_defaults(command=_list)
    listing.add_argument("folder", metavar="FOLDER", nargs="?", help="where; default: outputs")
    _add_choice(listing)
    listing.add_argument("--json", action="store_true", help="print JSON instead of a table")

    text = "show what differs between runs, in configuration and result, with their curves"
    compare = verbs.add_parser("compare", help=text, description=text)
    compare.set_defaults(command=_compare)
    compare.add_argument(
        "runs", metavar="RUN_FOLDER", nargs="+", help="folders of two or more runs"
    )
    compare.add_argument(
        "--output", metavar="FILE.png", help="a new figure; default: in outputs/comparisons"
    )
    compare.add_argument("--json", action="store_true", help="print JSON instead of tables")

    text = "remove runs that are chosen by status or age, after showing them"
    clean = verbs.add_parser("clean", help=text, description=text)
    clean.set_defaults(command=_clean)
    clean.add_argument("folders", metavar="FOLDER", nargs="*", help="where; default: outputs")
    _add_choice(clean)
    clean.add_argument("--dry-run", action="store_true", help="only show what would be removed")
    clean.add_argument("--yes", action="store_true", help="remove without asking")

    text = "print the script that completes commands in a shell"
    completion = verbs.add_parser("completion", help=text, description=text)
    completion.set_defaults(command=_completion)
    completion.add_argument("shell", choices=("bash", "zsh", "fish"), help="which shell")
    completion.add_argument("line", nargs="*", help=argparse.SUPPRESS)

    text = "add a sweep or a folder of runs up: tables, figures, a page, the best setting"
    report = verbs.add_parser("report", help=text, description=text)
    report.set_defaults(command=_report)
    report.add_argument("sweep", metavar="SWEEP", help="folder of a sweep or of runs")
    report.add_argument("--metric", metavar="NAME", help="what decides; default: the sweep's own")
    report.add_argument(
        "--direction",
        choices=("minimize", "maximize"),
        help="default: the sweep's own",
    )
    report.add_argument("--json", action="store_true", help="print JSON instead of a table")

    for name, verb in verbs.choices.items():
        verb.epilog = as_started(f"More: python -m seqlab help {_PAGES.get(name, _COMMON_PAGE)}")
    return parser


def _verb(
    verbs: "argparse._SubParsersAction[_Parser]",
    name: str,
    command: Command,
    help_text: str,
) -> argparse.ArgumentParser:
    parser = verbs.add_parser(name, help=help_text, description=help_text)
    parser.set_defaults(command=command)
    parser.add_argument("run", metavar="RUN_FOLDER", help="folder of a finished run")
    parser.add_argument(
        "--checkpoint", default="best", help="best (default), last, or a checkpoint file"
    )
    parser.add_argument(
        "--device",
        default="auto",
        choices=("auto", "cpu", "gpu"),
        help="where to compute; auto (default): a CUDA GPU where there is one",
    )
    return parser


def _add_choice(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--status",
        metavar="NAMES",
        help="only these, with commas between them: running, completed, pruned, interrupted, "
        "killed, failed, damaged",
    )
    parser.add_argument("--older-than", metavar="AGE", help="only what is older: 12h, 30d, 8w")
    parser.add_argument("--jobs", action="store_true", help="the jobs of sweeps one by one")


def _enter_run(run: str, checkpoint: str = "best") -> None:
    """Refuse, before torch is imported, what is no run to be trusted."""
    from seqlab.config.folders import refuse_url  # only now, so that --help answers at once
    from seqlab.config.validate.project import enter_project
    from seqlab.runs.folder.saved_config import load_config

    refuse_url(run, "")
    refuse_url(checkpoint, "--checkpoint ")
    enter_project(run)
    load_config(Path(run))


# torch is imported by the verbs only once they run, so that --help answers at once.
def _evaluate(options: argparse.Namespace) -> int:
    _enter_run(options.run, options.checkpoint)
    from seqlab.commands.evaluate import evaluate

    return evaluate(options)


def _generate(options: argparse.Namespace) -> int:
    _enter_run(options.run, options.checkpoint)
    from seqlab.commands.generate import generate

    return generate(options)


def _forecast(options: argparse.Namespace) -> int:
    _enter_run(options.run, options.checkpoint)
    from seqlab.commands.forecast import forecast

    return forecast(options)


def _profile(options: argparse.Namespace) -> int:
    _enter_run(options.run)
    from seqlab.commands.profile import profile

    return profile(options.run)


def _dashboard(options: argparse.Namespace) -> int:
    from seqlab.commands.dashboard import dashboard

    return dashboard(options)


def _help(options: argparse.Namespace) -> int:
    from seqlab.commands.pages import show_page

    return show_page(options.page)


def _completion(options: argparse.Namespace) -> int:
    from seqlab.commands.completion import complete

    return complete(options.shell, options.line)


def _list(options: argparse.Namespace) -> int:
    from seqlab.commands.list import list_runs

    return list_runs(options)


def _compare(options: argparse.Namespace) -> int:
    from seqlab.commands.compare import compare_runs

    return compare_runs(options)


def _clean(options: argparse.Namespace) -> int:
    from seqlab.commands.clean import clean

    return clean(options)


def _report(options: argparse.Namespace) -> int:
    from seqlab.commands.report import report

    return report(options)
