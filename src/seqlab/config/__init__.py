"""From words to one checked configuration: compose, validate, space. Nothing here imports torch."""
