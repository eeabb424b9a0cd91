"""A training step of PyTorch on a GPU: forward, loss, backward and the optimizer, as it comes and as a CUDA graph,
in f32, with TF32 and under bf16 autocast. Parameters stay on the GPU; the batch is copied there in every step.
   python3 torch_device_step.py --peers ../shared/peers --model gpt --batch 16"""
import argparse, contextlib, statistics, sys, time

p = argparse.ArgumentParser()
p.add_argument("--peers", default="../shared/peers")
p.add_argument("--name", default="")
p.add_argument("--model", default="mlp")
p.add_argument("--batch", type=int, default=64)
p.add_argument("--layers", type=int, default=4)
p.add_argument("--width", type=int, default=128)
p.add_argument("--heads", type=int, default=4)
p.add_argument("--context", type=int, default=128)
p.add_argument("--seconds", type=float, default=0.4)
p.add_argument("--turns", type=int, default=5)
a = p.parse_args()
sys.path.insert(0, a.peers)
import torch, torch.nn.functional as F
import common as C

if not torch.cuda.is_available():
    sys.exit("PyTorch sees no GPU here")
device = torch.device("cuda:0")


def build():
    torch.manual_seed(0)
    if a.model == "gpt":
        m = C.GPT(T=a.context, d=a.width, n=a.layers, h=a.heads)
    else:
        m = C.MODELS[a.model]()
    m = m.to(device)
    return m.to(memory_format=torch.channels_last) if a.model == "resnet20" else m


def batch():
    if a.model == "gpt":
        t = torch.randint(0, 96, (a.batch, a.context + 1))
        return t[:, :-1].contiguous().pin_memory(), t[:, 1:].reshape(-1).contiguous().pin_memory()
    x, y = C.make_batch(a.model, a.batch, torch.Generator().manual_seed(1), a.model == "resnet20")
    return x.pin_memory(), y.pin_memory()


def make_step(precision, graph):
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = precision == "tf32"
    torch.backends.cudnn.benchmark = True
    m = build()
    if a.model == "gpt":
        opt = torch.optim.AdamW(m.parameters(), lr=1e-3, capturable=True)
    else:
        opt = torch.optim.SGD(m.parameters(), lr=0.01)
    hx, hy = batch()
    x, y = hx.to(device), hy.to(device)

    def compute():
        x.copy_(hx, non_blocking=True)
        y.copy_(hy, non_blocking=True)
        opt.zero_grad(set_to_none=True)
        with torch.autocast("cuda", dtype=torch.bfloat16) if precision == "bf16" else contextlib.nullcontext():
            loss = F.cross_entropy(m(x).float(), y)
        loss.backward()
        opt.step()
        return loss

    if not graph:
        return compute
    aside = torch.cuda.Stream()
    aside.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(aside):
        for _ in range(3):
            compute()
    torch.cuda.current_stream().wait_stream(aside)
    g = torch.cuda.CUDAGraph()
    with torch.cuda.graph(g):
        compute()
    return g.replay


for precision in ("f32", "tf32", "bf16"):
    for graph in (False, True):
        step = make_step(precision, graph)
        for _ in range(10):
            step()
        torch.cuda.synchronize()
        times = []
        for _ in range(a.turns):
            t, n = time.perf_counter(), 0
            while True:
                for _ in range(4):
                    step()
                n += 4
                torch.cuda.synchronize()
                passed = time.perf_counter() - t
                if passed >= a.seconds:
                    break
            times.append(passed / n)
        times.sort()
        ms = statistics.median(times) * 1e3
        print("%-13s %-8s %-5s %9.3f ms (%.3f to %.3f) %11.0f samples/s  PyTorch %s" % (
            a.name or a.model, "graph" if graph else "eager", precision, ms, times[0] * 1e3, times[-1] * 1e3,
            a.batch / ms * 1e3, torch.__version__), flush=True)
