"""The child process of the doctor, `python -m fnn.doctor.child`.

It reads pickled trials from standard input and prints an outcome after each, as a line of JSON.
"""

import json
import pickle
import sys

from fnn.doctor.trial import attempt


def main() -> None:
    """Try what standard input holds."""
    for canary, seed, with_options in pickle.load(sys.stdin.buffer):
        print(json.dumps(attempt(canary, seed, with_options)), flush=True)


if __name__ == "__main__":
    main()
