"""What people type: `python -m train`, sweeps and searches, `python -m seqlab VERB`."""
