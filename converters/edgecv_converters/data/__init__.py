"""Calibration and evaluation data: folders of images, and .npz files of tensors."""

from edgecv_converters.data.samples import Sample, SampleSet, open_samples
from edgecv_converters.data.spool import Spool, SpoolInfo, write_spool
from edgecv_converters.data.truth import read_truths

__all__ = ["Sample", "SampleSet", "Spool", "SpoolInfo", "open_samples", "read_truths", "write_spool"]
