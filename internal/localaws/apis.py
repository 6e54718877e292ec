"""Mends MiniStack's HTTP APIs and Cognito identity pools where AWS documents something else."""

import contextlib
import fnmatch
import json
import re

from ministack import app
from ministack.core import iam_evaluator
from ministack.core.responses import error_response_json, get_region, request_scope
from ministack.services import apigateway, apigateway_v1, cognito, iam, lambda_svc, sts

# What is left to guests of an identity pool in the enhanced flow, whatever their role grants: of the services that Cognito names
# (Cognito Developer Guide, "IAM roles", services that guests can access) those that systems are made of.
GUESTS = {
    "Version": "2012-10-17",
    "Statement": {
        "Effect": "Allow",
        "Action": ["cloudwatch:*", "cognito-identity:*", "dynamodb:*", "execute-api:*", "firehose:*", "kinesis:*", "lambda:*", "logs:*", "s3:*",
                   "ses:*", "sns:*", "sqs:*", "kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey"],
        "Resource": "*",
    },
}

# The answer where a function may not be called.
INTERNAL_ERROR = 500, {"Content-Type": "application/json"}, b'{"message":"Internal Server Error"}'

SETTINGS = re.compile(r"^/v2/apis/([^/]+)/stages/([^/]+)/(accesslogsettings|routesettings)(?:/(.+))?$")

create_api = apigateway._create_api
create_route = apigateway._create_route
create_stage = apigateway._create_stage
update_stage = apigateway._update_stage
handle_request = apigateway.handle_request
handle_in_scope = apigateway._handle_execute_in_scope
invoke_lambda = apigateway._invoke_lambda_proxy
ask_authorizer = apigateway._authorize_request_v2
parse_url = app._parse_execute_api_url
create_pool = cognito._create_identity_pool
update_pool = cognito._update_identity_pool
get_id = cognito._get_id
get_credentials = cognito._get_credentials_for_identity


def install():
    """Puts the mends in place."""
    # The endpoint as AWS gives it out, and as the gate's HTTPClient and LocalURL lead it here.
    app._EXECUTE_API_RE = re.compile(r"^([a-z0-9]+)\.execute-api\.[a-z0-9.-]+(?::\d+)?$")
    app._parse_execute_api_url = parse_open_url
    apigateway.find_api_scope = api_scope
    apigateway_v1.find_domain_scope = domain_scope
    apigateway._create_api = create_api_as_aws
    apigateway._create_route = create_new_route
    apigateway._create_stage = create_new_stage
    apigateway._update_stage = update_stage_deployed
    apigateway.handle_request = handle_settings
    apigateway._handle_execute_in_scope = handle_staged
    apigateway._invoke_lambda_proxy = invoke_permitted
    apigateway._authorize_request_v2 = ask_permitted
    cognito._create_identity_pool = lambda data: tagged_pool(create_pool(data))
    cognito._update_identity_pool = lambda data: tagged_pool(update_pool(data))
    cognito._get_id = get_permitted_id
    cognito._get_credentials_for_identity = get_trusted_credentials


def api_scope(api_id):
    """Finds the account and region of an API. Requests to it are not signed, and say neither."""
    return next(((account, region) for (account, region, found), _ in apigateway._apis.all_items() if found == api_id), None)


def domain_scope(name):
    """Finds the account and region of a domain name, and the name as it is kept."""
    return next((key for key, _ in apigateway_v1._domain_names.all_items() if key[2].lower() == name), None)


def create_api_as_aws(data):
    """Creates an API whose endpoint has its region, and whose tags are the same wherever one asks."""
    status, headers, body = create_api(data)
    if status != 201:
        return status, headers, body
    api_id = json.loads(body)["apiId"]
    api = apigateway._apis[api_id]
    api["apiEndpoint"] = f"https://{api_id}.execute-api.{get_region()}.amazonaws.com"
    apigateway._api_tags[apigateway._api_arn(api_id)] = api["tags"]
    return apigateway._apigw_response(api, 201)


def deployed(api_id, answer):
    """Deploys what a stage with automatic deployments shows."""
    status, headers, body = answer
    if status >= 300:
        return answer
    stage = apigateway._stages[api_id][json.loads(body)["stageName"]]
    if stage["autoDeploy"]:
        stage["deploymentId"] = json.loads(apigateway._create_deployment(api_id, {})[2])["deploymentId"]
    return apigateway._apigw_response(stage, status)


def create_new_route(api_id, data):
    """Creates a route whose key no other has (API Gateway V2 API Reference, CreateRoute)."""
    key = data.get("routeKey")
    if any(route["routeKey"] == key for route in apigateway._routes.get(api_id, {}).values()):
        return apigateway._apigw_error("ConflictException", f"Route with key {key} already exists for this API", 409)
    return create_route(api_id, data)


def create_new_stage(api_id, data):
    """Creates a stage whose name no other has, and deploys it (API Gateway V2 API Reference, CreateStage)."""
    if data.get("stageName") in apigateway._stages.get(api_id, {}):
        return apigateway._apigw_error("ConflictException", "Stage already exists", 409)
    return deployed(api_id, create_stage(api_id, data))


def update_stage_deployed(api_id, stage_name, data):
    """Updates a stage and deploys it."""
    return deployed(api_id, update_stage(api_id, stage_name, data))


async def handle_settings(method, path, headers, body, query_params):
    """Deletes settings of a stage, which MiniStack would take for the stage itself."""
    found = SETTINGS.match(path)
    if not found or method != "DELETE":
        return await handle_request(method, path, headers, body, query_params)
    api_id, name, what, route = found.groups()
    stage = apigateway._stages.get(api_id, {}).get(name)
    if stage is None:
        return apigateway._apigw_error("NotFoundException", "Invalid Stage identifier specified", 404)
    if what == "accesslogsettings":
        stage.pop("accessLogSettings", None)
    else:
        stage["routeSettings"].pop(route, None)
    return 204, {}, b""


def parse_open_url(host, path):
    """Finds the API of a request to its own endpoint, where that is not disabled (API Gateway Developer Guide, "Disable the default
    endpoint for HTTP APIs")."""
    found = parse_url(host, path)
    scope = apigateway.find_api_scope(found[0]) if found else None
    if scope and apigateway._apis.get_scoped(*scope, found[0]).get("disableExecuteApiEndpoint"):
        return found[0] + "-disabled", *found[1:]
    return found


async def handle_staged(api_id, stage, *args, **kwargs):
    """Answers for the stages that an API has: without $default there is nothing at its root."""
    if stage not in apigateway._stages.get(api_id, {}):
        return apigateway._http_api_not_found()
    return await handle_in_scope(api_id, stage, *args, **kwargs)


async def invoke_permitted(integration, api_id, stage, path, method, headers, body, query_params, route_key="$default", path_params=None, **kwargs):
    """Calls a function where its policy lets the API do so (API Gateway Developer Guide, "Troubleshooting HTTP API Lambda integrations")."""
    arn = apigateway._extract_lambda_ref_from_integration_uri(integration.get("integrationUri", ""))
    verb, _, route_path = route_key.partition(" ")
    source = f"arn:aws:execute-api:{kwargs['owner_region']}:{kwargs['owner_account_id']}:{api_id}/{stage}/" + (
        f"{'*' if verb == 'ANY' else verb}{route_path}" if route_path else "$default")
    if not permitted(arn, source, kwargs["owner_account_id"], kwargs["owner_region"]):
        return INTERNAL_ERROR
    return await invoke_lambda(integration, api_id, stage, path, method, headers, body, query_params, route_key, path_params, **kwargs)


async def ask_permitted(api_id, stage, route, *args):
    """Asks an authorizer's function where its policy lets the API do so (API Gateway Developer Guide, "Control access to HTTP APIs with AWS
    Lambda authorizers", Lambda authorizer's permission)."""
    *_, owner_account_id, owner_region, _ = args
    asked = apigateway._authorizers.get(api_id, {}).get(route.get("authorizerId"), {})
    arn = apigateway._extract_lambda_ref_from_integration_uri(asked.get("authorizerUri", ""))
    source = f"arn:aws:execute-api:{owner_region}:{owner_account_id}:{api_id}/authorizers/{route.get('authorizerId')}"
    if asked and not permitted(arn, source, owner_account_id, owner_region):
        return INTERNAL_ERROR, None
    return await ask_authorizer(api_id, stage, route, *args)


def permitted(arn, source, account, region):
    """Tells whether a function's policy lets API Gateway call it for the source."""
    function = lambda_svc._functions.get_scoped(account, region, arn.split(":")[6]) if arn.count(":") >= 6 else None
    return function is not None and any(permits(statement, arn, source) for statement in function["policy"]["Statement"])


def permits(statement, function, source):
    """Tells whether a statement of a function's policy lets API Gateway call it for the source."""
    condition = statement.get("Condition", {})
    patterns = condition.get("ArnLike", {}).get("AWS:SourceArn", "*")
    return (
        statement["Effect"] == "Allow"
        and statement["Principal"] == {"Service": "apigateway.amazonaws.com"}
        and statement["Action"] in ("lambda:InvokeFunction", "lambda:*")
        and statement["Resource"] == function
        and set(condition) <= {"ArnLike"}
        and fnmatch.fnmatchcase(source, patterns)
    )


def tagged_pool(answer):
    """Keeps a pool's tags the same wherever one asks."""
    if answer[0] == 200:
        pool = cognito._identity_pools[json.loads(answer[2])["IdentityPoolId"]]
        cognito._identity_tags[pool["IdentityPoolId"]] = pool["IdentityPoolTags"]
    return answer


def scoped(found):
    """Runs in the account and region that own a pool: requests of guests are not signed, and say neither."""
    for (account, region, _), pool in cognito._identity_pools.all_items():
        if found(pool):
            return request_scope(account, region), pool
    return contextlib.nullcontext(), None


def get_permitted_id(data):
    """Gives an identity without a login where the pool allows that (Cognito Identity API Reference, GetId)."""
    owner, pool = scoped(lambda p: p["IdentityPoolId"] == data.get("IdentityPoolId"))
    if pool and not pool["AllowUnauthenticatedIdentities"] and not data.get("Logins"):
        return error_response_json("NotAuthorizedException", "Unauthenticated access is not supported for this identity pool.", 400)
    with owner:
        return get_id(data)


def get_trusted_credentials(data):
    """Gives credentials of a role that trusts the pool, and to guests only what Cognito leaves them."""
    identity = data.get("IdentityId", "")
    owner, pool = scoped(lambda p: identity in p["_identities"])
    if pool is None:
        return error_response_json("ResourceNotFoundException", f"Identity '{identity}' not found.", 400)
    guest = not data.get("Logins") and not pool["_identities"][identity].get("Logins")
    with owner:
        if not trusts(pool, identity, "unauthenticated" if guest else "authenticated"):
            message = "Invalid identity pool configuration. Check assigned IAM roles for this pool."
            return error_response_json("InvalidIdentityPoolConfigurationException", message, 400)
        answer = get_credentials(data)
    if answer[0] == 200 and guest:
        key = json.loads(answer[2])["Credentials"]["AccessKeyId"]
        sts._sessions[key]["SessionPolicies"] = {"Policy": json.dumps(GUESTS), "PolicyArns": []}
    return answer


def trusts(pool, identity, flavor):
    """Tells whether the pool's role for an identity lets it take it on."""
    arn = pool["_roles"].get(flavor, "")
    role = iam._roles.get(arn.rpartition("/")[2])
    prefix = "cognito-identity.amazonaws.com"
    context = iam_evaluator.EvalContext(
        principal_arn=prefix, principal_type="WebIdentityUser", principal_account="", action="sts:AssumeRoleWithWebIdentity", resource_arn=arn,
        region=get_region(), service_context={f"{prefix}:aud": pool["IdentityPoolId"], f"{prefix}:amr": [flavor], f"{prefix}:sub": identity},
    )
    return bool(role) and iam_evaluator.evaluate_trust_policy(role["AssumeRolePolicyDocument"], prefix, context)
