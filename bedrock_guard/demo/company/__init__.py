"""The demo account's company: a seeded, believable history made of plain data."""

from __future__ import annotations

from bedrock_guard.demo.company.make import Company, make_company

__all__ = ["Company", "make_company"]
