"""Stands for another rank's process: does what its order's configuration says."""

import json
import os
import pickle
import signal
import sys
import time


def say(state: str, **more: object) -> None:
    print(json.dumps({"state": state, **more}), flush=True)


order = pickle.load(sys.stdin.buffer)
print("a word from", order.place.rank, file=sys.stderr, flush=True)
for deed in order.config["does"]:
    if deed == "ready":
        say("ready", digest="same")
    elif deed == "done":
        say("done")
    elif deed == "fail":
        say("failed", message="ValueError: no luck", hint="Try again.", lost_another=False)
        sys.exit(1)
    elif deed == "lose":
        say("failed", message="RuntimeError: gloo", hint="", lost_another=True)
        sys.exit(1)
    elif deed == "die":
        os.kill(os.getpid(), signal.SIGKILL)
    elif deed == "exit":
        os._exit(7)
    elif deed == "wait":
        sys.stdin.read()
    else:
        time.sleep(float(deed))
