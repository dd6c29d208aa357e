"""Ask a served model over REST, with plain `requests`.

    python examples/serving/rest_client.py encode --model digits --num-rows 3
    python examples/serving/rest_client.py sample --model digits --version 2 --columns
    python examples/serving/rest_client.py status --model digits

Your own program would call `predict`. The server knows two formats, by rows and by
columns; the latter is shorter. After an error the server's message is printed, and the
exit code is 1.
"""

import json
import urllib.parse

import client_arguments
import numpy as np
import requests


def model_url(host, port, model, version=None, label=None):
    """The address of a version by its number or its label, or of the newest."""
    url = f"http://{host}:{port}/v1/models/{urllib.parse.quote(model, safe='')}"
    if version is not None:
        return f"{url}/versions/{version}"
    return url if label is None else f"{url}/labels/{urllib.parse.quote(label, '')}"


def predict(url, signature, arrays, *, columns=False, timeout=10):
    """The outputs of a signature.

    Args:
        url: what `model_url` returns.
        signature: such as "encode".
        arrays: input name -> array, each with as many rows.
        columns: False: one JSON object for each row ("instances"); True: one list for
            each input ("inputs").
        timeout: in seconds.

    Returns:
        dict, output name -> array, float32 or int32.

    Raises:
        ValueError: if an array has no rows, or by rows if the arrays differ in length.
        requests.RequestException: with the server's message, if it sent one.
    """
    client_arguments.check_rows(arrays)
    lists = {name: np.asarray(array).tolist() for name, array in arrays.items()}
    body = {"signature_name": signature}
    if columns:
        body["inputs"] = lists
    else:
        rows = zip(*lists.values(), strict=True)
        body["instances"] = [dict(zip(lists, row, strict=True)) for row in rows]
    # Not `json=body`: `requests` refuses NaN there, which the server understands.
    answer = call(f"{url}:predict", json.dumps(body), timeout)
    if columns:
        found = answer["outputs"]
        found = found if isinstance(found, dict) else {"outputs": found}
    else:
        found = answer["predictions"]
        if isinstance(found[0], dict):
            found = {name: [row[name] for row in found] for name in found[0]}
        else:
            # Both formats leave out the name of a single output.
            found = {"outputs": found}
    return {name: as_array(values) for name, values in found.items()}


def as_array(values):
    """JSON has no types: numbers with a point are floats, others are integers."""
    array = np.array(values)
    return array.astype(np.float32 if array.dtype.kind == "f" else np.int32)


def status(url, timeout=10):
    """Version number -> its state, such as "AVAILABLE", for all known versions."""
    entries = call(url, timeout=timeout)["model_version_status"]
    return {int(entry["version"]): entry["state"] for entry in entries}


def metadata(url, timeout=10):
    """Signature name -> (inputs, outputs), each a dict name -> its description."""
    found = call(f"{url}/metadata", timeout=timeout)["metadata"]["signature_def"]
    return {
        name: (signature["inputs"], signature["outputs"])
        for name, signature in found["signature_def"].items()
    }


def call(url, body=None, timeout=10):
    """The JSON of an answer to GET, or to POST if there is a body."""
    response = requests.request(
        "POST" if body else "GET", url, data=body, timeout=timeout
    )
    if response.ok:
        # It may contain NaN and Infinity, which Python reads.
        return json.loads(response.text)
    try:
        message = json.loads(response.text)["error"]
    except (ValueError, TypeError, KeyError):
        message = response.text
    raise requests.HTTPError(f"{response.status_code}: {message}", response=response)


def run(url, options):
    """Does what the command line says."""
    if options.call == "status":
        client_arguments.report_status(status(url, options.timeout))
    elif options.call == "metadata":
        client_arguments.report_signatures(metadata(url, options.timeout))
    else:
        arrays = client_arguments.arrays(options)
        how = {"columns": options.columns, "timeout": options.timeout}
        answer = predict(url, options.call, arrays, **how)
        client_arguments.report(answer, options.output)


def main():
    parser = client_arguments.parser(__doc__.split("\n")[0], port=8501)
    parser.add_argument("--columns", action="store_true", help="the shorter format")
    options = parser.parse_args()
    which = (options.model, options.version, options.label)
    try:
        run(model_url(options.host, options.port, *which), options)
    except (OSError, ValueError) as error:  # The errors of `requests` are OSErrors.
        raise SystemExit(str(error)) from None


if __name__ == "__main__":
    main()
