"""Random policies and requests with what trips evaluators: wildcards in odd places, mixed case, absent and null keys,
keys in two spellings, variables with and without value, callers of every kind. One seed makes one case."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from random import Random

from bedrock_guard.iam.document import read

A, B = "111122223333", "000000000011"
FULL = {"Effect": "Allow", "Action": "*", "Resource": "*"}
ACTIONS = """s3:GetObject s3:getobject S3:PutObject ec2:RunInstances kms:Decrypt sts:AssumeRole bedrock:InvokeModel
bedrock:InvokeModelWithResponseStream iam:PassRole""".split()
RESOURCES = [
    "*", "", "x", "arn:aws:s3", "arn:aws:s3:::a/x", "arn:aws:s3:::b/ada/y", "arn:aws:s3:::B/ADA/y", "arn:aws:s3:::b/*",
    "arn:aws:s3:::b/a:b:c", "arn:aws:s3:::b/${aws:username}", "arn:aws:s3:::b/x\ny",
    f"arn:aws:kms:us-east-1:{A}:key/k", f"arn:aws:sqs:us-east-1:{B}:q", f"arn:aws:iam::{A}:role/R",
    "arn:aws:bedrock:::foundation-model/m:0", "arn:aws:bedrock:us-east-1::foundation-model/m-4:0",
    f"arn:aws:bedrock:us-east-1:{A}:inference-profile/us.m", f"arn:aws-cn:ec2:cn-north-1:{A}:instance/i-1",
]  # fmt: skip
ODD_RESOURCES = """** arn:aws:s3 arn:aws:s3:::* arn:*:*:*:*:* arn:aws:s3:::b/${aws:username}/* arn:aws:s3:::b/${*}
arn:aws:s3:::b/${aws:username,'ada'}/* arn:aws:s3:::b/${$}{aws:username} arn:aws:s3:::b/${AWS:PrincipalTag/t}*
arn:aws:sqs:us-east-1:${aws:PrincipalAccount}:q arn:aws:s3:::b/${aws:TagKeys}""".split()
CALLERS = [
    f"arn:aws:iam::{A}:user/ada", f"arn:aws:iam::{A}:user/team/ada", f"arn:aws:iam::{B}:user/eve",
    f"arn:aws:iam::{A}:role/R", f"arn:aws:iam::{A}:role/deep/R", f"arn:aws:iam::{A}:role/AWSServiceRoleForX",
    f"arn:aws:sts::{A}:assumed-role/R/s", f"arn:aws:sts::{A}:assumed-role/R/S", f"arn:aws:sts::{B}:assumed-role/R/s",
    f"arn:aws:sts::{A}:federated-user/fed", f"arn:aws:iam::{A}:root", f"arn:aws:iam::{B}:root",
    f"arn:aws:iam::{A}:role/aws-service-role/x.amazonaws.com/AWSServiceRoleForX",
    f"arn:aws:sts::{A}:assumed-role/AWSServiceRoleForX/s",
]  # fmt: skip
TEXTS = [
    "a",
    "A",
    "b",
    "ab",
    "",
    "*",
    "a*",
    "ada",
    "Ada",
    "x y",
    "a:b",
    "${aws:username}",
    "\u00e9",
    "10",
    "true",
]
ARNS = [
    "arn:aws:iam::111122223333:role/R",
    "arn:aws:iam::111122223333:user/ada",
    "arn:aws:s3:::b:c",
    "arn:aws:s3:::ada1",
    "arn:aws:iam::111122223333:role/r",
    "ARN:aws:iam::1:role/R",
    "arn:aws:iam",
    "no arn",
]
NUMBERS = [
    "10",
    "10.0",
    "-1",
    "0",
    "1e1",
    "9.99",
    "+10",
    ".5",
    "5.",
    "100000000000000000000000001",
    10,
    7,
    0.5,
]
DATES = ["2026-01-01T00:00:00Z", "2026-01-01", "2026", "2026-01", "1767225600", "1767225600.5", "1000",
         "2026-01-01T01:00:00+01:00", "2026-06-01T12:30Z", 1767225600]  # fmt: skip
NETWORKS = ["10.0.0.0/8", "10.1.2.3", "10.1.2.3/16", "0.0.0.0/0", "::/0", "2001:db8::/32", "2001:DB8::1"]
BYTES = ["QmluYXJ5", "YQ==", ""]
VARIABLES = ["${aws:username}", "${aws:username}*", "x${aws:PrincipalTag/t, 'b'}", "${aws:PrincipalTag/t,''}", "${?}b",
             "${aws:username, 'a*'}", "${*}", "${$}", "a${*}*", "${aws:TagKeys}", "${aws:k}"]  # fmt: skip
ARN_PATTERNS = ["arn:aws:iam::*:role/*", "arn:aws:iam::11112222333?:*", "*", "arn:*", "arn:aws:s3:::${aws:username}*",
                "arn:aws:iam*", "arn:aws:s3:::*:c", "arn:aws:IAM::*:role/R"]  # fmt: skip
ORDERS = ["Equals", "NotEquals", "LessThan", "LessThanEquals", "GreaterThan", "GreaterThanEquals"]
STRINGS = ["Equals", "NotEquals", "EqualsIgnoreCase", "NotEqualsIgnoreCase", "Like", "NotLike"]
OPERATORS = {
    "aws:k": ("String", STRINGS), "aws:username": ("String", STRINGS), "aws:PrincipalTag/t": ("String", STRINGS),
    "aws:TagKeys": ("String", STRINGS), "aws:n": ("Numeric", ORDERS), "aws:CurrentTime": ("Date", ORDERS),
    "aws:PrincipalArn": ("Arn", ["Like", "Equals", "NotLike", "NotEquals"]), "aws:flag": ("", ["Bool"]),
    "aws:SourceIp": ("", ["IpAddress", "NotIpAddress"]), "aws:bytes": ("", ["BinaryEquals"]),
}  # fmt: skip
OPERANDS = {"Numeric": NUMBERS, "Date": DATES, "Bool": ["true", "false", "TRUE", True, False], "Ip": NETWORKS,
            "Not": NETWORKS, "Binary": BYTES}  # fmt: skip
VALUES = {
    "aws:n": [*NUMBERS, "x", ""], "aws:flag": ["true", "false", True, False, "TRUE", "no", ""],
    "aws:PrincipalArn": ARNS, "aws:bytes": [b"Binary", b"a", "Binary", *BYTES],
    "aws:CurrentTime": [*DATES, "x", datetime(2026, 3, 1, tzinfo=UTC)],
    "aws:SourceIp": ["10.1.2.3", "192.0.2.1", "2001:db8::1", "2001:0db8:0::2", "not", "", "::1"],
}  # fmt: skip


class Oddities:
    """Makes the policies and requests of one seed."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self.pick = self.random.choice

    def chance(self, share):
        return self.random.random() < share

    def listed(self, make, most=3):
        """One value, or a list in which one may stand twice."""
        return make() if self.chance(0.4) else [make() for _ in range(self.random.randint(1, most))]

    def bent(self, text):
        """A text with wildcards and other case at odd places."""
        letters = list(text)
        for _ in range(self.pick([0, 0, 1, 1, 2, 3]) if letters else 0):
            at = self.random.randrange(len(letters))
            end = self.random.randrange(at, len(letters)) + 1
            change = self.pick(["*", "?", letters[at].swapcase(), "run", "insert"])
            letters[at : end if change == "run" else at + 1] = (
                [self.pick("*?"), letters[at]] if change == "insert" else ["*" if change == "run" else change]
            )
        return "".join(letters)

    def spelled(self, key):
        return key if self.chance(0.7) else self.pick([key.lower(), key.upper(), key.swapcase()])

    def action(self):
        if self.chance(0.25):
            return self.pick(["*", "*", "s3:*", "bedrock:*", "*:*", "s3:**", "S3:GET*", "kms:*"])
        service, _, name = self.pick(ACTIONS).partition(":")
        return f"{self.pick([service, service.upper()])}:{self.bent(name)}"

    def resource(self):
        if self.chance(0.3):
            return self.pick(["*", *ODD_RESOURCES])
        return "arn:" + self.bent(self.pick([one for one in RESOURCES if one.startswith("arn:")])[4:])

    def condition(self):
        """(operator, key, values); now and then an operator that is not made for the key."""
        key = self.pick(list(OPERATORS))
        family, names = OPERATORS[key if self.chance(0.85) else self.pick(list(OPERATORS))]
        if self.chance(0.1):
            return (
                "Null",
                self.spelled(key),
                self.listed(lambda: self.pick(["true", "TRUE", "false", True, False])),
            )
        operator = family + self.pick(names)
        known = next((values for prefix, values in OPERANDS.items() if operator.startswith(prefix)), None)

        def value():
            if known is not None:
                return self.pick(known)
            if family == "Arn":
                return (
                    self.pick(ARN_PATTERNS) if self.chance(0.6) else "arn:" + self.bent(self.pick(ARNS)[4:])
                )
            return self.pick(VARIABLES) if self.chance(0.25) else self.bent(self.pick([*TEXTS, *ARNS]))

        operator = self.pick([operator] * 8 + [operator.lower(), operator.upper()])
        prefix = self.pick(["", "", "", "", "ForAllValues:", "ForAnyValue:"])
        return prefix + operator + self.pick(["", "", "", "IfExists"]), self.spelled(key), self.listed(value)

    def principal(self):
        if self.chance(0.2):
            return self.pick(["*", {"Service": "ec2.amazonaws.com"}, {"AWS": "*"}])
        names = [*CALLERS, A, B, f"arn:aws:iam::{A}:root", f"arn:aws:iam::{A}:user/ADA", A]
        return {"AWS": self.listed(lambda: self.pick(names), 4)}

    def statement(self, *, named=False, effects=("Allow", "Allow", "Deny")):
        found = {"Effect": self.pick(effects)}
        found["Action" if self.chance(0.75) else "NotAction"] = self.listed(self.action)
        found["Resource" if self.chance(0.75) else "NotResource"] = self.listed(self.resource)
        for _ in range(self.pick([0, 0, 0, 1, 1, 2])):
            operator, key, values = self.condition()
            found["Condition"] = {operator: {key: values}} | found.get("Condition", {})
            if len({one.lower() for one in found["Condition"]}) < len(found["Condition"]):
                del found["Condition"][operator]
        if named:
            spared = found["Effect"] == "Deny" and self.chance(0.5)
            found["NotPrincipal" if spared else "Principal"] = self.principal()
        return found

    def document(self, **rules):
        version = self.pick(["2012-10-17"] * 4 + ["2008-10-17"])
        statements = [self.statement(**rules) for _ in range(self.random.randint(1, 4))]
        if not rules and self.chance(0.5):
            statements.insert(0, FULL)
        return {"Version": version, "Statement": statements if statements[1:] else statements[0]}

    def rcp(self):
        return {
            "Version": "2012-10-17",
            "Statement": [{**self.statement(effects=["Deny"]), "Principal": "*"}],
        }

    def layers(self):
        """The arguments of `compile_policies` as JSON data."""
        levels = [
            [self.document() for _ in range(self.pick([0, 1, 1, 1, 1, 2]))]
            for _ in range(self.random.randint(1, 3))
        ]
        return {
            "identity": [self.document() for _ in range(self.pick([0, 1, 1, 2]))],
            "boundary": self.document() if self.chance(0.35) else None,
            "scps": levels if self.chance(0.35) else None,
            "rcps": [[self.rcp()], [self.rcp()]] if self.chance(0.2) else None,
            "session": self.document() if self.chance(0.3) else None,
            "resource_policy": self.document(named=True) if self.chance(0.5) else None,
        }

    def context(self):
        found = {}
        for key in OPERATORS:
            values = VALUES.get(key, TEXTS)
            kind = self.random.random()
            if kind < 0.45:
                continue
            name = self.spelled(key)
            found[name] = self.pick(values)
            if kind < 0.5:
                found[name] = self.pick([None, [], [None]])
            elif kind < 0.65 or key == "aws:TagKeys":
                found[name] = [self.pick(values) for _ in range(self.random.randint(1, 3))]
            elif kind > 0.97:
                found[name.swapcase()] = self.pick(values)
        return found

    def request(self):
        """(action, resource, context, caller's ARN or service or None, whether of the management account, owner)."""
        caller = self.pick([None, "ec2.amazonaws.com", *CALLERS])
        managing = caller is not None and caller.startswith("arn:") and self.chance(0.1)
        owner = self.pick([None, None, None, A, B])
        return self.pick(ACTIONS), self.pick(RESOURCES), self.context(), caller, managing, owner


def documents(layers):
    """The same layers as documents, read as AWS would hand them out: some of what is odd AWS would not take anew."""

    def one(found, kind):
        if isinstance(found, list):
            return [one(each, kind) for each in found]
        return None if found is None else read(json.dumps(found), kind, lenient=True)

    kinds = {"scps": "scp", "rcps": "rcp", "resource_policy": "resource"}
    return {name: one(found, kinds.get(name, name)) for name, found in layers.items()}
