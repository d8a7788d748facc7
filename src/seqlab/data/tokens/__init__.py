"""From a text to token indices: tokenizing, the vocabulary, files of tokens."""
