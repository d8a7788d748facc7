"""Where a run's time goes: phases that exclude each other, a table of them, what to do about it."""
