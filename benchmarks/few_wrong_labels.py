"""What happens to labels that are right where few or none are wrong: digits, by rate of noise.

    python benchmarks/few_wrong_labels.py           # seeds 0, 1 and 2
    python benchmarks/few_wrong_labels.py 7         # other seeds

Each row is the digits recipe on these seeds (noise, golden samples, weights and purification each
with the seed), with golden samples and with `golden.source = "certain"`: means, and the least
recall of the seeds.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

ROOT = Path(__file__).parent.parent
RATES = (0.0, 0.05, 0.1)


def run(source: str, rate: float, seed: int, folder: Path) -> dict:
    chosen = (
        f"golden.source={source}",
        f"noise.rate={rate}",
        f"noise.seed={100 + seed}",
        f"golden.seed={seed}",
        f"purify.seed={seed}",
        f"train.seed={seed}",
    )
    command = [sys.executable, "cli.py", "train", "recipes/digits.toml", "--out", str(folder)]
    command += [word for setting in chosen for word in ("--set", setting)]
    subprocess.run(
        command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    return json.loads((folder / "summary.json").read_text())


def main(seeds: list[int]) -> None:
    print("| golden | rate | wrong | kept recall | least | kept precision | AUROC | accuracy |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- |", flush=True)
    for source in ("trusted", "certain"):
        for rate in RATES:
            with tempfile.TemporaryDirectory() as folder:
                runs = [run(source, rate, seed, Path(folder) / str(seed)) for seed in seeds]
            recall = [r["kept"]["recall"] for r in runs]
            auroc = [r["label_error_auroc"] for r in runs]
            cells = (
                f"{np.mean([r['effective_noise_rate'] for r in runs]):.4f}",
                f"{np.mean(recall):.4f}",
                f"{min(recall):.4f}",
                f"{np.mean([r['kept']['precision'] for r in runs]):.4f}",
                "-" if None in auroc else f"{np.mean(auroc):.4f}",
                f"{np.mean([r['accuracy']['last'] for r in runs]):.4f}",
            )
            print(f"| {source} | {rate} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main([int(word) for word in sys.argv[1:]] or [0, 1, 2])
