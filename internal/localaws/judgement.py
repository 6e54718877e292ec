"""Lets the gate judge every call: it tells what IAM knows, and switches MiniStack's own judgement off.

Everything that reaches MiniStack has passed the gate, which judges by AWS's own actions and resources. Signatures and
sessions are still checked here, where the secrets are.
"""

import json
import os
import re
import urllib.error
import urllib.parse
import urllib.request

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from ministack import app
from ministack.core import iam_evaluator
from ministack.core.lambda_runtime import execution_credentials
from ministack.core.responses import request_scope
from ministack.services import eventbridge

resolve_principal = iam_evaluator.resolve_principal


def resolve_unbound(*args, **kwargs):
    """Resolves a principal whom no policy binds: the gate has applied them."""
    principal = resolve_principal(*args, **kwargs)
    if isinstance(principal, iam_evaluator.PrincipalInfo):
        principal.policies = None
    return principal


resolve_condition_key = iam_evaluator._resolve_condition_key


def resolve_key_of_role(key, context):
    """Resolves a condition's key. Of a session aws:PrincipalArn is the role's ARN (IAM User Guide, "AWS global condition context keys")."""
    if key.lower() == "aws:principalarn" and ":assumed-role/" in context.principal_arn:
        from ministack.services import iam

        role = iam._roles.get_scoped(context.principal_account, None, context.principal_arn.split("/")[1])
        return role["Arn"] if role else context.principal_arn
    return resolve_condition_key(key, context)


def text(document):
    """A policy document as text, in whichever way it is kept."""
    return document if isinstance(document, str) or document is None else json.dumps(document)


def managed(arn, account):
    """A managed policy's default version."""
    return {"name": arn, "document": text(iam_evaluator._resolve_managed_policy_document(arn, account)) or ""}


def policies_of(account, inline, holder):
    """Inline and attached policies of a user, group or role."""
    found = [{"name": name, "document": text(document)} for name, document in (inline or {}).items()]
    return found + [managed(arn, account) for arn in holder.get("AttachedPolicies", [])]


def principal_of(key):
    """The principal of an access key, with all policies that bind it; None where the key is nobody's."""
    from ministack.services import iam, sts

    session = sts._sessions.get(key) or {}
    account = iam_evaluator._account_from_arn(session.get("Arn", "")) or iam_evaluator.find_iam_access_key_account(key)
    if not account:
        return None
    with request_scope(account, "us-east-1"):
        credential = iam_evaluator.resolve_credential(key, account)
        if isinstance(credential, iam_evaluator.CredentialResolutionError):
            return None
        name, policies = credential.principal_name, []
        if credential.principal_type == "AssumedRole":
            name = credential.principal_arn.split("/")[1]
            holder = iam._roles.get_scoped(account, None, name) or {}
            policies = policies_of(account, holder.get("InlinePolicies"), holder)
        else:
            holder = iam._users.get_scoped(account, None, name) or {}
            policies = policies_of(account, iam._user_inline_policies.get(name), holder)
            for group_name, group in iam._groups.items():
                if name in group.get("Users", []):
                    policies += policies_of(account, iam._group_inline_policies.get(group_name), group)
        boundary, passed = holder.get("PermissionsBoundary"), session.get("SessionPolicies")
        if passed is not None:
            passed = [{"name": "session", "document": text(passed["Policy"])}] if passed.get("Policy") else []
            passed += [managed(arn, account) for arn in session["SessionPolicies"].get("PolicyArns", [])]
        tags = list(holder.get("Tags") or []) + list(session.get("SessionTags") or [])
        return {
            "type": credential.principal_type,
            "arn": credential.principal_arn,
            "account": account,
            "id": credential.principal_id,
            "name": name,
            "holder": holder.get("Arn", ""),
            "policies": policies,
            "boundary": managed(boundary, account) if boundary else None,
            "session": passed,
            "tags": {tag["Key"]: tag["Value"] for tag in tags},
            "issued": int(session.get("IssuedAt") or 0),
            "identity": session.get("_identity_id", ""),
        }


def resource_of(arn):
    """What permissions depend on of a resource, by its ARN, or by the id of a function's URL."""
    if not arn.startswith("arn:"):
        from ministack.services import lambda_svc

        found = lambda_svc.resolve_function_url(arn)
        if found is None:
            return {}
        account, region, name, qualifier, config = found
        arn = f"arn:aws:lambda:{region}:{account}:function:{name}"
        return {"arn": arn, "owner": account, "function": f"{arn}:{qualifier}" if qualifier else arn, "auth_type": config.get("AuthType", "")}
    _, _, service, region, account, resource = arn.split(":", 5)
    reader = readers.get(service)
    if reader is None:
        return {}
    if service == "s3":
        from ministack.services import s3

        bucket = resource.split("/")[0]
        account = next((owner for owner, name in s3._buckets.to_dict() if name == bucket), "")
    with request_scope(account, region or "us-east-1"):
        found = reader(account, resource, arn)
    return {"arn": arn, "owner": account, **found} if found is not None else {"owner": account}


def of_bucket(account, resource, _arn):
    from ministack.services import s3

    bucket = resource.split("/")[0]
    if not account:
        return None
    encryption = s3._bucket_encryption.get_scoped(account, None, bucket)
    key = re.search(r"<KMSMasterKeyID>([^<]+)<", encryption if isinstance(encryption, str) else (encryption or b"").decode())
    return {"policy": text(s3._bucket_policies.get_scoped(account, None, bucket)) or "", "kms_key": key.group(1) if key else ""}


def of_queue(_account, _resource, arn):
    from ministack.services import sqs

    queue = sqs._queue_by_arn(arn)
    if queue is None:
        return None
    return {"policy": queue["attributes"].get("Policy") or "", "kms_key": queue["attributes"].get("KmsMasterKeyId") or ""}


def of_topic(_account, _resource, arn):
    from ministack.services import sns

    found = sns.topic_policy_for_arn(arn)
    return {"policy": text(found[0]) or ""} if found else None


def of_table(_account, resource, _arn):
    from ministack.services import dynamodb

    table = dynamodb._tables.get(resource.split("/")[1]) if resource.startswith("table/") else None
    if table is None:
        return None
    keys = [k["AttributeName"] for k in table.get("KeySchema", []) if k["KeyType"] == "HASH"]
    return {"kms_key": (table.get("SSEDescription") or {}).get("KMSMasterKeyArn") or "", "partition_key": keys[0] if keys else ""}


def of_lambda(_account, resource, arn):
    from ministack.services import lambda_svc

    if resource.startswith("event-source-mapping:"):
        mapping = lambda_svc._esms.get(resource.split(":")[1])
        return {"function": mapping.get("FunctionArn") or ""} if mapping else None
    parts = resource.split(":")
    function = lambda_svc._functions.get(parts[1]) if parts[0] == "function" else None
    if function is None:
        return None
    return {"policy": text(function["policy"]) or "", "kms_key": function["config"].get("KMSKeyArn") or ""}


def of_identity(account, resource, _arn):
    from ministack.services import iam

    kind, _, path = resource.partition("/")
    holder = {"role": iam._roles, "user": iam._users}.get(kind)
    found = holder.get_scoped(account, None, path.rsplit("/", 1)[-1]) if holder is not None else None
    if found is None:
        return None
    return {
        "arn": found["Arn"], "boundary": found.get("PermissionsBoundary") or "",
        "policy": text(found.get("AssumeRolePolicyDocument")) or "" if kind == "role" else "",
    }


def of_key(_account, resource, arn):
    from ministack.services import kms

    found = kms.key_policy_for_arn(arn)
    if found is None:
        return None
    record = kms._resolve_key(arn if resource.startswith("key/") else resource) or {}
    return {"arn": record.get("Arn", arn), "policy": text(found[0]) or ""}


def of_parameter(_account, _resource, arn):
    from ministack.services import ssm

    _, found = ssm._lookup_parameter(arn)
    if found is None:
        return None
    return {"kms_key": found.get("KeyId") or ""}


readers = {
    "dynamodb": of_table, "iam": of_identity, "kms": of_key, "lambda": of_lambda, "s3": of_bucket, "sns": of_topic, "sqs": of_queue,
    "ssm": of_parameter,
}


def tags_of(arn):
    """The tags of a resource."""
    from ministack.services.tagging import resource_tags

    parts = arn.split(":")
    with request_scope(parts[4], parts[3] or "us-east-1"):
        return {"tags": resource_tags(arn) or {}}


def website_of(bucket):
    """The documents of a bucket's website; None where it has none."""
    from ministack.services import s3

    stored = next((text for (_, name), text in s3._bucket_websites.to_dict().items() if name == bucket), None)
    if stored is None:
        return None
    found = {name: re.search(rf"<{name}>([^<]+)<", stored) for name in ("Suffix", "Key")}
    return {"index": found["Suffix"].group(1) if found["Suffix"] else "", "error": found["Key"].group(1) if found["Key"] else ""}


questions = {"principal": principal_of, "resource": resource_of, "tags": tags_of, "website": website_of}
handle_request = app._handle_pre_body_request


async def handle(method, path, headers, query_params, request_id):
    """Answers the gate's questions, /_ministack/<question>?of=<key or ARN>, and passes on all else."""
    question = questions.get(path.removeprefix("/_ministack/"))
    if question is None:
        return await handle_request(method, path, headers, query_params, request_id)
    of = query_params.get("of", "")
    answer = question(of[0] if isinstance(of, list) else of)
    return 200, {"Content-Type": "application/json"}, json.dumps(answer).encode()


invoke_target = eventbridge._invoke_target


def invoke_with_role(target, event, rule, view=None):
    """Invokes a schedule's function as AWS does: with the schedule's role, by a call that the gate judges."""
    if event.get("Source") != "aws.scheduler" or ":lambda:" not in target["Arn"]:
        return invoke_target(target, event, rule, view)
    region, function = target["Arn"].split(":")[3], target["Arn"].split(":", 6)[6]
    name, _, qualifier = function.partition(":")
    session = execution_credentials({"FunctionArn": target["Arn"], "Role": target.get("RoleArn", ""), "FunctionName": "scheduler"})
    query = {"Qualifier": qualifier} if qualifier else {}
    url = f"{os.environ['AWS_ENDPOINT_URL']}/2015-03-31/functions/{name}/invocations?{urllib.parse.urlencode(query)}"
    payload = (target.get("Input") or json.dumps(event)).encode()
    request = AWSRequest("POST", url, {"X-Amz-Invocation-Type": "Event", "User-Agent": "scheduler app/scheduler"}, payload)
    SigV4Auth(Credentials(*session.values()), "lambda", region).add_auth(request)
    try:
        urllib.request.urlopen(urllib.request.Request(url, payload, dict(request.headers), method="POST"), timeout=60).close()
    except urllib.error.HTTPError as refused:
        refused.close()  # the gate has recorded it, and nobody waits for a schedule


def install():
    """Takes the places of MiniStack's own."""
    iam_evaluator.resolve_principal = resolve_unbound
    iam_evaluator._resolve_condition_key = resolve_key_of_role
    app._handle_pre_body_request = handle
    eventbridge._invoke_target = invoke_with_role
