"""Hydra's callback: has the folder of a run claimed before anything of the run is written."""

from pathlib import Path
from typing import Any

from hydra.experimental.callback import Callback
from omegaconf import DictConfig
from omegaconf.errors import OmegaConfBaseException

from seqlab.config.compose.naming import text_of
from seqlab.config.compose.preflight import named, without_hydra
from seqlab.runs.folder.lock import claim, note_missing
from seqlab.system.errors import EXIT_FAILED, EXIT_USAGE, UserError, first_line, print_error


class ClaimFolder(Callback):
    """Refuses a run whose folder is another's, or cannot be made."""

    def on_run_start(self, config: DictConfig, **kwargs: Any) -> None:
        """Claim the folder; a refusal ends the process, since Hydra only warns of exceptions."""
        try:
            task = without_hydra(config)
            note_missing(Path(config.hydra.run.dir))
            claim(Path(config.hydra.run.dir), text_of(named(task, config.hydra)))
        except UserError as error:
            print_error(error)
            raise SystemExit(EXIT_USAGE) from None
        except OmegaConfBaseException as error:
            print_error(UserError(f"hydra.run.dir: {first_line(error)}", "Give it a value."))
            raise SystemExit(EXIT_USAGE) from None
        except Exception as error:
            print_error(error)
            raise SystemExit(EXIT_FAILED) from None
