"""What `python -m seqlab` does with a finished run, a module a verb."""
