"""The boundary defends itself: it cannot be removed, edited, or left behind."""

from __future__ import annotations

from collections.abc import Iterator

from bedrock_guard.boundary.controls.model import Accepted, Control, Rule, Scope, plain, prefixed

BOUNDARIES = "https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_boundaries.html"
IAM_ACTIONS = "https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsidentityandaccessmanagementiam.html"
RESOURCE = "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_resource.html"
SCPS = "https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_scps.html"
BOUNDARY_KEY = "iam:PermissionsBoundary"

# What takes an SCP off an account: in the management account, and where Organizations is administered by delegation.
_SCP_VERBS = (
    "DeletePolicy",
    "DetachPolicy",
    "DisablePolicyType",
    "MoveAccount",
    "RemoveAccountFromOrganization",
    "UpdatePolicy",
)

# What takes the rights, the trust or the name of a role or user away; a boundary put on it is one way.
_LOCK_OUT = {
    "role": prefixed(
        "iam",
        "AttachRolePolicy",
        "DeleteRole",
        "DeleteRolePolicy",
        "DetachRolePolicy",
        "PutRolePermissionsBoundary",
        "PutRolePolicy",
        "UpdateAssumeRolePolicy",
    ),
    "user": prefixed(
        "iam",
        "AttachUserPolicy",
        "DeleteUser",
        "DeleteUserPolicy",
        "DetachUserPolicy",
        "PutUserPermissionsBoundary",
        "PutUserPolicy",
        "UpdateUser",
    ),
}


def _protection(scope: Scope) -> tuple[Rule, ...]:
    prefixes = sorted({scope.profile.policy_prefix, *scope.other_prefixes})
    documents = tuple(scope.arn("iam", "", f"policy/{prefix}*") for prefix in prefixes)
    detach = prefixed("iam", "DetachGroupPolicy", "DetachRolePolicy", "DetachUserPolicy")
    edit = prefixed(
        "iam",
        "CreatePolicy",
        "CreatePolicyVersion",
        "DeletePolicy",
        "DeletePolicyVersion",
        "SetDefaultPolicyVersion",
    )
    removal = prefixed("iam", "DeleteRolePermissionsBoundary", "DeleteUserPermissionsBoundary")
    return (
        Rule((*removal, *prefixed("organizations", *_SCP_VERBS))),
        Rule(edit, resources=documents),
        Rule(detach).when("ArnLike", "iam:PolicyARN", documents),
        *_break_glass(scope),
    )


def _break_glass(scope: Scope) -> Iterator[Rule]:
    """Who can always undo keeps its rights: the root user of that list is no resource of IAM."""
    for kind, actions in _LOCK_OUT.items():
        named = tuple(arn for arn in scope.profile.break_glass if f":{kind}/" in arn)
        if named:
            yield Rule(actions, resources=named)


def _principals(scope: Scope) -> tuple[Rule, ...]:
    actions = prefixed(
        "iam",
        "AttachRolePolicy",
        "AttachUserPolicy",
        "CreateRole",
        "CreateUser",
        "PutRolePermissionsBoundary",
        "PutRolePolicy",
        "PutUserPermissionsBoundary",
        "PutUserPolicy",
        "UpdateAssumeRolePolicy",
    )
    return (Rule(actions).when("ArnNotLike", BOUNDARY_KEY, _boundaries(scope)),)


def _boundaries(scope: Scope) -> tuple[str, ...]:
    if scope.account_wide:
        return (scope.arn("iam", "", f"policy/{scope.profile.boundary_name}", "*"),)
    return scope.profile.boundary_arns


def _credentials(scope: Scope) -> tuple[Rule, ...]:
    actions = prefixed("iam", "CreateAccessKey", "CreateLoginProfile", "UpdateLoginProfile")
    own = tuple(scope.arn("iam", "", f"user/{path}${{aws:username}}") for path in ("", "*/"))
    return (Rule(actions, resources=(), not_resources=own),)


def _passing(scope: Scope) -> tuple[Rule, ...]:
    actions = ("iam:CreateRole", "iam:PassRole", "sts:AssumeRole", "sts:AssumeRoot")
    paths = scope.profile.controls.bounded_roles
    if not isinstance(paths, tuple):
        return (Rule(actions),)
    # Account by account, also in an SCP: a role of the same path in a stranger's account is no bounded role.
    accounts = scope.profile.accounts
    roles = tuple(
        sorted(scope.arn("iam", "", f"role/{path}", account) for path in paths for account in accounts)
    )
    return (Rule(actions, resources=(), not_resources=roles),)


CONTROLS = (
    Control(
        id="boundary_protection",
        word="Boundary",
        family="Self-protection",
        title="The boundary and its companions cannot be removed or edited.",
        why="A limit that its holder can lift is no limit.",
        stops="Removing boundaries from users and roles; making, editing and deleting the documents of this spec; "
        "detaching its identity-based policies; detaching, editing and deleting policies of the organisation, moving "
        "and removing accounts, where the caller could; deleting or renaming who is named in `break_glass`, and "
        "changing its policies, its boundary or its trust.",
        leaves="Principals without this document, and the root user of a member account unless an SCP holds it. "
        "Removing any boundary is denied, not only this one: IAM offers no key that tells them apart safely. "
        "Break-glass principals that lose a group, a password or an MFA device, and an identity provider of their "
        "trust (`delegation`). Identity-based policies that reach their holder through a group go with "
        "`RemoveUserFromGroup`, whose groups no key tells apart: attach them to the user or role itself.",
        source=(BOUNDARIES, IAM_ACTIONS),
        rules=_protection,
        exempt="administrators",
        first=True,
        accepted=(
            Accepted(
                "deny-fails-open",
                "iam:PolicyARN",
                "Every detach request names the policy that it detaches, so the key is always there.",
            ),
        ),
    ),
    Control(
        id="bounded_principals",
        word="Bounded",
        family="Self-protection",
        title="Users and roles are made, changed and given policies only under this boundary.",
        why="A new role without the boundary is the boundary's end.",
        stops="Creating users and roles without it, swapping it for a weaker one, and giving policies or trust to "
        "those without it.",
        leaves="Group policies, group memberships and new versions of a managed policy carry no such key: rights for "
        "users and roles that somebody else holds, or that run already. Service-linked roles can carry no boundary.",
        source=(BOUNDARIES, IAM_ACTIONS),
        rules=_principals,
        exempt="administrators",
        first=True,
    ),
    Control(
        id="credentials_for_others",
        word="OwnKeys",
        family="Self-protection",
        title="Access keys and passwords only for oneself.",
        why="An access key on an unbounded user is that user.",
        stops="Creating access keys and console passwords for other users. In a role's session all of them, for a "
        "session has no user name.",
        leaves="Switching another user's access key, SSH key or signing certificate on again, uploading such a key "
        "or certificate, and enabling or taking away another user's MFA device.",
        source=(IAM_ACTIONS,),
        rules=_credentials,
        exempt="administrators",
        first=True,
    ),
    Control(
        id="bounded_roles",
        word="Roles",
        family="Self-protection",
        title="Roles are made, passed and assumed only where the boundary follows.",
        why="The boundary does not follow into another role: passing or assuming one that is unbounded escapes it.",
        stops="PassRole, AssumeRole and CreateRole for every role but those of the named paths, and for every other "
        "account; so Lambda, ECS, EC2, Glue, Step Functions, CloudFormation and agents get bounded roles only. "
        "Root sessions in member accounts.",
        leaves="Whether the roles of those paths carry the boundary: `bounded_principals` keeps it so for roles made "
        "under it. Identity-based policies do not follow to a new role: where SCPs may be made, they hold those "
        "controls for the named paths; where not, the build says so. AssumeRoleWithSAML and WithWebIdentity are "
        "decided by the role's trust. What runs already under a stronger role: Session Manager, Run Command and ECS "
        "Exec into it, its user data, a CodeBuild project's build specification, a CloudFormation stack that keeps "
        "its role, stack sets with service-managed permissions (CloudFormation makes their roles in the member "
        "accounts), a script in S3: "
        '`scp_holds = "everything"` binds those roles too. List CDK\'s bootstrap roles, and the service roles that are '
        "passed on purpose, once they carry the boundary. A name that ends in `*` also admits roles that get such a "
        "name later from somebody whom no boundary binds; a path has the same weakness.",
        source=(BOUNDARIES, RESOURCE),
        rules=_passing,
        exempt="administrators",
        first=True,
        accepted=(
            Accepted(
                "growing-wildcard",
                "NotResource",
                "The spec names these roles by how they begin. A role that is made under this boundary with such a "
                "name carries the boundary, by `bounded_principals`.",
                value="arn:*:iam::*:role/*[*]",
            ),
        ),
    ),
    Control(
        id="delegation",
        word="Delegation",
        family="Self-protection",
        title="No delegation of one's rights.",
        why="A delegation request, a web identity token or an identity provider of one's own carries rights to where "
        "the boundary is not.",
        stops="Delegation requests, outbound web identity federation and its tokens; new SAML and OIDC providers, and "
        "new metadata or audiences for those whom roles trust already.",
        leaves="Federation that other principals have set up.",
        source=(IAM_ACTIONS, "https://github.com/BeyondTrust/bedrock-keys-security"),
        rules=plain(
            *prefixed(
                "iam",
                "AcceptDelegationRequest",
                "AddClientIDToOpenIDConnectProvider",
                "CreateDelegationRequest",
                "CreateOpenIDConnectProvider",
                "CreateSAMLProvider",
                "EnableOutboundWebIdentityFederation",
                "SendDelegationToken",
                "UpdateOpenIDConnectProviderThumbprint",
                "UpdateSAMLProvider",
            ),
            *prefixed("sts", "GetDelegatedAccessToken", "GetWebIdentityToken"),
        ),
    ),
    Control(
        id="leave_organization",
        word="Organization",
        family="Self-protection",
        title="The account stays in its organisation.",
        why="An account that leaves leaves its SCPs behind.",
        stops="LeaveOrganization.",
        leaves="The management account, which no SCP reaches.",
        source=(SCPS,),
        rules=plain("organizations:LeaveOrganization"),
        reach="account",
        reach_why="Any administrator of the account could leave, not only bounded principals.",
    ),
)
