"""TensorBoard over a folder, and what a browser shows of its pages."""

import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from seqlab.runs.folder.run_folder import RunFolder

# TensorBoard's pages are made of web components; their text lies in shadow roots.
VISIBLE_TEXT = """
const found = [];
const walk = (node) => {
  if (node.nodeType === 3) found.push(node.textContent.trim());
  if (node.shadowRoot) walk(node.shadowRoot);
  for (const child of node.childNodes)
    if (!['STYLE', 'SCRIPT', 'NOSCRIPT'].includes(child.nodeName)) walk(child);
};
walk(document.body);
return found.filter(Boolean).join('\\n');
"""


def events(run: RunFolder) -> EventAccumulator:
    """Return all that a run wrote for TensorBoard."""
    accumulator = EventAccumulator(str(run.tensorboard), size_guidance={"scalars": 0, "images": 0})
    accumulator.Reload()
    return accumulator


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """Yield the address of a TensorBoard server over a folder."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "tensorboard.main", "--logdir", str(folder)]
    server = subprocess.Popen(
        [*command, "--port", str(port), "--host", "127.0.0.1", "--load_fast=false"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    address = f"http://127.0.0.1:{port}/"
    try:
        deadline = time.monotonic() + 60
        while True:
            try:
                urllib.request.urlopen(address, timeout=5).read()
                break
            except OSError:
                assert time.monotonic() < deadline, "TensorBoard did not start"
                time.sleep(0.2)
        yield address
    finally:
        server.terminate()
        server.wait()


def page(browser: Any, address: str, tab: str, *expected: str) -> str:
    """Open a tab and return its text once everything expected is there, or what there is."""
    browser.get("about:blank")
    browser.get(f"{address}#{tab}")
    deadline = time.monotonic() + 60
    while True:
        text: str = browser.execute_script(VISIBLE_TEXT)
        if all(word in text for word in expected) or time.monotonic() > deadline:
            return text
        time.sleep(0.3)
