"""The entry point `kubectl-serinus`: `kubectl serinus status NAME` and friends."""

import argparse
import json
import sys

from kubernetes import client, config
from kubernetes.client.exceptions import ApiException

from serinus import __version__
from serinus.cli.status import describe


def main() -> int:
    """Run the command that the arguments name."""
    parser = argparse.ArgumentParser(prog="kubectl serinus", description="Look at ModelDeployments.")
    parser.add_argument("--version", action="version", version=f"kubectl-serinus {__version__}")
    commands = parser.add_subparsers(dest="command", required=True)
    status = commands.add_parser("status", help="show a ModelDeployment, its revisions and their pods")
    status.add_argument("name", help="name of the ModelDeployment")
    status.add_argument("-n", "--namespace", help="its namespace (default: the context's)")
    status.add_argument("--context", help="context of the kubeconfig (default: the current one)")
    arguments = parser.parse_args()
    try:
        config.load_kube_config(context=arguments.context)
        namespace = arguments.namespace or _namespace_of(arguments.context)
        print(describe(client.ApiClient(), namespace, arguments.name))
    except config.ConfigException as error:
        return _fail(f"no cluster to talk to: {error}")
    except ApiException as error:
        return _fail(_sentence_of(error))
    return 0


def _namespace_of(context: str | None) -> str:
    contexts, current = config.list_kube_config_contexts()
    chosen = next((entry for entry in contexts if entry["name"] == context), current)
    return str(chosen["context"].get("namespace", "default"))


def _sentence_of(error: ApiException) -> str:
    try:
        return str(json.loads(error.body or "")["message"])
    except (ValueError, KeyError, TypeError):
        return f"{error.status} {error.reason}"


def _fail(message: str) -> int:
    print(f"kubectl serinus: {message}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
