"""Print the shell code blocks of a Markdown file, one line each: a block is one command line."""

import re
import sys
from pathlib import Path

for block in re.findall(r"```(?:bash|sh|console)\n(.*?)```", Path(sys.argv[1]).read_text(encoding="utf-8"), re.S):
    print(" ".join(line.strip().rstrip("\\") for line in block.strip().splitlines()))
