"""What the Python peers share: the request, a first training for the ruler, then the clock.

The same as clock.ts: `<peer> <problem> <folder> <check steps> <seconds> <weights file>`.
"""
import json
import sys
import time
from types import SimpleNamespace

import numpy as np

WAITS = 10


def blas():
    """Which BLAS this process has loaded: it decides the speed of every product."""
    try:
        with open("/proc/self/maps", encoding="utf-8") as file:
            loaded = file.read().lower()
    except OSError:
        return "unknown BLAS"
    names = {"mkl": "MKL", "openblas": "OpenBLAS", "blis": "BLIS", "libblas": "reference BLAS"}
    for part, name in names.items():
        if part in loaded:
            return name
    return "unknown BLAS"


def read_problem(folder, name):
    """Sizes as attributes, x [sample, input], y [sample], theta: a list of arrays with a replica axis."""
    with open(f"{folder}/{name}.json", encoding="utf-8") as file:
        sizes = SimpleNamespace(**json.load(file))
    x = np.fromfile(f"{folder}/{name}-x.f32", np.float32).reshape(sizes.samples, sizes.inputs)
    y = np.fromfile(f"{folder}/{name}-y.f32", np.float32)
    flat = np.fromfile(f"{folder}/{name}-theta.f32", np.float32)
    shapes = [(sizes.inputs,)]
    if sizes.hidden > 0:
        shapes = [
            (sizes.inputs, sizes.hidden),
            (sizes.hidden,),
            (sizes.hidden, sizes.outputs),
            (sizes.outputs,),
        ]
    theta, at = [], 0
    for shape in shapes:
        length = sizes.replicas * int(np.prod(shape))
        theta.append(flat[at : at + length].reshape(sizes.replicas, *shape).copy())
        at += length
    return sizes, x, y, theta


def time_system(version, create):
    """Runs a peer to its line of JSON; `create(sizes, x, y, theta)` gives (step, read)."""
    begun = time.perf_counter()
    name, folder, check_steps, seconds, weights = sys.argv[1:6]
    seconds = float(seconds)
    step, read = create(*read_problem(folder, name))
    for _ in range(int(check_steps)):
        step()
    np.concatenate([np.asarray(part, np.float32).ravel() for part in read()]).tofile(weights)
    setup = time.perf_counter() - begun

    chunk = 1
    while True:  # until a chunk fills a tenth of the time, which also warms up
        start = time.perf_counter()
        for _ in range(chunk):
            step()
        if time.perf_counter() - start >= seconds / WAITS:
            break
        chunk *= 2
    steps, start, took = 0, time.perf_counter(), 0.0
    while took < seconds:
        for _ in range(chunk):
            step()
        steps += chunk
        took = time.perf_counter() - start
    print(json.dumps({"steps": steps, "seconds": took, "setupSeconds": setup, "version": version}))
