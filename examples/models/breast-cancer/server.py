"""Serves one version of the model by the Open Inference Protocol, version 2 (REST).

MODEL_VERSION says which version. Rows go in as one tensor `measurements` of shape [rows, 30]; out come the diagnosis
and the probability that it is malignant, one of each per row.
"""

import os
import pickle
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final

import numpy as np
import uvicorn
from data import DIAGNOSES
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

NAME: Final = "breast-cancer"
COLUMNS: Final = 30
DATATYPES: Final = ("FP32", "FP64")
ALL_INTERFACES: Final = "0.0.0.0"  # noqa: S104 - a pod's address is known only when it runs
PORT: Final = 8080
KEEP_ALIVE_SECONDS: Final = 120
"""Longer than callers and proxies keep an idle connection: who closes first must be the one who sends."""

VERSION: Final = os.environ.get("MODEL_VERSION", "1")
MODEL: Final = pickle.loads((Path(__file__).parent / "versions" / f"{VERSION}.pickle").read_bytes())  # noqa: S301 - ours


class BadInputError(Exception):
    """The request is not one that the model can answer; the message says why."""


async def infer(request: Request) -> JSONResponse:
    """Answer for all rows of a request at once."""
    try:
        question = await request.json()
        measurements = _measurements(question)
    except ValueError as error:
        raise BadInputError(f"the body is not JSON: {error}") from error
    malignant = MODEL.predict_proba(measurements)[:, 0]
    answer = {
        "model_name": NAME,
        "model_version": VERSION,
        "outputs": [
            _tensor("diagnosis", "BYTES", [DIAGNOSES[label] for label in MODEL.predict(measurements)]),
            _tensor("malignant", "FP64", malignant.tolist()),
        ],
    }
    return JSONResponse(answer | ({"id": question["id"]} if "id" in question else {}))


async def live(_: Request) -> JSONResponse:
    """Answer that the server runs."""
    return JSONResponse({"live": True})


async def ready(_: Request) -> JSONResponse:
    """Answer that predictions are answered; the model was loaded before the port was opened."""
    return JSONResponse({"ready": True})


async def model_ready(_: Request) -> JSONResponse:
    """Answer that this model is there."""
    return JSONResponse({"name": NAME, "ready": True})


async def server_metadata(_: Request) -> JSONResponse:
    """Say who answers."""
    return JSONResponse({"name": f"{NAME}-server", "version": VERSION, "extensions": []})


async def model_metadata(_: Request) -> JSONResponse:
    """Say what goes in and what comes out."""
    return JSONResponse(
        {
            "name": NAME,
            "versions": [VERSION],
            "platform": "scikit-learn",
            "inputs": [{"name": "measurements", "datatype": "FP64", "shape": [-1, COLUMNS]}],
            "outputs": [
                {"name": "diagnosis", "datatype": "BYTES", "shape": [-1]},
                {"name": "malignant", "datatype": "FP64", "shape": [-1]},
            ],
        }
    )


def _measurements(question: Any) -> np.ndarray:  # noqa: ANN401 - JSON
    inputs = question.get("inputs") if isinstance(question, dict) else None
    if not isinstance(inputs, list) or len(inputs) != 1 or not isinstance(inputs[0], dict):
        raise BadInputError("expected an object whose `inputs` hold one tensor")
    tensor = inputs[0]
    if tensor.get("datatype") not in DATATYPES:
        raise BadInputError(f"datatype is {tensor.get('datatype')}, expected one of {', '.join(DATATYPES)}")
    shape = tensor.get("shape")
    if not isinstance(shape, list) or len(shape) != len(("rows", "columns")) or shape[1] != COLUMNS:
        raise BadInputError(f"shape is {shape}, expected [rows, {COLUMNS}]")
    try:
        measurements = np.asarray(tensor.get("data"), dtype=float).reshape(shape)
    except (TypeError, ValueError) as error:
        raise BadInputError(f"data does not fit the shape {shape}: {error}") from error
    if not len(measurements) or not np.isfinite(measurements).all():
        raise BadInputError("expected at least one row, and finite numbers only")
    return measurements


def _tensor(name: str, datatype: str, values: list[Any]) -> dict[str, Any]:
    return {"name": name, "datatype": datatype, "shape": [len(values)], "data": values}


async def _refuse(_: Request, error: Exception) -> JSONResponse:
    return JSONResponse({"error": str(error)}, status_code=HTTPStatus.BAD_REQUEST)


MODEL_PATHS: Final = (f"/v2/models/{NAME}", f"/v2/models/{NAME}/versions/{VERSION}")
application = Starlette(
    routes=[
        Route("/v2", server_metadata),
        Route("/v2/health/live", live),
        Route("/v2/health/ready", ready),
        *(Route(path, model_metadata) for path in MODEL_PATHS),
        *(Route(f"{path}/ready", model_ready) for path in MODEL_PATHS),
        *(Route(f"{path}/infer", infer, methods=["POST"]) for path in MODEL_PATHS),
    ],
    exception_handlers={BadInputError: _refuse},
)


if __name__ == "__main__":
    # On SIGTERM uvicorn takes no further connection, answers what it has begun, and ends.
    uvicorn.run(application, host=ALL_INTERFACES, port=PORT, timeout_keep_alive=KEEP_ALIVE_SECONDS, access_log=False)
