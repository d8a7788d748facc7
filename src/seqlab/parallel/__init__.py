"""One run on several devices: who each process is, what they agree on, how they are started."""
