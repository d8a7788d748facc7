"""Search compared with grid and random search at equal budget."""
