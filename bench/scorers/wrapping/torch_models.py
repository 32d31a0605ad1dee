"""PyTorch: modules, TorchScript, exported programs, and the conventions of timm and Hugging Face.

PyTorch is never imported here: who has one of its modules has loaded it.
"""

from __future__ import annotations

import importlib
import sys
from collections import Counter
from typing import Any, ClassVar

import numpy as np

from ...errors import ScorerError
from .model import Model, digest, square, takes_two
from .outputs import as_array


def _torch() -> Any:
    return sys.modules.get("torch")


def check_shaped(module: Any) -> None:
    """Checks that all layers of a module have their shape, and so their weights.

    Raises:
        ScorerError: Some get it from the first image.
    """
    lazy = sorted(
        {
            type(layer).__name__
            for layer in module.modules()
            for one in (*layer.parameters(recurse=False), *layer.buffers(recurse=False))
            if isinstance(one, _torch().nn.parameter.UninitializedTensorMixin)
        }
    )
    if lazy:
        raise ScorerError(
            f"{' and '.join(lazy)} of the network get their weights from the first image; call it "
            "once before, such as network(torch.zeros(1, 1, 28, 28)), with its channels and size"
        )


class _Tensors(Model):
    """What takes and gives tensors of PyTorch."""

    devices: ClassVar[str] = ""
    layout = "first"
    dtype: Any = None

    def _tensors(self, arrays: tuple[np.ndarray, ...]) -> list[Any]:
        tensors = [_torch().from_numpy(np.require(one, requirements=["C", "W"])) for one in arrays]
        return [
            one.to(self.device, self.dtype if one.is_floating_point() else one.dtype)
            for one in tensors
        ]

    def call(self, *tensors: Any) -> Any:
        """Calls the model with tensors."""
        return self.model(*tensors)

    def run(self, *images: np.ndarray) -> np.ndarray:
        """Runs the model without gradients."""
        # In every call, because this is a setting of the thread.
        with _torch().no_grad():
            return as_array(self.call(*self._tensors(images)))

    def flops(self, *images: np.ndarray) -> int | None:
        """Counts the operations of convolutions, products of matrices and attention.

        Args:
            *images: One image, or one pair.
        """
        counter = importlib.import_module("torch.utils.flop_counter").FlopCounterMode(display=False)
        with counter:
            self.run(*images)
        # A module with weights of which none is counted hides them from the counter.
        return int(counter.get_total_flops()) or (None if self.parameters else 0)

    def join(self, head: Any, first: np.ndarray, second: np.ndarray) -> np.ndarray:
        """Calls a head with tensors, without gradients.

        Args:
            head: The head.
            first: Embeddings (n, D).
            second: Embeddings (n, D).
        """
        if isinstance(head, _torch().nn.Module):
            head.eval()
            if self.device is not None:
                head.to(self.device)
            two = takes_two(head.forward)
        else:
            two = takes_two(head)
        with _torch().no_grad():
            both = self._tensors((first, second))
            return as_array(head(*both) if two else head(both))


class TorchModule(_Tensors):
    """A module of PyTorch, or a TorchScript module."""

    kind: ClassVar[str] = "a PyTorch module"
    packages: ClassVar[tuple[str, ...]] = ("torch", "torchvision", "timm", "transformers")

    def __init__(self, model: Any, device: str | None = None) -> None:
        """Sets evaluation mode, and moves the module to a device.

        Args:
            model: The module.
            device: Where it computes; None leaves it where it is.

        Raises:
            ScorerError: A layer has no shape yet.
        """
        check_shaped(model)
        model.eval()
        if device is not None:
            model.to(device)
        held = next(model.parameters(), None)
        super().__init__(model, device or (None if held is None else held.device))
        if held is not None and held.is_floating_point():
            self.dtype = held.dtype
        self.parameters = sum(one.numel() for one in model.parameters())
        self._read_layers()
        self._read_settings()

    @classmethod
    def recognises(cls, model: Any) -> bool:
        """Tells whether an object is a module of PyTorch."""
        torch = _torch()
        return torch is not None and isinstance(model, torch.nn.Module)

    def _read_layers(self) -> None:
        for layer in self.model.modules():
            # By their attributes, because layers of TorchScript have lost their classes.
            weight = getattr(layer, "weight", None)
            if weight is None or not hasattr(weight, "ndim"):
                continue
            if weight.ndim == 4:
                self.channels = int(weight.shape[1]) * int(getattr(layer, "groups", 1))
                return
            if weight.ndim == 2:
                self.size, self.channels = square(int(weight.shape[1]))
                return

    def _read_settings(self) -> None:
        """Reads the data configuration of timm, or the configuration of Hugging Face."""
        timm = getattr(self.model, "pretrained_cfg", None) or getattr(
            self.model, "default_cfg", None
        )
        if isinstance(timm, dict) and "input_size" in timm:
            channels, *sides = timm["input_size"]
            self.size = sides[0], sides[1]
            self.channels = self.channels or channels
            self.mean, self.std = timm.get("mean"), timm.get("std")
        config = getattr(self.model, "config", None)
        config = getattr(config, "vision_config", None) or config
        side, channels = (getattr(config, one, None) for one in ("image_size", "num_channels"))
        if isinstance(side, int):
            self.size = side, side
        elif isinstance(side, list | tuple) and len(side) == 2:
            self.size = int(side[0]), int(side[1])
        if isinstance(channels, int):
            self.channels = channels

    def call(self, *tensors: Any) -> Any:
        """Calls the module in evaluation mode."""
        if self.model.training:
            self.model.eval()
        if len(tensors) == 1 and hasattr(self.model, "get_image_features"):
            return self.model.get_image_features(*tensors)
        if len(tensors) == 1 or takes_two(self.model.forward):
            return self.model(*tensors)
        return self.model(list(tensors))

    def weights(self) -> str:
        """Computes a digest of all parameters and buffers."""
        state = self.model.state_dict()
        arrays = ((name, one) for name, one in state.items() if hasattr(one, "detach"))
        return digest((f"{name} {one.dtype}", as_array(one)) for name, one in arrays)

    def tower(self, *images: np.ndarray) -> str | None:
        """Gives the name of the largest part that is called more than once for a pair.

        Args:
            *images: One pair, as for `run`.
        """
        if isinstance(self.model, _torch().jit.ScriptModule):
            return None
        calls: Counter[str] = Counter()
        parts = dict(self.model.named_children())
        hooks = [
            part.register_forward_hook(lambda *_, name=name: calls.update([name]))
            for name, part in parts.items()
        ]
        try:
            self.run(*images)
        finally:
            for hook in hooks:
                hook.remove()

        def size(name: str) -> int:
            return sum(one.numel() for one in parts[name].parameters())

        shared = [name for name, count in calls.items() if count > 1 and size(name)]
        return max(shared, key=size, default=None)


class ExportedProgram(_Tensors):
    """A program of `torch.export`."""

    kind: ClassVar[str] = "a program of torch.export"
    packages: ClassVar[tuple[str, ...]] = ("torch",)

    def __init__(self, model: Any, device: str | None = None) -> None:
        """Reads the shape of the input.

        Args:
            model: The program.
            device: Where it computes; None leaves it where it is.
        """
        if device is not None:
            passes = importlib.import_module("torch.export.passes")
            model = passes.move_to_device_pass(model, device)
        held = next(iter(model.state_dict.values()), None)
        super().__init__(model, device or (None if held is None else held.device))
        self._module = model.module()
        self.parameters = sum(one.numel() for one in model.parameters())
        given = set(model.graph_signature.user_inputs)
        taken = [
            node.meta["val"]
            for node in model.graph.nodes
            if node.op == "placeholder" and node.name in given
        ]
        self.inputs = len(taken)
        self.dtype = taken[0].dtype
        self.read_shape(taken[0].shape, "first")
        self.fixed = True

    @classmethod
    def recognises(cls, model: Any) -> bool:
        """Tells whether an object is a program of `torch.export`."""
        torch = _torch()
        return torch is not None and isinstance(model, torch.export.ExportedProgram)

    def call(self, *tensors: Any) -> Any:
        """Calls the program."""
        return self._module(*tensors)

    def weights(self) -> str:
        """Computes a digest of the program and its parameters."""
        arrays = ((name, as_array(one)) for name, one in self.model.state_dict.items())
        return digest(arrays) + str(self.model.graph)
