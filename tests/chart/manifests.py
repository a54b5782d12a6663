"""`python -m tests.chart.manifests [--check]`: manifests/install.yaml, the chart for those without helm."""

import re
import sys
from typing import Final

import yaml

from tests.chart.rendering import render_text
from tests.cluster.install import NAMESPACE_MANIFEST
from tests.cluster.instance import CHECKOUT

FILE: Final = CHECKOUT / "manifests/install.yaml"
HEADER: Final = """\
# Made from charts/serinus by `make generate`; edit the templates there.
# kubectl apply --filename manifests/install.yaml, or with an image of your own: kubectl apply --kustomize manifests
"""
OF_HELM: Final = re.compile(
    r"""^ (
        \#\ Source:.*\n
      | \ +(helm\.sh/chart|app\.kubernetes\.io/managed-by):.*\n
      | \ +annotations:\n\ +helm\.sh/resource-policy:\ keep\n
    )""",
    re.MULTILINE | re.VERBOSE,
)
"""What means nothing where helm is not used."""


def plain_manifests() -> str:
    """Everything in one text that kubectl can apply."""
    namespace = yaml.safe_dump(NAMESPACE_MANIFEST, sort_keys=False)
    return f"{HEADER}---\n{namespace}{OF_HELM.sub('', render_text())}"


def main() -> int:
    """Write the file; with `--check` only say whether it differs."""
    text = plain_manifests()
    if FILE.is_file() and FILE.read_text() == text:
        return 0
    name = FILE.relative_to(CHECKOUT)
    if "--check" in sys.argv[1:]:
        sys.stdout.write(f"{name} differs from the chart: run `make generate`\n")
        return 1
    FILE.write_text(text)
    sys.stdout.write(f"{name} written\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
