"""Where seqlab keeps its own files, which nobody else can have put there."""

import os
from pathlib import Path
from types import SimpleNamespace

import pytest

from seqlab.system import cache
from seqlab.system.cache import not_own, own_folder, user_cache

STRANGER = 54321


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    """A file in a folder of its own, made while everyone may write what one makes."""
    before = os.umask(0)
    folder = own_folder(tmp_path / "seqlab" / "kernels")
    os.umask(before)
    (folder / "file").write_text("x")
    (folder / "file").chmod(0o644)
    return folder / "file"


def test_what_one_has_made_oneself_is_trusted(kept: Path) -> None:
    assert not_own(kept) == ""
    assert not_own(kept.with_name("missing")) == ""
    assert not_own(kept.parents[2] / "nowhere" / "at" / "all") == ""


@pytest.mark.parametrize("level", [0, 1, 2])
@pytest.mark.parametrize("mode", [0o757, 0o777, 0o775])
def test_what_others_may_write_is_not(
    kept: Path, level: int, mode: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cache, "_is_alone_in", lambda group: False)
    open_to_all = (kept, *kept.parents)[level]
    open_to_all.chmod(mode)
    assert not_own(kept) == f"others may write to {open_to_all} (chmod go-w {open_to_all})"
    assert (not_own(kept, level - 1) == "") == (level > 0)


def test_group_of_one_s_own_and_folder_where_nobody_removes_another_s_files_are_trusted(
    kept: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cache, "_is_alone_in", lambda group: True)
    kept.parent.chmod(0o775)
    assert not_own(kept) == ""
    kept.parents[1].chmod(0o1777)
    assert not_own(kept) == ""
    kept.parent.chmod(0o777)
    assert not_own(kept).startswith("others may write")


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="needs owners of files")
@pytest.mark.parametrize("level", [0, 1, 2])
def test_what_another_person_owns_is_not(
    kept: Path, level: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    theirs, real = (kept, *kept.parents)[level], Path.stat

    def stat(self: Path, **options: bool) -> os.stat_result:
        found = list(real(self, **options))
        if self == theirs:
            found[4] = STRANGER
        return os.stat_result(found)

    monkeypatch.setattr(Path, "stat", stat)
    assert not_own(kept) == f"{theirs} belongs to another user"


def test_group_with_others_in_it_is_not_one_s_own(monkeypatch: pytest.MonkeyPatch) -> None:
    me = SimpleNamespace(pw_name="me")
    own = SimpleNamespace(gr_name="me", gr_mem=[])
    shared = SimpleNamespace(gr_name="me", gr_mem=["me", "you"])
    staff = SimpleNamespace(gr_name="staff", gr_mem=[])
    monkeypatch.setattr("pwd.getpwuid", lambda uid: me)
    for group, alone in ((own, True), (shared, False), (staff, False)):
        monkeypatch.setattr("grp.getgrgid", lambda gid, group=group: group)
        assert cache._is_alone_in(7) == alone


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
