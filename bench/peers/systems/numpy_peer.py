"""The peer NumPy: replicas batched by hand, gradients by hand, one thread of BLAS."""
import numpy as np

from peer_clock import blas, time_system


def linear(sizes, x, y, theta, draw):
    (w,) = theta
    scale = np.float32(2 * sizes.learningRate / sizes.batchSize)

    def step():
        indices = draw()
        batch = x[indices]
        error = np.matmul(batch, w[:, :, None])[:, :, 0] - y[indices]
        w[...] -= scale * np.matmul(error[:, None, :], batch)[:, 0, :]

    return step


def network(sizes, x, y, theta, draw):
    W, b, A, c = theta
    eta = np.float32(sizes.learningRate)
    is_classifier = sizes.loss == "crossEntropy"
    targets = np.eye(sizes.outputs, dtype=np.float32)[y.astype(np.int32)] if is_classifier else y

    def step():
        indices = draw()
        batch, target = x[indices], targets[indices]
        h = np.matmul(batch, W) + b[:, None, :]
        h = np.maximum(h, 0) if is_classifier else np.tanh(h)
        z = np.matmul(h, A) + c[:, None, :]
        if is_classifier:
            z -= z.max(-1, keepdims=True)
            np.exp(z, out=z)
            z /= z.sum(-1, keepdims=True)
            dz = (z - target) * np.float32(1 / sizes.batchSize)
        else:
            dz = (z[:, :, 0] - target)[:, :, None] * np.float32(2 / sizes.batchSize)
        dh = np.matmul(dz, A.transpose(0, 2, 1))
        dh *= (h > 0) if is_classifier else (1 - h * h)
        A[...] -= eta * np.matmul(h.transpose(0, 2, 1), dz)
        c[...] -= eta * dz.sum(1)
        W[...] -= eta * np.matmul(batch.transpose(0, 2, 1), dh)
        b[...] -= eta * dh.sum(1)

    return step


def create(sizes, x, y, theta):
    generator = np.random.default_rng(1)
    shape = (sizes.replicas, sizes.batchSize)

    def draw():
        return generator.integers(0, sizes.samples, size=shape, dtype=np.int32)

    make = linear if sizes.hidden == 0 else network
    return make(sizes, x, y, theta, draw), lambda: theta


time_system(f"{np.__version__}, {blas()}", create)
