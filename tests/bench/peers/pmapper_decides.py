"""PMapper, AGPL and therefore in a process of its own: identity policy, boundary and SCP levels of one user.

Reads the task as JSON from standard input; writes {"name", "seconds", "verdicts"}, one entry a round. It knows no
implicit deny: "denied" is either.
"""

from __future__ import annotations

import collections
import collections.abc
import json
import sys
import time
from importlib.metadata import version

for name in ("Mapping", "MutableMapping"):  # it looks for them where Python kept them before 3.10
    setattr(collections, name, getattr(collections.abc, name))

try:
    from principalmapper.common import Node, Policy
    from principalmapper.querying.query_interface import local_check_authorization_full
except ModuleNotFoundError as error:
    sys.exit(f"no module {error.name}")

USER = "arn:aws:iam::111122223333:user/u0"


def policy(document, number=0):
    return Policy(f"arn:aws:iam::111122223333:policy/p{number}", f"p{number}", document)


def main():
    task = json.load(sys.stdin)
    owned = [policy(one, number) for number, one in enumerate(task["identity"])]
    user = Node(USER, "AIDA0", owned, [], None, None, 0, False, False, policy(task["boundary"]), False, {})
    levels = [[policy(one) for one in level] for level in task["scps"]]
    seconds, verdicts = [], []
    for requests in task["rounds"]:
        start = time.perf_counter()
        found = [
            local_check_authorization_full(
                user, action, resource, context, service_control_policy_groups=levels
            )
            for action, resource, context in requests
        ]
        seconds.append(time.perf_counter() - start)
        verdicts.append(["allowed" if one else "denied" for one in found])
    shown = f"PMapper {version('principalmapper')}"
    json.dump({"name": shown, "seconds": seconds, "verdicts": verdicts}, sys.stdout)


main()
