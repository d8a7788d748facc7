"""Random numbers where a run has several processes."""

from lightning.pytorch import Callback, LightningModule, Trainer

from seqlab.training.random_state import seed_rank


class OwnStream(Callback):
    """Lets every process but the first draw numbers of its own, dropout masks above all.

    A checkpoint that the run goes on from brings each its own state, after this.

    Args:
        seed: of the run.
    """

    def __init__(self, seed: int) -> None:
        self.seed = seed

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Begin the stream, after everything has been set up from the one seed."""
        if not trainer.is_global_zero:
            seed_rank(self.seed, trainer.global_rank, trainer.global_step)
