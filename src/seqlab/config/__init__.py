"""From the command line to one composed, checked configuration. Nothing here imports torch."""
