"""What is kept of responses."""

from __future__ import annotations

from typing import Final

from bedrock_guard.evidence.kinds import Shape, flag, identifier, moment, number, word

_USER: Final[Shape] = {"userName": identifier}
_ROLE: Final[Shape] = {"roleName": identifier}
_CREDENTIAL: Final[Shape] = {**_USER, "serviceSpecificCredentialId": identifier, "serviceName": identifier}
_CREDENTIAL_MADE: Final[Shape] = {
    "serviceSpecificCredential": {
        **_CREDENTIAL,
        "serviceCredentialAlias": identifier,
        "createDate": moment,
        "expirationDate": moment,
        "status": word,
    }
}
OUTCOMES: Final[dict[str, Shape]] = {
    "CreateServiceSpecificCredential": _CREDENTIAL_MADE,
    "ResetServiceSpecificCredential": _CREDENTIAL_MADE,
    "CreateUser": {"user": {**_USER, "arn": identifier, "createDate": moment, "path": identifier}},
    "CreateAccessKey": {
        "accessKey": {**_USER, "accessKeyId": identifier, "createDate": moment, "status": word}
    },
    "CreateLoginProfile": {"loginProfile": {**_USER, "createDate": moment}},
    "CreateRole": {"role": {**_ROLE, "arn": identifier, "createDate": moment}},
    "AssumeRole": {"credentials": {"accessKeyId": identifier, "expiration": moment}},
    "AssumeRoleWithSAML": {"credentials": {"accessKeyId": identifier, "expiration": moment}},
    "AssumeRoleWithWebIdentity": {"credentials": {"accessKeyId": identifier, "expiration": moment}},
    "GetSessionToken": {"credentials": {"accessKeyId": identifier, "expiration": moment}},
    "GetFederationToken": {"credentials": {"accessKeyId": identifier, "expiration": moment}},
    "CreateInferenceProfile": {"inferenceProfileArn": identifier, "status": word},
    "CreateProvisionedModelThroughput": {"provisionedModelArn": identifier},
    "CreateCustomModelDeployment": {"customModelDeploymentArn": identifier},
    "CreateModelInvocationJob": {"jobArn": identifier},
    "CreateModelCustomizationJob": {"jobArn": identifier},
    "CreateModelImportJob": {"jobArn": identifier},
    "CreateGuardrail": {"guardrailId": identifier, "guardrailArn": identifier, "version": word},
    "UpdateGuardrail": {"guardrailId": identifier, "guardrailArn": identifier, "version": word},
    "ApplyGuardrail": {"action": word},
    "PutFoundationModelEntitlement": {"status": word},
    "RunInstances": {
        "reservationId": identifier,
        "instancesSet": {"items": [{"instanceId": identifier, "instanceType": word, "imageId": identifier}]},
    },
    "CreateVolume": {"volumeId": identifier, "volumeType": word, "size": number, "encrypted": flag},
    "PutEventSelectors": {"trailARN": identifier},
    "AcceptAgreementRequest": {"agreementId": identifier},
}
"""Facts kept of a response, by operation: ids, states and dates, never a secret."""
