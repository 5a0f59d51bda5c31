"""Change an account: plan, prove, apply, verify, roll back. The only room that writes to AWS.

`plan.make_plan` reads and freezes every step; `apply.apply`, `resume` and `rollback` carry them out, one call at a
time, each journalled before it is sent and read back after it; `drift.drift` compares what is deployed with a spec.
"""
