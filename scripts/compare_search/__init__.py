"""Search beside grid and random search, at equal budget."""
