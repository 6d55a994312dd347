"""What is found on pictures, after the graph: boxes, the choice among them, and how good it is.

A network gives a box and a score for every place at which an object may be, however many there
are. Which of them remain depends on the numbers, and with it the shape of the result: so this is
done in NumPy, on what ``predict`` gives.
"""

from glassgrad.detection.average_precision import (
    MeanAveragePrecision,
    average_precision,
    mean_average_precision,
)
from glassgrad.detection.bounding_boxes import clip_to_image_size, compute_iou, convert_format
from glassgrad.detection.suppression import non_max_suppression

__all__ = [
    "MeanAveragePrecision",
    "average_precision",
    "clip_to_image_size",
    "compute_iou",
    "convert_format",
    "mean_average_precision",
    "non_max_suppression",
]
