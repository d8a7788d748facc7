"""The published results of the chapter compared with ours."""
