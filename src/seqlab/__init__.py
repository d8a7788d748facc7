"""seqlab: a PyTorch Lightning and Hydra laboratory for sequence models."""

__version__ = "0.1.0"
