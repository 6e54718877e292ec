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

import apis  # noqa: E402
import edge  # noqa: E402
import mappings  # noqa: E402

edge.install()
mappings.install()
apis.install()

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

from ministack.core.responses import error_response_json  # noqa: E402
from ministack.services import lambda_svc  # noqa: E402

if os.environ.get("LOCALAWS_FUNCTIONS_READY"):
    lambda_svc._LAMBDA_STATE_TRANSITION_DELAY = 0

# Lambda refuses code that it cannot fetch (Lambda API Reference, CreateFunction and UpdateFunctionCode). MiniStack takes it.
create_function, update_code = lambda_svc._create_function, lambda_svc._update_code


def missing_code(code):
    """Returns the error for code in an object that is not there; None for any other code."""
    bucket, key = code.get("S3Bucket"), code.get("S3Key")
    if not bucket or not key or lambda_svc._fetch_code_from_s3(bucket, key, version_id=code.get("S3ObjectVersion")) is not None:
        return None
    message = "Error occurred while GetObject. S3 Error Code: NoSuchKey. S3 Error Message: The specified key does not exist."
    return error_response_json("InvalidParameterValueException", message, 400)


lambda_svc._create_function = lambda data: missing_code(data.get("Code", {})) or create_function(data)
lambda_svc._update_code = lambda name, data: missing_code(data) or update_code(name, data)

# Lambda makes a function's log group only where its role may (Lambda Developer Guide, "Sending Lambda function logs to CloudWatch
# Logs"); MiniStack always. A function that was deleted while it ran would bring its log group back.
emit_logs = lambda_svc._emit_lambda_logs


def emit_logs_to_group(func, *args, **kwargs):
    """Writes what a function logged, where its log group is there."""
    config = func.get("config") or func
    group = (config.get("LoggingConfig") or {}).get("LogGroup") or f"/aws/lambda/{config.get('FunctionName')}"
    if group in cloudwatch_logs._log_groups:
        emit_logs(func, *args, **kwargs)


lambda_svc._emit_lambda_logs = emit_logs_to_group

from ministack.app import main  # noqa: E402

main()
