"""What is kept of requests to services of the Bedrock family. Names are those of their CloudTrail records."""

from __future__ import annotations

from typing import Final

from bedrock_guard.evidence.kinds import Shape, flag, fraction, identifier, number, size, tier, word

_TAGS: Final = [{"key": identifier, "value": identifier}]
_BEARER: Final = {"callWithBearerToken": flag, "bearerTokenType": word}
_GUARDRAIL: Final = {"guardrailIdentifier": identifier, "guardrailVersion": word}
_S3: Final = {"s3Uri": identifier, "s3BucketOwner": identifier}
_VPC: Final = {"subnetIds": [identifier], "securityGroupIds": [identifier]}

COMMON: Final[Shape] = {
    **_BEARER,
    "modelId": identifier,
    "model": identifier,
    "modelArn": identifier,
    "modelIdentifier": identifier,
    "foundationModel": identifier,
    "baseModelIdentifier": identifier,
    "sourceModelArn": identifier,
    **_GUARDRAIL,
    "guardrailConfig": _GUARDRAIL,
    "guardrailConfiguration": _GUARDRAIL,
    "inferenceProfileIdentifier": identifier,
    "inferenceProfileArn": identifier,
    "promptRouterArn": identifier,
    "projectArn": identifier,
    "project": identifier,
    "serviceTier": tier,
    "service_tier": word,
    "performanceConfigLatency": word,
    "performanceConfig": {"latency": word},
    "stream": flag,
    "max_tokens": number,
    "agentId": identifier,
    "agentAliasId": identifier,
    "knowledgeBaseId": identifier,
    "dataSourceId": identifier,
    "flowIdentifier": identifier,
    "flowAliasIdentifier": identifier,
    "promptIdentifier": identifier,
    "jobIdentifier": identifier,
    "resourceArn": identifier,
    "resourceARN": identifier,
    "roleArn": identifier,
    "tags": _TAGS,
    "tagKeys": [identifier],
    "kmsKeyArn": identifier,
    "kmsKeyId": identifier,
    "customerEncryptionKeyArn": identifier,
    "maxResults": number,
}
"""Kept of every operation of the Bedrock family."""

_FILTERS: Final = {
    "filtersConfig": [
        {
            "type": word,
            "inputStrength": word,
            "outputStrength": word,
            "inputAction": word,
            "outputAction": word,
            "inputEnabled": flag,
            "outputEnabled": flag,
            "threshold": fraction,
            "action": word,
            "enabled": flag,
        }
    ]
}
_GUARDRAIL_CHANGE: Final[Shape] = {
    "contentPolicyConfig": _FILTERS,
    "contextualGroundingPolicyConfig": _FILTERS,
    "wordPolicyConfig": {
        "wordsConfig": size,
        "managedWordListsConfig": [{"type": word, "inputAction": word}],
    },
    "topicPolicyConfig": {"topicsConfig": size},
    "sensitiveInformationPolicyConfig": {
        "piiEntitiesConfig": [{"type": word, "action": word, "inputAction": word, "outputAction": word}],
        "regexesConfig": size,
    },
    "crossRegionConfig": {"guardrailProfileIdentifier": identifier},
}
_LOGGING: Final[Shape] = {
    "loggingConfig": {
        "cloudWatchConfig": {
            "logGroupName": identifier,
            "roleArn": identifier,
            "largeDataDeliveryS3Config": {"bucketName": identifier, "keyPrefix": identifier},
        },
        "s3Config": {"bucketName": identifier, "keyPrefix": identifier},
        "textDataDeliveryEnabled": flag,
        "imageDataDeliveryEnabled": flag,
        "embeddingDataDeliveryEnabled": flag,
        "videoDataDeliveryEnabled": flag,
        "audioDataDeliveryEnabled": flag,
    }
}
_RETRIEVE: Final[Shape] = {
    "retrieveAndGenerateConfiguration": {
        "type": word,
        "knowledgeBaseConfiguration": {"knowledgeBaseId": identifier, "modelArn": identifier},
        "externalSourcesConfiguration": {"modelArn": identifier},
    }
}
BEDROCK: Final[dict[str, Shape]] = {
    "CreateGuardrail": _GUARDRAIL_CHANGE,
    "UpdateGuardrail": _GUARDRAIL_CHANGE,
    "PutEnforcedGuardrailConfiguration": {
        "configId": identifier,
        "guardrailInferenceConfig": {**_GUARDRAIL, "inputTags": word, "modelEnforcement": word},
    },
    "DeleteEnforcedGuardrailConfiguration": {"configId": identifier},
    "PutModelInvocationLoggingConfiguration": _LOGGING,
    "ApplyGuardrail": {"source": word},
    "CreateInferenceProfile": {"inferenceProfileName": identifier, "modelSource": {"copyFrom": identifier}},
    "CreateProvisionedModelThroughput": {
        "modelUnits": number,
        "provisionedModelName": identifier,
        "commitmentDuration": word,
    },
    "UpdateProvisionedModelThroughput": {
        "provisionedModelId": identifier,
        "desiredModelId": identifier,
        "desiredProvisionedModelName": identifier,
    },
    "DeleteProvisionedModelThroughput": {"provisionedModelId": identifier},
    "CreateModelInvocationJob": {
        "jobName": identifier,
        "modelInvocationType": word,
        "inputDataConfig": {"s3InputDataConfig": _S3},
        "outputDataConfig": {"s3OutputDataConfig": {**_S3, "s3EncryptionKeyId": identifier}},
        "vpcConfig": _VPC,
        "timeoutDurationInHours": number,
    },
    "CreateModelCustomizationJob": {
        "jobName": identifier,
        "customModelName": identifier,
        "customizationType": word,
        "customModelKmsKeyId": identifier,
        "trainingDataConfig": {"s3Uri": identifier},
        "outputDataConfig": {"s3Uri": identifier},
        "vpcConfig": _VPC,
    },
    "CreateModelImportJob": {
        "jobName": identifier,
        "importedModelName": identifier,
        "modelDataSource": {"s3DataSource": {"s3Uri": identifier}},
        "importedModelKmsKeyId": identifier,
        "vpcConfig": _VPC,
    },
    "CreateModelCopyJob": {"targetModelName": identifier, "modelKmsKeyId": identifier},
    "CreateCustomModel": {"modelName": identifier, "modelKmsKeyArn": identifier},
    "CreateCustomModelDeployment": {"modelDeploymentName": identifier},
    "CreateMarketplaceModelEndpoint": {
        "modelSourceIdentifier": identifier,
        "endpointName": identifier,
        "endpointConfig": {
            "sageMaker": {
                "initialInstanceCount": number,
                "instanceType": identifier,
                "kmsEncryptionKey": identifier,
            }
        },
    },
    "RegisterMarketplaceModelEndpoint": {
        "modelSourceIdentifier": identifier,
        "endpointIdentifier": identifier,
    },
    "CreateEvaluationJob": {"jobName": identifier, "applicationType": word},
    "CreatePromptRouter": {
        "promptRouterName": identifier,
        "models": [{"modelArn": identifier}],
        "fallbackModel": {"modelArn": identifier},
    },
    "StartAsyncInvoke": {"outputDataConfig": {"s3OutputDataConfig": _S3}},
    "PutAccountDataRetention": {"mode": word, "dataRetentionMode": word},
    "InvokeInlineAgent": {"agentName": identifier},
    "RetrieveAndGenerate": _RETRIEVE,
    "RetrieveAndGenerateStream": _RETRIEVE,
    "CreateAgent": {"agentName": identifier, "agentResourceRoleArn": identifier},
    "UpdateAgent": {"agentName": identifier, "agentResourceRoleArn": identifier},
    "CreateKnowledgeBase": {"name": identifier},
    "CreateFoundationModelAgreement": {"modelId": identifier},
    "CreateProject": {"name": identifier, "dataRetentionMode": word},
    "UpdateProject": {"name": identifier, "dataRetentionMode": word},
}
"""Kept besides COMMON, by operation of any service of the Bedrock family."""
