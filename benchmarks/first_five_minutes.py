"""The first five minutes of a newcomer, timed: from the clone to what ten decisions gained.

    python benchmarks/first_five_minutes.py

Clones this repository's last commit into an empty folder, makes the environment, runs `make demo`,
opens the page that it ends with in Chromium, confirms ten suspects by key, exports them, and runs
the commands that `make demo` printed. A line a step: seconds by the clock, and of processor time,
which tell more on a machine that is shared. Needs git, chromium, and playwright (the extra dev).
The environment is made anew: packages come from the registry, or from pip's cache of it.

--keep leaves the folder.
"""

from __future__ import annotations

import argparse
import os
import re
import resource
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parent.parent
DECISIONS = 10
LIMIT = 900  # seconds of a step


def run(command: list[str], folder: Path) -> str:
    """What a command printed.

    Raises:
        SystemExit: it failed; what it said is shown.
    """
    clean = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "VIRTUAL_ENV")}
    try:
        done = subprocess.run(
            command, cwd=folder, env=clean, capture_output=True, text=True, timeout=LIMIT
        )
    except subprocess.TimeoutExpired:
        sys.exit(f"{shlex.join(command)} took more than {LIMIT} s. --keep leaves the folder there.")
    if done.returncode:
        sys.exit(f"{shlex.join(command)} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
    return done.stdout


def decide(page_address: str, decisions: Path) -> None:
    """Confirm the first suspects on the page, and export the file."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        browser = driver.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox"]
        )
        page = browser.new_page()
        page.goto(page_address)
        page.locator("#stage > .picture").wait_for()
        for _ in range(DECISIONS):
            page.keyboard.press("c")
        page.locator("#export").click()
        with page.expect_download() as download:
            page.locator("#write").click()
        download.value.save_as(decisions)
        browser.close()


def steps(clone: Path) -> Iterator[tuple[str, str]]:
    """Each step as it is done: its name, and the last line that it printed."""
    run(["git", "clone", "--quiet", str(ROOT), str(clone)], clone.parent)
    yield "git clone", ""
    run(["make", ".venv/ready"], clone)
    yield "make demo: the environment", ""
    printed = run(["make", "demo"], clone)
    accuracy = re.search(r"test accuracy, last epoch +(\S+)", printed)
    yield "make demo: the run and its audit", f"test accuracy {accuracy[1] if accuracy else '?'}"
    address = printed.split("The page: ")[1].strip()
    decide(address, clone / "decisions.csv")
    yield f"the page: {DECISIONS} decided, exported", address.rpartition("/")[2]
    follow = [line.strip() for line in printed.splitlines() if line.startswith("  .venv/bin/")]
    for name, line in zip(("relabel", "the second run", "compare"), follow, strict=True):
        printed = run(shlex.split(line), clone)
        yield name, printed.strip().splitlines()[0 if name == "relabel" else -1]


def seconds() -> tuple[float, float]:
    """By the clock, and of processor time of all that was run so far."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return time.monotonic(), sum(one.ru_utime + one.ru_stime for one in used)


def main() -> None:
    """Do and time every step."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=RAW)
    parser.add_argument("--keep", action="store_true")
    keep = parser.parse_args().keep
    folder = Path(tempfile.mkdtemp(prefix="five_minutes_"))
    commit = run(["git", "rev-parse", "--short", "HEAD"], ROOT).strip()
    print(f"commit {commit}, {os.cpu_count()} threads, load {os.getloadavg()[0]:.1f}")
    began = before = seconds()
    print("  clock  processor")
    try:
        for name, said in steps(folder / "tssd_keras"):
            now = seconds()
            print(
                f"{now[0] - before[0]:7.1f}  {now[1] - before[1]:9.1f}  {name:<36} {said}",
                flush=True,
            )
            before = now
        print(f"{before[0] - began[0]:7.1f}  {before[1] - began[1]:9.1f}  in all")
    finally:
        if keep:
            print(f"everything is in {folder}")
        else:
            shutil.rmtree(folder, ignore_errors=True)


RAW = argparse.RawDescriptionHelpFormatter

if __name__ == "__main__":
    main()
