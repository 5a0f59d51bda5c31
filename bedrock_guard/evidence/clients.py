"""Which program made a call, by its user agent.

A user agent is the caller's own text: it names a program, it proves nothing.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

OTHER: Final = "other"
"""A user agent that names no program known here."""

_COMMENT: Final = re.compile(r"\([^()]*\)")
_TOOLS: Final = (
    ("claude-cli", "claude-code"),
    ("claude-code", "claude-code"),
    ("claude_code", "claude-code"),
    ("codex", "codex"),
    ("opencode", "opencode"),
    ("cline", "cline"),
    ("roo-code", "roo-code"),
    ("roocode", "roo-code"),
    ("kilo-code", "kilo-code"),
    ("aider", "aider"),
    ("goose", "goose"),
    ("continue", "continue"),
    ("litellm", "litellm"),
    ("langchain", "langchain"),
    ("x-amazon-q", "amazon-q"),
    ("kiro", "kiro"),
    ("terraform", "terraform"),
    ("opentofu", "opentofu"),
    ("pulumi", "pulumi"),
    ("aws-cdk", "cdk"),
    ("prowler", "prowler"),
    ("steampipe", "steampipe"),
)
_FIRST: Final = (
    (re.compile(r"aws-cli/", re.I), "aws-cli"),
    (re.compile(r"boto3/", re.I), "boto3"),
    (re.compile(r"(?:aiobotocore|botocore)/", re.I), "botocore"),
    (re.compile(r"aws-sdk-([a-z+]+)", re.I), "aws-sdk"),
    (re.compile(r"(?:Async)?OpenAI/", re.I), "openai"),
    (re.compile(r"(?:Async)?AzureOpenAI/", re.I), "openai"),
    (re.compile(r"(?:Async)?Anthropic(?:Bedrock(?:Mantle)?|AWS)?/", re.I), "anthropic"),
    (re.compile(r"APN/", re.I), "terraform"),
    (re.compile(r"aws-toolkit|AmazonQ", re.I), "aws-toolkit"),
    (re.compile(r"S3Console|console\.|signin\.|AWS-Console|AWSConsole", re.I), "console"),
    (re.compile(r"AWS Internal", re.I), "aws-service"),
    (re.compile(r"python-requests/", re.I), "python-requests"),
    (re.compile(r"python-httpx/|httpx/", re.I), "httpx"),
    (re.compile(r"python-urllib3?/", re.I), "urllib3"),
    (re.compile(r"axios/", re.I), "axios"),
    (re.compile(r"node-fetch|undici|node\b", re.I), "node-fetch"),
    (re.compile(r"curl/", re.I), "curl"),
    (re.compile(r"wget/", re.I), "wget"),
    (re.compile(r"go-http-client/", re.I), "go-http-client"),
    (re.compile(r"okhttp/", re.I), "okhttp"),
    (re.compile(r"PostmanRuntime/", re.I), "postman"),
    (re.compile(r"Bun/", re.I), "bun"),
    (re.compile(r"Mozilla/|Opera/", re.I), "browser"),
)
_SERVICE: Final = re.compile(r"[a-z0-9-]+(?:\.[a-z0-9-]+)*\.(?:amazonaws\.com(?:\.cn)?|aws\.internal)", re.I)


@lru_cache(maxsize=65_536)
def client_of(user_agent: str | None) -> str | None:
    """The program a user agent names; None without one, "other" for one that is not known.

    Example:
        >>> client_of("aws-cli/2.32.3 md/awscrt#0.28.4 ua/2.1 os/linux md/command#bedrock.list-custom-models")
        'aws-cli'
        >>> client_of("claude-cli/2.0.31 (external, cli)")
        'claude-code'
        >>> client_of("<script>alert(1)</script>")
        'other'
    """
    if not user_agent or not user_agent.strip():
        return None
    text = user_agent.strip().strip("[]").strip()
    if _SERVICE.fullmatch(text):
        return "console" if text.lower().startswith(("console.", "signin.")) else "aws-service"
    products = [token.partition("/") for token in _COMMENT.sub(" ", text).split()]
    return _tool(products) or _library(text)


def _tool(products: list[tuple[str, str, str]]) -> str | None:
    """A tool named by a product token, or by the `app/` token that AWS SDKs append for their caller."""
    for name, slash, version in products:
        if not slash:
            continue
        named = version if name.lower() == "app" else name
        for prefix, tool in _TOOLS:
            if named.lower().startswith(prefix):
                return tool
    return None


def _library(text: str) -> str:
    for pattern, name in _FIRST:
        found = pattern.match(text)
        if found:
            return f"aws-sdk-{found[1].lower()}" if name == "aws-sdk" else name
    if re.search(r"\baiohttp/", text):
        return "aiohttp"
    found = re.search(r"\baws-sdk-([a-z]+)", text, re.I)
    if found:
        return f"aws-sdk-{found[1].lower()}"
    return "botocore" if re.search(r"\bbotocore/", text, re.I) else OTHER
