"""Keeps event source mappings for the gate, which polls for them, and judges calls about them as AWS does.

MiniStack's own pollers are switched off. The gate asks for all mappings with a GET of PATH, and says with a PUT of PATH/<UUID> what
became of one: {"State": ..., "LastProcessingResult": ...}, where the state Deleted removes it. A PUT of PATH alone ends the receives of all.
"""

import asyncio
import collections
import hashlib
import json
import time
import uuid

from ministack import app
from ministack.core import iam_evaluator
from ministack.core.arn import parse_arn
from ministack.core.concurrency import esm_wake
from ministack.core.responses import _request_account_id, _request_region, error_response_json, get_account_id, get_region, json_response
from ministack.services import dynamodb_streams, iam, kinesis, lambda_svc, sqs, sts

PATH = "/_ministack/event-source-mappings"

# The states in which a mapping stays (Lambda API Reference, EventSourceMappingConfiguration). In between the gate is at work on it.
STAYING = ("Enabled", "Disabled")

create = lambda_svc._create_esm
update = lambda_svc._update_esm


def refuse(message):
    """Answers that a parameter is wrong."""
    return error_response_json("InvalidParameterValueException", message, 400)


def pattern_refused(service, criteria):
    """Says what is wrong with filter criteria (Lambda Developer Guide, "Control which events Lambda sends to your function")."""
    filters = (criteria or {}).get("Filters") or []
    if len(filters) > 5:
        return "FilterCriteria may have five filters."
    for one in filters:
        try:
            pattern = json.loads(one.get("Pattern", ""))
        except ValueError:
            return "Invalid filter pattern definition."
        if not isinstance(pattern, dict) or service != "sqs" and not all(isinstance(pattern.get(key, {}), dict) for key in ("data", "dynamodb")):
            return "Invalid filter pattern definition."
    return None


# What a mapping of each sort of source may not have (Lambda Developer Guide, the parameters of each source).
OF_STREAMS = (
    "StartingPosition", "StartingPositionTimestamp", "ParallelizationFactor", "BisectBatchOnFunctionError", "MaximumRetryAttempts",
    "MaximumRecordAgeInSeconds", "DestinationConfig", "TumblingWindowInSeconds",
)


def parameters_refused(service, fifo, data, creating):
    """Says what is wrong with the parameters of a call, filled up with those that stay (Lambda API Reference, CreateEventSourceMapping).

    The gate checks each value by itself; this is what they must be to each other.
    """
    batch, window = data.get("BatchSize") or 10, data.get("MaximumBatchingWindowInSeconds") or 0
    if service == "sqs":
        if any(data.get(name) for name in OF_STREAMS):
            return "Unsupported source parameter(s) for given event source mapping type."
        if fifo and batch > 10:
            return "BatchSize of a FIFO queue must be 10 or less."
        if fifo and window > 0:
            return "Batching window is not supported for FIFO queues."
        if batch > 10 and window < 1:
            return "Maximum batch window in seconds must be greater than 0 if maximum batch size is greater than 10"
    else:
        position = data.get("StartingPosition")
        if creating and position not in ("TRIM_HORIZON", "LATEST", "AT_TIMESTAMP"):
            return "StartingPosition must be TRIM_HORIZON, LATEST or AT_TIMESTAMP."
        if position == "AT_TIMESTAMP" and (service != "kinesis" or not data.get("StartingPositionTimestamp")):
            return "AT_TIMESTAMP is for Kinesis streams, and needs a StartingPositionTimestamp."
        age = data.get("MaximumRecordAgeInSeconds")
        if age is not None and age != -1 and age < 60:
            return "MaximumRecordAgeInSeconds must be -1 or at least 60."
    return pattern_refused(service, data.get("FilterCriteria"))


def allowed(role_arn, service, action, resource):
    """Says whether a role's policies, its boundary and the resource's own policy allow an action."""
    account, role = get_account_id(), role_arn.rsplit("/", 1)[-1]
    context = iam_evaluator.EvalContext(
        principal_arn=f"arn:aws:sts::{account}:assumed-role/{role}/lambda", principal_type="AssumedRole", principal_account=account,
        action=action, resource_arn=resource, region=get_region(),
    )
    limits = iam_evaluator._permissions_boundary(iam._roles, role, account)
    result = iam_evaluator.evaluate(context, iam_evaluator._gather_role_policies(role, account), *limits)
    policy = iam_evaluator._resource_policy(service, resource)
    if policy is not None:
        result = iam_evaluator.combine_resource_policy(result, context, *policy, limits=limits)
    return result.decision == "Allow"


# What a role needs (Lambda Developer Guide, execution role permissions of each source).
NEEDED = {
    "sqs": ("ReceiveMessage", "DeleteMessage", "GetQueueAttributes"),
    "kinesis": ("GetRecords", "GetShardIterator", "DescribeStream", "ListShards"),
    "dynamodb": ("GetRecords", "GetShardIterator", "DescribeStream"),
}


def source_refused(service, arn, config):
    """Says why a function cannot poll a source: it is not there, the role may not, or the queue hides messages too briefly."""
    if service == "sqs":
        queue = sqs._queue_by_arn(arn)
        if queue is None:
            return (
                "Error occurred while ReceiveMessage. SQS Error Code: AWS.SimpleQueueService.NonExistentQueue. "
                "SQS Error Message: The specified queue does not exist for this wsdl version."
            )
    elif service == "kinesis" and kinesis._resolve_stream_by_arn(arn) is None or service == "dynamodb" and dynamodb_streams._request_stream_source(arn) is None:
        return f"Stream not found: {arn}"
    for action in NEEDED[service]:
        if allowed(config.get("Role", ""), service, f"{service}:{action}", arn):
            continue
        if service == "sqs":
            return f"The provided execution role does not have permissions to call {action} on SQS"
        return f"Cannot access stream {arn}. Please ensure the role can perform the {', '.join(NEEDED[service])} Actions on your stream in IAM."
    if service == "sqs":
        hidden, timeout = int(queue["attributes"].get("VisibilityTimeout", "30")), int(config.get("Timeout", 3))
        if hidden < timeout:
            return f"Queue visibility timeout: {hidden} seconds is less than Function timeout: {timeout} seconds"
    return None


def create_mapping(data):
    """Creates a mapping, which the gate then polls for."""
    name, qualifier, error = lambda_svc._resolve_existing_esm_function(data.get("FunctionName", ""))
    if error:
        return error
    arn = data.get("EventSourceArn", "")
    source, error = lambda_svc._validate_event_source_arn(arn)
    if error:
        return error
    message = parameters_refused(source.service, arn.endswith(".fifo"), data, True)
    message = message or source_refused(source.service, arn, lambda_svc._get_func_record_for_qualifier(name, qualifier)[1])
    if message:
        return refuse(message)
    # AWS refuses a second mapping of the same source and function (Lambda API Reference, CreateEventSourceMapping), which is what makes
    # an attempt after a lost answer harmless.
    for mapping in lambda_svc._esms.values():
        if (mapping["EventSourceArn"], mapping["FunctionName"], mapping["Qualifier"]) == (arn, name, qualifier):
            return error_response_json(
                "ResourceConflictException",
                f'The event source arn (" {arn} ") and function (" {name} ") provided mapping already exists. '
                f'Please update or delete the existing mapping with UUID {mapping["UUID"]}',
                409,
            )
    status, headers, body = create(data)
    if status != 202:
        return status, headers, body
    mapping = lambda_svc._esms[json.loads(body)["UUID"]]
    mapping["State"] = "Creating"
    for key in ("StartingPositionTimestamp", "KMSKeyArn"):
        if key in data:
            mapping[key] = data[key]
    if source.service != "sqs":
        mapping["BatchSize"] = data.get("BatchSize") or 100
        for key, value in (
            ("MaximumRetryAttempts", -1), ("MaximumRecordAgeInSeconds", -1), ("BisectBatchOnFunctionError", False),
            ("ParallelizationFactor", 1), ("TumblingWindowInSeconds", 0), ("DestinationConfig", {"OnFailure": {}}),
        ):
            mapping.setdefault(key, value)
    return json_response(lambda_svc._esm_response(mapping), 202)


def update_mapping(name, data):
    """Changes a mapping that nobody is at work on."""
    mapping = lambda_svc._esms.get(name)
    if mapping is not None:
        if mapping["State"] not in STAYING:
            return error_response_json("ResourceInUseException", "Cannot update the event source mapping because it is in use.", 400)
        merged = {**mapping, **data}
        arn = mapping["EventSourceArn"]
        message = parameters_refused(parse_arn(arn).service, arn.endswith(".fifo"), merged, False)
        if message:
            return refuse(message)
    before = (mapping or {}).get("Enabled")
    status, headers, body = update(name, data)
    if status != 200:
        return status, headers, body
    for key, inner in (("FilterCriteria", "Filters"), ("ScalingConfig", "MaximumConcurrency")):
        if not (mapping.get(key) or {}).get(inner):
            mapping.pop(key, None)
    if "KMSKeyArn" in data:
        mapping["KMSKeyArn"] = data["KMSKeyArn"]
    after = mapping["Enabled"]
    mapping["State"] = "Updating" if after == before else "Enabling" if after else "Disabling"
    release(name)
    return json_response(lambda_svc._esm_response(mapping), 202)


def delete_mapping(name):
    """Begins to delete a mapping; it is gone when the gate no longer polls for it."""
    mapping = lambda_svc._esms.get(name)
    if mapping is None:
        return error_response_json("ResourceNotFoundException", "The resource you requested does not exist.", 404)
    if mapping["State"] not in STAYING:
        return error_response_json("ResourceInUseException", "Cannot delete the event source mapping because it is in use.", 400)
    mapping["State"] = "Deleting"
    release(name)
    return json_response(lambda_svc._esm_response(mapping), 202)


def session(name, what, arn):
    """Registers credentials for a mapping's calls. They do not end, and are the same each time."""
    digest = hashlib.sha256(f"{name}:{what}:{arn}".encode()).hexdigest()
    key = {"AccessKeyId": f"ASIA{digest[:16].upper()}", "SecretAccessKey": digest, "SessionToken": digest[::-1]}
    sts.register_session(key["AccessKeyId"], {"Arn": arn, "UserId": name, "SecretAccessKey": digest, "SessionToken": key["SessionToken"]})
    return key


def described(account, region, mapping):
    """Gives all that the gate needs to poll for a mapping: as the function's role, and to invoke the function."""
    _, config = lambda_svc._get_func_record_for_qualifier(mapping["FunctionName"], mapping["Qualifier"])
    arn = (config or {}).get("Role", "")
    role = arn.rsplit("/", 1)[-1]
    return {
        "Account": account,
        "Region": region,
        "Enabled": mapping["Enabled"],
        "Role": arn,
        "Mapping": lambda_svc._esm_response(mapping),
        "FunctionTimeout": (config or {}).get("Timeout", 3),
        "Poll": session(mapping["UUID"], "poll", f"arn:aws:sts::{account}:assumed-role/{role}/{mapping['UUID']}"),
        "Invoke": session(mapping["UUID"], "invoke", f"arn:aws:iam::{account}:root"),
    }


def answer(method, name, body):
    """Answers the gate."""
    if method == "GET":
        described_all = []
        for (account, region, _), mapping in list(lambda_svc._esms._data.items()):
            _request_account_id.set(account)
            _request_region.set(region)
            described_all.append(described(account, region, mapping))
        return described_all
    for key, mapping in list(lambda_svc._esms._data.items()):
        if not name:
            mapping["State"] = "Disabling"
            release(key[2])
        if key[2] != name:
            continue
        if body.get("State") == "Deleted":
            del lambda_svc._esms._data[key]
            for access_key in [k for k, s in list(sts._sessions.items()) if s.get("UserId") == name]:
                sts._sessions.pop(access_key, None)
        else:
            mapping.update(body)
    return {}


serve = app.app


async def served(scope, receive, send):
    """Serves the gate's questions beside all else."""
    if scope["type"] != "http" or not scope["path"].startswith(PATH):
        return await serve(scope, receive, send)
    body, more = b"", True
    while more:
        message = await receive()
        body, more = body + message.get("body", b""), message.get("more_body", False)
    told = json.dumps(answer(scope["method"], scope["path"][len(PATH) + 1 :], json.loads(body or b"{}"))).encode()
    head = [(b"content-type", b"application/json"), (b"content-length", str(len(told)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": head})
    await send({"type": "http.response.body", "body": told})


# MiniStack's long polling looks at the queue ten times a second for each receive; these wait until there is something to see. That
# keeps an idle mapping's five receives from costing anything, and lets those of a mapping that goes end at once, where a receive
# without a reader would still take messages.
waiting = {}  # by a queue's identity: the queue, and the receives that wait for its messages
looking = False
loop = None


def changed():
    """Looks for receives to wake, soon: a source has something new. Any thread may call it."""
    if loop is not None and waiting:
        loop.call_soon_threadsafe(look_soon)


def look_soon():
    global looking
    if not looking:
        looking = True
        loop.call_later(0.002, look)


def look():
    """Wakes one receive of each queue with something to give. When it has taken its share, it looks again."""
    global looking
    looking = False
    now = time.time()
    for queue, futures in list(waiting.values()):
        if any(m.get("visible_at", 0) <= now for m in queue["messages"]):
            wake(next((f for f in futures if not f.done()), None))


def wake(future):
    if future is not None and not future.done():
        future.set_result(None)


def release(name):
    """Ends the receives of a mapping. They see its state."""

    def wake_all():
        for _, futures in list(waiting.values()):
            for future in list(futures):
                if future.mapping == name:
                    wake(future)

    if loop is not None:
        loop.call_soon_threadsafe(wake_all)


def stopped(name):
    """Says whether a caller is a mapping that does not poll, or not with what it has."""
    mapping = lambda_svc._esms.get(name)
    return mapping is not None and (mapping["State"] in ("Deleting", "Disabling", "Disabled", "Updating"))


class Waiting(asyncio.Future):
    """A receive that waits, and the mapping that it is for."""

    mapping = ""


receive_now = sqs._HANDLERS["ReceiveMessage"]
delete_queue = sqs._HANDLERS["DeleteQueue"]


async def receive_message(data, url):
    """Receives as soon as there are messages, within the time that the caller waits."""
    global loop
    loop = asyncio.get_running_loop()
    caller = iam_evaluator.caller_arn().rsplit("/", 1)[-1]
    queue = sqs._get_q(data.get("QueueUrl", url), "sqs:ReceiveMessage")
    wait = data.get("WaitTimeSeconds")
    end = time.time() + int(wait if wait is not None else queue["attributes"].get("ReceiveMessageWaitTimeSeconds", "0"))
    while True:
        if stopped(caller):
            return {}
        received = await receive_now({**data, "WaitTimeSeconds": 0}, url)
        left = end - time.time()
        if received or left <= 0:
            changed()
            return received
        await wait_for(queue, caller, left)


async def wait_for(queue, caller, left):
    """Waits until somebody wakes this receive, a hidden message is visible again, or the time is over."""
    now = time.time()
    future = Waiting(loop=loop)
    future.mapping = caller
    _, futures = waiting.setdefault(id(queue), (queue, collections.deque()))
    futures.append(future)
    hidden = (m["visible_at"] - now for m in queue["messages"] if m.get("visible_at", 0) > now)
    try:
        await asyncio.wait_for(future, min(left, min(hidden, default=left)) + 0.001)
    except asyncio.TimeoutError:
        pass
    finally:
        futures.remove(future)
        if not futures:
            waiting.pop(id(queue), None)


def delete_queue_now(data, url):
    """Deletes a queue, and lets those who wait for its messages know."""
    queue = sqs._get_q(data.get("QueueUrl", url))
    result = delete_queue(data, url)
    for future in list(waiting.get(id(queue), (queue, ()))[1]):
        wake(future)
    return result


# MiniStack goes through a whole queue for each receive, several times, and ten times for each batch of deletes. A queue that a vote has
# filled would take longer to read than its messages to process.
collect_fifo = sqs._collect_fifo
expire = sqs._expire_retained


def collect(queue, most, hidden):
    """Takes the first visible messages of a queue."""
    now = time.time()
    if queue["is_fifo"]:
        for message in queue["messages"]:
            sqs._ensure_msg_fields(message)
        return collect_fifo(queue, most, hidden, now)
    taken = []
    for message in queue["messages"]:
        if message.get("visible_at", 0) > now:
            continue
        sqs._ensure_msg_fields(message)
        message.update(receipt_handle=str(uuid.uuid4()), visible_at=now + hidden, receive_count=message["receive_count"] + 1)
        message["first_receive_at"] = message["first_receive_at"] or now
        taken.append(message)
        if len(taken) == most:
            break
    return taken


def expire_each_second(queue):
    """Drops what is too old, to the second; the shortest retention is a minute."""
    now = time.time()
    if now - queue.get("looked_at", 0) >= 1:
        queue["looked_at"] = now
        expire(queue)


def delete_batch(data, url):
    """Deletes messages by their receipt handles, all at once."""
    queue = sqs._get_q(data.get("QueueUrl", url), "sqs:DeleteMessage")
    entries = data.get("Entries", [])
    sqs._validate_batch_entries(entries, "DeleteMessageBatchRequestEntry")
    handles = {entry.get("ReceiptHandle", "") for entry in entries} - {""}
    found, kept = set(), []
    for message in queue["messages"]:
        if message.get("receipt_handle") in handles:
            found.add(message["receipt_handle"])
        else:
            kept.append(message)
    queue["messages"] = kept
    invalid = {"Code": "ReceiptHandleIsInvalid", "Message": "The input receipt handle is invalid.", "SenderFault": True}
    return {
        "Successful": [{"Id": e["Id"]} for e in entries if e.get("ReceiptHandle") in found],
        "Failed": [{"Id": e["Id"], **invalid} for e in entries if e.get("ReceiptHandle") not in found],
    }


def install():
    """Puts all of it in place."""
    lambda_svc._ensure_poller = lambda: None
    lambda_svc._create_esm, lambda_svc._update_esm, lambda_svc._delete_esm = create_mapping, update_mapping, delete_mapping
    app.app = served
    esm_wake.set = changed
    sqs._HANDLERS.update(ReceiveMessage=receive_message, DeleteQueue=delete_queue_now, DeleteMessageBatch=delete_batch)
    sqs._collect_msgs, sqs._expire_retained = collect, expire_each_second
