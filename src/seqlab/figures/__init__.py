"""Every plot, from plain arrays; nothing here knows a model, a data module or a screen."""

from seqlab.figures.runs import curves, frequencies, predictions, series
from seqlab.figures.style import png_of

__all__ = ["curves", "frequencies", "png_of", "predictions", "series"]
