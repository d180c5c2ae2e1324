"""A village's node with Python's standard library. NODE is where it answers, TOKEN its EDGE_TOKEN where it has one."""
import http.client
import json
import os
import time
import urllib.error
import urllib.request

NODE = os.environ.get("NODE", "http://127.0.0.1:8080")
TOKEN = os.environ.get("TOKEN")


def ask(method, path, body=None, **headers):
    """The open answer. Raises urllib.error.HTTPError with the node's sentence in its body."""
    request = urllib.request.Request(NODE + path, method=method)
    if TOKEN:
        request.add_header("Authorization", "Bearer " + TOKEN)
    for name, value in headers.items():
        request.add_header(name.replace("_", "-"), value)
    data = None
    if body is not None:
        request.add_header("Content-Type", "application/json")
        data = json.dumps(body).encode()
    return urllib.request.urlopen(request, data, timeout=90)


def post_readings(readings, tries=8):
    """Sends until the node has them on its disk. Safe to repeat, because every reading has its `at`."""
    for attempt in range(1, tries + 1):
        try:
            with ask("POST", "/v1/readings", readings) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            # What is refused for what it is will be refused again.
            if error.code not in (429, 503, 507) or attempt == tries:
                raise RuntimeError(error.read().decode()) from error
            wait_s = int(error.headers.get("Retry-After", attempt))
        except (OSError, http.client.HTTPException):
            if attempt == tries:
                raise
            wait_s = attempt
        time.sleep(wait_s)


def replicate(**limits):
    """Has everything delivered; the node's result. Progress comes line by line."""
    line = b"{}"
    with ask("POST", "/v1/replicate", limits) as answer:
        for line in answer:
            pass
    return json.loads(line)


def edit(path, change):
    """Edits a registry document, again where somebody else was quicker; makes it where there is none."""
    while True:
        try:
            with ask("GET", path) as answer:
                document, matching = json.load(answer), {"If_Match": answer.headers["ETag"]}
        except urllib.error.HTTPError as error:
            if error.code != 404:
                raise
            document, matching = {}, {}
        try:
            with ask("PUT", path, change(document), **matching) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            if error.code not in (412, 428):
                raise RuntimeError(error.read().decode()) from error


if __name__ == "__main__":
    print(json.dumps(post_readings([
        {"device": "meter-7", "at": "2026-03-01T12:00:00Z", "powerW": 412.5, "energyKwh": 1830.25},
        {"device": "meter-8", "at": "2026-03-01T12:00:00Z", "powerW": 77},
    ])))
    with ask("GET", "/v1/readings?device=meter-7&order=desc&limit=1") as listed:
        print(json.dumps(json.load(listed)))
    with ask("GET", "/v1/status") as status:
        print(json.dumps(json.load(status)))
    print(json.dumps(replicate(deadlineS=60)))
    fields = {"model": "DDS-353", "serial": "24-0117", "role": "customer", "phase": 2}
    print(json.dumps(edit("/v1/registry/device/meter-7", lambda device: {**device, **fields})))
