"""What all tests share: the plugins that give them clusters, and let them wait side by side."""

pytest_plugins = ["tests.cluster.fixtures", "tests.cluster.side_by_side"]
