"""The Core ML target, as an .mlpackage, from the one frozen graph: precisions, weight recipes, and what an app sees."""

from edgecv_converters.coreml.convert import to_coreml
from edgecv_converters.coreml.describe import describe
from edgecv_converters.coreml.interface import Interface, ModelMetadata, check_fit
from edgecv_converters.coreml.package import write_package

__all__ = ["Interface", "ModelMetadata", "check_fit", "describe", "to_coreml", "write_package"]
