"""What is kept of requests to IAM, STS, EC2, CloudTrail and the few others; EC2 in the form of its query protocol."""

from __future__ import annotations

from typing import Final

from bedrock_guard.evidence.kinds import Shape, flag, identifier, moment, number, word

_TAGS: Final = [{"key": identifier, "value": identifier}]
_USER: Final[Shape] = {"userName": identifier}
_CREDENTIAL: Final[Shape] = {**_USER, "serviceSpecificCredentialId": identifier, "serviceName": identifier}
_ROLE: Final[Shape] = {"roleName": identifier}
_GROUP: Final[Shape] = {"groupName": identifier}
_POLICY: Final[Shape] = {"policyArn": identifier, "policyName": identifier, "versionId": word}
IAM_COMMON: Final[Shape] = {**_USER, **_ROLE, **_GROUP, **_POLICY, "path": identifier, "maxItems": number}
IAM: Final[dict[str, Shape]] = {
    "CreateServiceSpecificCredential": {**_CREDENTIAL, "credentialAgeDays": number},
    "UpdateServiceSpecificCredential": {**_CREDENTIAL, "status": word},
    "ResetServiceSpecificCredential": _CREDENTIAL,
    "DeleteServiceSpecificCredential": _CREDENTIAL,
    "ListServiceSpecificCredentials": {**_CREDENTIAL, "allUsers": flag},
    "CreateUser": {"permissionsBoundary": identifier, "tags": _TAGS},
    "CreateRole": {"permissionsBoundary": identifier, "tags": _TAGS},
    "PutUserPermissionsBoundary": {"permissionsBoundary": identifier},
    "PutRolePermissionsBoundary": {"permissionsBoundary": identifier},
    "CreateAccessKey": {"accessKeyId": identifier},
    "UpdateAccessKey": {"accessKeyId": identifier, "status": word},
    "DeleteAccessKey": {"accessKeyId": identifier},
    "CreateLoginProfile": {"passwordResetRequired": flag},
    "UpdateLoginProfile": {"passwordResetRequired": flag},
    "CreateServiceLinkedRole": {"aWSServiceName": identifier},
    "CreatePolicyVersion": {"setAsDefault": flag},
    "GenerateServiceLastAccessedDetails": {"arn": identifier},
    "AddRoleToInstanceProfile": {"instanceProfileName": identifier},
    "AddUserToGroup": {},
    "TagUser": {"tags": _TAGS},
    "TagRole": {"tags": _TAGS},
}
STS: Final[Shape] = {
    "roleArn": identifier,
    "roleSessionName": identifier,
    "durationSeconds": number,
    "sourceIdentity": identifier,
    "name": identifier,
    "policyArns": [{"arn": identifier}],
    "transitiveTagKeys": [identifier],
}
_EBS: Final[Shape] = {
    "encrypted": flag,
    "kmsKeyId": identifier,
    "volumeSize": number,
    "volumeType": word,
    "iops": number,
    "throughput": number,
    "snapshotId": identifier,
}
_MAPPING: Final[Shape] = {"items": [{"deviceName": identifier, "ebs": _EBS}]}
_TAG_SETS: Final[Shape] = {"items": [{"resourceType": word, "tags": _TAGS}]}
_LAUNCH: Final[Shape] = {
    "instanceType": word,
    "imageId": identifier,
    "subnetId": identifier,
    "ebsOptimized": flag,
    "minCount": number,
    "maxCount": number,
    "instancesSet": {
        "items": [{"imageId": identifier, "minCount": number, "maxCount": number, "keyName": identifier}]
    },
    "blockDeviceMapping": _MAPPING,
    "iamInstanceProfile": {"arn": identifier, "name": identifier},
    "launchTemplate": {
        "launchTemplateId": identifier,
        "launchTemplateName": identifier,
        "version": identifier,
    },
    "instanceMarketOptions": {"marketType": word},
    "metadataOptions": {"httpTokens": word, "httpEndpoint": word, "httpPutResponseHopLimit": number},
    "networkInterfaceSet": {
        "items": [
            {
                "associatePublicIpAddress": flag,
                "networkInterfaceId": identifier,
                "subnetId": identifier,
                "groupSet": {"items": [{"groupId": identifier}]},
            }
        ]
    },
    "groupSet": {"items": [{"groupId": identifier}]},
    "placement": {"tenancy": word, "availabilityZone": word, "groupName": identifier, "hostId": identifier},
    "availabilityZone": word,
    "tenancy": word,
    "capacityReservationSpecification": {"capacityReservationTarget": {"capacityReservationId": identifier}},
    "tagSpecificationSet": _TAG_SETS,
}
_INSTANCES: Final[Shape] = {"instancesSet": {"items": [{"instanceId": identifier}]}, "force": flag}
_VOLUME: Final[Shape] = {
    "size": number,
    "zone": word,
    "volumeType": word,
    "encrypted": flag,
    "kmsKeyId": identifier,
    "iops": number,
    "throughput": number,
    "snapshotId": identifier,
    "tagSpecificationSet": _TAG_SETS,
}
_VOLUME_COPY: Final[Shape] = {**_VOLUME, "sourceVolumeId": identifier}
_RESERVATION: Final[Shape] = {
    "instanceType": word,
    "instanceCount": number,
    "instancePlatform": identifier,
    "availabilityZone": word,
    "tenancy": word,
    "endDateType": word,
    "endDate": moment,
}
EC2: Final[dict[str, Shape]] = {
    "RunInstances": _LAUNCH,
    "RequestSpotInstances": {**_LAUNCH, "launchSpecification": _LAUNCH, "instanceCount": number},
    "RequestSpotFleet": {
        "spotFleetRequestConfig": {
            "targetCapacity": number,
            "iamFleetRole": identifier,
            "launchSpecifications": {"items": [_LAUNCH]},
        }
    },
    "CreateFleet": {
        "CreateFleetRequest": {
            "Type": word,
            "TargetCapacitySpecification": {"TotalTargetCapacity": number},
            "LaunchTemplateConfigs": {
                "LaunchTemplateSpecification": {
                    "LaunchTemplateId": identifier,
                    "LaunchTemplateName": identifier,
                },
                "Overrides": {"InstanceType": word},
            },
        }
    },
    "RunScheduledInstances": {"scheduledInstanceId": identifier, "instanceCount": number},
    "CopyVolumes": _VOLUME_COPY,
    "CreateReplaceRootVolumeTask": {
        "instanceId": identifier,
        "imageId": identifier,
        "snapshotId": identifier,
    },
    "RebootInstances": _INSTANCES,
    "StartInstances": _INSTANCES,
    "StopInstances": _INSTANCES,
    "TerminateInstances": _INSTANCES,
    "ModifyInstanceAttribute": {"instanceId": identifier, "instanceType": {"value": word}, "attribute": word},
    "CreateVolume": _VOLUME,
    "ModifyVolume": {
        "ModifyVolumeRequest": {"VolumeId": identifier, "Size": number, "VolumeType": word},
        "volumeId": identifier,
        "size": number,
        "volumeType": word,
    },
    "AttachVolume": {"volumeId": identifier, "instanceId": identifier, "device": identifier},
    "CreateSnapshot": {"volumeId": identifier},
    "CopySnapshot": {
        "sourceSnapshotId": identifier,
        "sourceRegion": word,
        "encrypted": flag,
        "kmsKeyId": identifier,
    },
    "EnableEbsEncryptionByDefault": {},
    "DisableEbsEncryptionByDefault": {},
    "ModifyEbsDefaultKmsKeyId": {"kmsKeyId": identifier},
    "CreateLaunchTemplate": {"launchTemplateName": identifier},
    "CreateLaunchTemplateVersion": {"launchTemplateId": identifier, "launchTemplateName": identifier},
    "CreateCapacityReservation": _RESERVATION,
    "PurchaseCapacityBlock": {"capacityBlockOfferingId": identifier, "instancePlatform": identifier},
    "PurchaseReservedInstancesOffering": {"reservedInstancesOfferingId": identifier, "instanceCount": number},
    "AllocateHosts": {"instanceType": word, "quantity": number, "availabilityZone": word},
    "CreateVpcEndpoint": {"serviceName": identifier, "vpcId": identifier, "vpcEndpointType": word},
    "ModifyVpcEndpoint": {"vpcEndpointId": identifier, "resetPolicy": flag},
    "DeleteVpcEndpoints": {"vpcEndpointId": identifier},
    "DeleteFlowLogs": {"flowLogId": identifier},
}
_GROUP_OF_INSTANCES: Final[Shape] = {
    "autoScalingGroupName": identifier,
    "launchConfigurationName": identifier,
    "launchTemplate": {
        "launchTemplateId": identifier,
        "launchTemplateName": identifier,
        "version": identifier,
    },
    "minSize": number,
    "maxSize": number,
    "desiredCapacity": number,
}
AUTOSCALING: Final[dict[str, Shape]] = {
    "CreateAutoScalingGroup": _GROUP_OF_INSTANCES,
    "UpdateAutoScalingGroup": _GROUP_OF_INSTANCES,
    "CreateLaunchConfiguration": {
        "launchConfigurationName": identifier,
        "instanceType": word,
        "imageId": identifier,
    },
}
_SELECTOR: Final[Shape] = {
    "readWriteType": word,
    "includeManagementEvents": flag,
    "excludeManagementEventSources": [identifier],
    "dataResources": [{"type": identifier, "values": [identifier]}],
}
_FIELD: Final[Shape] = {
    name: [identifier]
    for name in ("equals", "notEquals", "startsWith", "notStartsWith", "endsWith", "notEndsWith")
}
_ADVANCED: Final[Shape] = {"fieldSelectors": [{"field": identifier, **_FIELD}]}
CLOUDTRAIL: Final[Shape] = {
    "name": identifier,
    "trailName": identifier,
    "s3BucketName": identifier,
    "s3KeyPrefix": identifier,
    "kmsKeyId": identifier,
    "cloudWatchLogsLogGroupArn": identifier,
    "isMultiRegionTrail": flag,
    "isOrganizationTrail": flag,
    "includeGlobalServiceEvents": flag,
    "enableLogFileValidation": flag,
    "eventSelectors": [_SELECTOR],
    "advancedEventSelectors": [_ADVANCED],
    "eventDataStore": identifier,
    "retentionPeriod": number,
}
S3: Final[dict[str, Shape]] = {
    name: {"bucketName": identifier}
    for name in (
        "DeleteBucket",
        "DeleteBucketPolicy",
        "PutBucketPolicy",
        "PutBucketLifecycle",
        "PutBucketLifecycleConfiguration",
        "PutBucketLogging",
        "PutBucketVersioning",
        "DeleteBucketEncryption",
    )
}
LOGS: Final[dict[str, Shape]] = {
    name: {"logGroupName": identifier, "logStreamName": identifier, "retentionInDays": number}
    for name in ("DeleteLogGroup", "DeleteLogStream", "PutRetentionPolicy", "DeleteSubscriptionFilter")
}
ORGANIZATIONS: Final[Shape] = {
    "policyId": identifier,
    "targetId": identifier,
    "policyType": word,
    "name": identifier,
}
MARKETPLACE: Final[Shape] = {
    "agreementRequestId": identifier,
    "agreementId": identifier,
    "productId": identifier,
}
_VARIANT: Final = {"InstanceType": word, "InitialInstanceCount": number}
_LOWER_VARIANT: Final = {"instanceType": word, "initialInstanceCount": number, "modelName": identifier}
SAGEMAKER: Final[dict[str, Shape]] = {
    "CreateEndpoint": {"endpointName": identifier, "endpointConfigName": identifier},
    "UpdateEndpoint": {"endpointName": identifier, "endpointConfigName": identifier},
    "DeleteEndpoint": {"endpointName": identifier},
    "CreateEndpointConfig": {
        "endpointConfigName": identifier,
        "productionVariants": [{**_VARIANT, **_LOWER_VARIANT}],
    },
    "CreateInferenceComponent": {"inferenceComponentName": identifier, "endpointName": identifier},
    "CreateModel": {"modelName": identifier, "executionRoleArn": identifier, "enableNetworkIsolation": flag},
    "InvokeEndpoint": {"endpointName": identifier},
    "InvokeEndpointWithResponseStream": {"endpointName": identifier},
    "CreateTrainingJob": {
        "trainingJobName": identifier,
        "resourceConfig": {"instanceType": word, "instanceCount": number},
    },
    "CreateNotebookInstance": {"notebookInstanceName": identifier, "instanceType": word},
}
