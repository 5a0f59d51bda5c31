"""moto as it ships: it parses the JSON of a policy for every request, has no boundaries and reads few conditions.

Reads the task as JSON from standard input; writes {"name", "seconds", "verdicts"}, one entry a round.
"""

from __future__ import annotations

import json
import sys
import time

try:
    import moto
    from moto.iam.access_control import IAMPolicy
except ModuleNotFoundError as error:
    sys.exit(f"no module {error.name}")

VERDICTS = {"PERMITTED": "allowed", "DENIED": "explicitDeny", "NEUTRAL": "implicitDeny"}


def main():
    task = json.load(sys.stdin)
    text = json.dumps(task["boundary"])
    seconds, verdicts = [], []
    for requests in task["rounds"]:
        start = time.perf_counter()
        found = [IAMPolicy(text).is_action_permitted(action, resource) for action, resource, _ in requests]
        seconds.append(time.perf_counter() - start)
        verdicts.append([VERDICTS[one.name] for one in found])
    json.dump({"name": f"moto {moto.__version__}", "seconds": seconds, "verdicts": verdicts}, sys.stdout)


main()
