"""Run the Python of a page as written, in the folder one is in: tour.py README.md"""

import re
import sys
from pathlib import Path


def blocks_of(page: str) -> list[str]:
    """Return the blocks of Python of a page in Markdown."""
    return re.findall(r"```python\n(.*?)```", page, re.DOTALL)


def main(path: str) -> None:
    """Run all blocks, one after the other, in one namespace."""
    names: dict[str, object] = {}
    blocks = blocks_of(Path(path).read_text())
    for number, block in enumerate(blocks):
        print(f"block {number + 1} of {len(blocks)}", flush=True)
        exec(compile(block, f"{path}, block {number + 1}", "exec"), names)


if __name__ == "__main__":
    main(*sys.argv[1:])
