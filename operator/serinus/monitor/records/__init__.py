"""What the proxy tells the monitor: a record for each request, over a ring."""
