"""What an output looks at."""

from glassgrad.lens.attribution.pictures import saliency_picture
from glassgrad.lens.attribution.saliency import saliency

__all__ = ["saliency", "saliency_picture"]
