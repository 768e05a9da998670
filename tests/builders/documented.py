"""The commands that README.md and docs/ show, block by block, as one would type them."""

import re
import shlex
from dataclasses import dataclass

PROGRAMS = re.compile(r"(?:\S*/)?(?:python|make|tssd|pip)$")
LONG = "<!-- long -->"


@dataclass(frozen=True)
class Command:
    """A line of a block: its words, without what stands before the program."""

    words: tuple[str, ...]
    long: bool

    @property
    def script(self):
        """What Python runs, e.g. "cli.py"; "" of another program."""
        return self.words[1] if self.words[0].endswith("python") else ""

    @property
    def cli(self):
        """The words behind `cli.py` or `tssd`; empty of another command."""
        if self.script == "cli.py":
            return self.words[2:]
        return self.words[1:] if self.words[0].endswith("tssd") else ()


def blocks(text):
    """Each block of commands, as a list; lines that end in a backslash are joined.

    A block is indented or fenced. What is timed (`taskset`) is long, and so is a block
    that comes behind a line `LONG`.
    """
    found, long = [], False
    for line in [*re.sub(r"\\\n *", " ", text).splitlines(), "end"]:
        command = _command(line, long)
        if command:
            found.append(command)
        elif line == LONG:
            long = True
        elif line and not line.startswith("    "):
            if found:
                yield found
                long = False
            found = []


def _command(line, long):
    """The command of a line of a block, or None."""
    if not line.startswith("    "):
        return None
    try:
        words = shlex.split(line, comments=True)
    except ValueError:  # prose, or another language
        return None
    words = [word for word in words if word != "$"]
    while words and re.fullmatch(r"[A-Z_]+=\S*", words[0]):
        words = words[1:]
    timed = words[:1] == ["taskset"]
    words = words[3:] if timed else words
    if len(words) < 2 or words[1] == "=" or not PROGRAMS.match(words[0]):
        return None
    return Command(tuple(words), long or timed)
