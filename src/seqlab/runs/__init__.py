"""One run, from its configuration to its result, and what is read back from its folder."""
