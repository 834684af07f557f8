"""Stands for an extraction that takes very long: says that it has begun, and goes on until it is ended."""

import json
import os
import sys
import time
from pathlib import Path

if __name__ == "__main__":
    Path(sys.argv[3]).write_text(str(os.getpid()))
    sys.stdout.write(json.dumps({"done": 1, "of": 2}) + "\n")
    sys.stdout.flush()
    while True:
        time.sleep(60)
