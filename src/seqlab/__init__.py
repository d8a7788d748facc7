"""seqlab: a PyTorch Lightning and Hydra laboratory for sequence models."""

from seqlab.config.validate.allowlist import allow

__all__ = ["__version__", "allow"]

__version__ = "0.1.0"
