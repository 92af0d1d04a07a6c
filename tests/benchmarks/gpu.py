"""What a GPU makes of a run: steps beside the bare convolutions, whole runs, memory, launch gaps.

    python tests/benchmarks/gpu.py [--device cpu] [--run SIZE ...] [SIZE ...]

One call takes at most five minutes: what would take longer is left out, and the table says so. On
the CPU, where the script can be tried, sizes are smaller, runs have six steps, L-BFGS remembers
three, and "busy" is the time inside of PyTorch's operators.

The script runs on a bare machine with torch, numpy, pillow and safetensors. Of the project it
imports the engine as far as a run from open images to frames needs it. So it avoids av (films),
pillow-heif (HEIC files), tqdm (the command line), huggingface_hub (VGG-19), and all of
`nst_core.page`, `nst_core.server` and `app`, with gradio, fastapi, starlette, pandas and spaces.

The columns:

- A step is what the loop does for one: proposal, loss, gradient, decision. The history of L-BFGS is
  full. From 384 pixels on, the step includes the second scale.
- The floor is the convolutions of the same step alone, forward and for the gradient of the input,
  on random tensors in channels_last: at both scales, in bfloat16 where the device multiplies
  matrices in it, else in float32.
- Busy is the time that kernels take, over the time of the step. The rest are launch gaps, in which
  the device waits for the next kernel to be launched.
- Peak is the most memory that tensors took at once; on the CPU, the process so far. Planned is the
  estimate that the plan makes before a run.
- The floor of a run is that of its steps, with two more at each size for the first picture and the
  targets. The first run loads libraries and weights. A visitor sees the third: all is loaded, but
  cuDNN meets a photo of another shape, for which it has to choose its kernels anew.
"""

from __future__ import annotations

import argparse
import platform
import resource
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

import torch
import torch.nn.functional as F
from PIL import Image
from torch.autograd import DeviceType
from torch.profiler import ProfilerActivity, profile

from nst_core import Settings, Transfer, prepare, stylize
from nst_core.allocator import keep_freed_memory, release_freed_memory
from nst_core.descent import Descent
from nst_core.devices import best_device
from nst_core.layers import convolutions
from nst_core.plan import SECOND_SCALE, Stage

EXAMPLES = Path(__file__).parents[2] / "examples"
BUDGET_SECONDS = 270
STEP_SIZES = {"cuda": (256, 512, 1024, 2048, 4096), "cpu": (128, 256)}
RUN_SIZES = {"cuda": (512, 4096), "cpu": (128,)}
CPU_STEPS, CPU_HISTORY = 6, 3
# Seconds between two frames, as in the app.
FRAME_SECONDS = 0.25


class Bench:
    """A device, what is measured on it, and the time that is left for it."""

    def __init__(self, device: str) -> None:
        self.device = device
        self.is_cuda = device.startswith("cuda")
        self.ends = time.perf_counter() + BUDGET_SECONDS
        self.has_bfloat16 = self.is_cuda and torch.cuda.get_device_capability(device) >= (8, 0)
        # The CPU runs both, so that the script can be tried there.
        both = self.has_bfloat16 or not self.is_cuda
        self.precisions = ("float32", "bfloat16") if both else ("float32",)
        self.floors: dict[tuple[int, int], float] = {}

    def describe(self) -> str:
        """The device, in words."""
        if not self.is_cuda:
            return f"{platform.machine()}, {torch.get_num_threads()} threads"
        found = torch.cuda.get_device_properties(self.device)
        return (
            f"{found.name}, {found.total_memory / 1e9:.0f} GB, compute capability "
            f"{found.major}.{found.minor}, CUDA {torch.version.cuda}, cuDNN "
            f"{torch.backends.cudnn.version()}"
        )

    def wait(self) -> None:
        """Wait until the device has done what was launched."""
        if self.is_cuda:
            torch.cuda.synchronize(self.device)

    def seconds(self, work: Callable[[], object]) -> float:
        """The seconds that `work` takes on the device."""
        self.wait()
        start = time.perf_counter()
        work()
        self.wait()
        return time.perf_counter() - start

    def has_time_for(self, seconds: float) -> bool:
        return time.perf_counter() + seconds < self.ends

    def forget_peak(self) -> None:
        if self.is_cuda:
            release_freed_memory()
            torch.cuda.reset_peak_memory_stats(self.device)

    def peak(self) -> float:
        """Gigabytes at the peak."""
        if self.is_cuda:
            return torch.cuda.max_memory_allocated(self.device) / 1e9
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9

    def floor(self, stage: Stage) -> float:
        """Seconds of the convolutions of one step at `stage`, at both of its scales."""
        width, height = stage.width + 2 * stage.margin, stage.height + 2 * stage.margin
        seconds = self._floor_at(width, height)
        if stage.has_second_scale:
            scale = SECOND_SCALE / max(width, height)
            seconds += self._floor_at(round(scale * width), round(scale * height))
        return seconds

    def _floor_at(self, width: int, height: int) -> float:
        if (width, height) not in self.floors:
            dtype = torch.bfloat16 if self.has_bfloat16 else torch.float32
            self.floors[width, height] = sum(
                self._convolution(place.channels_in, place.channels, shape, dtype)
                for place in convolutions("vgg16")
                for shape in [(height >> place.level, width >> place.level)]
            )
        return self.floors[width, height]

    def _convolution(
        self, channels_in: int, channels: int, shape: tuple[int, int], dtype: torch.dtype
    ) -> float:
        """Seconds of one convolution, forward and for the gradient of its input."""
        x, y, weight = (
            torch.rand(size, device=self.device, dtype=dtype).contiguous(
                memory_format=torch.channels_last
            )
            for size in (
                (1, channels_in, *shape),
                (1, channels, *shape),
                (channels, channels_in, 3, 3),
            )
        )

        def both() -> None:
            F.conv2d(x, weight, padding=1)
            F.conv_transpose2d(y, weight, padding=1)

        both()
        # Many launches between two waits, as in a step: else a wait is measured at small sizes.
        count = 5 if self.seconds(both) < 0.01 else 1

        def several() -> None:
            for _ in range(count):
                both()

        return statistics.median(self.seconds(several) / count for _ in range(3))

    def busy(self, step: Callable[[], None]) -> tuple[float, int]:
        """Seconds that the device works in one step, and the number of kernels."""
        kind = DeviceType.CUDA if self.is_cuda else DeviceType.CPU
        activity = ProfilerActivity.CUDA if self.is_cuda else ProfilerActivity.CPU
        with profile(activities=[activity]) as profiler:
            step()
            self.wait()
        spans = sorted(
            (event.time_range.start, event.time_range.end)
            for event in profiler.events()
            if event.device_type == kind and (self.is_cuda or event.name.startswith("aten::"))
        )
        total, until = 0.0, 0.0
        for start, end in spans:  # those of operators lie within each other
            total += max(0.0, end - max(start, until))
            until = max(until, end)
        return total / 1e6, len(spans)


def plan_run(bench: Bench, size: int, precision: str, height: float = 3 / 4) -> Transfer:
    """A run at `size`, with a photo of that size whose height is a part of its width."""
    photo, painting = (
        Image.open(EXAMPLES / name).convert("RGB")
        for name in ("contents/coffee.jpg", "styles/starry_night.jpg")
    )
    settings = Settings(size=size, precision=precision, memory_budget=64)
    if not bench.is_cuda:
        settings = replace(settings, steps=CPU_STEPS)
    return prepare(photo.resize((size, round(height * size))), painting, settings)


def measure_steps(bench: Bench, sizes: list[int]) -> None:
    """Print a row for each size and precision."""
    print("\n| picture | precision | a step | floor | step / floor | busy | kernels", end="")
    print(" | peak | planned | peak / planned |")
    print("|---|---|---|---|---|---|---|---|---|---|", flush=True)
    expected, before = 0.0, 0
    for size in sizes:
        for precision in bench.precisions:
            name = f"| {size} x {size * 3 // 4} | {precision} |"
            if not bench.has_time_for(expected * (size / max(before, 1)) ** 2):
                print(name, "takes too long" + " |" * 8, flush=True)
                continue
            start = time.perf_counter()
            try:
                print(name, step_row(bench, plan_run(bench, size, precision)), flush=True)
            except torch.OutOfMemoryError:
                print(name, "does not fit" + " |" * 8, flush=True)
            expected, before = time.perf_counter() - start, size


def step_row(bench: Bench, transfer: Transfer) -> str:
    """Measure a step at the last size of a run."""
    stage = transfer.plan[-1]
    floor = bench.floor(stage)
    bench.forget_peak()
    descent = Descent(transfer, stage, bench.device, lambda: None, None)
    for _ in range(stage.history + 1 if bench.is_cuda else CPU_HISTORY):
        descent.step()
    first = bench.seconds(descent.step)
    count = min(max(3, int(2 / first)), 20)
    step = statistics.median([first, *(bench.seconds(descent.step) for _ in range(count))])
    peak = bench.peak()
    busy, kernels = bench.busy(descent.step)
    return (
        f"{1e3 * step:.1f} ms | {1e3 * floor:.1f} ms | {step / floor:.2f} | {busy / step:.0%} "
        f"| {kernels} | {peak:.2f} GB | {stage.memory:.2f} GB | {peak / stage.memory:.2f} |"
    )


def measure_runs(bench: Bench, sizes: list[int]) -> None:
    """Print a row for each whole run with the default settings."""
    print("\n| run at | precision | which | seconds | floor | run / floor | first preview", end="")
    print(" | of the run | peak | planned | peak / planned |")
    print("|---|---|---|---|---|---|---|---|---|---|---|", flush=True)
    pace = 0.0  # seconds for a unit of work
    for size in sizes:
        for precision in bench.precisions:
            for which, height in (("first", 3 / 4), ("again", 3 / 4), ("other shape", 2 / 3)):
                transfer = plan_run(bench, size, precision, height)
                name = f"| {size} | {precision} | {which} |"
                if not bench.has_time_for(pace * transfer.work):
                    print(name, "takes too long" + " |" * 8, flush=True)
                    continue
                bench.forget_peak()
                seconds, preview = run_once(bench, transfer)
                pace = seconds / transfer.work
                peak, planned = bench.peak(), max(stage.memory for stage in transfer.plan)
                # Not before the first run, which is to load everything itself.
                floor = sum((stage.steps + 2) * bench.floor(stage) for stage in transfer.plan)
                print(
                    f"{name} {seconds:.2f} s | {floor:.2f} s | {seconds / floor:.2f} "
                    f"| {preview:.2f} s | {preview / seconds:.0%} | {peak:.2f} GB "
                    f"| {planned:.2f} GB | {peak / planned:.2f} |",
                    flush=True,
                )


def run_once(bench: Bench, transfer: Transfer) -> tuple[float, float]:
    """Seconds of a whole run, and until its first frame, as the app takes them."""
    start = time.perf_counter()
    preview = 0.0
    for _ in stylize(
        transfer.content,
        transfer.styles,
        transfer.settings,
        every=FRAME_SECONDS,
        device=bench.device,
    ):
        preview = preview or time.perf_counter() - start
    bench.wait()
    return time.perf_counter() - start, preview


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("sizes", nargs="*", type=int, metavar="SIZE", help="of the steps")
    parser.add_argument("--run", nargs="*", type=int, metavar="SIZE", help="of whole runs")
    parser.add_argument("--device", default=best_device(), help="cuda or cpu")
    arguments = parser.parse_args()
    bench = Bench(arguments.device)
    kind = "cuda" if bench.is_cuda else "cpu"
    if not bench.is_cuda:
        keep_freed_memory()
    print(f"{bench.describe()}; PyTorch {torch.__version__}")
    # Whole runs come first: the very first one then loads everything.
    measure_runs(bench, RUN_SIZES[kind] if arguments.run is None else arguments.run)
    measure_steps(bench, arguments.sizes or STEP_SIZES[kind])


if __name__ == "__main__":
    main()
