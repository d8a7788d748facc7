"""Imported first by the process that jobs are forked from: signals are for the jobs, not for it.

They are held back there, and in a job until `DeferredSignals` can keep them; none is lost.
"""

import signal

if hasattr(signal, "pthread_sigmask"):
    signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGINT, signal.SIGTERM))
