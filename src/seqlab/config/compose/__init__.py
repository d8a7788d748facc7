"""From words to a composed configuration: the command line, overrides, the jobs of a sweep."""
