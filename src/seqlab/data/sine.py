"""The chapter's synthetic series: a sine wave under Gaussian noise."""

import torch
from torch import Tensor

from seqlab.data.series import SeriesData


class SineData(SeriesData):
    """x_t = sin(frequency * t) + noise, t = 1 .. length (Dive into Deep Learning, section 9.1).

    Args:
        length: number of steps.
        frequency: radians a step.
        noise: standard deviation of the noise.
        tau, num_train, num_val, batch_size: see `SeriesData`.
        seed: of the noise, and of the batch order.
    """

    def __init__(
        self,
        *,
        length: int = 1000,
        frequency: float = 0.01,
        noise: float = 0.2,
        tau: int = 4,
        num_train: int = 600,
        num_val: int | None = None,
        batch_size: int = 16,
        seed: int = 0,
    ) -> None:
        super().__init__(
            tau=tau, num_train=num_train, num_val=num_val, batch_size=batch_size, seed=seed
        )
        self.length = length
        self.frequency = frequency
        self.noise = noise

    def clean_series(self) -> Tensor:
        """Return the wave itself, `(length,)` float32."""
        time = torch.arange(1, self.length + 1, dtype=torch.float64)
        return torch.sin(self.frequency * time).float()

    def make_series(self) -> Tensor:
        """Return the wave with its noise, `(length,)` float32."""
        generator = torch.Generator().manual_seed(self.seed)
        return self.clean_series() + self.noise * torch.randn(self.length, generator=generator)
