"""Every plot, from plain arrays; nothing here knows a model, a data module or a screen."""

from seqlab.figures.runs import curves, predictions, series

__all__ = ["curves", "predictions", "series"]
