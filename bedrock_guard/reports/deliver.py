"""Tell somebody of a finished or failed run: an SNS topic, or a command of this machine; nothing else."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

from bedrock_guard.errors import GuardError
from bedrock_guard.evidence.hygiene import without_secrets
from bedrock_guard.reports.places import session_of
from bedrock_guard.reports.remedies import remedy_for

if TYPE_CHECKING:
    from botocore.client import BaseClient

When = Literal["findings", "always"]
HOOK_TIMEOUT_S: Final = 60
_TOPIC: Final = re.compile(r"arn:[\w-]+:sns:([\w-]+):\d{12}:[\w-]{1,256}(?:\.fifo)?")
_SUBJECT: Final = 100
_STATES: Final = {0: "fine", 1: "findings", 2: "bad parameters", 3: "incomplete", 4: "failed"}


class DeliveryFailed(GuardError):  # noqa: N818 - reads as what happened
    """The report is written, but telling of it did not work."""

    exit_status = 4


@dataclass(frozen=True, slots=True)
class Message:
    """What is told: ten lines, where the run is, and its exit status."""

    report: str
    status: int
    text: str
    address: str

    @property
    def subject(self) -> str:
        """One line of ASCII, as SNS wants it."""
        return f"bedrock-guard {self.report}: {_STATES.get(self.status, self.status)}"[:_SUBJECT]


@dataclass(frozen=True, slots=True)
class Delivery:
    """Where to tell, and when.

    Args:
        topic: ARN of an SNS topic; empty for none.
        hook: a command line, run without a shell: the text on its standard input, address and status in its
            environment (BEDROCK_GUARD_REPORT, BEDROCK_GUARD_ADDRESS, BEDROCK_GUARD_STATUS); empty for none.
        when: "findings" keeps quiet while the status is 0.
        client: makes an SNS client for a Region.

    """

    topic: str = ""
    hook: str = ""
    when: When = "findings"
    client: Callable[[str], BaseClient] | None = None

    def check(self) -> None:
        """Refuse what cannot work, before anything runs.

        Raises:
            DeliveryFailed: no topic ARN, or a hook that is no command line or no program.

        """
        if self.topic and not _TOPIC.fullmatch(self.topic):
            raise DeliveryFailed(
                f"{self.topic!r} is no ARN of an SNS topic.", remedy="arn:aws:sns:REGION:ACCOUNT:NAME"
            )
        if self.hook and not shutil.which(_words(self.hook)[0]):
            raise DeliveryFailed(
                f"The hook names no program: {_words(self.hook)[0]}.", remedy="Give its whole path."
            )

    def tell(self, message: Message) -> None:
        """Tell, when there is something to tell.

        Raises:
            DeliveryFailed: it did not arrive; the run itself is not touched.

        """
        if self.when == "findings" and message.status == 0:
            return
        if self.topic:
            _publish(self.topic, message, self.client or sns_of("default"))
        if self.hook:
            _run(self.hook, message)


def sns_of(account: str) -> Callable[[str], BaseClient]:
    """What makes SNS clients as the report's profile; of the demo by boto3's own choice."""

    def client(region: str) -> BaseClient:
        return session_of(account).client("sns", region_name=region)

    return client


def _publish(topic: str, message: Message, client: Callable[[str], BaseClient]) -> None:
    from botocore.exceptions import BotoCoreError, ClientError

    found = _TOPIC.fullmatch(topic)
    region = found[1] if found else ""
    body = f"{message.text}\n{message.address}\n"
    try:
        sns: Any = client(region)
        sns.publish(TopicArn=topic, Subject=message.subject, Message=body)
    except (ClientError, BotoCoreError) as error:
        raise DeliveryFailed(
            "The topic was not told.",
            why=without_secrets(str(error)),
            remedy="The caller needs sns:Publish on it."
            if "Denied" in str(error) or "Authorization" in str(error)
            else remedy_for(f"{type(error).__name__}: {error}"),
        ) from error


def _run(hook: str, message: Message) -> None:
    told = {
        "BEDROCK_GUARD_REPORT": message.report,
        "BEDROCK_GUARD_ADDRESS": message.address,
        "BEDROCK_GUARD_STATUS": str(message.status),
    }
    try:
        subprocess.run(  # noqa: S603 - the user's own command, given on the command line, without a shell
            _words(hook),
            input=message.text,
            text=True,
            encoding="utf-8",
            env={**_environment(), **told},
            timeout=HOOK_TIMEOUT_S,
            check=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
    except subprocess.CalledProcessError as error:
        last = (error.stderr or "").strip().splitlines()[-1:] or ["it said nothing"]
        raise DeliveryFailed(f"The hook ended with status {error.returncode}.", why=last[0]) from error
    except (OSError, subprocess.TimeoutExpired) as error:
        raise DeliveryFailed("The hook did not run to its end.", why=str(error)) from error


def _environment() -> Mapping[str, str]:
    """The environment without AWS's secrets: a hook that needs them has its own."""
    secret = ("AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_BEARER_TOKEN_BEDROCK", "AWS_ACCESS_KEY_ID")
    return {name: value for name, value in os.environ.items() if name not in secret}


def _words(hook: str) -> list[str]:
    try:
        words = shlex.split(hook)
    except ValueError as error:
        raise DeliveryFailed(f"{hook!r} is no command line.", why=str(error)) from error
    if not words:
        raise DeliveryFailed("The hook is empty.", remedy="Give a program and its arguments.")
    return words
