"""Random damage to a finished run, each from its seed and number alone.

python tests/fuzz/damage.py SEED NUMBER RUN_FOLDER      one damage again, on a copy of that run
"""

import json
import random
import shutil
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from harness import Answer, answer, complaints

REPLAY = "python tests/fuzz/damage.py {seed} {number} RUN_FOLDER"
_FILES = (
    "config.yaml", "config.yaml", "config.yaml", "result.json", "result.json", "metrics.csv",
    "samples.txt", "checkpoints/best.ckpt", "checkpoints/best.ckpt", "checkpoints/last.ckpt",
    "checkpoints/last.ckpt", "run.log", "checkpoints", "figures", "tensorboard", "events",
)  # fmt: skip
_ODD_TEXTS = (
    "", "\n", "{}", "[]", "null", "3", '"x"', "[1, 2", "{", "a: b: c", "- a\n- b", "\t", "é" * 9,
    "a: &x [*x]", "!!python/object/apply:os.getcwd []", "? ", "---\n---\n", "\x00", "%YAML 9.9",
    "a: 1\na: 2\n", "<<: 3", "{1: 2, null: 3, true: 4}", "[" * 3000, "a: [" * 2000, "x" * 100_000,
    '{"status": "completed"}', '{"status": 3}', '{"status": "completed", "metrics": 3}',
    '{"status": "completed", "epochs": "x", "overrides": 5, "warnings": {}, "duration_s": "y"}',
    "epoch,a\n1\n", "epoch,a\nx,y\n", 'epoch,a\n1,"2', "a,b,c\n1,2\n", "epoch\n1\n1\n",
)  # fmt: skip
_ODD_VALUES = (
    "3", "-1", "null", "[]", "{}", "x", "${nope}", "${seed}", "[1, 2]", "{a: 1}", "1e999", ".nan",
    "true", "''", "9999999999999", "???", "${oc.env:HOME}", "!!binary aGk=", "2024-01-31", "é",
    "{_target_: os.getcwd}", "{_target_: nowhere.Nothing}", "seqlab.models.mlp.MLP", "0",
)  # fmt: skip


@dataclass
class Damage:
    """What was done to a run, and what was asked of it afterwards."""

    what: str
    words: list[str]


def damaged(folder: Path, seed: int | str, number: int) -> Damage:
    """Damage the run in that folder; return what was done and a command to be run on it."""
    rng = random.Random(f"{seed}:{number}")
    done = [_damage(folder, rng) for _ in range(rng.choice((1, 1, 1, 1, 2, 3)))]
    return Damage("; ".join(done), _words(folder, rng))


def _words(folder: Path, rng: random.Random) -> list[str]:
    run = str(folder)
    checkpoint = rng.choice((["--checkpoint", "last"], []))
    if rng.random() < 0.45:
        own = "generate" if (folder / "samples.txt").exists() or rng.random() < 0.5 else "forecast"
        own_words = [own, run, *checkpoint, *(["--num-tokens", "3"] if own == "generate" else [])]
        return rng.choice(([*own_words], ["evaluate", run, *checkpoint]))
    more = rng.choice(([], ["trainer.max_epochs=3"], ["trainer.max_epochs=6", "logger=csv"]))
    return ["train", f"resume={run}", *(more if rng.random() < 0.9 else ["optimizer.lr=1"])]


def _damage(folder: Path, rng: random.Random) -> str:
    name = rng.choice(_FILES)
    file = folder / name
    if name == "events":
        file = next(iter(folder.glob("tensorboard/**/events*")), file)
    if not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True) if not file.parent.exists() else None
        if not file.parent.is_dir():
            return "nothing"
        file.write_text("x")
        return f"{name} made"
    if file.is_dir():
        shutil.rmtree(file)
        if rng.random() < 0.5:
            file.write_text("a file")
            return f"{name} made a file"
        return f"{name} deleted"
    kinds: list[Callable[[Path, random.Random], str]] = [
        _truncated, _flipped, _zeroed, _deleted, _a_folder, _random_bytes, _text, _line_lost,
        _swapped, _doubled,
    ]  # fmt: skip
    if name.endswith((".yaml", ".json")):
        kinds += [_value_changed] * 8
    return f"{name} {rng.choice(kinds)(file, rng)}"


def _truncated(file: Path, rng: random.Random) -> str:
    content = file.read_bytes()
    size = rng.choice((0, 1, len(content) // 2, max(len(content) - 1, 0)))
    file.write_bytes(content[:size])
    return f"truncated to {size} bytes"


def _flipped(file: Path, rng: random.Random) -> str:
    content = bytearray(file.read_bytes())
    if not content:
        return "already empty"
    places = [rng.randrange(len(content)) for _ in range(rng.choice((1, 1, 8)))]
    for place in places:
        content[place] ^= 1 << rng.randrange(8)
    file.write_bytes(content)
    return f"with bits flipped at {places}"


def _zeroed(file: Path, rng: random.Random) -> str:
    content = bytearray(file.read_bytes())
    start = rng.randrange(len(content) + 1)
    size = min(rng.choice((1, 16, 512)), len(content) - start)
    content[start : start + size] = bytes(size)
    file.write_bytes(content)
    return f"with {size} zeros at {start}"


def _deleted(file: Path, rng: random.Random) -> str:
    file.unlink()
    return "deleted"


def _a_folder(file: Path, rng: random.Random) -> str:
    file.unlink()
    file.mkdir()
    return "made a folder"


def _random_bytes(file: Path, rng: random.Random) -> str:
    file.write_bytes(rng.randbytes(rng.choice((1, 100, 5000))))
    return "replaced by random bytes"


def _text(file: Path, rng: random.Random) -> str:
    text = rng.choice(_ODD_TEXTS)
    file.write_text(text, encoding="utf-8")
    return f"replaced by {text[:60]!r}"


def _line_lost(file: Path, rng: random.Random) -> str:
    lines = file.read_bytes().splitlines(keepends=True)
    if not lines:
        return "already empty"
    lost = lines.pop(rng.randrange(len(lines)))
    file.write_bytes(b"".join(lines))
    return f"without {lost[:80]!r}"


def _swapped(file: Path, rng: random.Random) -> str:
    others = [other for other in sorted(file.parents[0].rglob("*")) if other.is_file()]
    other = rng.choice(others)
    file.write_bytes(other.read_bytes())
    return f"replaced by {other.name}"


def _doubled(file: Path, rng: random.Random) -> str:
    file.write_bytes(file.read_bytes() * 2)
    return "twice behind itself"


def _value_changed(file: Path, rng: random.Random) -> str:
    """Change one line's key or value: well-formed mostly, and wrong."""
    lines = file.read_text(encoding="utf-8", errors="replace").splitlines()
    places = [i for i, text in enumerate(lines) if ":" in text]
    if not places:
        return "without any key"
    place = rng.choice(places)
    key, _, old = lines[place].partition(":")
    value = rng.choice(_ODD_VALUES)
    if file.suffix == ".json":
        value = json.dumps(rng.choice((3, -1, None, [], {}, "x", [1], {"a": 1}, True, 1e300)))
        lines[place] = f"{key}: {value}{',' if old.endswith(',') else ''}"
    else:
        lines[place] = rng.choice(
            (f"{key}: {value}", f"{key}x:{old}", f"{key}: {value}\n{key}2: 1")
        )
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return f"with {lines[place]!r} for {key + ':' + old!r}"


def asked(words: list[str]) -> Answer:
    """Run the command in this process."""
    from seqlab.commands.main import main as verb
    from seqlab.commands.train import main as train

    return answer(train, words[1:]) if words[0] == "train" else answer(verb, words)


def tried(run: Path, seed: int | str, number: int, place: Path) -> tuple[Damage, Answer, list[str]]:
    """Damage a copy of the run, ask something of it, and return what is wrong with the answer."""
    shutil.copytree(run, place)
    damage = damaged(place, seed, number)
    got = asked(damage.words)
    found = complaints(got)
    if got.code == 2 and "generate" not in damage.words[0] and got.out:
        found.append("a refusal wrote to standard output")
    shutil.rmtree(place)
    return damage, got, found


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as temporary:
        place = Path(temporary) / "run"
        damage, got, found = tried(Path(sys.argv[3]), sys.argv[1], int(sys.argv[2]), place)
    print(f"{damage.what}\n{damage.words}\nexit code {got.code} {got.escaped}\n{got.out}{got.err}")
    print(found)
    sys.exit(bool(found))
