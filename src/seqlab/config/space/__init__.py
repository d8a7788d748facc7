"""The space of a search: what it varies, and how that is read."""
