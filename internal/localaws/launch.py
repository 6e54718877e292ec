"""Starts MiniStack, as the local AWS needs it."""

import os
import shlex
import shutil
import signal
import socketserver
import sys
import threading


def follow():
    """Ends with the process that started us: its end of our standard input closes, however it went.

    A parent-death signal would miss the functions, and would be bound to the thread that happened to start us.
    """
    sys.stdin.buffer.read()
    shutil.rmtree(os.environ["HOME"], ignore_errors=True)
    os.killpg(0, signal.SIGKILL)


threading.Thread(target=follow, daemon=True).start()

# Without Nagle's algorithm switched off a warm invoke takes 52 ms instead of 8 to 10.
socketserver.StreamRequestHandler.disable_nagle_algorithm = True

from ministack.core.responses import error_response_json  # noqa: E402
from ministack.services import lambda_svc  # noqa: E402

# MiniStack takes a second mapping of the same queue and function; AWS refuses it (Lambda API Reference,
# CreateEventSourceMapping), which is what makes an attempt after a lost answer harmless.
create_mapping = lambda_svc._create_esm


def create_mapping_once(data):
    """Creates an event source mapping, unless its function has one of that source."""
    name, qualifier, error = lambda_svc._resolve_existing_esm_function(data.get("FunctionName", ""))
    if error is None:
        for mapping in lambda_svc._esms.values():
            if (mapping["EventSourceArn"], mapping["FunctionName"], mapping["Qualifier"]) == (data.get("EventSourceArn"), name, qualifier):
                message = (
                    f'The event source arn (" {mapping["EventSourceArn"]} ") and function (" {name} ") provided mapping already exists. '
                    f'Please update or delete the existing mapping with UUID {mapping["UUID"]}'
                )
                return error_response_json("ResourceConflictException", message, 409)
    return create_mapping(data)


lambda_svc._create_esm = create_mapping_once

from ministack.services import cloudwatch_logs  # noqa: E402

# MiniStack takes a question mark before a term for any one character; AWS for "any of these terms" (CloudWatch Logs User
# Guide, "Filter pattern syntax").
compile_pattern = cloudwatch_logs._compile_filter_pattern


def compile_any_of(raw):
    """Returns what matches a message by a filter pattern."""
    terms = shlex.split(raw or "") if "?" in (raw or "") and not raw.strip().startswith("{") else []
    if not terms or not all(term.startswith("?") for term in terms):
        return compile_pattern(raw)
    return lambda message: any(term[1:] in message for term in terms)


cloudwatch_logs._compile_filter_pattern = compile_any_of

from ministack.services import sqs  # noqa: E402

# Lambda refuses a mapping whose queue shows a message again while its function may still be at work on it (Lambda Developer
# Guide, Using Lambda with Amazon SQS), and code that it cannot fetch (Lambda API Reference, CreateFunction and
# UpdateFunctionCode). MiniStack takes both.
create_mapping_unchecked, create_function, update_code = lambda_svc._create_esm, lambda_svc._create_function, lambda_svc._update_code


def refused(message):
    """Answers that a parameter's value cannot be used."""
    return error_response_json("InvalidParameterValueException", message, 400)


def create_mapping_in_time(data):
    """Creates an event source mapping, unless its queue's visibility timeout is shorter than its function's timeout."""
    name, _, error = lambda_svc._resolve_existing_esm_function(data.get("FunctionName", ""))
    queue = sqs._queue_by_arn(data.get("EventSourceArn", "")) if error is None else None
    if queue is not None:
        visibility, timeout = int(queue["attributes"]["VisibilityTimeout"]), lambda_svc._functions[name]["config"]["Timeout"]
        if visibility < timeout:
            return refused(f"Queue visibility timeout: {visibility} seconds is less than Function timeout: {timeout} seconds")
    return create_mapping_unchecked(data)


def missing_code(code):
    """Returns the error for code in an object that is not there; None for any other code."""
    bucket, key = code.get("S3Bucket"), code.get("S3Key")
    if not bucket or not key or lambda_svc._fetch_code_from_s3(bucket, key, version_id=code.get("S3ObjectVersion")) is not None:
        return None
    return refused("Error occurred while GetObject. S3 Error Code: NoSuchKey. S3 Error Message: The specified key does not exist.")


lambda_svc._create_esm = create_mapping_in_time
lambda_svc._create_function = lambda data: missing_code(data.get("Code", {})) or create_function(data)
lambda_svc._update_code = lambda name, data: missing_code(data) or update_code(name, data)

from ministack.app import main  # noqa: E402

main()
