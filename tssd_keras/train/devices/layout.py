"""How a batch is split over devices and processes."""

from __future__ import annotations

from dataclasses import dataclass

MIRRORED = "MirroredStrategy"
MOST_VIRTUAL = 64  # devices of a processor that one process makes


def check_virtual(n: int) -> None:
    """Raise ValueError if one process shall have more devices than are of use without accelerator.

    Each holds the whole model; a million of them hold all memory.
    """
    if n > MOST_VIRTUAL:
        raise ValueError(
            f"--devices must be at most {MOST_VIRTUAL} in one process, got {n}: each holds the "
            "whole model, and without an accelerator they are virtual ones of the processor. Try "
            "--devices all."
        )


@dataclass(frozen=True)
class Layout:
    """Devices that each hold the whole model and take an equal share of every batch.

    Attributes:
        n: how many, in all processes together.
        n_processes: each with equally many of them.
        process: number of this process, counted from 0. The first one writes files.
        what: their name, for messages: "DataParallel", `MIRRORED`; "": one device.
    """

    n: int = 1
    n_processes: int = 1
    process: int = 0
    what: str = ""

    def __str__(self) -> str:
        if self.n == 1:
            return "one device"
        several = f" in {self.n_processes} processes" if self.n_processes > 1 else ""
        return f"{self.n} devices ({self.what}){several}"

    def check_batch(self, batch_size: int) -> None:
        """Raise ValueError unless the devices can take equal shares of a batch."""
        if batch_size % self.n:
            below = batch_size - batch_size % self.n
            sizes = " or ".join(str(size) for size in (below, below + self.n) if size)
            raise ValueError(
                f"a batch must be split evenly over {self}, got a batch size of {batch_size}. Try "
                f"{sizes}. (In a recipe it is train.batch_size.)"
            )

    def check_updates_at_once(self, n: int) -> None:
        """Raise ValueError unless so many updates can be one call (`steps_per_execution`)."""
        if n > 1 and self.what == MIRRORED:
            raise ValueError(
                f"steps_per_execution must be 1 on {self}, got {n}: the loop that Keras 3 makes of "
                "several updates fails there with any model. Leave it out (in a recipe it is "
                "train.steps_per_execution), or take one device, or JAX."
            )

    def whole(self, n_rows: int) -> int:
        """The least number of rows, at least so many, of which devices take equal shares."""
        return -(-n_rows // self.n) * self.n

    def share(self, n_rows: int) -> slice:
        """Which of the rows of a batch this process reads; `n_rows` is a multiple of `n`."""
        size = n_rows // self.n_processes
        return slice(self.process * size, (self.process + 1) * size)
