"""The entry point `serinus`: what runs in the cluster."""

import sys
from typing import Final

from serinus import __version__

DEEPEST_OBJECT: Final = 25_000
"""The API server takes JSON of 10,000 levels: reading one must not end the process, whoever wrote it."""
SIDECARS: Final = {
    "proxy": "pass a model's requests on, and sign its answers",
    "monitor": "count what a model is asked and answers",
}


def main() -> int:
    """Run the process that the first argument names."""
    # Imported when they are needed: a process holds only what it runs, and one runs beside every model.
    role = sys.argv[1] if len(sys.argv) > 1 else ""
    if role in SIDECARS:
        from serinus.monitor.run import run  # noqa: PLC0415

        return run(role)
    return _operate()


def _operate() -> int:
    import argparse  # noqa: PLC0415
    import asyncio  # noqa: PLC0415

    from serinus.controller import settings  # noqa: PLC0415

    parser = argparse.ArgumentParser(prog="serinus", description="Progressive delivery of models on Kubernetes.")
    parser.add_argument("--version", action="version", version=f"serinus {__version__}")
    commands = parser.add_subparsers(dest="command", required=True)
    settings.add_flags(commands.add_parser("operator", help="reconcile the ModelDeployments of the cluster"))
    for role, effect in SIDECARS.items():
        commands.add_parser(role, help=effect)
    chosen = settings.settings_from(parser.parse_args())

    from serinus.cluster.credentials import NoCredentialsError  # noqa: PLC0415
    from serinus.controller import logs  # noqa: PLC0415
    from serinus.controller.process import Operator  # noqa: PLC0415

    logs.set_up(chosen.log_level)

    sys.setrecursionlimit(DEEPEST_OBJECT)

    async def run() -> None:
        await Operator(chosen).run()

    try:
        asyncio.run(run())
    except (NoCredentialsError, OSError) as error:  # OSError: our port is taken
        print(f"serinus: {error}", file=sys.stderr)  # noqa: T201 - for the person at the terminal
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
