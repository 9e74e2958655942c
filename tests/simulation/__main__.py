"""Stories by hand: `python -m tests.simulation --seeds 100000 --first 1`; a seed that breaks an invariant prints its story."""

from __future__ import annotations

import argparse
import sys
import time
import traceback

from tests.simulation import defects, machine, streams
from tests.simulation.harness import judge


def main() -> int:
    """Play the stories; 1 if any breaks an invariant."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("--seeds", type=int, default=3000, help="how many stories")
    parser.add_argument("--first", type=int, default=1, help="the seed of the first one")
    parser.add_argument("--most", type=int, default=3, help="stop after so many that break an invariant")
    parser.add_argument("--quiet", action="store_true", help="only the invariants, not the stories")
    parser.add_argument("--defects", action="store_true", help="plant each deliberate defect and see it caught")
    parser.add_argument("--only", default="", help="of the defects, the one of this finding")
    parser.add_argument("--delegated", action="store_true", help="stories of uploads with an upload token alone")
    parser.add_argument("--streams", action="store_true", help="stories of streams instead of files")
    options = parser.parse_args()
    if options.defects:
        return defects.main(options.seeds, options.only)
    began, broken, uploads = time.monotonic(), 0, 0
    for seed in range(options.first, options.first + options.seeds):
        try:
            if options.streams:
                story, words = streams.judge(seed)
            else:
                story, words = judge(seed, machine.run, delegated=options.delegated)
        except Exception:  # noqa: BLE001  a fault of the machine is a finding like any other
            print(f"seed {seed}:\n{traceback.format_exc()}")
            broken += 1
        else:
            uploads += len(story.command.uploads)
            if words:
                broken += 1
                print("\n".join([f"seed {seed}: {word}" for word in words] + ([] if options.quiet else ["", str(story), ""])))
        if broken >= options.most:
            break
    print(f"{uploads} uploads of {seed - options.first + 1} seeds in {time.monotonic() - began:.1f} s: {broken} broken")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
