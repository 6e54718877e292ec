"""Starts MiniStack, as the local AWS needs it."""

import os
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

from ministack.core import iam_actions  # noqa: E402

# MiniStack judges some calls to Lambda by another action than AWS does (Service Authorization Reference, AWS Lambda).
# Left so, a role with exactly what AWS asks for would be refused here.
guessed = iam_actions._lambda_action
by_part = {
    ("aliases", "GET"): "GetAlias",
    ("aliases", "PUT"): "UpdateAlias",
    ("aliases", "DELETE"): "DeleteAlias",
    ("url", "PUT"): "UpdateFunctionUrlConfig",
    ("url", "DELETE"): "DeleteFunctionUrlConfig",
    ("concurrency", "GET"): "GetFunctionConcurrency",
    ("concurrency", "DELETE"): "DeleteFunctionConcurrency",
}
by_mapping = {"GET": "GetEventSourceMapping", "PUT": "UpdateEventSourceMapping", "DELETE": "DeleteEventSourceMapping"}


def lambda_action(method, path):
    """Returns the action that AWS judges a call to Lambda by."""
    parts = [p for p in path.split("/") if p]
    if len(parts) > 2 and parts[1] == "event-source-mappings":
        return by_mapping.get(method)
    if len(parts) > 3 and parts[1] == "functions":
        if parts[3] == "aliases" and len(parts) == 4:
            return "CreateAlias" if method == "POST" else "ListAliases"
        if (parts[3], method) in by_part:
            return by_part[parts[3], method]
    return guessed(method, path)


iam_actions._lambda_action = lambda_action

from ministack.app import main  # noqa: E402

main()
