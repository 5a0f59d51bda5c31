"""AWS Cost Explorer of the demo account."""

from __future__ import annotations

from bedrock_guard.demo.services.ce import forecast, usage, values
from bedrock_guard.demo.services.ce.common import SERVICE

__all__ = ["SERVICE", "forecast", "usage", "values"]
