"""Mends what becomes of events that a function fails on, which nobody waits for: MiniStack goes by the function's own settings alone, and asks no role."""

import logging

from mappings import allowed, refuse
from ministack.core.arn import parse_arn
from ministack.services import lambda_svc, sqs

invoke = lambda_svc.invoke_async_with_retry
put_config = lambda_svc._put_event_invoke_config
route_failure = lambda_svc._route_async_failure


def install():
    """Puts the mends in place."""
    lambda_svc.invoke_async_with_retry = invoke_by_qualifier
    lambda_svc._put_event_invoke_config = put_permitted
    lambda_svc._route_async_failure = route_permitted


def refused(role, arn):
    """Says why Lambda cannot send to a destination: it is no queue that is there, or the function's role may not."""
    if parse_arn(arn).service != "sqs":
        return None
    if sqs._queue_by_arn(arn) is None:
        return f"The destination ARN {arn} is invalid."
    if not allowed(role, "sqs", "sqs:SendMessage", arn):
        return f"The function's execution role does not have permissions to call SendMessage on {arn}"
    return None


def destination_of(config):
    """The ARN where failures go; None where they go nowhere."""
    return ((config.get("DestinationConfig") or {}).get("OnFailure") or {}).get("Destination")


def put_permitted(name, qualifier, data):
    """Puts the settings of a qualifier, where Lambda could send to their destination (Lambda Developer Guide, "Adding a destination")."""
    function, arn = lambda_svc._functions.get(name), destination_of(data)
    message = refused(function["config"].get("Role", ""), arn) if function and arn else None
    return refuse(message) if message else put_config(name, qualifier, data)


def invoke_by_qualifier(function, event):
    """Invokes a function by the settings of the version or alias that is called (Lambda API Reference, PutFunctionEventInvokeConfig)."""
    arn = (function.get("config") or function)["FunctionArn"].split(":")
    kept = lambda_svc._functions.get(arn[6]) or {}
    settings = (kept.get("event_invoke_configs") or {}).get(arn[7] if len(arn) > 7 else "")
    invoke({**function, "event_invoke_config": settings, "event_invoke_configs": {}}, event)


def route_permitted(arn, name, event, result):
    """Sends what a function failed on to its destination, where its role may."""
    function = lambda_svc._functions.get(name)
    message = refused(function["config"].get("Role", ""), arn) if function else "the function is gone"
    if message:
        logging.getLogger("lambda").warning("what %s failed on is lost: %s", name, message)
        return
    route_failure(arn, name, event, result)
