"""Random command lines, each from its seed and number alone, so that any can be had again.

Valid words, words with one thing wrong, and rubbish, mixed: most lines reach past the first check.
"""

import random

# What a valid line may say; sizes stay tiny, so that such a line can be built in no time.
VALID: dict[str, tuple[str, ...]] = {
    "seed": ("0", "1", "4294967295", "7"),
    "name": ("null", "mine", "'two words'", "größe", "a.b", "1"),
    "monitor": ("null", "val/loss", "train/loss", "'val/loss'"),
    "resume": ("null", ""),
    "again": ("null", ""),
    "data.length": ("1000", "400"),
    "data.frequency": ("0.01", "1e-3", ".5", "1"),
    "data.noise": ("0", "0.2", "1_0.5", "0.0"),
    "data.tau": ("1", "4", "9"),
    "data.num_train": ("100", "300"),
    "data.num_val": ("null", "0", "20"),
    "data.batch_size": ("1", "16", "0x10"),
    "data.seed": ("${seed}", "3", "${oc.decode:3}"),
    "data.num_steps": ("5", "20"),
    "data.max_tokens": ("null", "2000"),
    "data.val_fraction": ("0", "0.1", "0.25"),
    "data.test_fraction": ("0", "0.1"),
    "data.sampling": ("sequential", "random"),
    "data.level": ("char", "word"),
    "data.preprocessing": ("raw", "joined", "chapter"),
    "data.min_frequency": ("0", "2"),
    "data.carry_state": ("true", "false", "True"),
    "model.hidden_size": ("1", "8", "16"),
    "model.num_layers": ("1", "2"),
    "model.dropout": ("0", "0.5"),
    "model.bidirectional": ("true", "false"),
    "model.cell": ("rnn", "gru", "lstm"),
    "model.init_std": ("null", "0.01"),
    "model.backend": ("auto", "scan", "torch"),
    "optimizer.lr": ("0.1", "1", "1e-3", "${model.num_layers}"),
    "optimizer.weight_decay": ("0", "0.1"),
    "optimizer.betas": ("[0.9,0.99]", "[0, 0]"),
    "trainer.max_epochs": ("1", "2", "${model.num_layers}"),
    "trainer.min_epochs": ("null", "1"),
    "trainer.max_steps": ("-1", "3"),
    "trainer.max_time": ("null", "'00:00:01:00'", "00:00:01:00"),
    "trainer.accelerator": ("auto", "cpu"),
    "trainer.devices": ("1", "auto"),
    "trainer.precision": ("null", "32", "64-true", "bf16-mixed"),
    "trainer.gradient_clip_val": ("null", "1", "0.5"),
    "trainer.gradient_clip_algorithm": ("norm", "value"),
    "trainer.check_val_every_n_epoch": ("1", "3"),
    "trainer.limit_train_batches": ("null", "2", "0.5", "1.0"),
    "trainer.limit_val_batches": ("null", "0", "1"),
    "trainer.log_every_n_steps": ("1", "50"),
    "trainer.enable_progress_bar": ("null", "false"),
    "trainer.enable_checkpointing": ("true", "false"),
    "trainer.detect_anomaly": ("true", "false"),
    "trainer.deterministic": ("null", "true", "warn"),
    "trainer.profiler": ("null", "simple"),
    "callbacks.samples.num_tokens": ("1", "5"),
    "callbacks.samples.prefixes": ("null", "[the]", "['the sea', a]"),
    "callbacks.forecasts.horizons": ("[1]", "[1,2,4]"),
    "callbacks.checkpoints.every_n_epochs": ("1", "2"),
    "callbacks.checkpoints.monitor": ("null", "${monitor}", "val/loss"),
}
GROUPS: dict[str, tuple[str, ...]] = {
    "data": ("sine", "sample_story", "text"),
    "model": ("mlp", "rnn", "gru", "lstm"),
    "optimizer": ("adam", "adamw", "sgd"),
    "scheduler": ("none", "cosine", "step", "one_cycle", "warmup_cosine", "plateau"),
    "trainer": ("default", "debug"),
    "callbacks": ("default", "none"),
    "logger": ("default", "csv"),
    "recipe": ("none", "text"),
    "experiment": ("none", "sine_mlp"),
    "sweep": ("none", "nope"),
}
_OF_LANGUAGE = (
    "data.num_steps", "data.max_tokens", "data.val_fraction", "data.test_fraction",
    "data.sampling", "data.level", "data.preprocessing", "data.min_frequency", "data.carry_state",
    "model.dropout", "model.bidirectional", "model.cell", "model.init_std", "callbacks.samples",
)  # fmt: skip
_OF_SERIES = (
    "data.length", "data.frequency", "data.noise", "data.tau", "data.num_train", "data.num_val",
    "callbacks.forecasts", "optimizer.betas",
)  # fmt: skip
_HYDRA: dict[str, tuple[str, ...]] = {
    "hydra.run.dir": ("run", "a/b/c", ".", "'with space'", "ünï", "${name}", "./x/../y", "r=1"),
    "hydra.sweep.dir": ("sweep", "s/t", ".", "${seed}"),
    "hydra.sweep.subdir": ("${hydra.job.num}", "x_${hydra.job.override_dirname}", "job", "a/b"),
    "hydra.job.name": ("x", "train"),
    "hydra.job.chdir": ("true", "false", "null", "maybe"),
    "hydra.job.env_set.SEQLAB_FUZZ": ("1",),
    "hydra.verbose": ("true", "false", "[seqlab]", "seqlab"),
    "hydra.output_subdir": ("null", ".hydra", "sub"),
    "hydra.mode": ("RUN", "MULTIRUN", "run", "3"),
    "hydra.searchpath": ("[]", "[pkg://nowhere]", "['file://nowhere']", "x", "[1]"),
    "hydra.job_logging": ("null", "{}"),
    "hydra/job_logging": ("none", "default", "disabled", "nope"),
    "hydra/hydra_logging": ("none", "default", "disabled"),
    "hydra/launcher": ("basic", "local", "joblib"),
    "hydra/sweeper": ("basic", "optuna"),
    "hydra.launcher.retries": ("1", "-1", "x", "null"),
    "hydra.launcher.fail_fast": ("true", "maybe"),
    "hydra.launcher.workers": ("2", "0", "x"),
    "hydra/help": ("default", "x"),
    "hydra.sweeper.max_batch_size": ("1", "null", "x"),
    "hydra.sweeper.params": ("{seed: 1}", "{seed: '1,2'}", "null", "3"),
    "hydra.help.template": ("x", "null"),
    "hydra.callbacks": ("{}", "null"),
    "hydra.callbacks.preflight": ("null", "{}", "{_target_: nowhere.Nothing}"),
    "hydra.overrides.task": ("[]", "[seed=2]"),
    "hydra.runtime.choices": ("{}",),
    "hydra.runtime.output_dir": ("x",),
}
_FLAGS = (
    "-m", "--multirun", "--help", "-h", "--hydra-help", "--version", "--cfg job", "--cfg=job",
    "-c hydra", "--cfg all", "--cfg nothing", "--cfg", "--cfg job --resolve", "--resolve",
    "--cfg job --package trainer", "--cfg job -p no.where", "--package data", "--run", "--info",
    "--info searchpath", "--info defaults", "--info defaults-tree", "--info plugins",
    "--info nothing", "--config-name train", "--config-name nope", "--config-name=data/sine",
    "-cn experiment/none", "--config-path nowhere", "--config-path=/", "--config-dir nowhere",
    "--config-dir=.", "-cd ", "--config-dir", "--shell-completion", "-sc install=bash",
    "-sc query=bash", "-sc install=cmd", "--experimental-rerun nowhere", "--nonsense", "-z", "--",
    "-", "--lr=3",
)  # fmt: skip
_NUMBERS = (
    "0", "-0", "-1", "1", "2", "007", "1e999", "-1e999", "1e-999", "nan", "-nan", "NaN", "inf",
    "-inf", "Infinity", "+1", "1.", ".1", "1.5", "1e3", "1E+3", "0x10", "0b1", "0o7", "1_000",
    "1__0", "_1", "1j", "9" * 40, "-" + "9" * 40, "4294967296", "2147483648", "1/2", "50%", "1e",
    "9223372036854775808", "1,5", "१२", "٣",
)  # fmt: skip
_WORDS = (
    "true", "True", "TRUE", "false", "yes", "on", "null", "None", "NULL", "~", "", "none", "auto",
    "abc", "a b", "a=b", "a=b=c", "=", "==", "a:b", "a: b: c", "2024-01-31", "12:30", "!!int 3",
    "&a", "*a", "#x", "- 1", "@", "@here", "a@b", "a@:b", "%", "\\", "\\n", "\\\\", "a\\,b", "|",
    ">", "<", "?", "$", "$$", "$x", "a;b", "`ls`", "$(ls)", "/", "//", "..", "../..", ".", "~/x",
    "/dev/null", "/dev/null/x", "nowhere/at/all", "file", "über", "e\u0301", "日本語", "👩\u200d👧",
    "\u202eabc", "\u00a0", "\u2028", "\ufeff", "\x00", "a\x00b", "\x07", "\x1b[31mred", "\t", "\n",
    "a\nb", "\r", "\r\n", "\udcff", "a\udc80b", "'", '"', "''", '""', "'a", '"a', "a'", "'a'b",
    "'it''s'", "'\\''", '"\\""', "'\\", "__class__", "${", "}", "_target_", "None.None",
    "lambda: 0",
)  # fmt: skip
_INTERPOLATIONS = (
    "${seed}", "${data.tau}", "${nope}", "${data.nope}", "${.seed}", "${..seed}", "${...x}", "${}",
    "${", "${seed", "$seed}", "${${seed}}", "${seed}${seed}", "a${seed}b", "${a b}", "${ seed }",
    "${oc.env:HOME}", "${oc.env:SEQLAB_NOT_SET}", "${oc.env:SEQLAB_NOT_SET,3}", "${oc.env:}",
    "${oc.env:SEQLAB_NOT_SET,null}", "${oc.decode:'[1,2'}", "${oc.decode:3}", "${oc.decode:null}",
    "${oc.create:{a:1}}", "${oc.create:[1,2]}", "${oc.select:seed}", "${oc.select:nope,4}",
    "${oc.dict.keys:data}", "${oc.dict.values:data}", "${oc.deprecated:seed}", "${oc.nope:1}",
    "${run_folder:}", "${run_folder:a,b,c}", "${run_folder:x,${hydra.runtime.choices},[]}",
    "${hydra:job.name}", "${hydra:runtime.cwd}", "${hydra:nope}", "${hydra.job.name}", "${now:%Y}",
    "${now:%}", "${python_version:}", "${python_version:x}", "${nope:1,2}", "${seed:1}", "???",
    "${data}", "${model}", "${trainer}", "${optimizer.betas}", "${optimizer.betas[0]}",
    "${data[tau]}", "${optimizer.betas[9]}", "${callbacks}", "${name}", "${monitor}", "\\${seed}",
    "'${seed}'", '"${seed}"', "${trainer.max_epochs}", "${data.path}", "{a: ${seed}}", "[${nope}]",
)  # fmt: skip
_FUNCTIONS = (
    "glob(*)", "glob([a*],exclude=b)", "glob(", "range(1,3)", "range(3)", "range(1,3,0.5)",
    "range(3,1)", "range(1,3,0)", "range(a,b)", "range()", "choice(1,2)", "choice()", "choice(1",
    "choice([1,2],3)", "choice(choice(1,2))", "interval(0,1)", "interval(1)", "sort(3,1,2)",
    "sort(1)", "sort([2,1],reverse=true)", "shuffle(1,2)", "shuffle([1,2])", "tag(a,choice(1,2))",
    "tag(1)", "int(3.7)", "int('3')", "int(abc)", "int(", "int()", "int([1,2.5])", "float(3)",
    "float('nan')", "float(x)", "str(3)", "str([1,{a:2}])", "str(null)", "bool(1)", "bool('x')",
    "bool(maybe)", "json_str({a:1})", "json_str(3)", "extend_list(1,2)", "nope(3)",
    "int(choice(1,2))", "abs(-1)", "exec(1)", "1,2", "1,", ",1", ",", "1,,2", "a,b,c", "[1],[2]",
    "null,1",
)  # fmt: skip
_CHARACTERS = "abz019 _-./\\:;,=+~@#$%^&*()[]{}<>?!|'\"`\t\n\x00\x1bé👍\udcff"


class Random(random.Random):
    """Chance, and the keys that fit the task of the line."""

    keys: tuple[str, ...] = tuple(VALID)

    def key(self) -> str:
        """Return a key; rarely one of the other task."""
        return self.choice(self.keys if self.random() < 0.95 else tuple(VALID))


def line(seed: int | str, number: int) -> list[str]:
    """Return the words of that line of that seed: 1 to 6, or a few more with flags."""
    rng = Random(f"{seed}:{number}")
    words: list[str] = []
    other = _OF_LANGUAGE
    if rng.random() < 0.35:
        other = _OF_SERIES
        words += ["data=sample_story", f"model={rng.choice(('rnn', 'gru', 'lstm'))}"]
        words += rng.sample(["experiment=none", "trainer=debug"], rng.randrange(2))
    rng.keys = tuple(key for key in VALID if not key.startswith(other))
    several = rng.random() < 0.05
    if several:
        words.append("-m")
    mostly_valid = rng.random() < 0.5
    for _ in range(rng.choice((1, 1, 1, 2, 2, 3, 4))):
        words += _valid(rng) if mostly_valid and rng.random() < 0.8 else _any(rng, several)
    if rng.random() < 0.1:
        rng.shuffle(words)
    return words


def _any(rng: Random, several: bool) -> list[str]:
    kinds = (_valid, _odd_value, _odd_key, _prefixed, _group, _of_hydra, _flag, _resume, _rubbish)
    weights = (10, 26, 14, 12, 14, 12, 8, 4, 6)
    if several and rng.random() < 0.6:
        key = rng.key()
        return [f"{key}={','.join(rng.choices(VALID[key], k=2))}"]
    return rng.choices(kinds, weights)[0](rng)


def _valid(rng: Random) -> list[str]:
    key = rng.key()
    return [f"{key}={rng.choice(VALID[key])}"]


def _odd_value(rng: Random) -> list[str]:
    return [f"{rng.key()}={value(rng)}"]


def _odd_key(rng: Random) -> list[str]:
    key = rng.key()
    match rng.randrange(9):
        case 0 | 1 | 2:
            key = _misspelt(key, rng)
        case 3:
            key = key.rpartition(".")[2]
        case 4:
            key += "." + rng.choice(("x", "_target_", "0", "a.b.c", "", "tau"))
        case 5:
            key = ".".join(rng.choices("abcdefgh", k=rng.choice((2, 8, 60))))
        case 6:
            key = rng.choice(("", ".", "..", "a..b", ".a", "a.", "0", "a[0]", "data[tau]", "a/b"))
        case 7:
            key = rng.choice(("data._target_", "model._target_", "_target_", "model._partial_"))
        case 8:
            key = rng.choice(("défaut", "data.τ", "data tau", "data@tau", "data.tau@x", "${seed}"))
    return [f"{key}={value(rng)}"]


def _prefixed(rng: Random) -> list[str]:
    prefix = rng.choice(("+", "++", "~", "~", "+++", "~~", "+~", "~+", "-", "+ "))
    kind = rng.choice((_valid, _odd_key, _group, _odd_value))
    word = kind(rng)[0]
    if prefix == "~" and rng.random() < 0.7:
        word = word.partition("=")[0]
    if rng.random() < 0.3:
        new = rng.choice(("callbacks.mine", "logger.mine", "data.mine", "mine", "callbacks"))
        word = f"{new}={value(rng)}"
    return [prefix + word]


def _group(rng: Random) -> list[str]:
    group = rng.choice(tuple(GROUPS))
    if rng.random() < 0.5:
        return [f"{group}={rng.choice(GROUPS[group])}"]
    odd = (
        "null", "", "3", "[]", "{}", "[sine,mlp]", "sine,mlp", "../data/sine", "/data/sine", "none",
        "sine.yaml", "a/b", "'sine'", "True", "${seed}", "x y", "time_machine_rnn", "Sine", "mlpp",
    )  # fmt: skip
    choice = rng.choice(odd) if rng.random() < 0.7 else value(rng)
    at = rng.choice(("", "", "", "", "@", "@x", "@data", "@_global_", "@:y", "/x"))
    return [f"{group}{at}={choice}"]


def _of_hydra(rng: Random) -> list[str]:
    key = rng.choice(tuple(_HYDRA))
    chosen = rng.choice(_HYDRA[key]) if rng.random() < 0.6 else value(rng)
    if rng.random() < 0.1:
        key = _misspelt(key, rng)
    return [f"{rng.choice(('', '', '', '', '+', '++', '~'))}{key}={chosen}"]


def _flag(rng: Random) -> list[str]:
    return rng.choice(_FLAGS).split(" ")


def _resume(rng: Random) -> list[str]:
    return [f"{rng.choice(('', '', '', '+', '++', '~'))}resume={value(rng)}"]


def _rubbish(rng: Random) -> list[str]:
    return ["".join(rng.choices(_CHARACTERS, k=rng.choice((0, 1, 2, 5, 20, 200))))]


def _misspelt(key: str, rng: Random) -> str:
    place = rng.randrange(len(key))
    letter = rng.choice("abcdefxyz._-/ é")
    return rng.choice(
        (
            key[:place] + key[place + 1 :],
            key[:place] + letter + key[place:],
            key[:place] + letter + key[place + 1 :],
            key[:place] + key[place : place + 2][::-1] + key[place + 2 :],
            key.upper(),
        )
    )


def value(rng: Random, depth: int = 0) -> str:
    """Return what may be typed after `=`, mostly wrong."""
    match rng.choices(range(9), (8, 8, 6, 5, 3, 3, 2, 1, 1))[0]:
        case 0:
            return rng.choice(_NUMBERS)
        case 1:
            return rng.choice(_WORDS)
        case 2:
            return rng.choice(_INTERPOLATIONS)
        case 3:
            return rng.choice(_FUNCTIONS)
        case 4 if depth < 3:
            items = (value(rng, depth + 1) for _ in range(rng.randrange(4)))
            return f"[{','.join(items)}]"
        case 5 if depth < 3:
            keys = (rng.choice(("a", "_target_", "1", "'b c'", "true", "")) for _ in range(2))
            items = (f"{key}: {value(rng, depth + 1)}" for key in keys)
            return "{" + ",".join(items) + "}"
        case 6:
            return rng.choice(VALID[rng.key()])
        case 7:
            return rng.choice(("x", "9", "[", "{a:", "é", "../", "1,")) * rng.choice(
                (50, 300, 3000)
            )
        case _:
            return _rubbish(rng)[0]
