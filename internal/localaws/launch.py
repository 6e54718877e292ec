"""Starts MiniStack, as the local AWS needs it."""

import json
import os
import shlex
import shutil
import signal
import socketserver
import ssl
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

# The issuer of a test's tokens has a certificate that nobody signed; API Gateway takes tokens of https issuers only.
ssl._create_default_https_context = ssl._create_unverified_context

import apis  # noqa: E402
import asynchronous  # noqa: E402
import concurrency  # noqa: E402
import edge  # noqa: E402
import judgement  # noqa: E402
import mappings  # noqa: E402
import streams  # noqa: E402

judgement.install()
edge.install()
mappings.install()
apis.install()
concurrency.install()
streams.install()
asynchronous.install()

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

# A function behind a URL with AWS_IAM learns who calls (Lambda Developer Guide, "Invoking Lambda function URLs", requestContext.authorizer.iam).
# MiniStack does not tell.
from ministack.services import sts  # noqa: E402

url_event = lambda_svc._build_function_url_event


def signed_url_event(url_id, account_id, region, method, path, headers, body, query_params, **kwargs):
    """Builds the event of a request to a function URL, with who signed it."""
    event = url_event(url_id, account_id, region, method, path, headers, body, query_params, **kwargs)
    caller = None if kwargs.get("anonymous") else sts._caller_identity(headers, query_params)
    if isinstance(caller, dict):
        event["requestContext"]["authorizer"] = {"iam": {
            "accessKey": caller["accessKey"], "accountId": caller["accountId"], "callerId": caller["userId"],
            "userArn": caller["userArn"], "userId": caller["userId"],
        }}
    return event


lambda_svc._build_function_url_event = signed_url_event

from ministack.services import dynamodb  # noqa: E402

# A table carries at once what it has carried or was warmed for, and that is never lowered (DynamoDB Developer Guide, "Understanding
# DynamoDB warm throughput"; what a new table has: "DynamoDB on-demand capacity mode", initial throughput). MiniStack always says 0.
create_table, update_table = dynamodb._create_table, dynamodb._update_table
NEW_TABLE = {"ReadUnitsPerSecond": 12000, "WriteUnitsPerSecond": 4000}


def warm_refused(name, asked, has):
    """Returns the error for less warm throughput than a table has; None for more."""
    for unit, units in (asked or {}).items():
        if units < has.get(unit, 0):
            message = f"One or more parameter values were invalid: Requested {unit} for WarmThroughput for table {name} is lower than current WarmThroughput, decreasing WarmThroughput is not supported"
            return error_response_json("ValidationException", message, 400)
    return None


def least_warm(data):
    """What a table of such capacity has without being warmed."""
    if data.get("BillingMode", "PROVISIONED") == "PAY_PER_REQUEST":
        return NEW_TABLE
    units = data.get("ProvisionedThroughput") or {}
    return {unit: units.get(of, 0) for unit, of in (("ReadUnitsPerSecond", "ReadCapacityUnits"), ("WriteUnitsPerSecond", "WriteCapacityUnits"))}


def keep_warm(name, *figures):
    """Keeps the greatest of the figures of a table."""
    warm = {unit: max(f.get(unit, 0) for f in figures) for unit in NEW_TABLE}
    dynamodb._tables[name]["WarmThroughput"] = warm | {"Status": "ACTIVE"}


def create_warm_table(data):
    """Makes a table with its warm throughput."""
    name, asked, least = data.get("TableName"), data.get("WarmThroughput"), least_warm(data)
    refused = warm_refused(name, asked, least)
    if refused:
        return refused
    answer = create_table(data)
    if answer[0] == 200:
        keep_warm(name, least, asked or {})
    return answer


def update_warm_table(data):
    """Changes a table, with its warm throughput."""
    name, asked = dynamodb._normalize_table_name(data.get("TableName")), data.get("WarmThroughput")
    has = (dynamodb._tables.get(name) or {}).get("WarmThroughput") or {}
    refused = warm_refused(name, asked, has)
    if refused:
        return refused
    answer = update_table(data)
    if answer[0] == 200:
        table = dynamodb._tables[name]
        keep_warm(name, has, asked or {}, least_warm({"ProvisionedThroughput": table.get("ProvisionedThroughput")}))
    return answer


dynamodb._create_table, dynamodb._update_table = create_warm_table, update_warm_table

# The local AWS says of every record of a stream that it has no bytes; AWS counts its key and images (DynamoDB API Reference, StreamRecord).
build_change_record = dynamodb._build_change_record


def build_sized_record(*args, **kwargs):
    """Builds a stream's record with its size."""
    record = build_change_record(*args, **kwargs)
    change = record["dynamodb"]
    change["SizeBytes"] = sum(dynamodb._item_size_bytes(change.get(part) or {}) for part in ("Keys", "NewImage", "OldImage"))
    return record


dynamodb._build_change_record = build_sized_record

# A change of the time to live that changes nothing is refused (DynamoDB API Reference, UpdateTimeToLive). MiniStack takes it.
update_expiry = dynamodb._update_ttl


def update_other_expiry(data):
    """Changes a table's time to live, where that is a change."""
    asked = data.get("TimeToLiveSpecification") or {}
    setting = dynamodb._ttl_settings.get(dynamodb._normalize_table_name(data.get("TableName"))) or {}
    on = setting.get("TimeToLiveStatus") == "ENABLED"
    if on == bool(asked.get("Enabled")):
        return error_response_json("ValidationException", f"TimeToLive is already {'enabled' if on else 'disabled'}", 400)
    if on and asked.get("AttributeName") != setting.get("AttributeName"):
        return error_response_json("ValidationException", "TimeToLive is active on a different AttributeName: current AttributeName is " + setting.get("AttributeName", ""), 400)
    return update_expiry(data)


dynamodb._update_ttl = update_other_expiry

from ministack.core import iam_actions  # noqa: E402

# A batch of PartiQL statements is judged statement by statement, by what each does (DynamoDB Developer Guide, "IAM security policies with
# PartiQL for DynamoDB"). MiniStack asks for an action that does not exist.
transaction_checks = iam_actions.dynamodb_transaction_checks


def statement_checks(action, body, region, account):
    """Returns the actions that a call's parts need, each with its table."""
    if action != "dynamodb:BatchExecuteStatement":
        return transaction_checks(action, body, region, account)
    checks = []
    for statement in json.loads(body or b"{}").get("Statements") or []:
        try:
            parsed = dynamodb._parse_partiql(statement.get("Statement", ""), statement.get("Parameters", []))
        except ValueError:
            continue  # It is refused by itself, whoever sends it.
        index = f"/index/{parsed['index']}" if parsed.get("index") else ""
        checks.append(("dynamodb:PartiQL" + parsed["op"].capitalize(), iam_actions._dynamodb_table_arn(parsed["table"], region, account) + index))
    return checks


iam_actions.dynamodb_transaction_checks = statement_checks

from ministack.app import main  # noqa: E402

main()
