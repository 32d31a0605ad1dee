"""The precision of a training, by what the hardware computes fast."""

from __future__ import annotations

from ..errors import ModelError

PRECISIONS = ("auto", "float32", "mixed")


def _has_bfloat16() -> bool:
    """Tells whether bfloat16 is faster than float32 on this machine and backend."""
    import keras

    backend = keras.config.backend()
    if backend == "torch":
        import torch  # pyright: ignore[reportMissingImports]

        if torch.cuda.is_available():
            return torch.cuda.is_bf16_supported()
        able = torch.cpu.get_capabilities()
        return bool(able.get("avx512_bf16") or able.get("amx_bf16"))
    if backend == "jax":
        import jax  # pyright: ignore[reportMissingImports]

        return jax.default_backend() != "cpu"
    import tensorflow as tf

    return bool(tf.config.list_physical_devices("GPU"))


def chosen_policy(precision: str) -> str:
    """Gives Keras's dtype policy for a training.

    Args:
        precision: One of `PRECISIONS`; `auto` is `mixed` if that is faster.

    Returns:
        `float32`, or `mixed_bfloat16` (float32 weights, bfloat16 arithmetic).

    Raises:
        ModelError: There is no such precision.
    """
    if precision not in PRECISIONS:
        raise ModelError(f"precision {precision!r}, expected one of {', '.join(PRECISIONS)}")
    mixed = precision == "mixed" or (precision == "auto" and _has_bfloat16())
    return "mixed_bfloat16" if mixed else "float32"
