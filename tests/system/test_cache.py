"""Where seqlab keeps its own files."""

import os
from pathlib import Path

import pytest

from seqlab.system.cache import user_cache


def test_user_without_a_home_has_a_cache_all_the_same(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert user_cache() == tmp_path / "seqlab"

    def homeless(path: Path) -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "expanduser", homeless)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    assert user_cache() == tmp_path / f"seqlab-{os.getuid()}"
