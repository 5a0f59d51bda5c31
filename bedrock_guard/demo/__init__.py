"""The embedded account: real boto3 clients on one session, answered in-process from a SQLite file.

How a call travels::

    client.list_users()                          botocore builds, validates, serialises and signs it
      -> hook: before-send on ONE session        nothing of the process' environment is read, no socket is opened
      -> dispatch.Backend.answer                 decode with botocore's model, faults, who calls, input check,
                                                 may the caller do it, handler, output check, commit, encode
      <- botocore parses it, raises its own modelled errors, retries, pages

How to add a service: one module in ``demo/services/`` and one line in ``demo/services/__init__.py``::

    SERVICE = Service("ce", sections=("bill",), bad_token=ServiceError("InvalidNextTokenException", "..."))

    @SERVICE.operation("GetDimensionValues", gap="filters on Dimensions only")
    def get_dimension_values(request: Request) -> dict[str, Any]:
        values = sorted(row[0] for row in request.state.rows("SELECT DISTINCT service FROM bill"))
        part = page([{"Value": v} for v in values], request, token_name="NextPageToken", size_name="MaxResults")
        return {**part.answer("DimensionValues"), "ReturnSize": len(part.items), "TotalSize": len(values)}

A handler gets a ``Request`` (``service.py``), returns the answer as a plain dict in the API's member names
(times as aware datetimes or ISO text) and raises ``ServiceError(code, message)`` for an error; the status
comes from botocore's model where the code is modelled. Input (enum, pattern, length, range, required) is
already checked, the answer is checked after it. Reads run in one read transaction; an operation that writes
(not Get*, List*, Describe*, Lookup*, ...) runs in one exclusive transaction, committed before the answer leaves
and rolled back on a ServiceError. Modelled data lives in ``request.items`` (``state.Items``: generic JSON items by
kind and key), CloudTrail records in table ``events``, bill lines in table ``bill`` (``state.py`` has the columns).
What ``Account.demo`` holds at the start comes from ``demo/company`` through ``load.py``.
"""

from __future__ import annotations
