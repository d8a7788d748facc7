"""The folder of a run: its file names, its lock, its checkpoint files, its saved configuration."""
