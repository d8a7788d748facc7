"""Every recurrence by its name."""

from seqlab.models.scans import gru, lstm, rnn

CELLS = {cell.name: cell for cell in (rnn.CELL, gru.CELL, lstm.CELL)}
"""What `model.cell` may be; `config/validate/rules.py` lists the same names."""
