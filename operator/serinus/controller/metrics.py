"""What the operator counts about itself, under controller-runtime's names where it has them. Read by http.py."""

from typing import Final

from prometheus_client import Counter, Gauge, Histogram

CONTROLLER: Final = "modeldeployment"

_SECONDS: Final = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)

RECONCILE_TOTAL: Final = Counter(
    "controller_runtime_reconcile_total", "Reconciles by result.", ("controller", "result")
)
RECONCILE_ERRORS: Final = Counter(
    "controller_runtime_reconcile_errors_total", "Reconciles that ended with an error.", ("controller",)
).labels(CONTROLLER)
RECONCILE_SECONDS: Final = Histogram(
    "controller_runtime_reconcile_time_seconds", "Length of a reconcile.", ("controller",), buckets=_SECONDS
).labels(CONTROLLER)
ACTIVE_WORKERS: Final = Gauge("controller_runtime_active_workers", "Workers that are busy.", ("controller",)).labels(
    CONTROLLER
)
MAX_WORKERS: Final = Gauge(
    "controller_runtime_max_concurrent_reconciles", "Workers there are.", ("controller",)
).labels(CONTROLLER)

QUEUE_DEPTH: Final = Gauge("workqueue_depth", "Keys that wait for a worker.", ("name",)).labels(CONTROLLER)
QUEUE_ADDS: Final = Counter("workqueue_adds_total", "Times a key was added.", ("name",)).labels(CONTROLLER)
QUEUE_RETRIES: Final = Counter("workqueue_retries_total", "Times a key was added after a failure.", ("name",)).labels(
    CONTROLLER
)
QUEUE_WAIT_SECONDS: Final = Histogram(
    "workqueue_queue_duration_seconds", "Time a key waits for a worker.", ("name",), buckets=_SECONDS
).labels(CONTROLLER)
QUEUE_WORK_SECONDS: Final = Histogram(
    "workqueue_work_duration_seconds", "Time a worker takes for a key.", ("name",), buckets=_SECONDS
).labels(CONTROLLER)
QUEUE_LONGEST_WORK_SECONDS: Final = Gauge(
    "workqueue_longest_running_processor_seconds", "Time the slowest worker has been busy.", ("name",)
).labels(CONTROLLER)
QUEUE_OLDEST_SECONDS: Final = Gauge("serinus_queue_age_seconds", "Time the first key has been waiting.")

LEADS: Final = Gauge("leader_election_master_status", "1 where this replica leads.", ("name",)).labels("serinus")
REQUESTS: Final = Counter("rest_client_requests_total", "Requests to the API server.", ("code", "method"))

WATCH_AGE_SECONDS: Final = Gauge("serinus_watch_age_seconds", "Time since the quietest watch was last heard.")
LOOP_LAG_SECONDS: Final = Gauge("serinus_loop_lag_seconds", "How late the event loop runs.")
CACHED_OBJECTS: Final = Gauge("serinus_cached_objects", "Objects in the cache.")
UNREADABLE_OBJECTS: Final = Counter("serinus_unreadable_objects_total", "Sights of objects that could not be read.")
SWEPT_OBJECTS: Final = Counter("serinus_swept_objects_total", "Objects that a sweep corrected in the cache.", ("what",))


def count_reconcile(result: str) -> None:
    """Count one reconcile: `success`, `requeue_after` or `error`."""
    RECONCILE_TOTAL.labels(CONTROLLER, result).inc()
    if result == "error":
        RECONCILE_ERRORS.inc()
