"""Shares an account's concurrency out as Lambda does.

What is reserved for a function is kept for it alone and is taken off what all others share, in each account and region by itself
(Lambda Developer Guide, "Understanding Lambda function scaling" and "Configuring reserved concurrency for a function"). MiniStack has
one pool for everybody, refuses a function with a reservation where that is used up, and knows of none where a version is called.

A PUT of PATH<account>?of=<number> sets what an account has.
"""

import json

from ministack import app
from ministack.core.responses import get_account_id, request_scope
from ministack.services import lambda_svc

PATH = "/_ministack/concurrency/"

limits = {}  # by account: its concurrent executions, where they are not the usual ones
get_account_settings = lambda_svc._get_account_settings
serve = None


def limit_of(account):
    """The concurrent executions of an account in a region."""
    return limits.get(account, lambda_svc._ACCOUNT_CONCURRENCY_CAP)


def acquire(func, config):
    """Takes one execution for a function, or says whose limit refuses it."""
    key = lambda_svc._inflight_key(config)
    account, region, called = key.split(":", 2)
    scope = f"{account}:{region}:"
    # A reservation is of the function, whichever of its versions is called.
    with request_scope(account, region):
        kept = {name: one["concurrency"] for name, one in lambda_svc._functions.items() if one.get("concurrency") is not None}
    with lambda_svc._inflight_lock:
        running = lambda_svc._inflight
        if called in kept:
            if running.get(key, 0) >= kept[called]:
                return None, "function"
        else:
            shared = sum(n for one, n in running.items() if one.startswith(scope) and one.removeprefix(scope) not in kept)
            if shared >= limit_of(account) - sum(kept.values()):
                return None, "account"
        running[key] = running.get(key, 0) + 1
        lambda_svc._inflight_total += 1
    return key, None


def settings():
    """Answers GetAccountSettings with what the account has."""
    status, headers, body = get_account_settings()
    account = get_account_id()
    if account not in limits:
        return status, headers, body
    answer = json.loads(body)
    limit = answer["AccountLimit"]
    spare = limit["ConcurrentExecutions"] - limit["UnreservedConcurrentExecutions"]
    limit["ConcurrentExecutions"], limit["UnreservedConcurrentExecutions"] = limits[account], limits[account] - spare
    return status, headers, json.dumps(answer).encode()


async def handle(method, path, headers, query_params, request_id):
    """Sets what an account has, /_ministack/concurrency/<account>?of=<number>, and passes on all else."""
    if not path.startswith(PATH):
        return await serve(method, path, headers, query_params, request_id)
    of = query_params.get("of", "")
    limits[path.removeprefix(PATH)] = int(of[0] if isinstance(of, list) else of)
    return 200, {"Content-Type": "application/json"}, b"{}"


def install():
    """Takes the place of MiniStack's own."""
    global serve
    serve = app._handle_pre_body_request
    app._handle_pre_body_request = handle
    lambda_svc._acquire_execution_slot = acquire
    lambda_svc._get_account_settings = settings
