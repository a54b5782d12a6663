"""What all tests share: the plugin that gives them clusters."""

pytest_plugins = ["tests.cluster.fixtures"]
