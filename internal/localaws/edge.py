"""Makes CloudFront's edges keep what they have fetched, and CloudFront refuse what AWS refuses.

MiniStack serves distributions by their host name, <label>.cloudfront.localhost, and asks the origin each time.
"""

import os
import re
import time

from ministack.core.iam_evaluator import EvalContext, evaluate_resource_policy
from ministack.core.responses import get_region, request_scope
from ministack.services import cloudfront, cloudfront_keyvaluestore, s3, tagging

# For how long, in seconds, a change of a distribution is on its way to the edges. On AWS it is minutes.
DEPLOYING = 0 if os.environ.get("LOCALAWS_FUNCTIONS_READY") else 0.5
# For how long, in seconds, an error is kept where the distribution does not say (CloudFront Developer Guide, "Control how long
# CloudFront caches errors").
ERROR_TTL = 10
# Tells the outer layer how an answer came about; viewers do not get to see it.
MARK = "x-localaws-cache"
CONDITIONS = ("if-none-match", "if-modified-since", "if-match", "if-unmodified-since", "if-range", "range")

kept = {}  # by distribution, URI and query: when it was fetched and until when it is fresh, and the answer
versions = {}  # by version of a distribution: when it was first seen
made = {}  # by ARN of a key value store: when it was first seen

fetch_from_origin = cloudfront._fetch_from_origin
serve_origin = s3.serve_cloudfront_origin_fetch
add_headers = cloudfront._add_cloudfront_headers
handle_viewer = cloudfront.handle_viewer_request
build_distribution = cloudfront._build_distribution_xml
create_distribution = cloudfront._create_distribution
delete_distribution = cloudfront._delete_distribution
create_invalidation = cloudfront._create_invalidation
delete_access_control = cloudfront._delete_oac
delete_function = cloudfront._cf_delete_function
create_store = cloudfront._create_kvs
build_store = cloudfront._build_kvs_xml
delete_store = cloudfront._delete_kvs
resolve_taggable = cloudfront._resolve_taggable_cloudfront_arn
parse_function = cloudfront._cf_parse_function_config
reset = cloudfront.reset


def distribution_of(arn):
    """The record of a distribution."""
    return cloudfront._distributions.get(arn.rsplit("/", 1)[-1])


def find_by_label(label):
    """Finds a distribution of any account: viewers have none."""
    found = (d for d in cloudfront._distributions.to_dict().values() if d["DomainName"].split(".")[0] == label)
    return next(found, None)


async def view(dist, *args, **kwargs):
    """Answers a viewer in the name of the distribution's account."""
    if not dist["enabled"]:
        return cloudfront._cf_error_response(403, "The distribution is disabled.", "Error from cloudfront")
    with request_scope(dist["ARN"].split(":")[4], "us-east-1"):
        return await handle_viewer(dist, *args, **kwargs)


def seconds_of(header, name):
    """A directive of Cache-Control in seconds; None where it is not there."""
    found = re.search(rf"(?:^|[\s,]){name}=(\d+)", header)
    return int(found.group(1)) if found else None


def fresh_for(dist, uri, status, headers):
    """For how long an edge keeps an answer (CloudFront Developer Guide, "Manage how long content stays in the cache")."""
    if status >= 400:
        texts = cloudfront._text
        said = {
            texts(e, "ErrorCode"): texts(e, "ErrorCachingMinTTL")
            for e in cloudfront._dist_config_el(dist).iter() if cloudfront._local_tag_name(e) == "CustomErrorResponse"
        }
        return said.get(str(status), ERROR_TTL) if status in (403, 404, 405, 414, 500, 501, 502, 503, 504) else 0
    parsed = cloudfront.parse_distribution_dataplane_config(dist)
    policy_id = cloudfront._match_behavior(parsed, uri)["cache_policy_id"]
    policy = cloudfront._cache_policies.get(policy_id) or cloudfront._MANAGED_CACHE_POLICIES.get(policy_id)
    limits = policy["Config"] if policy else {"MinTTL": 0, "DefaultTTL": 86400, "MaxTTL": 31536000}
    control = headers.get("cache-control", "")
    if any(word in control for word in ("no-cache", "no-store", "private")):
        return limits["MinTTL"]
    age = seconds_of(control, "s-maxage")
    if age is None:
        age = seconds_of(control, "max-age")
    if age is None:
        return max(limits["MinTTL"], limits["DefaultTTL"])
    return min(max(limits["MinTTL"], age), limits["MaxTTL"])


async def fetch(origin, method, uri, query, headers, body, viewer_is_https, client_ip, viewer_xff, arn):
    """Answers from what is kept, or from the origin, and keeps what that says."""
    ask = (viewer_is_https, client_ip, viewer_xff, arn)
    if method not in ("GET", "HEAD") or "range" in headers:
        return await fetch_from_origin(origin, method, uri, query, headers, body, *ask)
    key, now = (arn, origin["id"], uri, query), time.monotonic()
    at, until, answer = kept.get(key, (0, 0, None))
    state = "Hit"
    if answer is None or now >= until:
        state, at = "Miss" if answer is None else "RefreshHit", now
        plain = {name: value for name, value in headers.items() if name not in CONDITIONS}
        before, answer = answer, await fetch_from_origin(origin, "GET", uri, query, plain, b"", *ask)
        kept[key] = (at, at + int(fresh_for(distribution_of(arn), uri, answer[0], answer[2])), answer)
        if before is not None and before[2].get("etag") != answer[2].get("etag"):
            state = "Miss"
    status, reason, found, content = answer
    found = {**found, MARK: ("Error" if status >= 400 else state) + " from cloudfront"}
    if state == "Hit":
        found["age"] = str(int(now - at))
    if status == 200 and found.get("etag") and headers.get("if-none-match", "").removeprefix("W/") == found["etag"]:
        return 304, "Not Modified", {name: value for name, value in found.items() if name != "content-length"}, b""
    return status, reason, found, b"" if method == "HEAD" else content


def headers_with_state(headers, x_cache, *args, **kwargs):
    """Says in X-Cache how an answer came about."""
    state = headers.get(MARK)
    return add_headers({name: value for name, value in headers.items() if name != MARK}, state or x_cache, *args, **kwargs)


def missing_or_forbidden(bucket, key, method, headers, source_arn="", oai_id=""):
    """Answers 404 rather than 403 for what is missing, where the distribution may list the bucket (S3 API Reference, GetObject)."""
    answer = serve_origin(bucket, key, method, headers, source_arn=source_arn, oai_id=oai_id)
    found = s3._ensure_bucket(bucket)
    if answer[0] != 403 or found is None or key in found["objects"] or not source_arn:
        return answer
    owner = s3._bucket_owner_account(bucket)
    policy = s3._bucket_policies.get_scoped(owner, None, bucket)
    context = EvalContext(
        principal_arn="*", principal_type="Service", principal_account="", action="s3:ListBucket", resource_arn=f"arn:aws:s3:::{bucket}",
        region=get_region(), service_context={"aws:sourcearn": source_arn},
    )
    if policy and evaluate_resource_policy(policy, context, service="cloudfront.amazonaws.com").decision == "Allow":
        return s3._error("NoSuchKey", "The specified key does not exist.", 404, f"/{bucket}/{key}")
    return answer


def on_its_way(dist):
    """Tells whether a distribution's last change has not reached all edges."""
    return time.monotonic() - versions.setdefault(dist["ETag"], time.monotonic()) < DEPLOYING


def build_with_status(parent, dist):
    """Renders a distribution with its status."""
    build_distribution(parent, {**dist, "Status": "InProgress" if on_its_way(dist) else "Deployed"})


def create_once(headers, body):
    """Refuses a caller reference that has made a distribution (CloudFront API Reference, DistributionConfig, CallerReference)."""
    config, _ = cloudfront._unwrap_distribution_create_xml(cloudfront._parse_body(body))
    reference = cloudfront._text(config, "CallerReference") if config is not None else ""
    for dist in cloudfront._distributions.values():
        if reference and dist["CallerReference"] == reference:
            message = "The caller reference that you are using to create a distribution is associated with another distribution. Already exists: "
            return cloudfront._error("DistributionAlreadyExists", message + dist["Id"], 409)
    return create_distribution(headers, body)


def delete_deployed(dist_id, headers):
    """Refuses to delete a distribution of which some edges do not know that it is disabled."""
    dist = cloudfront._distributions.get(dist_id)
    if dist and not dist["enabled"] and on_its_way(dist):
        return cloudfront._error("DistributionNotDisabled", "The distribution you are trying to delete has not been disabled.", 409)
    return delete_distribution(dist_id, headers)


def invalidate(dist_id, body):
    """Forgets all that is kept of a distribution, whichever paths are asked for."""
    for key in [key for key in kept if key[0].endswith("/" + dist_id)]:
        del kept[key]
    return create_invalidation(dist_id, body)


def delete_unused_access_control(control, headers):
    """Refuses to delete an origin access control that a distribution has."""
    if any(control in dist["config_xml"] for dist in cloudfront._distributions.values()):
        return cloudfront._error("OriginAccessControlInUse", "Cannot delete the origin access control because it's in use by one or more distributions.", 409)
    return delete_access_control(control, headers)


def delete_unused_function(name, headers):
    """Refuses to delete a function that a distribution has."""
    function = cloudfront._functions.get(name)
    if function and any(function["arn"] in cloudfront._function_arns_in(dist) for dist in cloudfront._distributions.values()):
        return cloudfront._error("FunctionInUse", "Cannot delete the function, it's attached to one or more cache behaviors.", 409)
    return delete_function(name, headers)


def store_by_arn(arn):
    """Finds a key value store; None where there is none."""
    return next((store for store in cloudfront._kvstores.values() if store["ARN"] == arn), None)


def provisioning(store):
    """Tells whether a key value store is still being made (CloudFront Developer Guide, "Create a key value store")."""
    return time.monotonic() - made.setdefault(store["ARN"], time.monotonic()) < DEPLOYING


def create_store_with_id(headers, body):
    """Creates a key value store whose ARN has its id, not its name (CloudFront API Reference, KeyValueStoreAssociation)."""
    status, found, content = create_store(headers, body)
    if status != 201:
        return status, found, content
    store = cloudfront._kvstores[cloudfront._text(cloudfront._parse_body(body), "Name")]
    was, store["ARN"] = store["ARN"], store["ARN"].rpartition("/")[0] + "/" + store["Id"]
    cloudfront._tags[store["ARN"]] = cloudfront._tags.pop(was, [])
    provisioning(store)
    return status, found, content.replace(was.encode(), store["ARN"].encode()).replace(b">READY<", b">PROVISIONING<")


def build_store_with_status(parent, store):
    """Renders a key value store with its status."""
    build_store(parent, {**store, "Status": "PROVISIONING" if provisioning(store) else "READY"})


def delete_store_with_values(name, headers):
    """Deletes a key value store with its values and tags."""
    store = cloudfront._kvstores.get(name)
    answer = delete_store(name, headers)
    if answer[0] == 204:
        cloudfront_keyvaluestore._stores.pop(store["ARN"], None)
        cloudfront._tags.pop(store["ARN"], None)
    return answer


def resolve_taggable_by_id(arn):
    """Finds what carries tags: key value stores by their ids."""
    return (arn, None) if store_by_arn(arn) else resolve_taggable(arn)


def values_of(arn):
    """Finds the values of a key value store that is made."""
    store = store_by_arn(arn)
    if store is None or provisioning(store):
        return None, cloudfront_keyvaluestore._error("ResourceNotFoundException", f"Key value store {arn} was not found.", 404)
    return cloudfront_keyvaluestore._stores.setdefault(arn, {"etag": store["Id"], "items": {}}), None


def parse_function_with_store(*args, **kwargs):
    """Reads what a function is to be, and refuses a key value store that is not there, or is still being made."""
    config, failed = parse_function(*args, **kwargs)
    for arn in [] if failed else config["kvs_arns"]:
        store = store_by_arn(arn)
        if store is None or provisioning(store):
            return None, cloudfront._error("EntityNotFound", f"The key value store {arn} was not found.", 404)
    return config, failed


def forget():
    """Forgets everything."""
    kept.clear()
    versions.clear()
    made.clear()
    reset()


def install():
    """Puts all of it in place."""
    cloudfront.find_distribution_for_label, cloudfront.handle_viewer_request = find_by_label, view
    cloudfront._fetch_from_origin, cloudfront._add_cloudfront_headers = fetch, headers_with_state
    cloudfront._build_distribution_xml, cloudfront._create_distribution = build_with_status, create_once
    cloudfront._delete_distribution, cloudfront._create_invalidation = delete_deployed, invalidate
    cloudfront._delete_oac, cloudfront._cf_delete_function = delete_unused_access_control, delete_unused_function
    cloudfront._create_kvs, cloudfront._delete_kvs, cloudfront._build_kvs_xml = create_store_with_id, delete_store_with_values, build_store_with_status
    cloudfront._resolve_taggable_cloudfront_arn, cloudfront_keyvaluestore._get_store = resolve_taggable_by_id, values_of
    cloudfront._cf_parse_function_config = parse_function_with_store
    cloudfront.reset = forget
    s3.serve_cloudfront_origin_fetch = missing_or_forbidden
    # aws:ResourceTag of what CloudFront has.
    tagging._RESOURCE_TAG_COLLECTORS["cloudfront"] = tagging._collect_cloudfront
