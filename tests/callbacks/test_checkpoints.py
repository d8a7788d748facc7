"""best.ckpt is of the monitored metric alone, however rarely that is known."""

from collections.abc import Callable

from conftest import Outcome
from seqlab.run_folder import RunFolder


def test_default_monitor_never_compares_validation_with_training(
    train: Callable[..., Outcome],
) -> None:
    # The noise is held out only: validation is always far worse than training.
    words = ["trainer.max_epochs=6", "trainer.check_val_every_n_epoch=3", "logger=csv"]
    few = ["data.num_train=40", "data.batch_size=8", "data.seed=1", "optimizer.lr=0.05"]
    assert train(*words, *few, "hydra.run.dir=run").code == 0
    run = RunFolder("run")
    table = run.read_metrics()
    validated = dict(table["val/loss"])
    assert set(validated) == {3, 6}
    assert min(validated.values()) > min(value for _, value in table["train/loss"][:2])
    assert run.read_result()["best_epoch"] == min(validated, key=validated.__getitem__)


def test_horizons_that_never_fit_are_left_out(train: Callable[..., Outcome]) -> None:
    words = ["callbacks.forecasts.horizons=[2000]", "trainer.max_epochs=1", "hydra.run.dir=run"]
    outcome = train(*words)
    assert outcome.code == 0, outcome.err
    names = RunFolder("run").read_result()["metrics"]
    assert "val/rmse_multistep" in names
    assert not [name for name in names if "@" in name]
