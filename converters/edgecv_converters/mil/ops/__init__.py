"""The operations, each by its published definition (coremltools, MIL ops), in NumPy alone."""

from collections.abc import Mapping

from edgecv_converters.mil.ops import (
    activation,
    compressed,
    convolution,
    elementwise,
    indexing,
    linear,
    normalization,
    pooling,
    quantization,
    reduction,
    resizing,
    shape,
)
from edgecv_converters.mil.registry import Kernel

KERNELS: Mapping[str, Kernel] = {
    **activation.KERNELS,
    **compressed.KERNELS,
    **convolution.KERNELS,
    **elementwise.KERNELS,
    **indexing.KERNELS,
    **linear.KERNELS,
    **normalization.KERNELS,
    **pooling.KERNELS,
    **quantization.KERNELS,
    **reduction.KERNELS,
    **resizing.KERNELS,
    **shape.KERNELS,
}

__all__ = ["KERNELS"]
