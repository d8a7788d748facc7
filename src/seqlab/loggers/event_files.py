"""The event files of a run: cut back to a checkpoint, and the file of its hyperparameters."""

import io
import os
import time
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from seqlab.system.files import write_bytes

_HYPERPARAMETERS = "events.out.tfevents.0000000000.hyperparameters"
"""Read before all others, since a file's name begins with the second it was made in."""


def sizes(folder: Path) -> dict[str, int]:
    """Return the length in bytes of each file that records are appended to, by name."""
    return {file.name: file.stat().st_size for file in _appended(folder)}


def cut_back(folder: Path, kept: Mapping[str, int]) -> None:
    """Remove what came later than `sizes` said; a file that has lost its end stays as it is."""
    for file in _appended(folder):
        size = kept.get(file.name, 0)
        if size <= 0:
            file.unlink()
        elif file.stat().st_size > size:
            os.truncate(file, size)


def begin_again(folder: Path) -> None:
    """Remove everything that an earlier attempt has written."""
    cut_back(folder, {})


def _appended(folder: Path) -> list[Path]:
    files = sorted(folder.glob("events.out.tfevents.*"))
    return [f for f in files if f.name != _HYPERPARAMETERS and f.is_file() and not f.is_symlink()]


def write_hyperparameters(folder: Path, values: Mapping[str, Any]) -> None:
    """Write the run's hyperparameters, over those of an earlier part.

    There is no list of the columns: HParams shows that of one run for all of them. Without any it
    shows the keys and metrics of every run, those keys first in which the runs differ.
    """
    from tensorboard.compat.proto.event_pb2 import Event
    from tensorboard.plugins.hparams.metadata import SESSION_START_INFO_TAG
    from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData, SessionStartInfo
    from tensorboard.summary.writer.record_writer import RecordWriter

    info = SessionStartInfo(start_time_secs=time.time())
    for key, value in values.items():
        if isinstance(value, bool):
            info.hparams[key].bool_value = value
        elif isinstance(value, int | float):
            info.hparams[key].number_value = value
        else:
            info.hparams[key].string_value = str(value)
    summary = _summary(SESSION_START_INFO_TAG, HParamsPluginData(session_start_info=info))
    packed = io.BytesIO()
    writer = RecordWriter(packed)
    for content in ({"file_version": "brain.Event:2"}, {"summary": summary}):
        writer.write(Event(wall_time=time.time(), **content).SerializeToString())
    folder.mkdir(parents=True, exist_ok=True)
    write_bytes(folder / _HYPERPARAMETERS, packed.getvalue())


def link_event_files(folder: Path, target: Path, first: Collection[str]) -> None:
    """Link a run's event files into another folder; its hyperparameters are a copy.

    HParams sorts keys by name. A space before a name is not seen, and comes before all letters.

    Args:
        folder: the run's.
        target: where the links go, beside those that are there.
        first: the keys that HParams is to show before the others.
    """
    for file in _appended(folder):
        if not os.path.lexists(target / file.name):
            (target / file.name).symlink_to(file.resolve())
    source, copy = folder / _HYPERPARAMETERS, target / _HYPERPARAMETERS
    if source.is_file() and not copy.exists():
        copy.write_bytes(_renamed(source, {key: f" {key}" for key in first}))


def _renamed(source: Path, names: Mapping[str, str]) -> bytes:
    from tensorboard.backend.event_processing.event_file_loader import RawEventFileLoader
    from tensorboard.compat.proto.event_pb2 import Event
    from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData
    from tensorboard.summary.writer.record_writer import RecordWriter

    packed = io.BytesIO()
    writer = RecordWriter(packed)
    for record in RawEventFileLoader(str(source)).Load():
        event = Event.FromString(record)
        for value in event.summary.value:
            plugin = value.metadata.plugin_data
            data = HParamsPluginData.FromString(plugin.content)
            found = data.session_start_info.hparams
            for key in names.keys() & set(found):
                found[names[key]].CopyFrom(found.pop(key))
            plugin.content = data.SerializeToString()
        writer.write(event.SerializeToString())
    return packed.getvalue()


def session_end(*, succeeded: bool) -> Any:
    """Return what tells HParams how a run has ended."""
    from tensorboard.plugins.hparams.api_pb2 import Status
    from tensorboard.plugins.hparams.metadata import SESSION_END_INFO_TAG
    from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData, SessionEndInfo

    status = Status.Value("STATUS_SUCCESS" if succeeded else "STATUS_FAILURE")
    info = SessionEndInfo(status=status, end_time_secs=time.time())
    return _summary(SESSION_END_INFO_TAG, HParamsPluginData(session_end_info=info))


def _summary(tag: str, content: Any) -> Any:
    from tensorboard.compat.proto.summary_pb2 import Summary
    from tensorboard.plugins.hparams.metadata import NULL_TENSOR, create_summary_metadata

    metadata = create_summary_metadata(content)
    return Summary(value=[Summary.Value(tag=tag, metadata=metadata, tensor=NULL_TENSOR)])
