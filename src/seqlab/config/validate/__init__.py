"""Which configurations may run: keys, values, combinations, and what may be instantiated."""
