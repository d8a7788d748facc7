"""The published results of the chapter beside ours."""
