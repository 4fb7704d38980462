"""The peer PyTorch on the CPU: replicas batched by hand (bmm), autograd, one thread."""
import torch

from peer_clock import blas, time_system

torch.set_num_threads(1)
torch.set_flush_denormal(True)


def create(sizes, x, y, theta):
    replicas, batch = sizes.replicas, sizes.batchSize
    is_classifier = sizes.loss == "crossEntropy"
    data = torch.from_numpy(x)
    targets = torch.from_numpy(y).long() if is_classifier else torch.from_numpy(y)
    params = [torch.from_numpy(part).requires_grad_(True) for part in theta]
    torch.manual_seed(0)

    def outputs(xb):
        if sizes.hidden == 0:
            return torch.bmm(xb, params[0].unsqueeze(-1))
        h = torch.baddbmm(params[1].unsqueeze(1), xb, params[0])
        h = torch.relu(h) if is_classifier else torch.tanh(h)
        return torch.baddbmm(params[3].unsqueeze(1), h, params[2])

    def loss(z, yb):
        # Sum over replicas of each one's mean: gradients are the replicas' own.
        if is_classifier:
            flat = z.reshape(replicas * batch, sizes.outputs)
            return torch.nn.functional.cross_entropy(flat, yb.reshape(-1), reduction="sum") / batch
        return ((z.squeeze(-1) - yb) ** 2).sum() / batch

    def step():
        indices = torch.randint(0, sizes.samples, (replicas, batch))
        gradients = torch.autograd.grad(loss(outputs(data[indices]), targets[indices]), params)
        with torch.no_grad():
            torch._foreach_add_(params, gradients, alpha=-sizes.learningRate)

    return step, lambda: [part.detach().numpy() for part in params]


time_system(f"{torch.__version__}, {blas()}", create)
