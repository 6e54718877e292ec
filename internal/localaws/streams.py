"""Mends MiniStack's Kinesis streams, and how SNS calls functions, where AWS documents something else."""

import fnmatch
import json
import logging

from ministack.core.responses import error_response_json, json_response
from ministack.services import kinesis, lambda_svc, sns

# A stream begins with four shards on demand (Kinesis Data Streams Developer Guide, "Choose the right mode in Kinesis Data Streams").
ON_DEMAND_SHARDS = 4

create_stream = kinesis._create_stream
delete_stream = kinesis._delete_stream
next_sequence_number = kinesis._next_sequence_number
handle_request = kinesis.handle_request


def install():
    """Puts the mends in place."""
    # No number begins with a zero (Kinesis API Reference, SequenceNumber).
    kinesis._next_sequence_number = lambda: "4959" + next_sequence_number()
    kinesis._create_stream = create_tagged
    kinesis._delete_stream = delete_unused
    kinesis._update_shard_count = scale
    kinesis.handle_request = handle_modes
    sns._deliver_to_lambda = deliver_permitted


def create_tagged(data):
    """Creates a stream with its tags. On demand, its shards are AWS's choice."""
    if data.get("StreamModeDetails", {}).get("StreamMode") == "ON_DEMAND":
        data["ShardCount"] = ON_DEMAND_SHARDS
    answer = create_stream(data)
    if answer[0] == 200:
        kinesis._streams[data["StreamName"]]["tags"].update(data.get("Tags") or {})
    return answer


def delete_unused(data):
    """Deletes a stream; one with consumers only where that is asked for (Kinesis API Reference, DeleteStream, EnforceConsumerDeletion)."""
    name, stream = kinesis._resolve_stream(data)
    if stream and not data.get("EnforceConsumerDeletion") and any(one["StreamARN"] == stream["StreamARN"] for one in kinesis._consumers.values()):
        return error_response_json("ResourceInUseException", f"Stream {name} has registered consumers.", 400)
    return delete_stream(data)


def scale(data):
    """Changes the number of shards, to the half and the double at most (Kinesis API Reference, UpdateShardCount); records stay."""
    name, stream = kinesis._resolve_stream(data)
    if not stream:
        return error_response_json("ResourceNotFoundException", f"Stream {name} not found", 400)
    now, target = len(stream["shards"]), data["TargetShardCount"]
    if stream["StreamModeDetails"]["StreamMode"] == "ON_DEMAND":
        return error_response_json("ValidationException", f"Stream {name} is in on-demand mode.", 400)
    if target > 2 * now or target < (now + 1) // 2:
        return error_response_json("InvalidArgumentException", f"UpdateShardCount cannot go from {now} to {target} shards at once.", 400)
    before = stream["shards"]
    stream["shards"] = kinesis._build_shards(target, kinesis._max_shard_index(stream) + 1)
    for shard in before.values():
        for record in shard["records"]:
            to = kinesis._route_to_shard(kinesis._partition_key_to_hash(record["PartitionKey"]), stream)
            stream["shards"][to]["records"].append(record)
    return json_response({"StreamName": name, "CurrentShardCount": now, "TargetShardCount": target, "StreamARN": stream["StreamARN"]})


async def handle_modes(method, path, headers, body, query_params):
    """Answers UpdateStreamMode, too. The shards stay as they are (Kinesis API Reference, UpdateStreamMode)."""
    if headers.get("x-amz-target", "").split(".")[-1] != "UpdateStreamMode":
        return await handle_request(method, path, headers, body, query_params)
    data = json.loads(body)
    stream = kinesis._resolve_stream_by_arn(data["StreamARN"])
    if not stream:
        return error_response_json("ResourceNotFoundException", f"Stream {data['StreamARN']} not found", 400)
    stream["StreamModeDetails"] = {"StreamMode": data["StreamModeDetails"]["StreamMode"]}
    return json_response({})


def deliver_permitted(endpoint, envelope, topic, subscription, *_):
    """Calls a function where its policy lets the topic do so, asynchronously, with Lambda's own attempts (SNS Developer Guide, "Fanout to Lambda functions")."""
    function, config, name = lambda_svc._get_func_record_for_ref(endpoint)
    kept = lambda_svc._functions.get(name) or {"policy": {"Statement": []}}
    if not function or not config or not any(permits(statement, endpoint, topic) for statement in kept["policy"]["Statement"]):
        logging.getLogger("sns").warning("function %s is not there, or does not let %s call it", name, topic)
        return
    event = {"Records": [{"EventVersion": "1.0", "EventSubscriptionArn": subscription, "EventSource": "aws:sns", "Sns": json.loads(envelope)}]}
    called = {**config, "FunctionArn": endpoint}
    lambda_svc.invoke_async_with_retry(lambda_svc._execution_record_for_config(function, called), event)


def permits(statement, function, topic):
    """Tells whether a statement of a function's policy lets SNS call it for the topic."""
    condition = statement.get("Condition", {})
    return (
        statement["Effect"] == "Allow"
        and statement["Principal"] == {"Service": "sns.amazonaws.com"}
        and statement["Action"] in ("lambda:InvokeFunction", "lambda:*")
        and statement["Resource"] == function
        and set(condition) <= {"ArnLike"}
        and fnmatch.fnmatchcase(topic, condition.get("ArnLike", {}).get("AWS:SourceArn", "*"))
    )
