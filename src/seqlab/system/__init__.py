"""What everything else stands on: files, messages, errors, signals, cores, memory, the compiler."""
